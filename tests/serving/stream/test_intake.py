import numpy as np
import pytest

from epochal.errors import EpochalError
from epochal.serving.stream.declaring import Declaration
from epochal.serving.stream.intake import Intake


def make_intake():
    channels = {
        "EEG": {"sfreq": 100, "unit": "mV"},
        "TEMP": {"sfreq": 1, "unit": "degC", "start_s": 2},
    }
    return Intake(Declaration(channels=channels))


def test_it_ends_where_the_slowest_channel_does():
    intake = make_intake()
    intake.add({"EEG": np.zeros(500), "TEMP": np.zeros(1)})
    assert (intake.end_s, intake.latest_s) == (3.0, 5.0)
    assert intake.received == {"EEG": 500, "TEMP": 1}


def test_what_is_taken_lies_before_a_time_and_is_in_the_canonical_unit():
    intake = make_intake()
    intake.add({"EEG": np.full(500, 0.02), "TEMP": [36.5, 36.6]})
    taken = intake.take(3.5)
    assert taken["EEG"] == pytest.approx(np.full(350, 20.0))
    assert taken["TEMP"].tolist() == np.float32([36.5]).tolist()
    assert len(intake.take(4.0)["EEG"]) == 50
    assert len(intake.take(4.0)["EEG"]) == 0


def test_where_a_run_ends_the_nearest_sample_counts():
    intake = make_intake()
    intake.add({"EEG": np.zeros(500), "TEMP": np.zeros(3)})
    assert len(intake.take(3.6, to_nearest=True)["TEMP"]) == 2


def test_a_chunk_with_one_fault_is_not_taken_at_all():
    intake = make_intake()
    for chunk in ({"EEG": [1.0], "EMG": [1.0]}, {"EEG": [1.0], "TEMP": ["warm"]}):
        with pytest.raises(EpochalError):
            intake.add(chunk)
    assert intake.received == {"EEG": 0, "TEMP": 0}


@pytest.mark.parametrize(
    ("chunk", "said"),
    [
        ({"EGG": [1.0]}, "No channel 'EGG' was declared; did you mean 'EEG'"),
        ({"EEG": [[1.0]]}, r"not one of shape \(1, 1\)"),
        ({"EEG": 1.0}, r"not one of shape \(\)"),
        ({"EEG": [[1.0], [1.0, 2.0]]}, "no numbers"),
        ({"EEG": np.zeros(360_001)}, "a chunk of 3600.01 s; at most 3600 s"),
        ({"EEG": np.zeros(60_300)}, "more than 600 s apart; is a declared rate wrong"),
    ],
)
def test_what_cannot_be_is_refused(chunk, said):
    with pytest.raises(EpochalError, match=said):
        make_intake().add(chunk)


def test_beyond_a_gap_all_that_waited_is_dropped():
    intake = make_intake()
    intake.add({"EEG": np.zeros(500), "TEMP": np.zeros(1)})
    intake.skip_to(60.3)
    assert intake.received == {"EEG": 6030, "TEMP": 58}
    intake.add({"EEG": np.ones(10)})
    assert len(intake.take(60.4)["EEG"]) == 10


def test_it_is_taken_up_where_it_was():
    intake, other = make_intake(), make_intake()
    intake.add({"EEG": np.arange(500), "TEMP": [36.5]})
    intake.take(2.5)
    other.unpack(intake.pack())
    assert other.received == intake.received
    assert np.array_equal(other.take(3.0)["EEG"], intake.take(3.0)["EEG"])
