import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.errors import EpochalError
from epochal.serving.stream.wire import Placed, decode_blocks, encode_blocks, join_blocks

NAMES = ["EEG", "EMG"]
NUMBERS = st.lists(st.floats(width=32), max_size=20)


@pytest.mark.slow
@given(eeg=NUMBERS, emg=NUMBERS, position=st.integers(0, 2**63))
def test_what_is_sent_comes(eeg, emg, position):
    samples = {"EMG": np.array(emg, np.float32), "EEG": np.array(eeg, np.float32)}
    blocks = decode_blocks(encode_blocks(samples, {"EEG": 3, "EMG": position}, NAMES), NAMES)
    assert [(one.channel, one.position) for one in blocks] == [("EMG", position), ("EEG", 3)]
    assert np.array_equal(blocks[1].samples, samples["EEG"], equal_nan=True)


def test_the_bytes_are_those_of_the_page():
    message = encode_blocks({"EMG": np.array([1.0])}, {"EMG": 258}, NAMES)
    assert message == bytes([1, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 128, 63])


@pytest.mark.slow
@given(st.binary(max_size=80))
def test_other_bytes_are_refused_or_are_samples(message):
    try:
        blocks = decode_blocks(message, NAMES)
    except EpochalError:
        return
    assert sum(16 + 4 * len(one.samples) for one in blocks) == len(message)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"EEG", "has 16 bytes; 3 came"),
        (bytes([2]) + bytes(15), "names channel 2"),
        (bytes([0, 0, 1, 0]) + bytes(12), "1 for 0"),
        (bytes([0, 0, 0, 0, 9, 0, 0, 0]) + bytes(12), "9 samples announced, 1 came"),
    ],
)
def test_what_is_wrong_is_said(message, said):
    with pytest.raises(EpochalError, match=said):
        decode_blocks(message, NAMES)


def test_what_was_received_is_left_out():
    blocks = [
        Placed("EEG", 0, np.arange(5, dtype=np.float32)),
        Placed("EEG", 3, np.arange(3, 8, dtype=np.float32)),
        Placed("EMG", 0, np.arange(2, dtype=np.float32)),
    ]
    new = join_blocks(blocks, {"EEG": 2, "EMG": 9})
    assert new["EEG"].tolist() == [2, 3, 4, 5, 6, 7]
    assert new["EMG"].tolist() == []


def test_samples_that_are_lost_are_missed():
    with pytest.raises(EpochalError, match="sample 4 came, 2 is the next one"):
        join_blocks([Placed("EEG", 4, np.zeros(1, np.float32))], {"EEG": 2})
