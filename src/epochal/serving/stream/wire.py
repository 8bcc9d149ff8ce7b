"""Binary messages of samples: little-endian blocks, each of one channel.

A message is any number of blocks. A block is a header of 16 bytes, then its samples as float32:

| bytes | type | meaning |
|---|---|---|
| 0–1 | uint16 | the channel: its place in the list that the server answered `start` with |
| 2–3 | uint16 | 0 |
| 4–7 | uint32 | how many samples follow |
| 8–15 | uint64 | the number of the first of them, counted from the channel's start, gaps included |
| 16– | float32 | the samples; NaN is a missing one |
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from epochal.errors import EpochalError

_HEADER = struct.Struct("<HHIQ")


class Placed(NamedTuple):
    """Samples of a channel, and the number of the first of them."""

    channel: str
    position: int
    samples: np.ndarray


def encode_blocks(
    samples: Mapping[str, np.ndarray], positions: Mapping[str, int], names: Sequence[str]
) -> bytes:
    """Return a message with a block for each channel of `samples`; `names` is the server's list."""
    parts = []
    for name, given in samples.items():
        data = np.ascontiguousarray(given, dtype="<f4")
        parts += [_HEADER.pack(names.index(name), 0, len(data), positions[name]), data.tobytes()]
    return b"".join(parts)


def decode_blocks(message: bytes, names: Sequence[str]) -> list[Placed]:
    """Return the blocks of a message; one that is no such message raises `EpochalError`."""
    blocks, at = [], 0
    while at < len(message):
        if len(message) - at < _HEADER.size:
            raise EpochalError(
                f"A block's header has {_HEADER.size} bytes; {len(message) - at} came"
            )
        number, zero, n_samples, position = _HEADER.unpack_from(message, at)
        at += _HEADER.size
        if zero or number >= len(names):
            raise EpochalError(
                f"A block names channel {number} (and {zero} for 0); there are {len(names)}, from 0"
            )
        if len(message) - at < 4 * n_samples:
            raise EpochalError(
                f"Channel '{names[number]}': {n_samples} samples announced, "
                f"{(len(message) - at) // 4} came"
            )
        samples = np.frombuffer(message, dtype="<f4", count=n_samples, offset=at)
        blocks.append(Placed(names[number], position, samples))
        at += 4 * n_samples
    return blocks


def join_blocks(blocks: Sequence[Placed], received: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Return what of the blocks is new, by channel.

    What was received before is left out, as after a reconnection; samples that lie beyond the next
    one raise `EpochalError`: some are lost, or a gap was not declared.
    """
    ends = dict(received)
    parts: dict[str, list[np.ndarray]] = {}
    for channel, position, samples in blocks:
        expected = ends[channel]
        if position > expected:
            raise EpochalError(
                f"Channel '{channel}': sample {position} came, {expected} is the next one; send "
                "from there, or declare the gap"
            )
        new = samples[expected - position :]
        ends[channel] += len(new)
        parts.setdefault(channel, []).append(new)
    return {channel: np.concatenate(given) for channel, given in parts.items()}
