import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import loadmat, savemat

from epochal.errors import RecordingError
from epochal.readers.mat_v5 import Unread, read_mat_v5

CELLS = np.empty((2, 3), dtype=object)
for _index, _value in enumerate([np.eye(2), "text", np.empty((0, 0)), 3.0, np.arange(4), "Ω"]):
    CELLS.flat[_index] = _value


def save(path, *, compressed=False, **content):
    savemat(path, content, do_compression=compressed)
    return path


def refuse(path, match):
    with pytest.raises(RecordingError, match=rf"{path.name}: .*{match}"):
        read_mat_v5(path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_numbers_keep_their_values_shape_and_kind(tmp_path, kind, compressed):
    values = np.arange(24).reshape(2, 3, 4).astype(kind)
    read = read_mat_v5(save(tmp_path / "a.mat", values=values, compressed=compressed))["values"]
    np.testing.assert_array_equal(read, values)
    assert read.dtype == np.dtype(kind)


@pytest.mark.parametrize(
    "values", [np.empty((0, 5)), np.array([[np.nan, np.inf, -np.inf]]), np.array([[1e300, 5e-324]])]
)
def test_odd_numbers_come_back(tmp_path, values):
    read = read_mat_v5(save(tmp_path / "a.mat", values=values))["values"]
    np.testing.assert_array_equal(read, values)


def test_complex_numbers_come_back(tmp_path):
    values = np.array([[1 + 2j, 3 - 4j]])
    np.testing.assert_array_equal(read_mat_v5(save(tmp_path / "a.mat", v=values))["v"], values)


@pytest.mark.parametrize("compressed", [False, True])
def test_cells_hold_numbers_and_text(tmp_path, compressed):
    cells = read_mat_v5(save(tmp_path / "a.mat", cells=CELLS, compressed=compressed))["cells"]
    assert cells.shape == (2, 3)
    np.testing.assert_array_equal(cells[0, 0], np.eye(2))
    assert cells[0, 1] == "text"
    assert cells[0, 2].size == 0
    assert cells[1, 0].tolist() == [[3.0]]
    assert cells[1, 2] == "Ω"


def test_short_values_in_the_small_form_come_back(tmp_path):
    read = read_mat_v5(save(tmp_path / "a.mat", x=np.uint8([[7, 9]]), n="ab"))
    assert read["x"].tolist() == [[7, 9]]
    assert read["n"] == "ab"


def test_a_structure_is_a_dict_and_several_are_objects(tmp_path):
    several = np.array([(1.0, "a"), (2.0, "bc")], dtype=[("n", object), ("t", object)])
    read = read_mat_v5(save(tmp_path / "a.mat", s={"a": 1, "in": {"b": "x"}}, many=several))
    assert read["s"]["a"].tolist() == [[1]]
    assert read["s"]["in"] == {"b": "x"}
    assert [one["t"] for one in read["many"].ravel()] == ["a", "bc"]
    assert [float(one["n"].item()) for one in read["many"].ravel()] == [1.0, 2.0]


def test_a_structure_without_fields_is_an_empty_dict(tmp_path):
    assert read_mat_v5(save(tmp_path / "a.mat", s={}, x=1.0)).get("s", {}) == {}


def test_logical_values_are_bool(tmp_path):
    read = read_mat_v5(save(tmp_path / "a.mat", awake=np.array([[True, False]])))["awake"]
    assert read.dtype == bool
    assert read.tolist() == [[True, False]]


def test_text_of_several_lines_is_a_list(tmp_path):
    lines = np.array(["wake", "rem"])
    assert read_mat_v5(save(tmp_path / "a.mat", lines=lines))["lines"] == ["wake", "rem"]


def test_a_sparse_matrix_is_named_and_the_rest_is_read(tmp_path):
    path = save(tmp_path / "a.mat", sparse=scipy.sparse.csc_array(np.eye(3)), x=2.0)
    read = read_mat_v5(path)
    assert read["sparse"] == Unread("a sparse matrix")
    assert read["x"].tolist() == [[2.0]]


def test_a_table_of_matlabs_own_is_named_and_the_rest_is_read(tmp_path):
    """Class 17 has a name but no dimensions."""
    opaque = element(6, np.array([17, 0], "<u4").tobytes(), "<")
    opaque += element(1, b"nights", "<") + element(1, b"MCOS", "<") + element(1, b"table", "<")
    path = save(tmp_path / "a.mat", x=2.0)
    path.write_bytes(path.read_bytes() + element(14, opaque, "<"))
    read = read_mat_v5(path)
    assert read["nights"] == Unread("a table or object")
    assert read["x"].tolist() == [[2.0]]


@pytest.mark.parametrize("size", [7, 0])
def test_a_structure_without_names_of_fields_is_refused(tmp_path, size):
    path = save(tmp_path / "a.mat", s={"abc": 1.0})
    raw = path.read_bytes()
    length = np.array([5 | 4 << 16, 4], "<u4").tobytes()  # the letters, and a zero
    assert raw.count(length) == 1
    path.write_bytes(raw.replace(length, np.array([5 | 4 << 16, size], "<u4").tobytes()))
    refuse(path, "lacks the names of its fields")


def element(kind, data, order):
    return np.array([kind, len(data)], f"{order}u4").tobytes() + data + bytes(-len(data) % 8)


def big_endian(path):
    """Write x = [1, 2] as a machine of the other byte order does."""
    parts = (
        element(6, np.array([6, 0], ">u4").tobytes(), ">")
        + element(5, np.array([1, 2], ">i4").tobytes(), ">")
        + element(1, b"x", ">")
        + element(9, np.array([1, 2], ">f8").tobytes(), ">")
    )
    header = b"MATLAB 5.0".ljust(124) + b"\x01\x00MI"
    path.write_bytes(header + element(14, parts, ">"))
    return path


def test_the_other_byte_order_is_read(tmp_path):
    assert read_mat_v5(big_endian(tmp_path / "a.mat"))["x"].tolist() == [[1.0, 2.0]]


def test_a_file_without_variables_is_empty(tmp_path):
    assert read_mat_v5(save(tmp_path / "a.mat")) == {}


# What is refused


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "does not begin as one"),
        (b"MATLAB", "does not begin as one"),
        (b"\x89HDF\r\n\x1a\n".ljust(600), "does not begin as one"),
        (b"MATLAB 5.0".ljust(126) + b"XX", "byte order"),
        (b"MATLAB 7.3".ljust(124) + b"\x00\x02IM", r"version 7\.3"),
        (b"MATLAB 9.9".ljust(124) + b"\x09\x09IM", "version 0x0909"),
    ],
)
def test_another_file_is_named(tmp_path, content, match):
    path = tmp_path / "a.mat"
    path.write_bytes(content)
    refuse(path, match)


def test_an_absent_file_is_named(tmp_path):
    refuse(tmp_path / "gone.mat", "No such file")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_truncated_file_is_refused(tmp_path, share, compressed):
    path = save(tmp_path / "a.mat", values=np.random.default_rng(0).random((20, 50)),
                compressed=compressed)  # fmt: skip
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refuse(path, "bytes are announced where|cut short")


def test_dimensions_that_do_not_fit_are_refused(tmp_path):
    path = save(tmp_path / "a.mat", values=np.ones((20, 50)))
    raw = path.read_bytes()
    shape = np.array([20, 50], "<i4").tobytes()
    for wrong in ([20, 49], [-20, -50], [2**31 - 1, 2**31 - 1]):
        path.write_bytes(raw.replace(shape, np.array(wrong, "<i4").tobytes(), 1))
        refuse(path, "an array of|has dimensions")


def test_a_packed_variable_that_is_no_zlib_is_refused(tmp_path):
    path = save(tmp_path / "a.mat", values=np.ones((20, 50)), compressed=True)
    raw = bytearray(path.read_bytes())
    raw[136:140] = b"\xff\xff\xff\xff"
    path.write_bytes(raw)
    refuse(path, "a packed variable is damaged")


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("epochal.readers.mat_v5._MOST_BYTES", 1000)
    packed = zlib.compress(bytes(100_000))
    header = b"MATLAB 5.0".ljust(124) + b"\x00\x01IM"
    path = tmp_path / "a.mat"
    path.write_bytes(header + np.array([15, len(packed)], "<u4").tobytes() + packed)
    refuse(path, "larger than 2 GB")


def test_cells_nested_without_end_are_refused(tmp_path):
    value = np.ones((1, 1))
    for _ in range(20):
        cell = np.empty((1, 1), dtype=object)
        cell[0, 0] = value
        value = cell
    refuse(save(tmp_path / "a.mat", value=value), "nested too deep")


@pytest.mark.slow
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path, data):
    """scipy ends the process on some of these."""
    inner = {"t": "abc", "cells": CELLS}
    path = save(tmp_path / "a.mat", cells=CELLS, x=np.ones((3, 4)), s=inner, b=np.array([True]))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(124, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    message, read = str(path), {}
    try:
        read = read_mat_v5(path)
    except RecordingError as error:
        message = str(error)
    assert message.startswith(str(path))
    assert all(isinstance(name, str) for name in read)


@pytest.mark.slow
def test_the_real_samples_are_read_as_scipy_reads_them():
    folder = Path(os.environ.get("EPOCHAL_DATA", "")) / "harmful_eeg"
    if "EPOCHAL_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("EPOCHAL_DATA names no folder with harmful_eeg")
    for path in sorted(folder.rglob("*.mat")):
        ours, theirs = read_mat_v5(path), loadmat(path, mat_dtype=True)
        for name, values in ours.items():
            if isinstance(values, str) or values.dtype != object:
                np.testing.assert_array_equal(values, theirs[name])
                continue
            for one, other in zip(values.ravel(), theirs[name].ravel(), strict=True):
                np.testing.assert_array_equal(one, other[0] if isinstance(one, str) else other)
