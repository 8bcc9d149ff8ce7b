"""Faults that a window can be tried for: a channel's gain, two channels that changed places.

Both are known maps of the features, so that they can be undone: where that makes a window much
more like the reference than it was, the fault is the likelier story.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
from pydantic import Field

from epochal.options.base import Options

GAINS = (2.0, 0.5)
# units in the names of a table's columns, and the power of a gain that they follow
_UNITS = {r"_uv2(?:_per_hz)?$": 2.0, r"_[um]?v$": 1.0, r"_us$": 1.0, r"_g$": 1.0}
_FEWEST = 4  # features that two signals share before a swap is tried


class Fault(Options):
    """What a fault does to features: they come from another one, times a factor, plus a shift."""

    name: str
    factors: dict[str, float] = Field(default_factory=dict)
    shifts: dict[str, float] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)

    def joined(self, other: Fault) -> Fault:
        """Return what both do, under this one's name."""
        return Fault(
            name=self.name,
            factors=self.factors | other.factors,
            shifts=self.shifts | other.shifts,
            sources=self.sources | other.sources,
        )

    def undo(self, quantiles: np.ndarray, names: list[str]) -> np.ndarray:
        """Return the quantiles `(…, n_quantiles, n_features)` as they were without the fault."""
        places = {name: place for place, name in enumerate(names)}
        factors = np.array([self.factors.get(name, 1.0) for name in names])
        shifts = np.array([self.shifts.get(name, 0.0) for name in names])
        order = [places[self.sources.get(name, name)] for name in names]
        return np.asarray(((quantiles - shifts) / factors)[..., order])


def list_swaps(names: list[str], signals: tuple[str, ...]) -> Iterator[Fault]:
    """Yield a swap for each two signals of the same features."""
    kinds = {signal: _kinds(names, signal) for signal in signals}
    for one, other in combinations(signals, 2):
        shared = [kind for kind in kinds[one] if kind in kinds[other]]
        if len(shared) >= _FEWEST:
            pairs = {f"{one}_{kind}": f"{other}_{kind}" for kind in shared}
            back = {there: here for here, there in pairs.items()}
            yield Fault(name=f"{one} and {other} swapped", sources=pairs | back)


def list_gains(responses: Mapping[str, Fault]) -> Iterator[Fault]:
    """Yield the gains of each signal, and of all of them together, from responses to a doubling."""
    of_all = Fault(
        name="all signals",
        factors={k: v for fault in responses.values() for k, v in fault.factors.items()},
        shifts={k: v for fault in responses.values() for k, v in fault.shifts.items()},
    )
    for response in [*responses.values(), *([of_all] if len(responses) > 1 else [])]:
        for gain in GAINS:
            power = np.log2(gain)
            yield Fault(
                name=f"{response.name} times {gain:g}",
                factors={name: value**power for name, value in response.factors.items()},
                shifts={name: value * power for name, value in response.shifts.items()},
            )


def responses_by_unit(names: list[str], signals: tuple[str, ...]) -> dict[str, Fault]:
    """Return what a doubling does to each signal's columns, as the units in their names say."""
    factors = {
        name: 2.0**power
        for name in names
        for unit, power in _UNITS.items()
        if re.search(unit, name)
    }
    found = {
        signal: Fault(
            name=signal,
            factors={name: value for name, value in factors.items() if _is_of(name, signal)},
        )
        for signal in signals
    }
    return {signal: fault for signal, fault in found.items() if fault.factors}


def guess_signals(names: list[str]) -> tuple[str, ...]:
    """Return the prefixes that several columns share with one set of endings, as of a table.

    Of `fpz_cz_std_uv`, `fpz_cz_skewness`, `eog_std_uv`, `eog_skewness`: `fpz_cz` and `eog`.
    """
    endings: dict[str, set[str]] = {}
    for name in names:
        for cut in (place for place, letter in enumerate(name) if letter == "_"):
            endings.setdefault(name[:cut], set()).add(name[cut + 1 :])
    alike = {
        one: kinds
        for one, kinds in endings.items()
        if len(kinds) >= _FEWEST
        and any(kinds == others for other, others in endings.items() if other != one)
    }
    whole = [one for one in alike if not any(_is_of(one, other) for other in alike)]
    return tuple(sorted(whole))


def _kinds(names: list[str], signal: str) -> list[str]:
    return [name.removeprefix(f"{signal}_") for name in names if _is_of(name, signal)]


def _is_of(name: str, signal: str) -> bool:
    return name.startswith(f"{signal}_")
