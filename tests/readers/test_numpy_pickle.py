import pickle
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.errors import RecordingError
from epochal.readers.numpy_pickle import load_arrays

CONTENT = {
    "subject": "S2",
    "signal": {"ACC": np.arange(12.0).reshape(4, 3), "label": np.array([0, 1, 2], np.int32)},
    "more": [np.float32([1.5]), (np.array([[True, False]]), 7)],
}
# What Python 2 writes at protocol 2 for {'a': array([1., 2.])}: strings and bytes alike as text.
PYTHON_2 = (
    b"\x80\x02}q\x00U\x01acnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85"
    b"U\x01b\x87Rq\x03(K\x01K\x02\x85cnumpy\ndtype\nq\x04U\x02f8K\x00K\x01\x87Rq\x05(K\x03U\x01<NNN"
    b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x10\x00\x00\x00\x00\x00\x00\xf0?\x00\x00\x00\x00"
    b"\x00\x00\x00@tbs."
)


def load(tmp_path, content):
    path = tmp_path / "S2.pkl"
    path.write_bytes(content)
    return load_arrays(path)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_arrays_and_containers_come_back_from_any_protocol(tmp_path, protocol):
    back = load(tmp_path, pickle.dumps(CONTENT, protocol))
    assert back["subject"] == "S2"
    for name, array in CONTENT["signal"].items():
        np.testing.assert_array_equal(back["signal"][name], array)
        assert back["signal"][name].dtype == array.dtype
    assert back["more"][0].tolist() == [1.5]
    assert back["more"][1][0].tolist() == [[True, False]]
    assert back["more"][1][1] == 7


def test_a_pickle_of_python_2_is_read(tmp_path):
    assert load(tmp_path, PYTHON_2)["a"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "array", [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(4, dtype=">i2")]
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_order_and_endianness_are_kept(tmp_path, array, protocol):
    np.testing.assert_array_equal(load(tmp_path, pickle.dumps(array, protocol)), array)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_numpy_number_is_a_number(tmp_path, protocol):
    assert load(tmp_path, pickle.dumps({"rate": np.float64(700.0)}, protocol)) == {"rate": 700.0}


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "builtins.getattr", "numpy.load"])
def test_any_other_name_is_refused_and_not_called(tmp_path, name):
    module, function = name.rsplit(".", 1)
    touched = tmp_path / "touched"
    argument = f"__import__('pathlib').Path({str(touched)!r}).touch()"
    code = f"c{module}\n{function}\n(V{argument}\ntR.".encode()
    with pytest.raises(RecordingError, match=f"'{name}', which is not admitted"):
        load(tmp_path, code)
    assert not touched.exists()


def test_a_function_of_the_projects_own_is_refused_too(tmp_path):
    with pytest.raises(RecordingError, match=r"epochal.recording.read_recording', which is not"):
        load(tmp_path, b"cepochal.recording\nread_recording\n(Vx\ntR.")


def test_an_array_of_objects_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="not of numbers"):
        load(tmp_path, pickle.dumps(np.array([1, "a", None], dtype=object)))


@pytest.mark.parametrize("kind", ["U3", "S3", "M8[s]"])
def test_an_array_that_is_not_numeric_is_refused(tmp_path, kind):
    with pytest.raises(RecordingError, match="not of numbers"):
        load(tmp_path, pickle.dumps(np.zeros(2, dtype=kind)))


def test_a_shape_beyond_the_data_is_refused_without_allocating(tmp_path):
    lie = PYTHON_2.replace(b"(K\x01K\x02\x85", b"(K\x01J\xff\xff\xff\x7f\x85")
    with pytest.raises(RecordingError, match="not a pickle of arrays"):
        load(tmp_path, lie)


def test_the_bare_name_of_ndarray_cannot_be_called_nor_returned(tmp_path):
    huge = b"cnumpy\nndarray\n(J\xff\xff\xff\x7ftR."
    for code in (huge, b"cnumpy\nndarray\n."):
        with pytest.raises(RecordingError, match="not a pickle of arrays"):
            load(tmp_path, code)


def test_bytes_asked_for_by_number_are_refused(tmp_path):
    code = b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(Vf8\ntRJ\xff\xff\xff\x7ftR."
    with pytest.raises(RecordingError, match="where bytes belong"):
        load(tmp_path, code)


def test_nothing_can_be_set_on_a_stand_in(tmp_path):
    with pytest.raises(RecordingError, match="not a pickle of arrays"):
        load(tmp_path, b"cnumpy\nndarray\n}Vlabel\nVx\nsb.")


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x02", PYTHON_2[:90]])
def test_a_damaged_file_is_named(tmp_path, content):
    with pytest.raises(RecordingError, match=r"S2\.pkl: not a pickle of arrays"):
        load(tmp_path, content)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"S3\.pkl: cannot be read"):
        load_arrays(tmp_path / "S3.pkl")


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PYTHON_2) - 1), st.binary(min_size=0, max_size=6))
def test_damage_anywhere_is_an_error_or_still_plain_data(tmp_path_factory, position, noise):
    path = tmp_path_factory.mktemp("fuzz") / "S2.pkl"
    path.write_bytes(PYTHON_2[:position] + noise + PYTHON_2[position + len(noise) :])
    plain = dict | list | tuple | str | bytes | int | float | np.ndarray | None
    with suppress(RecordingError):  # any other exception fails the test
        assert isinstance(load_arrays(path), plain)
