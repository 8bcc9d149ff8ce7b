"""HMS's spectrograms: multitaper power of four chains of electrodes, one row every 2 s.

Each value is the mean over a chain's four bipolar derivations of the power in µV²/Hz of 4 s around
the row's time; how to compute it from EEG is in `signals.spectrogram`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from epochal.errors import RecordingError
from epochal.readers.float32 import as_float32
from epochal.readers.parquet import read_parquet

REGIONS = ("LL", "RL", "LP", "RP")  # left and right lateral, left and right parasagittal
N_FREQUENCIES = 100
N_FRAMES = 300
FRAME_STEP_S = 2.0
FIRST_FRAME_S = 1.0
FREQUENCIES_HZ = np.arange(3, 3 + N_FREQUENCIES) * 200 / 1024  # 0.59 … 19.92 Hz


class Spectrogram:
    """A spectrogram file: its frames' times, and the power `(n_frames, 4, 100)` in them."""

    def __init__(self, path: str | Path) -> None:
        """Read the file; a missing column or times off the 2 s grid raise `RecordingError`."""
        frame = read_parquet(path)
        self.path = path
        self.frames = _frame_numbers(path, frame)
        self.power = np.stack(
            [_power(path, frame, region) for region in REGIONS], axis=1
        )  # (n_frames, 4, 100)

    def window(self, offset_s: float) -> tuple[np.ndarray, int]:
        """Return the 10 min from `offset_s` on, `(4, 100, 300)`, and how many frames are missing.

        A missing frame is NaN. An offset between two frames means the earlier one. A window
        without any frame raises `RecordingError`.
        """
        wanted = int(offset_s // FRAME_STEP_S) + np.arange(N_FRAMES)
        position = np.searchsorted(self.frames, wanted)
        position = np.minimum(position, len(self.frames) - 1)
        found = self.frames[position] == wanted
        if not found.any():
            raise RecordingError(
                self.path,
                f"no frame in the window at {offset_s:g} s: the file holds "
                f"{len(self.frames)} frames to {_seconds(self.frames[-1]):g} s",
            )
        window = np.full((N_FRAMES, len(REGIONS), N_FREQUENCIES), np.nan, dtype=np.float32)
        window[found] = self.power[position[found]]
        return window.transpose(1, 2, 0), int(N_FRAMES - found.sum())


def column_names(region: str) -> list[str]:
    """Name a region's columns as the data set does: `LL_0.59` … `LL_4.1` … `LL_19.92`."""
    return [f"{region}_{round(float(frequency), 2)}" for frequency in FREQUENCIES_HZ]


def _seconds(frame: int) -> float:
    return FIRST_FRAME_S + FRAME_STEP_S * frame


def _frame_numbers(path: str | Path, frame: pd.DataFrame) -> np.ndarray:
    """Return how many steps of 2 s each row lies after 1 s."""
    if "time" not in frame:
        raise RecordingError(path, f"no column 'time'; it has: {', '.join(map(str, frame))[:80]}…")
    if frame.empty:
        raise RecordingError(path, "it has no rows")
    times_s = pd.to_numeric(frame["time"], errors="coerce").to_numpy(dtype=float)
    steps = (times_s - FIRST_FRAME_S) / FRAME_STEP_S
    if not (steps % 1 == 0).all() or (np.diff(steps) <= 0).any() or steps[0] < 0:
        raise RecordingError(path, "column 'time' is not ascending in steps of 2 s from 1 s")
    return steps.astype(int)


def _power(path: str | Path, frame: pd.DataFrame, region: str) -> np.ndarray:
    names = column_names(region)
    missing = [name for name in names if name not in frame]
    if missing:
        raise RecordingError(
            path, f"no column '{missing[0]}' ({len(missing)} of {region}'s 100 are missing)"
        )
    try:
        return as_float32(frame[names].to_numpy(dtype=None))
    except (TypeError, ValueError) as error:
        raise RecordingError(
            path, f"columns {region}_… hold something else than numbers"
        ) from error
