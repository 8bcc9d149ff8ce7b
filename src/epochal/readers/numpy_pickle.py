"""Load pickles from strangers: numpy arrays, plain containers, and nothing that could run.

A pickle is a program. Here every global that it may name is a stand-in of our own, which notes
what an array should be; the arrays are then made from those notes by `numpy.frombuffer`, so that
not even numpy's own unpickling sees the file. Any other name is refused before anything is called.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from epochal.errors import RecordingError

NUMERIC = "biuf"  # dtype kinds: no objects, no strings, no records


def load_arrays(path: str | Path) -> Any:
    """Return what a pickle holds: dicts, lists, strings, numbers and numeric numpy arrays.

    Python 2's strings are read as Latin-1; arrays are read-only. A pickle that names anything
    else, is damaged or is none raises `RecordingError`; no code in it is run.
    """
    try:
        with Path(path).open("rb") as file:
            return _finished(_load(file))
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})") from error
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise RecordingError(path, f"not a pickle of arrays: {_one_line(error)}") from error


class _Arrays(pickle.Unpickler):
    """An unpickler whose only globals are the stand-ins below."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of one of numpy's globals; refuse any other name."""
        stand_in = _STAND_INS.get((module.replace("numpy._core", "numpy.core"), name))
        if stand_in is None:
            raise pickle.UnpicklingError(f"it asks for '{module}.{name}', which is not admitted")
        return stand_in


class _Dtype:
    """The note of a numeric dtype."""

    __slots__ = ("dtype",)

    def __init__(self, code: Any, *_: Any) -> None:
        self.dtype = np.dtype(str(code))
        if self.dtype.kind not in NUMERIC:
            raise pickle.UnpicklingError(f"it holds an array of '{code}', not of numbers")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order; all else follows from the code."""
        self.dtype = self.dtype.newbyteorder(str(state[1]))  # type: ignore[arg-type]


class _Array:
    """The note of an array, made when the pickle gives its content."""

    __slots__ = ("array",)

    def __init__(self, *_: Any) -> None:
        self.array = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Make the array of `(version, shape, dtype, in Fortran order, bytes)`."""
        _, shape, dtype, fortran, data = state
        flat = np.frombuffer(_as_bytes(data), dtype.dtype)
        self.array = flat.reshape(shape, order="F" if fortran else "C")


class _StandIn:
    """A function's stand-in; without attributes, so that a pickle has nothing to set on it."""

    __slots__ = ()


class _Ndarray(_StandIn):
    """What `numpy.ndarray` becomes: a name to hand on, which cannot be called."""

    __slots__ = ()


class _NewArray(_StandIn):
    """`_reconstruct`: what shape and type it asks for is not looked at."""

    __slots__ = ()

    def __call__(self, *_: Any) -> _Array:
        return _Array()


class _NewDtype(_StandIn):
    """`numpy.dtype`."""

    __slots__ = ()

    def __call__(self, code: Any, *_: Any) -> _Dtype:
        return _Dtype(code)


class _FromBuffer(_StandIn):
    """`_frombuffer`, how protocol 5 writes an array."""

    __slots__ = ()

    def __call__(self, data: Any, dtype: _Dtype, shape: Any, order: str) -> _Array:
        made = _Array()
        made.__setstate__((1, shape, dtype, order == "F", data))
        return made


class _Scalar(_StandIn):
    """`scalar`, a numpy number, which becomes a Python number."""

    __slots__ = ()

    def __call__(self, dtype: _Dtype, data: Any) -> Any:
        return np.frombuffer(_as_bytes(data), dtype.dtype, count=1)[0].item()


class _Latin1(_StandIn):
    """`_codecs.encode(text, 'latin1')`, how Python 3 writes bytes into an old pickle."""

    __slots__ = ()

    def __call__(self, text: Any, *_: Any) -> bytes:
        return _as_bytes(text)


_STAND_INS: dict[tuple[str, str], _StandIn] = {
    ("numpy.core.multiarray", "_reconstruct"): _NewArray(),
    ("numpy.core.multiarray", "scalar"): _Scalar(),
    ("numpy.core.numeric", "_frombuffer"): _FromBuffer(),
    ("numpy", "ndarray"): _Ndarray(),
    ("numpy", "dtype"): _NewDtype(),
    ("_codecs", "encode"): _Latin1(),
}


def _load(file: BinaryIO) -> Any:
    return _Arrays(file, encoding="latin1").load()


def _finished(value: Any) -> Any:
    """Put the arrays in place of their notes, at any depth of dicts, lists and tuples."""
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, dict):
        return {_finished(key): _finished(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_finished(item) for item in value)
    if isinstance(value, _StandIn | _Dtype):
        raise pickle.UnpicklingError("it holds a name of numpy's rather than an array")
    return value


def _as_bytes(data: Any) -> bytes:
    """Return bytes given as such or as Latin-1 text; a number would ask for that much memory."""
    if isinstance(data, str):
        return data.encode("latin1")
    if not isinstance(data, bytes | bytearray):
        raise pickle.UnpicklingError(f"it gives {type(data).__name__} where bytes belong")
    return bytes(data)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
