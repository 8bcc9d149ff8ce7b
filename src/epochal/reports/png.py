"""Pictures within a page: an array of levels as an indexed PNG, without a drawing library."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from epochal.reports.colours import palette

N_LEVELS = 64  # more cannot be told apart, and cost bytes
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture_of(values: np.ndarray, *, low: float, high: float) -> str:
    """Return `(n_rows, n_columns)` as a `data:` address; `low` to `high` span the colours.

    The first row is drawn on top. What is not finite is transparent.
    """
    share = (values - low) / max(high - low, 1e-12)
    known = np.isfinite(share)
    levels = np.clip(np.where(known, share, 0) * (N_LEVELS - 1), 0, N_LEVELS - 1).round()
    indices = np.where(known, levels + 1, 0).astype(np.uint8)
    encoded = base64.b64encode(encode_png(indices, palette(N_LEVELS))).decode()
    return f"data:image/png;base64,{encoded}"


def encode_png(indices: np.ndarray, colours: np.ndarray) -> bytes:
    """Return uint8 `(n_rows, n_columns)` as PNG: 0 is transparent, n is `colours[n - 1]`.

    Indexed colour after the PNG specification (ISO/IEC 15948:2004).
    """
    n_rows, n_columns = indices.shape
    header = struct.pack(">IIBBBBB", n_columns, n_rows, 8, 3, 0, 0, 0)
    rows = np.hstack([np.zeros((n_rows, 1), np.uint8), indices])  # 0: the row is not filtered
    table = np.vstack([np.zeros((1, 3), np.uint8), colours])
    return _SIGNATURE + b"".join(
        [
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", table.tobytes()),
            _chunk(b"tRNS", b"\x00"),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
