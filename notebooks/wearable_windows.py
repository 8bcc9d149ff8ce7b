"""What the notebook on wearable preprocessing shows: windows, beats, 35 Hz, and pictures."""

from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.signal import resample_poly

from epochal.features.beats import find_r_peaks
from epochal.options.ingestion import IngestionOptions
from epochal.plots import COLOURS
from epochal.readers import reader
from epochal.recording import Channel, Recording
from epochal.signals.epoching import cut_epochs, index_epochs
from epochal.simulation.cohort import write_cohort
from epochal.snapshots import draw_snapshot

WINDOW_S, STEP_S = 60, 30
NETWORK_HZ = 35.0
INGESTION = IngestionOptions(
    source="files",
    path=".",
    reader="wesad",
    simulator="wearable",
    simulated_path=".",
    epoch_length_s=WINDOW_S,
    epoch_step_s=STEP_S,
)
WATCHED = {"chest": ("ECG", "EDA", "RESP"), "wrist": ("BVP", "EDA", "TEMP")}
# A session in a tenth of its time; respiban's text file is not read.
COHORT = {"layout": "wesad", "n_subjects": 2, "tempo": 0.12, "respiban_s": 0.0, "seed": 1}


def get_recordings(real: str | Path | None, *, device: str, simulated: Path) -> list[Recording]:
    """Read the chests or wrists of the real data, or of a cohort that is simulated once."""
    if real is None:
        write_cohort("wearable", simulated, COHORT)
    wesad = reader("wesad")
    options = wesad.Options(device=device)
    return [wesad.read(s, options) for s in wesad.find(Path(real or simulated), options)]


def describe(recordings: list[Recording]) -> pd.DataFrame:
    """Return one row per channel of each device."""
    rows = [
        {"device": recording.metadata["device"], "channel": channel.name, "Hz": channel.sfreq,
         "unit": channel.unit, "lowest": channel.data.min(), "highest": channel.data.max(),
         "data": recording.data_source}
        for recording in recordings
        for channel in recording.channels
    ]  # fmt: skip
    keys = ["device", "channel", "Hz", "unit", "data"]
    return pd.DataFrame(rows).groupby(keys, sort=False).agg({"lowest": "min", "highest": "max"})


def lay_windows(recordings: list[Recording]) -> pd.DataFrame:
    """Return the windows of all recordings, with labels, quality flags and index."""
    device = "chest" if "ECG" in recordings[0].channel_names else "wrist"
    quality = INGESTION.quality.model_copy(update={"channels": WATCHED[device]})
    options = INGESTION.model_copy(update={"quality": quality})
    return pd.concat([index_epochs(r, options) for r in recordings], ignore_index=True)


def labelled(recording: Recording, epochs: pd.DataFrame) -> pd.DataFrame:
    own = epochs[epochs["recording_id"] == recording.recording_id]
    return own[own["label"].notna()]


def count_labels(epochs: pd.DataFrame) -> pd.DataFrame:
    return pd.crosstab(epochs["label"].fillna("(none)"), epochs["subject_id"])


def describe_quality(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return the share of windows with each fault, and the median index, by subject."""
    flags = [name for name in epochs if name.startswith("quality_")]
    table = epochs.groupby("subject_id")[flags].mean().astype(float).round(3)
    return table.assign(median_sqi=epochs.groupby("subject_id")["sqi"].median().round(3))


# --- Beats ----------------------------------------------------------------------------------------
def compare_beats(recording: Recording, epochs: pd.DataFrame) -> pd.DataFrame:
    """Return heart rate and RMSSD of the labelled windows' ECG, native and at 35 Hz."""
    native = recording.channel("ECG")
    rows = labelled(recording, epochs)
    tables = [
        measure_beats(channel, rows).assign(rate=f"{channel.sfreq:g} Hz")
        for channel in (native, resample(native, NETWORK_HZ))
    ]
    return pd.concat(tables)


def measure_beats(ecg: Channel, rows: pd.DataFrame) -> pd.DataFrame:
    found = find_r_peaks(cut_epochs(ecg, rows["onset_s"], WINDOW_S), ecg.sfreq)
    return pd.DataFrame(
        {
            "label": rows["label"].to_numpy(),
            "heart rate [1/min]": [60 / np.mean(beats.trusted_s) for beats in found],
            "RMSSD [ms]": [1000 * np.sqrt(np.mean(beats.successive_s**2)) for beats in found],
        },
        index=rows["epoch"].to_numpy(),
    )


def draw_beats(beats: pd.DataFrame, *, source: str) -> None:
    """Draw each window's heart rate and RMSSD at 35 Hz against those at the native rate."""
    native, network = beats["rate"].unique()
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for axes, column in zip(panels, ["heart rate [1/min]", "RMSSD [ms]"], strict=True):
        x, y = (beats.loc[beats["rate"] == rate, column] for rate in (native, network))
        axes.plot(x, y, "o", markersize=4)
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        axes.plot(ends, ends, color="gray", linewidth=0.8)
        axes.set(xlabel=f"from {native}", ylabel=f"from {network}", title=column)
    sign(figure, source)


# --- 35 Hz ----------------------------------------------------------------------------------------
def resample(channel: Channel, sfreq: float) -> Channel:
    """Return a channel at another rate: polyphase, anti-aliased, its first sample in place."""
    ratio = Fraction(sfreq / channel.sfreq).limit_denominator(1000)
    data = np.asarray(channel.data, dtype=np.float64)
    raised = resample_poly(data, ratio.numerator, ratio.denominator, padtype="line")
    return Channel(
        channel.name, channel.unit, sfreq, raised.astype(np.float32), start_s=channel.start_s
    )


def share_that_survives(hz: float) -> float:
    """Return how much of a sine of 700 Hz is left at 35 Hz, as a share of its amplitude."""
    time_s = np.arange(0, WINDOW_S, 1 / 700)
    sine = Channel("sine", "", 700.0, np.sin(2 * np.pi * hz * time_s).astype(np.float32))
    middle = resample(sine, NETWORK_HZ).data[200:-200]
    return float(middle.std() * np.sqrt(2))


def make_windows(recording: Recording, epochs: pd.DataFrame) -> np.ndarray:
    """Return the labelled windows of all channels, float32 `(n_windows, n_channels, 2100)`."""
    onsets_s = labelled(recording, epochs)["onset_s"]
    channels = [resample(channel, NETWORK_HZ) for channel in recording.channels]
    return np.stack([cut_epochs(channel, onsets_s, WINDOW_S) for channel in channels], axis=1)


# --- Pictures -------------------------------------------------------------------------------------
def draw_course(recording: Recording, epochs: pd.DataFrame) -> None:
    """Draw skin conductance over the session, with its conditions and the windows below."""
    channel = recording.channel("EDA")
    figure, axes = plt.subplots(figsize=(11, 3), layout="constrained")
    every = max(1, round(channel.sfreq / 4))
    minutes = np.arange(0, len(channel.data), every) / channel.sfreq / 60
    axes.plot(minutes, channel.data[::every], color="black", linewidth=0.8)
    for colour, (label, own) in zip(COLOURS, recording.annotations.groupby("label"), strict=False):
        for onset_s, length_s in zip(own["onset_s"], own["duration_s"], strict=True):
            axes.axvspan(onset_s / 60, (onset_s + length_s) / 60, color=colour, alpha=0.25)
        axes.plot([], [], color=colour, alpha=0.5, linewidth=8, label=label)
    axes.legend(loc="upper right", ncols=4)
    n_windows = len(labelled(recording, epochs))
    title = f"{recording.recording_id}: skin conductance, {n_windows} labelled windows"
    axes.set(xlabel="Minutes", ylabel=f"EDA [{channel.unit}]", title=title)
    sign(figure, recording.data_source)


def draw_minute(recording: Recording, epochs: pd.DataFrame) -> Figure:
    own = epochs[epochs["recording_id"] == recording.recording_id]
    return draw_snapshot(recording, own, length_s=WINDOW_S)


def draw_window(windows: np.ndarray, recording: Recording, epochs: pd.DataFrame) -> None:
    """Draw the middle window as a network is given it."""
    middle = len(windows) // 2
    n_channels = windows.shape[1]
    figure, panels = plt.subplots(n_channels, 1, figsize=(11, 1.1 * n_channels), sharex=True,
                                  layout="constrained")  # fmt: skip
    time_s = np.arange(windows.shape[2]) / NETWORK_HZ
    for axes, channel, values in zip(panels, recording.channels, windows[middle], strict=True):
        axes.plot(time_s, values, linewidth=0.7)
        axes.set_ylabel(f"{channel.name}\n[{channel.unit}]", fontsize="small")
    panels[-1].set_xlabel("Seconds")
    label = labelled(recording, epochs)["label"].iloc[middle]
    figure.suptitle(f"{recording.recording_id}, one window at {NETWORK_HZ:g} Hz: {label}")
    sign(figure, recording.data_source)


def sign(figure: Figure, source: str) -> None:
    """Write what the data are under a figure."""
    figure.text(0.5, -0.03, f"Data: {source}. Research use only.", ha="center", color="dimgray")
