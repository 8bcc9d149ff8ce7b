import pickle
import pickletools

import numpy as np
import pytest

from epochal.readers.numpy_pickle import load_arrays
from epochal.simulation.python2_pickle import dump_python2

CONTENT = {
    "signal": {"chest": {"ACC": np.arange(6.0).reshape(2, 3), "Temp": np.float32([[30.5], [31]])}},
    "label": np.arange(700, dtype=np.int32),
    "subject": "S2",
}


@pytest.fixture
def path(tmp_path):
    with (tmp_path / "S2.pkl").open("wb") as file:
        dump_python2(CONTENT, file)
    return tmp_path / "S2.pkl"


def check(back):
    acc, temp = (back["signal"]["chest"][name] for name in ("ACC", "Temp"))
    np.testing.assert_array_equal(acc, CONTENT["signal"]["chest"]["ACC"])
    assert (temp.dtype, temp.shape, temp[0, 0]) == (np.float32, (2, 1), 30.5)
    np.testing.assert_array_equal(back["label"], CONTENT["label"])
    assert back["label"].dtype == np.int32
    assert back["subject"] == "S2"


def test_pythons_own_pickle_reads_it_as_the_study_says(path):
    with path.open("rb") as file:
        check(pickle.load(file, encoding="latin1"))


def test_the_restricted_reader_reads_it(path):
    check(load_arrays(path))


def test_it_holds_nothing_that_python_2_did_not_write(path):
    opcodes = {opcode.name for opcode, _, _ in pickletools.genops(path.read_bytes())}
    assert not {name for name in opcodes if "UNICODE" in name or "BYTES" in name or "FRAME" in name}
    assert opcodes >= {"BINSTRING", "SHORT_BINSTRING", "GLOBAL"}


def test_an_arrays_bytes_are_written_once(path):
    n_bytes = sum(a.nbytes for a in [*CONTENT["signal"]["chest"].values(), CONTENT["label"]])
    assert path.stat().st_size < n_bytes + 600


@pytest.mark.parametrize("value", [1.5, [1, 2], None, np.array(["a"]), {"a": object()}])
def test_what_wesad_does_not_hold_is_refused(tmp_path, value):
    with (tmp_path / "x.pkl").open("wb") as file, pytest.raises(TypeError, match="cannot write"):
        dump_python2(value, file)
