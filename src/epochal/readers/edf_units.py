"""Units of an EDF: their spellings, and voltages whose declared unit cannot be the true one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from epochal.errors import RecordingError
from epochal.readers.aliases import kind_of

MICROVOLTS = {"nV": 1e-3, "uV": 1.0, "mV": 1e3, "V": 1e6}  # one of each in microvolts
NAMES_IN_WORDS = {"uV": "microvolts", "mV": "millivolts", "V": "volts"}
PREFIXES = {
    "": "V", "n": "nV", "nano": "nV", "u": "uV", "mu": "uV", "micro": "uV", "m": "mV",
    "milli": "mV",
}  # fmt: skip
# Cut to the field's eight characters, too; a bare `vol` is a volume. What is not ASCII before a
# `v` is a micro sign, of either code point or spoilt.
_VOLTS = re.compile(r"(?!vol$)(nano|micro|milli|mu|[num]|[^\x00-\x7f]{1,2})?v(?:ol(?:ts?)?)?")
SPELLINGS = {
    "c": "degC", "°c": "degC", "degc": "degC", "degreec": "degC", "deg c": "degC",
    "celsius": "degC", "us": "uS", "µs": "uS", "μs": "uS", "g": "g",
}  # fmt: skip
# Units of what is made of a body's voltage, or of no voltage: their size tells no voltage's unit.
NO_VOLTAGES = {"degc", "us", "g", "bpm", "hz", "db", "s", "ms", "rad", "ohm", "kohm", "boolean"}
_MADE_OF = re.compile(r"[%/^²]|\d$")  # %, 1/min, uV/m, uV^2, uV²/Hz, uV2

# The spread of four seconds of EEG, EOG, EMG or ECG: amplifier noise at the low end (a shorted
# input has 0.1-0.5 uV), the input range of clinical amplifiers (5 mV) at the high end.
PLAUSIBLE_UV = (0.1, 5000.0)
NARROW_UV = 30.0  # a range that would clip any EEG: the range itself is in another unit
# Read as numbers, the same spreads overlap in no unit: from 1 uV to 1 mV in each.
RAW_SPREADS = {"V": (1e-6, 1e-3), "mV": (1e-3, 1.0), "uV": (1.0, 5000.0)}
SLOWEST_HZ = 32.0  # below it a channel holds an envelope, as the cassette's EMG does
PIECE_S, N_PIECES = 4.0, 200


class Scale(NamedTuple):
    """How a channel's numbers come to its unit: multiply by `factor`."""

    unit: str
    factor: float


def parse_unit(declared: str) -> Scale:
    """Return the canonical unit of a spelling; voltages all become microvolts.

    Any two bytes of mojibake before a `V` are a micro sign. Unknown units stay as they are.
    """
    text = declared.strip().lower()
    voltage = _VOLTS.fullmatch(text)
    if voltage:
        return Scale("uV", MICROVOLTS[PREFIXES.get(voltage[1] or "", "uV")])
    return Scale(SPELLINGS.get(text, declared.strip()), 1.0)


def measure_spread(data: np.ndarray, sfreq: float) -> float | None:
    """Return the median standard deviation of four-second pieces, or None for a flat channel.

    Pieces keep drift and offsets out of it, as those of an amplifier coupled to direct current.
    """
    length = max(min(round(PIECE_S * sfreq), len(data)), 1)
    starts = np.unique(np.linspace(0, len(data) - length, N_PIECES).astype(int))
    spreads = np.array([np.std(data[start : start + length], dtype=float) for start in starts])
    moving = spreads[np.isfinite(spreads) & (spreads > 0)]
    return float(np.median(moving)) if len(moving) else None


def needs_settling(name: str, unit: str, sfreq: float) -> bool:
    """Say whether a channel's amplitude can be judged: a voltage of the body, fast enough.

    A unit that is not known is taken for a voltage's, as none is.
    """
    no_voltage = unit.lower() in NO_VOLTAGES or _MADE_OF.search(unit)
    return kind_of(name) is not None and not no_voltage and sfreq >= SLOWEST_HZ


def settle_unit(
    path: Path, *, name: str, declared: str, raw_spread: float | None, raw_half_range: float
) -> tuple[float, str]:
    """Return the true microvolts per number and a sentence on it (empty where nothing was wrong).

    The spread and the half range are in the numbers of the file. An amplitude that fits the
    declared unit, or a flat channel, is believed; one that can only be volts, millivolts or
    microvolts is converted; any other raises `RecordingError`.
    """
    unit = _written_unit(declared)
    factor = MICROVOLTS.get(unit or "uV", 1.0)
    if raw_spread is None:
        return factor, ""
    spread_uv = raw_spread * factor
    if unit and PLAUSIBLE_UV[0] <= spread_uv <= PLAUSIBLE_UV[1]:
        return factor, ""
    if unit and spread_uv < PLAUSIBLE_UV[0] and raw_half_range * factor >= NARROW_UV:
        return factor, f"channel '{name}' is nearly flat ({spread_uv:.2g} uV)"
    true_unit = _guess_unit(raw_spread)
    if true_unit is None or true_unit == unit:
        raise RecordingError(
            path,
            f"channel '{name}', field 'physical dimension' ('{declared}'): a typical amplitude of "
            f"{raw_spread:.2g} is plausible in neither volts, millivolts nor microvolts",
        )
    unknown = f"in an unknown unit ('{declared}')" if declared.strip() else "without a unit"
    says = f"declared {unit}" if unit else unknown
    sentence = f"channel '{name}': {says}, but a typical amplitude of {raw_spread:.2g} can only be "
    return MICROVOLTS[true_unit], f"{sentence}{NAMES_IN_WORDS[true_unit]}; converted to uV"


def _written_unit(declared: str) -> Literal["nV", "uV", "mV", "V"] | None:
    scale = parse_unit(declared)
    units = [unit for unit, factor in MICROVOLTS.items() if factor == scale.factor]
    return units[0] if scale.unit == "uV" else None  # type: ignore[return-value]


def _guess_unit(raw_spread: float) -> str | None:
    for unit, (low, high) in RAW_SPREADS.items():
        if low <= raw_spread < high:
            return unit
    return None
