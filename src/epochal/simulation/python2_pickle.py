"""Write pickles as Python 2 did (protocol 2), which is what WESAD's files are.

Python 3 cannot: it writes text as Unicode and an array's bytes as text twice the size. Only what
WESAD holds can be written: dictionaries, ASCII text and numeric arrays. Opcodes after Python's
`pickletools`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
_DTYPE = b"cnumpy\ndtype\n%sK\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def dump_python2(value: Any, file: BinaryIO) -> None:
    """Write nested dictionaries of text and arrays as a Python 2 pickle.

    Raises `TypeError` for anything else.
    """
    file.write(b"\x80\x02")
    _write(value, file)
    file.write(b".")


def _write(value: Any, file: BinaryIO) -> None:
    if isinstance(value, Mapping):
        _write_dict(value, file)
    elif isinstance(value, str):
        _write_bytes(value.encode("ascii"), file)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "if":
        _write_array(value, file)
    else:
        raise TypeError(f"cannot write {type(value).__name__} as WESAD does")


def _write_dict(value: Mapping[str, Any], file: BinaryIO) -> None:
    file.write(b"}(")
    for key, item in value.items():
        _write(key, file)
        _write(item, file)
    file.write(b"u")


def _write_bytes(data: bytes, file: BinaryIO) -> None:
    short = len(data) < 256
    file.write(b"U" + bytes([len(data)]) if short else b"T" + struct.pack("<i", len(data)))
    file.write(data)


def _write_array(array: np.ndarray, file: BinaryIO) -> None:
    code = array.dtype.str[1:].encode("ascii")
    file.write(_ARRAY + b"(K\x01")
    file.write(b"(" + b"".join(b"J" + struct.pack("<i", size) for size in array.shape) + b"t")
    file.write(_DTYPE % (b"U" + bytes([len(code)]) + code) + b"\x89")
    _write_bytes(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes(), file)
    file.write(b"tb")
