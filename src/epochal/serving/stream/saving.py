"""A stream's state as bytes: JSON and plain arrays (npz), no pickle."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np

from epochal.errors import EpochalError
from epochal.serving.stream.chains import Arrays

STATE_VERSION = 1
MOST_BYTES = 256 * 1024 * 1024
_HEADER = "header"


def pack_state(header: dict[str, Any], arrays: Arrays) -> bytes:
    """Return a state as bytes; more than 256 MiB of it raise `EpochalError`."""
    text = json.dumps({"state_version": STATE_VERSION, **header})
    given = {_HEADER: np.frombuffer(text.encode(), dtype=np.uint8), **arrays}
    if sum(array.nbytes for array in given.values()) > MOST_BYTES:
        raise EpochalError(f"The stream's state is larger than {MOST_BYTES // 2**20} MiB")
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **given)
    return packed.getvalue()


def unpack_state(state: bytes, *, fingerprint: str) -> tuple[dict[str, Any], Arrays]:
    """Return the header and the arrays of a state, checked against the bundle's fingerprint."""
    try:
        header, arrays = _read(state)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise EpochalError("Not the state of a stream") from error
    version = header.get("state_version")
    if version != STATE_VERSION:
        raise EpochalError(f"A stream's state of format {version}; this reads {STATE_VERSION}")
    if header.get("fingerprint") != fingerprint:
        raise EpochalError(
            "The stream's state is of another bundle, or of this one before it changed: begin anew"
        )
    return header, arrays


def _read(state: bytes) -> tuple[dict[str, Any], Arrays]:
    with zipfile.ZipFile(io.BytesIO(state)) as packed:
        size = sum(one.file_size for one in packed.infolist())
    if size > 2 * MOST_BYTES:  # what a small file may unfold to
        raise ValueError("too large")
    with np.load(io.BytesIO(state), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(arrays.pop(_HEADER).tobytes())
    if not isinstance(header, dict):
        raise ValueError("no header")
    return header, arrays
