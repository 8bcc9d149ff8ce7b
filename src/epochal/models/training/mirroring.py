"""What the channels of a head become when left and right are exchanged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from epochal.errors import EpochalError
from epochal.readers.aliases import canonical_name, kind_of

# Odd numbers are left and even ones right (10-20 system), also of mastoids and eyes.
_NUMBERED = re.compile(r"(?<![A-Za-z0-9])(Fp|AF|F|FC|FT|C|CP|T|TP|P|PO|O|M|E|A)(\d{1,2})(?!\d)")
_SIDED = {"LL": "RL", "RL": "LL", "LP": "RP", "RP": "LP"}  # the regions of HMS's spectrograms
_HORIZONTAL = ("EOG horizontal",)  # left eye against right: their difference changes its sign


class Mirror(NamedTuple):
    """Channel i of a mirrored head is channel `order[i]` of the head, times `signs[i]`."""

    order: tuple[int, ...]
    signs: tuple[float, ...]


@lru_cache(maxsize=64)
def mirror_channels(names: tuple[str, ...]) -> Mirror:
    """Return what exchanges left and right among channels of these names.

    `Fp1-F7` becomes `Fp2-F8`, `C3-M2` becomes `C4-M1`, and `C3-C4` itself upside down; the midline,
    and what has no side (EMG, ECG), stays. A channel without its counterpart, or names without any
    side, raise `EpochalError`.
    """
    known = [canonical_name(name) or name for name in names]
    if len(set(known)) < len(known):
        raise EpochalError(
            f"two channels share a derivation, and so a mirror image: {', '.join(names)}"
        )
    found = [_find_mirrored(name, known) for name in known]
    order, signs = (tuple(values) for values in zip(*found, strict=True))
    if order == tuple(range(len(names))) and min(signs) > 0:
        raise EpochalError(f"none of these channels has a left and a right: {', '.join(names)}")
    return Mirror(order, signs)


def mirror_name(name: str) -> str:
    """Return the name of the mirrored derivation, or of what has no side itself."""
    if name in _SIDED:
        return _SIDED[name]
    if kind_of(name) not in ("EEG", "EOG"):
        return name
    return _NUMBERED.sub(_exchange_number, name)


def _exchange_number(electrode: re.Match[str]) -> str:
    number = int(electrode[2])
    return f"{electrode[1]}{number + 1 if number % 2 else number - 1}"


def _find_mirrored(name: str, names: Sequence[str]) -> tuple[int, float]:
    """Return where the mirrored channel is, and −1 where it is there the other way round."""
    if name in _HORIZONTAL:
        return names.index(name), -1.0
    wanted = mirror_name(name)
    if wanted in names:
        return names.index(wanted), 1.0
    kind, _, pair = wanted.rpartition(" ")
    first, _, second = pair.partition("-")
    reversed_name = f"{kind} {second}-{first}".strip()
    if second and reversed_name in names:
        return names.index(reversed_name), -1.0
    raise EpochalError(
        f"left and right cannot be exchanged: '{name}' would be '{wanted}', which is not among the "
        f"channels ({', '.join(names)})"
    )
