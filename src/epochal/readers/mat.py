"""MATLAB files of every version behind one function: v4 to v7 by scipy, v7.3 (HDF5) by h5py.

What comes back does not depend on the version: arrays with MATLAB's shape, singleton dimensions
dropped; text as `str`, structs as dicts, cell arrays as lists.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

from epochal.errors import RecordingError, did_you_mean

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
USERBLOCKS = (0, 512)  # where the HDF5 part begins: bare, or behind MATLAB's text
MAX_DEFLATE = 1100  # deflate shrinks 1032-fold at most
SMALL_BYTES = 1 << 28  # below it nothing is suspicious
MAX_DEPTH = 8  # structs and cells in one another


def read_mat(path: str | Path, names: Collection[str] | None = None) -> dict[str, Any]:
    """Read a MATLAB file's variables, all of them or the named ones that it has.

    A file that is absent, empty, damaged or not MATLAB's raises `RecordingError`.
    """
    path = Path(path)
    load = _read_v73 if _is_hdf5(path) else _read_v5
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            variables = load(path, names)
    # A damaged file raises a dozen kinds: zlib's, struct's, scipy's and h5py's own, MemoryError.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RecordingError(path, f"not a readable MATLAB file ({reason})") from error
    if not variables and names is None:
        raise RecordingError(path, "a MATLAB file without variables")
    return variables


def require_variable(path: str | Path, variables: dict[str, Any], name: str) -> Any:
    """Return a variable; a missing one raises `RecordingError` that lists what there is."""
    if name not in variables:
        raise RecordingError(path, f"no variable '{name}'{did_you_mean(name, variables)}")
    return variables[name]


def to_vector(path: str | Path, name: str, value: Any) -> np.ndarray:
    """Return a variable as real numbers `(n,)`; anything else raises `RecordingError`."""
    array = to_numbers(path, name, value)
    if array.ndim > 1:
        raise RecordingError(path, f"'{name}' has shape {array.shape}, not that of a vector")
    return np.atleast_1d(array)


def to_numbers(path: str | Path, name: str, value: Any) -> np.ndarray:
    """Return a variable as an array of real numbers; anything else raises `RecordingError`."""
    array = np.asarray(value) if isinstance(value, int | float | np.ndarray | np.generic) else None
    if array is None or array.dtype.kind not in "biuf":
        kind = type(value).__name__ if array is None else str(array.dtype)
        raise RecordingError(path, f"'{name}' holds {kind}, not real numbers")
    if array.size == 0:
        raise RecordingError(path, f"'{name}' is empty")
    return array


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(max(USERBLOCKS) + len(HDF5_SIGNATURE))
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})") from error
    if not start.strip(b"\0 \n\r\t"):
        raise RecordingError(path, "the file is empty")
    return any(start[at : at + len(HDF5_SIGNATURE)] == HDF5_SIGNATURE for at in USERBLOCKS)


def _read_v5(path: Path, names: Collection[str] | None) -> dict[str, Any]:
    wanted = None if names is None else list(names)
    loaded = scipy.io.loadmat(path, variable_names=wanted, simplify_cells=True)
    return {name: _plain(value) for name, value in loaded.items() if not name.startswith("__")}


def _plain(value: Any) -> Any:
    """Return numpy's scalars as Python's and cell arrays as lists, throughout."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [_plain(inner) for inner in value.ravel(order="F")]
    is_scalar = isinstance(value, np.generic | np.ndarray) and value.ndim == 0
    return value.item() if is_scalar else value


def _read_v73(path: Path, names: Collection[str] | None) -> dict[str, Any]:
    with h5py.File(path, "r") as file:
        limit = max(SMALL_BYTES, MAX_DEFLATE * path.stat().st_size)
        wanted = [
            name for name in file if not name.startswith("#") and (names is None or name in names)
        ]
        return {name: _convert(file, file[name], limit, depth=0) for name in wanted}


def _convert(file: h5py.File, node: h5py.Dataset | h5py.Group, limit: int, *, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"structs and cells are nested more than {MAX_DEPTH} deep")
    if isinstance(node, h5py.Group):
        if "MATLAB_sparse" in node.attrs:
            raise ValueError(f"'{node.name}' is a sparse matrix; store it as a full one")
        return {name: _convert(file, node[name], limit, depth=depth + 1) for name in node}
    if node.size is not None and node.size * node.dtype.itemsize > limit:
        raise ValueError(f"'{node.name}' declares more data than the file can hold")
    if "MATLAB_empty" in node.attrs:
        return np.zeros(0)
    if node.dtype == h5py.ref_dtype:
        references = np.asarray(node[()]).T.ravel(order="F")
        cells = [_convert(file, file[one], limit, depth=depth + 1) for one in references]
        return cells if len(cells) != 1 else cells[0]
    return _plain(_as_matlab_has_it(node))


def _as_matlab_has_it(node: h5py.Dataset) -> Any:
    kind = node.attrs.get("MATLAB_class", b"")
    values = np.asarray(node[()])
    if kind == b"char":
        return "".join(chr(code) for code in values.T.ravel(order="F"))
    if values.dtype.names == ("real", "imag"):
        values = values["real"] + 1j * values["imag"]
    squeezed = np.squeeze(values.T)
    return squeezed.astype(bool) if kind == b"logical" else squeezed
