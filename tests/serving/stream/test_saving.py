import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.errors import EpochalError
from epochal.serving.bundle import Scorer
from epochal.serving.stream import StreamScorer
from epochal.serving.stream.history import pack_frame, unpack_frame
from epochal.serving.stream.saving import STATE_VERSION, pack_state, unpack_state
from serving.stream.stream_material import causal_bundle, make_signal


@pytest.fixture(scope="module")
def scorer():
    return Scorer(causal_bundle())


@pytest.fixture(scope="module")
def state(scorer):
    stream = StreamScorer(scorer, {"channels": {"EEG": {"sfreq": 100}}})
    stream.push({"EEG": make_signal(95)})
    return stream.state()


def test_what_is_packed_comes_back():
    packed = pack_state({"fingerprint": "f", "n": 3}, {"a/b": np.arange(4.0)})
    header, arrays = unpack_state(packed, fingerprint="f")
    assert header["n"] == 3
    assert arrays["a/b"].tolist() == [0, 1, 2, 3]


def test_it_is_json_and_plain_arrays(state):
    with zipfile.ZipFile(io.BytesIO(state)) as packed:
        for name in packed.namelist():
            content = packed.read(name)
            assert content.startswith(b"\x93NUMPY")
            assert b"'|O'" not in content[:128]  # an object would be a pickle


@pytest.mark.slow
def test_it_is_taken_up_again_as_it_was(scorer, state):
    stream = StreamScorer.resume(state, scorer)
    assert stream.n_epochs == 3
    assert stream.received == {"EEG": 9500}
    again = StreamScorer.resume(stream.state(), scorer)
    assert again.push({"EEG": make_signal(30)}) == stream.push({"EEG": make_signal(30)})


@pytest.mark.slow
@given(st.binary(max_size=200))
def test_bytes_that_are_no_state(content):
    with pytest.raises(EpochalError, match="Not the state of a stream"):
        unpack_state(content, fingerprint="f")


def test_a_pickle_is_not_opened():
    packed = io.BytesIO()
    np.savez(packed, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(EpochalError, match="Not the state"):
        unpack_state(packed.getvalue(), fingerprint="f")


def test_another_format_and_another_bundle_are_said():
    with pytest.raises(EpochalError, match="of another bundle"):
        unpack_state(pack_state({"fingerprint": "f"}, {}), fingerprint="g")
    later = pack_state({"fingerprint": "f", "state_version": STATE_VERSION + 1}, {})
    with pytest.raises(EpochalError, match=f"format {STATE_VERSION + 1}; this reads"):
        unpack_state(later, fingerprint="f")


@pytest.mark.parametrize("lost", ["engine/chains/0/tail/samples.npy", "intake/taken.npy"])
def test_a_state_that_lacks_a_part(scorer, state, lost):
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(state)) as old, zipfile.ZipFile(kept, "w") as new:
        for name in old.namelist():
            if name != lost:
                new.writestr(name, old.read(name))
    with pytest.raises(EpochalError, match="its parts do not fit"):
        StreamScorer.resume(kept.getvalue(), scorer)


def test_what_would_unfold_to_too_much_is_not_opened(monkeypatch):
    monkeypatch.setattr("epochal.serving.stream.saving.MOST_BYTES", 1000)
    with pytest.raises(EpochalError, match="larger than"):
        pack_state({}, {"a": np.zeros(1000)})
    packed = io.BytesIO()
    np.savez_compressed(packed, header=np.zeros(100_000))
    assert len(packed.getvalue()) < 2000
    with pytest.raises(EpochalError, match="Not the state"):
        unpack_state(packed.getvalue(), fingerprint="f")


def test_a_table_keeps_its_columns_and_their_precision():
    import pandas as pd

    frame = pd.DataFrame({"b": np.float32([1.1, 2]), "a": [0.1, np.nan], "n": [1, 2]})
    again = unpack_frame(pack_frame(frame))
    pd.testing.assert_frame_equal(again, frame)
    assert unpack_frame(pack_frame(pd.DataFrame())).empty
    assert json.dumps(list(again)) == '["b", "a", "n"]'
