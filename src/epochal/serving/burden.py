"""How much of each pattern a continuous EEG holds, hour by hour, and how often it would alarm.

Burden is the share of the scored time that a pattern takes, the whole and by hour, as minutes of
each hour (Payne et al. 2014, doi:10.1093/brain/awu085, for seizures).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from epochal.labels import encode
from epochal.serving.bundle import Manifest

KINDS = ("icu_eeg",)  # recordings that are told by burden
ALARMING = "Seizure"
FALSE_ALARMS = (
    f"false_alarms_per_hour_{ALARMING}"  # among a bundle's figures, where it was measured
)
HOUR_S = 3600.0
_DIGITS = 4
_NOT_MEASURED = (
    "The rate of false alarms per hour on continuous ICU EEG has not been measured for this "
    "bundle: its figures are of selected windows, whose prevalence is not an ICU's. "
    "Not for alerts."
)


def measure_burden(epochs: pd.DataFrame, manifest: Manifest) -> dict[str, Any] | None:
    """Return the burden of each class; None for recordings that are not told by it.

    `epochs` is the table of results. An epoch stands for one step; it belongs to the hour of its
    middle, counted from the recording's start, and one without a label to none.
    """
    if manifest.recording_kind not in KINDS:
        return None
    ingestion, classes = manifest.ingestion, manifest.classes
    step_s = ingestion.epoch_step_s or ingestion.epoch_length_s
    codes = encode(epochs["label"], classes)
    onsets_s = epochs["onset_s"].to_numpy(dtype=float)
    hours = np.floor((onsets_s + ingestion.epoch_length_s / 2) / HOUR_S).astype(int)
    found = {
        "epoch_length_s": ingestion.epoch_length_s,
        "epoch_step_s": step_s,
        **_shares(codes, classes, step_s),
        "by_hour": [
            {"hour": int(hour), **_shares(codes[hours == hour], classes, step_s)}
            for hour in np.unique(hours)
        ],
    }
    if ALARMING in classes:
        alarming = codes == classes.index(ALARMING)
        found["alarms"] = _count_alarms(alarming, onsets_s, step_s, found["scored_minutes"])
        found["alarms"] |= _false_alarms(manifest)
    return found


def tell_burden(burden: dict[str, Any]) -> list[str]:
    """Return the burden in lines to print."""
    minutes = burden["minutes_per_hour"].items()
    most = ", ".join(f"{name} {value:.1f}" for name, value in minutes if value)
    lines = [f"burden in minutes per hour: {most or 'nothing scored'}"]
    if alarms := burden.get("alarms"):
        lines.append(f"{alarms['n']} {ALARMING} alarms, {alarms['per_hour']:.2f} per hour")
        lines.append(alarms["note"])
    return lines


def burden_columns(burden: dict[str, Any] | None) -> dict[str, float]:
    """Return a burden as columns of the table of all recordings; none without one."""
    if burden is None:
        return {}
    columns = {
        f"minutes_per_hour_{name}": value for name, value in burden["minutes_per_hour"].items()
    }
    alarms = burden.get("alarms")
    return columns | ({"alarms_per_hour": alarms["per_hour"]} if alarms else {})


def _shares(codes: np.ndarray, classes: tuple[str, ...], step_s: float) -> dict[str, Any]:
    """Return the scored minutes, and of each class its minutes, share and minutes per hour."""
    counts = np.bincount(codes[codes >= 0], minlength=len(classes))
    n_scored = int(counts.sum())
    shares = counts / n_scored if n_scored else np.zeros(len(classes))
    return {
        "scored_minutes": round(n_scored * step_s / 60, _DIGITS),
        "minutes": _named(counts * step_s / 60, classes),
        "share": _named(shares, classes),
        "minutes_per_hour": _named(shares * 60, classes),
    }


def _named(values: np.ndarray, classes: tuple[str, ...]) -> dict[str, float]:
    named = zip(classes, values, strict=True)
    return {name: round(float(value), _DIGITS) for name, value in named}


def _count_alarms(
    alarming: np.ndarray, onsets_s: np.ndarray, step_s: float, scored_minutes: float
) -> dict[str, Any]:
    """Count the stretches of alarming epochs without a break: an alarm each."""
    follows = np.zeros(len(alarming), dtype=bool)
    follows[1:] = alarming[:-1] & (np.diff(onsets_s) <= 1.5 * step_s)
    n = int((alarming & ~follows).sum())
    per_hour = 60 * n / scored_minutes if scored_minutes else 0.0
    return {"class": ALARMING, "n": n, "per_hour": round(per_hour, _DIGITS)}


def _false_alarms(manifest: Manifest) -> dict[str, Any]:
    rate = manifest.metrics.get(FALSE_ALARMS)
    if not isinstance(rate, (int, float)) or isinstance(rate, bool):
        return {"false_per_hour": None, "note": _NOT_MEASURED}
    told = f"{rate:.2f} false alarms per hour on the study's own {manifest.data_source} recordings"
    return {"false_per_hour": float(rate), "note": f"Of these expect {told}. Not for alerts."}
