"""What is known of an epoch beside its signals: who it is of, and when."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.errors import RecordingError
from epochal.recording import Recording

DAY_S = 86_400.0


def demographics(recording: Recording, epochs: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return age in years and sex (0 female, 1 male); NaN where the recording does not say."""
    age = recording.metadata.get("age")
    sex = {"F": 0.0, "M": 1.0}.get(str(recording.metadata.get("sex")), np.nan)
    age_years = np.nan if age is None else float(age)
    return {
        "demographics_age_years": np.full(len(epochs), age_years, dtype=np.float32),
        "demographics_sex": np.full(len(epochs), sex, dtype=np.float32),
    }


def clock(recording: Recording, epochs: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return hours since the recording began, and the time of day on a circle (NaN if unknown)."""
    onset_s = epochs["onset_s"].to_numpy(dtype=float)
    start = recording.start
    began_s = np.nan if start is None else start.hour * 3600 + start.minute * 60 + start.second
    angle = 2 * np.pi * (began_s + onset_s) / DAY_S
    return {
        "clock_recording_h": onset_s / 3600,
        "clock_day_sin": np.sin(angle),
        "clock_day_cos": np.cos(angle),
    }


def light(recording: Recording, epochs: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return 1 where the lights are on when the epoch begins, else 0, by a cycle of 24 hours.

    Metadata `lights_on_s` and `lights_off_s` are seconds from the recording's start; a recording
    that has but one of them raises `RecordingError`, one with neither has NaN.
    """
    on_s, off_s = (recording.metadata.get(f"lights_{which}_s") for which in ("on", "off"))
    if (on_s is None) != (off_s is None):
        raise RecordingError(
            recording.recording_id, "metadata has one of lights_on_s and lights_off_s, not both"
        )
    if on_s is None or off_s is None:
        return {"light_on": np.full(len(epochs), np.nan)}
    since_on_s = (epochs["onset_s"].to_numpy(dtype=float) - float(on_s)) % DAY_S
    return {"light_on": (since_on_s < (float(off_s) - float(on_s)) % DAY_S).astype(float)}
