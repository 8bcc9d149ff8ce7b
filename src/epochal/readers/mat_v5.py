"""MATLAB's version 5 files (MAT 5, what `save -v6` and `-v7` write), read without compiled code.

A damaged file makes `scipy.io.loadmat` (1.17) end the whole process with a segmentation fault:
found by flipping bytes of a file with a cell array. Here every length is checked against what is
left before it is used. Numbers, text, cells and structures are read; of a sparse array or an object
only an `Unread` is left, which says what it was. Format: MathWorks, "MAT-File Format", R2023b,
chapter 1; tables, strings and the like (class 17) after what MATLAB writes.
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
_CELL, _STRUCT, _TEXT, _OPAQUE = 1, 2, 4, 17
_NOT_READ = {3: "an object", 5: "a sparse matrix", 16: "a function", 17: "a table or object"}
_COMPLEX, _LOGICAL = 0x0800, 0x0200
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
            13: "u8"}  # fmt: skip
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8",
            15: "u8"}  # fmt: skip
_ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
_MOST_BYTES = (1 << 31) - 1  # of one variable, unpacked: the format's own limit
_DEEPEST = 8  # cells within cells


class _Element(NamedTuple):
    kind: int
    data: memoryview


class _Array(NamedTuple):
    name: str
    value: Any


class Unread(NamedTuple):
    """What stands for a value that is not read here; `what` names it: `a sparse matrix`."""

    what: str


class Mat5Error(ValueError):
    """What is wrong with the file, without its name."""


def read_mat_v5(path: str | Path) -> dict[str, Any]:
    """Return the file's variables by name: arrays, object arrays (cells), dicts and text.

    An array has MATLAB's shape; one that is marked logical is bool. A structure is a dict, an array
    of them an object array of dicts; text of several lines is a list. Raises `RecordingError`
    saying what is wrong with the file.
    """
    try:
        content = memoryview(Path(path).read_bytes())
        named = {array.name: array.value for array in _variables(content)}
        return {name: value for name, value in named.items() if name and name[:2] != "__"}
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
        raise Mat5Error("a packed variable is cut short, or larger than 2 GB")
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
    flags = _numbers(parts[0], order)
    kind = int(flags[0]) & 0xFF if len(flags) else 0
    if kind == _OPAQUE and len(parts) > 1:  # it has a name and no dimensions
        return _Array(_name(parts[1]), Unread(_NOT_READ[kind]))
    if len(parts) < 3 or depth > _DEEPEST:
        raise Mat5Error("a variable lacks its flags, dimensions or name, or is nested too deep")
    shape = tuple(_numbers(parts[1], order).tolist())
    if not len(flags) or len(shape) < 2 or min(shape) < 0:
        raise Mat5Error(f"a variable has dimensions {shape}")
    value = _value(parts[3:], shape, order, flags=int(flags[0]), depth=depth)
    return _Array(_name(parts[2]), value)


def _name(element: _Element) -> str:
    return bytes(element.data).decode("latin-1")


def _value(
    parts: list[_Element], shape: tuple[int, ...], order: str, *, flags: int, depth: int
) -> Any:
    """Read what the class asks for; a class that is not read is named."""
    kind = flags & 0xFF
    if kind == _CELL:
        return _cells(parts, shape, order, depth=depth)
    if kind == _STRUCT:
        return _structures(parts, shape, order, depth=depth)
    if kind == _TEXT:
        return _text(parts, shape, order)
    if kind in _CLASSES:
        return _matrix(parts, shape, order, flags=flags)
    return Unread(_NOT_READ.get(kind, f"something of MATLAB's class {kind}"))


def _matrix(parts: list[_Element], shape: tuple[int, ...], order: str, *, flags: int) -> np.ndarray:
    n_parts = 2 if flags & _COMPLEX else 1
    if len(parts) < n_parts:
        raise Mat5Error("an array lacks its values")
    values = [_numbers(part, order) for part in parts[:n_parts]]
    if any(len(part) != prod(shape) for part in values):
        raise Mat5Error(f"an array of {shape} holds {len(values[0])} values")
    with np.errstate(all="ignore"):
        kind = "?" if flags & _LOGICAL else _CLASSES[flags & 0xFF]
        real = values[0].astype(kind).reshape(shape, order="F")
        return real + 1j * values[1].reshape(shape, order="F") if n_parts == 2 else real


def _cells(parts: list[_Element], shape: tuple[int, ...], order: str, *, depth: int) -> np.ndarray:
    if len(parts) != prod(shape) or any(part.kind != _MATRIX for part in parts):
        raise Mat5Error(f"a cell array of {shape} holds {len(parts)} values")
    return _as_objects([_array(part.data, order, depth=depth + 1).value for part in parts], shape)


def _as_objects(values: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    objects = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        objects[index] = value
    return objects.reshape(shape, order="F")


def _structures(
    parts: list[_Element], shape: tuple[int, ...], order: str, *, depth: int
) -> dict[str, Any] | np.ndarray:
    """Read the fields of one structure after another, each in the order of the fields' names."""
    names = _field_names(parts, order)
    values, n_values = parts[2:], len(names) * prod(shape)
    if len(values) != n_values or any(part.kind != _MATRIX for part in values):
        raise Mat5Error(f"a structure of {n_values} values holds {len(values)}")
    if not names:
        return {}
    read = [_array(part.data, order, depth=depth + 1).value for part in values]
    made = [
        dict(zip(names, read[first : first + len(names)], strict=True))
        for first in range(0, n_values, len(names))
    ]
    return made[0] if len(made) == 1 else _as_objects(made, shape)


def _field_names(parts: list[_Element], order: str) -> list[str]:
    """Return the fields' names, each padded with zeros to the length that is given first."""
    length = _numbers(parts[0], order) if len(parts) > 1 else np.empty(0)
    size = int(length[0]) if len(length) == 1 else 0
    letters = bytes(parts[1].data) if len(parts) > 1 else b""
    if size < 1 or len(letters) % size:
        raise Mat5Error("a structure lacks the names of its fields")
    padded = [letters[first : first + size] for first in range(0, len(letters), size)]
    return [name.split(b"\0", 1)[0].decode("latin-1") for name in padded]


def _text(parts: list[_Element], shape: tuple[int, ...], order: str) -> str | list[str]:
    """Return text; of several lines, a list, without the blanks that fill them up."""
    if not parts:
        return ""
    kind, data = parts[0]
    if kind not in _ENCODINGS:
        raise Mat5Error(f"text is stored as type {kind}")
    encoding = _ENCODINGS[kind]
    if encoding == "utf-16":
        encoding += "-le" if order == "<" else "-be"
    letters = bytes(data).decode(encoding, errors="replace")
    if shape[0] < 2 or len(letters) != prod(shape):
        return letters
    return [letters[row :: shape[0]].rstrip() for row in range(shape[0])]  # stored by column


def _numbers(element: _Element, order: str) -> np.ndarray:
    if element.kind not in _NUMBERS:
        raise Mat5Error(f"numbers are stored as type {element.kind}")
    dtype = np.dtype(order + _NUMBERS[element.kind])
    if len(element.data) % dtype.itemsize:
        raise Mat5Error(f"{len(element.data)} bytes are no whole number of {dtype} values")
    return np.frombuffer(element.data, dtype)
