"""Sleep statistics of a hypnogram by the AASM manual, each with its definition.

After the AASM Manual for the Scoring of Sleep and Associated Events (Iber et al. 2007 and later
versions), part "parameters to be reported".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from epochal.errors import EpochalError, did_you_mean
from epochal.labels import encode

CLASSES = ("W", "N1", "N2", "N3", "REM")
SLEEP = CLASSES[1:]
WAKE_CODE, REM_CODE = 0, 4
NOT_AVAILABLE = "not available"
# what the manual asks for beside these
NOT_PRODUCED = (
    "Not produced, though the AASM manual asks for them: arousals, respiratory events and oxygen "
    "saturation, limb movements, cardiac events, and the video's findings."
)
_NO_OFF, _NO_ON = "lights off is not known", "lights on is not known"
_NO_SLEEP, _NO_REM = "no epoch of sleep", "no epoch of REM"


class Definition(NamedTuple):
    """What a statistic is called, its unit, and how it is counted."""

    name: str
    unit: str
    text: str


def _of_stage(stage: str) -> dict[str, Definition]:
    return {
        f"{stage.lower()}_min": Definition(stage, "min", f"Minutes scored {stage}."),
        f"{stage.lower()}_percent": Definition(
            f"{stage} share", "%", f"Minutes scored {stage} of 100 minutes of TST."
        ),
    }


DEFINITIONS: dict[str, Definition] = {
    "tib_min": Definition(
        "TIB", "min", "Time in bed: lights off to lights on, whether recorded and scored or not."
    ),
    "tst_min": Definition(
        "TST", "min", "Total sleep time: minutes scored N1, N2, N3 or REM. Unscored is not sleep."
    ),
    "se_percent": Definition("SE", "%", "Sleep efficiency: TST of 100 minutes of TIB."),
    "sol_min": Definition(
        "SOL", "min", "Sleep onset latency: lights off to the first epoch of any sleep stage."
    ),
    "rem_latency_min": Definition(
        "REM latency", "min", "First epoch of sleep (not lights off) to the first epoch of REM."
    ),
    "waso_min": Definition(
        "WASO (AASM)",
        "min",
        "Wake after sleep onset until lights on: TIB − SOL − TST. Wake in bed after the last sleep "
        "counts, and so do unscored minutes after sleep onset.",
    ),
    "spt_min": Definition(
        "SPT", "min", "Sleep period time: first epoch of sleep to the end of the last one."
    ),
    "waso_spt_min": Definition(
        "WASO (SPT)",
        "min",
        "Minutes scored W within the sleep period. Wake after the last sleep and unscored minutes "
        "do not count.",
    ),
    "sme_percent": Definition(
        "Maintenance", "%", "Sleep maintenance efficiency: TST of 100 minutes of SPT."
    ),
    "w_min": Definition(
        "W", "min", "Minutes scored W, those before sleep onset and after the last sleep included."
    ),
    **{key: definition for stage in SLEEP for key, definition in _of_stage(stage).items()},
    "awakenings": Definition(
        "Awakenings",
        "count",
        "Bouts of W within the sleep period, unscored epochs skipped. The final awakening is none.",
    ),
    "transitions": Definition(
        "Transitions",
        "count",
        "Changes of stage from one scored epoch to the very next within the sleep period; changes "
        "across unscored epochs are not counted.",
    ),
    "unscored_min": Definition(
        "Unscored", "min", "Minutes without a stage; of TIB, those that were not recorded included."
    ),
    "artefact_min": Definition(
        "Artefact",
        "min",
        "Minutes of epochs flagged for a fault of the signal. They keep their stage and count as "
        "that stage.",
    ),
}


class SleepStatistics(NamedTuple):
    """Values by the names of `DEFINITIONS`, None where there is none, with the reason."""

    values: dict[str, float | None]
    missing: dict[str, str]


class _Night(NamedTuple):
    """Epochs in bed: stage codes (−1 unscored), when the first begins, and the lights."""

    codes: np.ndarray
    start_s: float
    epoch_s: float
    off_s: float | None
    on_s: float | None

    def minutes(self, n_epochs: int | float) -> float:
        return float(n_epochs) * self.epoch_s / 60.0

    @property
    def tib_min(self) -> float | None:
        if self.off_s is None or self.on_s is None:
            return None
        return (self.on_s - self.off_s) / 60.0


def measure_sleep(
    labels: Sequence[str | None] | pd.Series,
    *,
    epoch_s: float = 30.0,
    lights_off_s: float | None = None,
    lights_on_s: float | None = None,
    artefact: Sequence[bool] | np.ndarray | None = None,
) -> SleepStatistics:
    """Return the statistics of a night, from W, N1, N2, N3, REM or null per epoch.

    Lights are in seconds from the first epoch's start. Epochs whose middle lies outside them are
    left out; without them all epochs count, and TIB, SE, SOL and AASM's WASO are not available.
    Another label, lights in the wrong order, or a bed without any epoch raise `EpochalError`.
    """
    codes = _encode(labels)
    kept = _in_bed(len(codes), epoch_s, lights_off_s, lights_on_s)
    first = int(np.argmax(kept))
    night = _Night(codes[kept], first * epoch_s, epoch_s, lights_off_s, lights_on_s)
    values = {**_durations(night), **_period(night), **_of_bed(night)}
    values["artefact_min"] = None if artefact is None else _artefact(artefact, kept, night)
    ordered = {name: values[name] for name in DEFINITIONS}
    return SleepStatistics(
        ordered, {name: _reason(name, night) for name, value in ordered.items() if value is None}
    )


def tabulate(found: SleepStatistics) -> pd.DataFrame:
    """Return a row per statistic: `statistic, name, value, unit, definition`.

    `value` is null where it is not available, and `definition` begins with the reason.
    """
    rows = [
        {
            "statistic": key,
            "name": definition.name,
            "value": found.values[key],
            "unit": definition.unit,
            "definition": _explained(definition.text, found.missing.get(key)),
        }
        for key, definition in DEFINITIONS.items()
    ]
    return pd.DataFrame(rows).astype({"value": float})


def _explained(text: str, reason: str | None) -> str:
    return text if reason is None else f"{NOT_AVAILABLE.capitalize()}: {reason}. {text}"


def show(value: float | None, unit: str) -> str:
    """Return a value as it is printed: one digit, counts whole, `not available` for None."""
    if value is None:
        return NOT_AVAILABLE
    return f"{value:.0f}" if unit == "count" else f"{value:.1f} {unit}"


def _encode(labels: Sequence[str | None] | pd.Series) -> np.ndarray:
    """Return stage codes, −1 where the label is null; another label raises `EpochalError`."""
    given = pd.Series(labels, dtype=object).reset_index(drop=True)
    if given.empty:
        raise EpochalError("No epochs to take sleep statistics of")
    codes = encode(given, CLASSES)
    unknown = given[(codes < 0) & given.notna().to_numpy()]
    if len(unknown):
        name, row = str(unknown.iloc[0]), int(unknown.index[0])
        raise EpochalError(f"Epoch {row}: '{name}' is no sleep stage{did_you_mean(name, CLASSES)}")
    return codes


def _in_bed(n_epochs: int, epoch_s: float, off_s: float | None, on_s: float | None) -> np.ndarray:
    if off_s is not None and on_s is not None and on_s <= off_s:
        raise EpochalError(f"Lights on at {on_s:g} s is not after lights off at {off_s:g} s")
    middles_s = (np.arange(n_epochs) + 0.5) * epoch_s
    low_s, high_s = -np.inf if off_s is None else off_s, np.inf if on_s is None else on_s
    kept = (middles_s >= low_s) & (middles_s < high_s)
    if not kept.any():
        raise EpochalError(
            f"No epoch between lights off and on ({low_s:g} to {high_s:g} s); there are "
            f"{n_epochs} of {epoch_s:g} s from 0 s"
        )
    return kept


def _durations(night: _Night) -> dict[str, float | None]:
    """Return minutes per stage, their shares of sleep, TST and what was not scored."""
    counts = np.bincount(night.codes[night.codes >= 0], minlength=len(CLASSES))
    n_asleep = int(counts[1:].sum())
    values: dict[str, float | None] = {
        f"{name.lower()}_min": night.minutes(n) for name, n in zip(CLASSES, counts, strict=True)
    }
    for name, n in zip(SLEEP, counts[1:], strict=True):
        values[f"{name.lower()}_percent"] = 100.0 * n / n_asleep if n_asleep else None
    scored_min, whole_min = night.minutes(counts.sum()), night.tib_min
    if whole_min is None:
        whole_min = night.minutes(len(night.codes))
    return {
        **values,
        "tst_min": night.minutes(n_asleep),
        "unscored_min": max(whole_min - scored_min, 0.0),
    }


def _period(night: _Night) -> dict[str, float | None]:
    """Return what is counted between the first and the last epoch of sleep."""
    asleep = np.flatnonzero(night.codes > WAKE_CODE)
    if not len(asleep):
        values = dict.fromkeys(("rem_latency_min", "waso_spt_min", "sme_percent"))
        return {**values, "spt_min": 0.0, "awakenings": 0.0, "transitions": 0.0}
    period = night.codes[asleep[0] : asleep[-1] + 1]
    rem = np.flatnonzero(period == REM_CODE)
    return {
        "spt_min": night.minutes(len(period)),
        "rem_latency_min": night.minutes(rem[0]) if len(rem) else None,
        "waso_spt_min": night.minutes((period == WAKE_CODE).sum()),
        "sme_percent": 100.0 * len(asleep) / len(period),
        "awakenings": float(_count_awakenings(period)),
        "transitions": float(_count_transitions(period)),
    }


def _count_awakenings(period: np.ndarray) -> int:
    awake = period[period >= 0] == WAKE_CODE
    return int((np.diff(awake.astype(int)) == 1).sum())


def _count_transitions(period: np.ndarray) -> int:
    known = (period[:-1] >= 0) & (period[1:] >= 0)
    return int((known & (period[:-1] != period[1:])).sum())


def _of_bed(night: _Night) -> dict[str, float | None]:
    """Return what needs the lights; a latency below zero (half an epoch at most) is zero."""
    asleep = np.flatnonzero(night.codes > WAKE_CODE)
    tib_min, tst_min, sol_min = night.tib_min, night.minutes(len(asleep)), None
    if night.off_s is not None and len(asleep):
        onset_s = night.start_s + asleep[0] * night.epoch_s
        sol_min = max(onset_s - night.off_s, 0.0) / 60.0
    known = tib_min is not None and sol_min is not None
    return {
        "tib_min": tib_min,
        "se_percent": None if tib_min is None else 100.0 * tst_min / tib_min,
        "sol_min": sol_min,
        "waso_min": max(tib_min - sol_min - tst_min, 0.0) if known else None,  # type: ignore[operator]
    }


def _artefact(artefact: Sequence[bool] | np.ndarray, kept: np.ndarray, night: _Night) -> float:
    flagged = np.asarray(artefact, dtype=bool)
    if flagged.shape != kept.shape:
        raise EpochalError(f"{flagged.size} marks of artefacts for {kept.size} epochs")
    return night.minutes((flagged & kept).sum())


def _reason(name: str, night: _Night) -> str:
    """Say why a statistic is not available."""
    if name == "artefact_min":
        return "no flags of signal quality were given"
    needs_off = name in ("tib_min", "se_percent", "sol_min", "waso_min")
    if needs_off and night.off_s is None:
        return _NO_OFF
    if needs_off and name != "sol_min" and night.on_s is None:
        return _NO_ON
    asleep = bool((night.codes > WAKE_CODE).any())
    return _NO_REM if name == "rem_latency_min" and asleep else _NO_SLEEP
