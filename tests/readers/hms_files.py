"""Tiny folders in the layout of the HMS data set, for tests."""

import numpy as np
import pandas as pd

from epochal.readers.hms import CHANNELS
from epochal.readers.hms_spectrogram import REGIONS, column_names

ROW = {
    "eeg_id": 7, "eeg_sub_id": 0, "eeg_label_offset_seconds": 0.0,
    "spectrogram_id": 70, "spectrogram_sub_id": 0, "spectrogram_label_offset_seconds": 0.0,
    "label_id": 700, "patient_id": 42, "expert_consensus": "LPD",
    "seizure_vote": 1, "lpd_vote": 5, "gpd_vote": 0, "lrda_vote": 2, "grda_vote": 0,
    "other_vote": 4,
}  # fmt: skip


def row(**changes):
    return ROW | changes


def eeg(n_samples=10_000):
    """Channel c holds 1000 c + sample number mod 1000."""
    samples = np.arange(n_samples) % 1000
    columns = {name: (1000 * c + samples).astype(np.float32) for c, name in enumerate(CHANNELS)}
    return pd.DataFrame(columns)


def spectrogram(n_frames=300):
    """Frame f of region r at frequency k holds 10000 f + 1000 r + k."""
    frames = np.arange(n_frames)
    columns = {"time": 1 + 2 * frames}
    for r, region in enumerate(REGIONS):
        for k, name in enumerate(column_names(region)):
            columns[name] = (10_000 * frames + 1000 * r + k).astype(np.float32)
    return pd.DataFrame(columns)


def save(folder, rows, *, eegs=None, spectrograms=None, part="train"):
    """Write a table, and a file of each id in it; None as a file leaves it out."""
    rows = pd.DataFrame(rows)
    for kind in ("eegs", "spectrograms"):
        (folder / f"{part}_{kind}").mkdir(parents=True)
    rows.to_csv(folder / f"{part}.csv", index=False)
    files = [("eegs", eegs or {}, "eeg_id", eeg), ("spectrograms", spectrograms or {},
             "spectrogram_id", spectrogram)]  # fmt: skip
    for kind, given, column, default in files:
        for name in rows[column].unique() if column in rows else []:
            frame = given[name] if name in given else default()
            if frame is not None:
                frame.to_parquet(folder / f"{part}_{kind}" / f"{name}.parquet", index=False)
    return folder
