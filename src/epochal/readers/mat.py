"""MATLAB files of every version behind one function: v5 to v7 here, v7.3 by h5py, v4 by scipy.

What comes back does not depend on the version: arrays with MATLAB's shape, singleton dimensions
dropped; text as `str`, structs as dicts, cell arrays and text of several lines as lists. scipy's
reader of v5 ends the process on some damaged files (`mat_v5`); its reader of v4 is plain Python.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy

from epochal.errors import RecordingError, did_you_mean
from epochal.readers.mat_v5 import Unread, read_mat_v5

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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            variables = _reader_of(path)(path, names)
    except RecordingError:
        raise
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
    if isinstance(value, Unread):
        raise RecordingError(path, f"'{name}' is {value.what}; store it as a full matrix")
    array = np.asarray(value) if isinstance(value, int | float | np.ndarray | np.generic) else None
    if array is None or array.dtype.kind not in "biuf":
        kind = type(value).__name__ if array is None else str(array.dtype)
        raise RecordingError(path, f"'{name}' holds {kind}, not real numbers")
    if array.size == 0:
        raise RecordingError(path, f"'{name}' is empty")
    return array


def _reader_of(path: Path) -> Callable[[Path, Collection[str] | None], dict[str, Any]]:
    """Tell the version by the file's first bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(max(USERBLOCKS) + len(HDF5_SIGNATURE))
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})") from error
    if not start.strip(b"\0 \n\r\t"):
        raise RecordingError(path, "the file is empty")
    if any(start[at : at + len(HDF5_SIGNATURE)] == HDF5_SIGNATURE for at in USERBLOCKS):
        return _read_v73
    # v4 begins with a number below 5000, in either byte order; all later ones with letters.
    return _read_v4 if 0 in start[:4] else _read_v5


def _read_v4(path: Path, names: Collection[str] | None) -> dict[str, Any]:
    wanted = None if names is None else list(names)
    loaded = scipy.io.loadmat(path, variable_names=wanted)  # tells v4 by the same four bytes
    return {name: _plain(np.squeeze(value)) for name, value in loaded.items() if name[:2] != "__"}


def _read_v5(path: Path, names: Collection[str] | None) -> dict[str, Any]:
    variables = read_mat_v5(path)
    return {name: _plain(v) for name, v in variables.items() if names is None or name in names}


def _plain(value: Any) -> Any:
    """Return scalars as Python's, cells as lists (one alone as what it holds), throughout."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == object:
        cells = [_plain(inner) for inner in value.ravel(order="F")]
        return cells[0] if len(cells) == 1 else cells
    if not isinstance(value, np.generic | np.ndarray):
        return value
    squeezed = np.squeeze(value)
    return squeezed.item() if squeezed.ndim == 0 else squeezed


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
        return cells[0] if len(cells) == 1 else cells
    return _plain(_as_matlab_has_it(node))


def _as_matlab_has_it(node: h5py.Dataset) -> Any:
    kind = node.attrs.get("MATLAB_class", b"")
    values = np.asarray(node[()])
    if kind == b"char":
        lines = ["".join(map(chr, line)).rstrip("\0") for line in np.atleast_2d(values.T)]
        return lines[0] if len(lines) == 1 else [line.rstrip() for line in lines]
    if values.dtype.names == ("real", "imag"):
        values = values["real"] + 1j * values["imag"]
    squeezed = np.squeeze(values.T)
    return squeezed.astype(bool) if kind == b"logical" else squeezed
