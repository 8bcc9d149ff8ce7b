"""MATLAB's version 5 files (MAT 5, what `save -v6` and `-v7` write), read without compiled code.

A damaged file makes `scipy.io.loadmat` (1.17) end the whole process with a segmentation fault:
found by flipping bytes of a file with a cell array. Here every length is checked against what is
left before it is used. Numbers, text and cells are read; structures, sparse arrays and objects are
left out. Format: MathWorks, "MAT-File Format", R2023b, chapter 1.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from epochal.errors import RecordingError

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL, _TEXT = 1, 4
_COMPLEX = 0x0800
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
            13: "u8"}  # fmt: skip
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8",
            15: "u8"}  # fmt: skip
_ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
_MOST_BYTES = 1 << 30  # of one variable, unpacked
_DEEPEST = 8  # cells within cells


class _Element(NamedTuple):
    kind: int
    data: memoryview


class _Array(NamedTuple):
    name: str
    value: Any  # None for a class that is not read


class Mat5Error(ValueError):
    """What is wrong with the file, without its name."""


def read_mat_v5(path: str | Path) -> dict[str, Any]:
    """Return the file's variables by name: arrays, object arrays (cells) and strings.

    An array has MATLAB's shape. Raises `RecordingError` saying what is wrong with the file.
    """
    try:
        content = memoryview(Path(path).read_bytes())
        return {array.name: array.value for array in _variables(content) if array.value is not None}
    except Mat5Error as error:
        raise RecordingError(path, f"not a readable MATLAB file ({error})") from error
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror or error})") from error


def _variables(content: memoryview) -> Iterator[_Array]:
    if len(content) < _HEADER_BYTES or bytes(content[:6]) != b"MATLAB":
        raise Mat5Error("it does not begin as one")
    mark = bytes(content[126:128])
    if mark not in (b"IM", b"MI"):
        raise Mat5Error(f"its byte order is '{mark!r}'")
    order = "<" if mark == b"IM" else ">"
    version = int(np.frombuffer(content[124:126], order + "u2")[0])
    if version == 0x0200:
        raise Mat5Error("version 7.3, which these files are not; save it with -v7")
    if version != 0x0100:
        raise Mat5Error(f"version {version:#06x}, not 0x0100")
    for element in _elements(content[_HEADER_BYTES:], order):
        yield from _arrays(element, order)


def _arrays(element: _Element, order: str) -> Iterator[_Array]:
    """Unpack an element of the file; what is neither a matrix nor packed is not a variable."""
    if element.kind == _COMPRESSED:
        for inner in _elements(_unpack(element.data), order):
            if inner.kind == _MATRIX:
                yield _array(inner.data, order, depth=0)
    elif element.kind == _MATRIX:
        yield _array(element.data, order, depth=0)


def _unpack(data: memoryview) -> memoryview:
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise Mat5Error(f"a packed variable is damaged: {error}") from error
    if not unpacker.eof:
        raise Mat5Error("a packed variable is cut short, or larger than 1 GB")
    return memoryview(content)


def _elements(content: memoryview, order: str) -> Iterator[_Element]:
    """Split into tagged elements; a length beyond the end is refused."""
    position = 0
    while position + 8 <= len(content):
        first, length = np.frombuffer(content[position : position + 8], order + "u4").tolist()
        if first >> 16:  # the small form: kind, length and up to four bytes in eight
            kind, length, begin, step = first & 0xFFFF, first >> 16, position + 4, 8
            if length > 4:
                raise Mat5Error(f"a small element claims {length} bytes")
        else:
            kind, begin = first, position + 8
            step = 8 + (length if kind == _COMPRESSED else -(-length // 8) * 8)
        if begin + length > len(content):
            raise Mat5Error(f"{length} bytes are announced where {len(content) - begin} are left")
        yield _Element(kind, content[begin : begin + length])
        position += step


def _array(data: memoryview, order: str, *, depth: int) -> _Array:
    """Read a matrix element: flags, dimensions, name, and what its class asks for."""
    parts = list(_elements(data, order))
    if not parts:
        return _Array("", np.empty((0, 0)))  # how an empty cell is written
    if len(parts) < 3 or depth > _DEEPEST:
        raise Mat5Error("a variable lacks its flags, dimensions or name, or is nested too deep")
    flags = _numbers(parts[0], order)
    shape = tuple(_numbers(parts[1], order).tolist())
    if not len(flags) or len(shape) < 2 or min(shape) < 0:
        raise Mat5Error(f"a variable has dimensions {shape}")
    name = bytes(parts[2].data).decode("latin-1")
    kind, rest = int(flags[0]) & 0xFF, parts[3:]
    if kind == _CELL:
        return _Array(name, _cells(rest, shape, order, depth=depth))
    if kind == _TEXT:
        return _Array(name, _text(rest, order))
    if kind in _CLASSES:
        complex_numbers = bool(int(flags[0]) & _COMPLEX)
        return _Array(name, _matrix(rest, shape, order, kind=kind, has_imaginary=complex_numbers))
    return _Array(name, None)


def _matrix(
    parts: list[_Element], shape: tuple[int, ...], order: str, *, kind: int, has_imaginary: bool
) -> np.ndarray:
    n_parts = 2 if has_imaginary else 1
    if len(parts) < n_parts:
        raise Mat5Error("an array lacks its values")
    values = [_numbers(part, order) for part in parts[:n_parts]]
    if any(len(part) != prod(shape) for part in values):
        raise Mat5Error(f"an array of {shape} holds {len(values[0])} values")
    with np.errstate(all="ignore"):
        real = values[0].astype(_CLASSES[kind]).reshape(shape, order="F")
        return real + 1j * values[1].reshape(shape, order="F") if has_imaginary else real


def _cells(parts: list[_Element], shape: tuple[int, ...], order: str, *, depth: int) -> np.ndarray:
    if len(parts) != prod(shape) or any(part.kind != _MATRIX for part in parts):
        raise Mat5Error(f"a cell array of {shape} holds {len(parts)} values")
    cells = np.empty(len(parts), dtype=object)
    for index, part in enumerate(parts):
        cells[index] = _array(part.data, order, depth=depth + 1).value
    return cells.reshape(shape, order="F")


def _text(parts: list[_Element], order: str) -> str:
    """Return text; of several lines (MATLAB stores a matrix of letters) the letters by column."""
    if not parts:
        return ""
    kind, data = parts[0]
    if kind not in _ENCODINGS:
        raise Mat5Error(f"text is stored as type {kind}")
    encoding = _ENCODINGS[kind]
    if encoding == "utf-16":
        encoding += "-le" if order == "<" else "-be"
    return bytes(data).decode(encoding, errors="replace")


def _numbers(element: _Element, order: str) -> np.ndarray:
    if element.kind not in _NUMBERS:
        raise Mat5Error(f"numbers are stored as type {element.kind}")
    dtype = np.dtype(order + _NUMBERS[element.kind])
    if len(element.data) % dtype.itemsize:
        raise Mat5Error(f"{len(element.data)} bytes are no whole number of {dtype} values")
    return np.frombuffer(element.data, dtype)
