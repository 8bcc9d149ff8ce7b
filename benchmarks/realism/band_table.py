"""The columns of the real band-power table, computed from a PSG by the same definitions.

Welch power density (4 s Hann segments, half overlapping) averaged over each band, in µV²/Hz;
standard deviation in µV; Hjorth mobility per sample.
"""

from pathlib import Path

import edfio
import numpy as np
import pandas as pd
from scipy.signal import welch

EPOCH_S = 30
SEGMENT_S = 4
BANDS_HZ = {
    "delta": (0.5, 4),
    "theta": (4, 8),
    "alpha": (8, 13),
    "beta": (13, 30),
    "gamma": (30, 50),
}
CHANNELS = {"fpz_cz": "EEG Fpz-Cz", "pz_oz": "EEG Pz-Oz"}
# The table's mobility has 100 µV² added to the variance (features.sleep_edf_table), so it is not
# compared here.
COLUMNS = [
    f"{channel}_{column}"
    for channel in CHANNELS
    for column in (*(f"{band}_uv2_per_hz" for band in BANDS_HZ), "std_uv")
]
STAGES = {"W": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "R": "REM"}
WAKE_EPOCHS = 60  # 30 min of wake are kept either side of sleep


def read_table(folder: Path) -> pd.DataFrame:
    """Return one row per scored epoch of every night below `folder`, as the real table has them."""
    nights = [night_table(path) for path in sorted(Path(folder).rglob("*-PSG.edf"))]
    return pd.concat(nights, ignore_index=True)


def night_table(path: Path) -> pd.DataFrame:
    recording = path.name[:6]
    hypnogram = next(path.parent.glob(f"{recording}??-Hypnogram.edf"))
    edf = edfio.read_edf(path)
    columns = {"recording_id": recording, "subject_id": recording[:5]}
    for name, label in CHANNELS.items():
        signal = edf.get_signal(label)
        columns |= {f"{name}_{k}": v for k, v in features(signal.data, sfreq=100).items()}
    table = pd.DataFrame(columns)
    stages = read_stages(hypnogram)[: len(table)]
    table.insert(2, "stage", stages)
    return table[table["stage"].notna()].reset_index(drop=True)


def read_stages(path: Path) -> list[str | None]:
    stages: list[str | None] = []
    for note in edfio.read_edf(path).annotations:
        stage = STAGES.get(note.text.removeprefix("Sleep stage "))
        stages += [stage] * round((note.duration or 0) / EPOCH_S)
    return stages


def features(signal: np.ndarray, *, sfreq: int) -> dict[str, np.ndarray]:
    """Return the columns of one channel, a value per epoch."""
    n = EPOCH_S * sfreq
    epochs = signal[: len(signal) // n * n].reshape(-1, n).astype(np.float32)
    freqs, psd = welch(epochs, sfreq, nperseg=SEGMENT_S * sfreq)
    columns = {
        f"{band}_uv2_per_hz": psd[:, (freqs >= low) & (freqs <= high)].mean(axis=1)
        for band, (low, high) in BANDS_HZ.items()
    }
    deviation = epochs.std(axis=1)
    steps = np.diff(epochs, axis=1).std(axis=1)
    return columns | {
        "std_uv": deviation,
        "hjorth_mobility": steps / np.where(deviation > 0, deviation, np.nan),
    }


def cut_wake(table: pd.DataFrame) -> pd.DataFrame:
    """Keep 30 min of wake either side of sleep, as every published comparison does."""
    return pd.concat([_cut(night) for _, night in table.groupby("recording_id", sort=False)])


def _cut(night: pd.DataFrame) -> pd.DataFrame:
    asleep = np.flatnonzero(night["stage"].isin(["N1", "N2", "N3", "REM"]))
    return night.iloc[max(0, asleep[0] - WAKE_EPOCHS) : asleep[-1] + 1 + WAKE_EPOCHS]
