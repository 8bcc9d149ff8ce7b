from functools import partial

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal.errors import RecordingError
from epochal.readers.mat import read_mat, require_variable, to_numbers, to_vector
from epochal.simulation.rodent_files import write_mat_v73

VARIABLES = {
    "EEG": np.arange(10.0),
    "pair": np.arange(6.0).reshape(2, 3),
    "fs": np.array(128.0),
}


def save_v5(path, variables):
    scipy.io.savemat(path, {name: np.atleast_2d(value) for name, value in variables.items()})


WRITERS = {"v5": save_v5, "v7.3": write_mat_v73}


@pytest.fixture(params=list(WRITERS))
def mat_file(request, tmp_path):
    path = tmp_path / "animal.mat"
    WRITERS[request.param](path, VARIABLES)
    return path


def test_every_version_gives_the_same_variables(mat_file):
    variables = read_mat(mat_file)

    assert set(variables) == set(VARIABLES)
    np.testing.assert_array_equal(variables["EEG"], VARIABLES["EEG"])
    np.testing.assert_array_equal(variables["pair"], VARIABLES["pair"])
    assert variables["fs"] == 128.0
    assert isinstance(variables["fs"], float)


def test_only_the_named_variables_are_read(mat_file):
    assert set(read_mat(mat_file, ["fs", "absent"])) == {"fs"}


def test_a_missing_variable_is_named_with_what_there_is(mat_file):
    with pytest.raises(RecordingError, match=r"animal\.mat: no variable 'XYZ'; it has: EEG, fs"):
        require_variable(mat_file, read_mat(mat_file), "XYZ")


def test_a_near_miss_is_suggested(mat_file):
    with pytest.raises(RecordingError, match="did you mean 'EEG'"):
        require_variable(mat_file, read_mat(mat_file), "EEGs")


def test_a_matrix_is_no_vector(mat_file):
    with pytest.raises(RecordingError, match=r"'pair' has shape \(2, 3\)"):
        to_vector(mat_file, "pair", read_mat(mat_file)["pair"])


def test_a_scalar_is_a_vector_of_one(mat_file):
    assert to_vector(mat_file, "fs", 128.0).tolist() == [128.0]


@pytest.mark.parametrize("value", ["text", {"a": 1}, [1, 2], np.array([1j, 2])])
def test_what_is_not_real_numbers_is_refused(value):
    with pytest.raises(RecordingError, match=r"'EEG' holds .*, not real numbers"):
        to_numbers("animal.mat", "EEG", value)


def test_an_empty_variable_is_refused():
    with pytest.raises(RecordingError, match="'EEG' is empty"):
        to_numbers("animal.mat", "EEG", np.zeros((0, 0)))


def test_a_v5_struct_text_and_cells_are_read(tmp_path):
    path = tmp_path / "struct.mat"
    cells = np.array(["a", "bc"], dtype=object)
    scipy.io.savemat(path, {"info": {"strain": "C57", "age": 12.0}, "names": cells})

    variables = read_mat(path)

    assert variables["info"] == {"strain": "C57", "age": 12.0}
    assert variables["names"] == ["a", "bc"]


def write_v73_struct(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("info")
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        strain = group.create_dataset("strain", data=np.array([[67], [53], [55]], np.uint16))
        strain.attrs["MATLAB_class"] = np.bytes_("char")
        awake = file.create_dataset("awake", data=np.array([[1], [0]], np.uint8))
        awake.attrs["MATLAB_class"] = np.bytes_("logical")
        empty = file.create_dataset("empty", data=np.zeros(2, np.uint64))
        empty.attrs.update(MATLAB_class=np.bytes_("double"), MATLAB_empty=np.uint8(1))
        cells = [file.create_dataset(f"#refs#/{k}", data=np.full((1, 1), k)).ref for k in range(2)]
        file.create_dataset("cells", data=np.array([cells], dtype=h5py.ref_dtype))
        parts = np.array([[(1.0, 2.0)]], dtype=[("real", "f8"), ("imag", "f8")])
        file.create_dataset("z", data=parts)


def test_a_v73_struct_text_logical_empty_and_cells_are_read(tmp_path):
    path = tmp_path / "struct.mat"
    write_v73_struct(path)

    variables = read_mat(path)

    assert variables["info"] == {"strain": "C57"}
    assert variables["awake"].tolist() == [True, False]
    assert variables["empty"].size == 0
    assert variables["cells"] == [0, 1]
    assert variables["z"] == 1 + 2j


def test_a_version_4_file_is_read(tmp_path):
    path = tmp_path / "old.mat"
    scipy.io.savemat(path, {"EEG": np.arange(5.0), "fs": 128.0, "animal": "m1"}, format="4")
    variables = read_mat(path)
    assert variables["EEG"].tolist() == [0, 1, 2, 3, 4]
    assert (variables["fs"], variables["animal"]) == (128.0, "m1")


@pytest.mark.parametrize("version", ["v5", "v7.3"])
def test_lines_of_text_are_a_list_in_every_version(tmp_path, version):
    path = tmp_path / "stages.mat"
    if version == "v5":
        scipy.io.savemat(path, {"stage": np.array(["W", "NREM"])})
    else:
        with h5py.File(path, "w") as file:
            codes = np.array([list(map(ord, line)) for line in ("W   ", "NREM")], np.uint16)
            file.create_dataset("stage", data=codes.T).attrs["MATLAB_class"] = np.bytes_("char")
    assert read_mat(path)["stage"] == ["W", "NREM"]


def test_a_cell_alone_is_what_it_holds(tmp_path):
    path = tmp_path / "cell.mat"
    scipy.io.savemat(path, {"one": np.array(["a"], dtype=object), "awake": np.array([[True]])})
    assert read_mat(path) == {"one": "a", "awake": True}


def test_a_v5_sparse_matrix_is_refused_only_where_it_is_needed(tmp_path):
    path = tmp_path / "sparse.mat"
    scipy.io.savemat(path, {"S": scipy.sparse.csc_array(np.eye(2)), "fs": 128.0})
    variables = read_mat(path)
    assert variables["fs"] == 128.0
    with pytest.raises(RecordingError, match="'S' is a sparse matrix; store it as a full matrix"):
        to_numbers(path, "S", variables["S"])


def test_a_sparse_matrix_is_refused_by_name(tmp_path):
    path = tmp_path / "sparse.mat"
    with h5py.File(path, "w") as file:
        file.create_group("S").attrs["MATLAB_sparse"] = 3
    with pytest.raises(RecordingError, match="'/S' is a sparse matrix"):
        read_mat(path)


def test_cells_that_hold_themselves_end(tmp_path):
    path = tmp_path / "loop.mat"
    with h5py.File(path, "w") as file:
        loop = file.create_dataset("loop", shape=(1, 1), dtype=h5py.ref_dtype)
        loop[0, 0] = loop.ref
    with pytest.raises(RecordingError, match="nested more than 8 deep"):
        read_mat(path)


def test_a_variable_larger_than_its_file_could_hold_is_refused(tmp_path):
    path = tmp_path / "bomb.mat"
    with h5py.File(path, "w") as file:
        file.create_dataset("EEG", shape=(1 << 40,), chunks=(1 << 20,), dtype="f8")
    with pytest.raises(RecordingError, match="declares more data than the file can hold"):
        read_mat(path)


def test_a_file_without_variables_is_refused(tmp_path):
    path = tmp_path / "none.mat"
    scipy.io.savemat(path, {})
    with pytest.raises(RecordingError, match="without variables"):
        read_mat(path)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="No such file"):
        read_mat(tmp_path / "nowhere.mat")


@pytest.mark.parametrize("content", [b"", b"\0" * 600])
def test_an_empty_file_is_refused(tmp_path, content):
    path = tmp_path / "empty.mat"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="the file is empty"):
        read_mat(path)


def test_a_file_that_is_not_matlabs_is_refused(tmp_path):
    path = tmp_path / "letter.mat"
    path.write_text("Dear colleague, here are the data. " * 30)
    with pytest.raises(RecordingError, match=r"letter\.mat: not a readable MATLAB file"):
        read_mat(path)


def read_or_refuse(path):
    try:
        return read_mat(path)
    except RecordingError as error:
        return str(error)


def save_nested(path, variables):
    """Add what scipy's own reader ends the process on when it is damaged: cells and structs."""
    cells = np.array(["a", np.eye(2), {"deep": "b"}], dtype=object)
    scipy.io.savemat(path, {**variables, "cells": cells, "info": {"strain": "C57", "n": cells}})


@pytest.mark.slow
@pytest.mark.parametrize("version", [*WRITERS, "v5 nested", "v4"])
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cut=st.integers(0, 4000), flips=st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)))
)
def test_damage_is_named_or_harmless(tmp_path, version, cut, flips):
    path = tmp_path / "damaged.mat"
    writers = {**WRITERS, "v5 nested": save_nested, "v4": partial(scipy.io.savemat, format="4")}
    writers[version](path, VARIABLES)
    raw = bytearray(path.read_bytes())
    for place, value in flips:
        raw[place % len(raw)] = value
    path.write_bytes(raw[: max(1, len(raw) - cut)])

    outcome = read_or_refuse(path)

    assert isinstance(outcome, dict) or str(path) in outcome
