"""What the two Sleep-EDFx notebooks share: nights read, their epochs and features, and pictures.

Every picture says whether its nights are real or simulated.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.signal import welch

from epochal.features.extraction import extract_features
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.plots import COLOURS
from epochal.readers import reader
from epochal.recording import Recording
from epochal.signals.epoching import cut_epochs, index_epochs
from epochal.simulation.cohort import write_cohort

STAGES = ["W", "N1", "N2", "N3", "REM"]
COLOUR_OF = dict(zip(STAGES, [COLOURS[i] for i in (0, 1, 2, 3, 5)], strict=True))
EEG = {"fpz_cz": "EEG Fpz-Cz", "pz_oz": "EEG Pz-Oz"}
EPOCH_S = 30
INGESTION = IngestionOptions(
    source="files",
    path=".",
    reader="sleep_edfx",
    simulator="sleep",
    simulated_path=".",
    epoch_length_s=EPOCH_S,
    trim={"label": "W", "margin_s": 1800},
    quality={"channels": [*EEG.values(), "EOG horizontal"]},
)
SIGNAL = {"band_hz": (0.3, 35), "features": ("band_power", "statistics", "hjorth")}
FEATURES = FeatureOptions(
    signals={
        **{name: {"channels": (channel,), **SIGNAL} for name, channel in EEG.items()},
        "eog": {"channels": ("EOG horizontal",), **SIGNAL},
        "emg": {"channels": ("EMG submental",), "features": ("level",), "envelope": True},
    },
    context={"causal_epochs": (5, 15)},
)
COMPARED = ["log_delta", "log_theta", "log_alpha", "log_sigma", "log_beta", "hjorth_mobility"]
QUANTILES = (0.0, 0.01, 0.5, 0.99, 1.0)
TOO_MANY_BARS = 40


# --- Nights ---------------------------------------------------------------------------------------
def get_nights(
    real: str | Path | None, *, subset: str, simulated: Path, **cohort: Any
) -> list[Recording]:
    """Read the real nights if their folder is given, else a simulated cohort, written once."""
    if real is None:
        write_cohort("sleep", simulated, {"part": subset, **cohort})
    return read_nights(Path(real or simulated), subset=subset)


def read_nights(folder: Path, *, subset: str) -> list[Recording]:
    sleep_edfx = reader("sleep_edfx")
    options = sleep_edfx.Options(subset=subset)
    return [sleep_edfx.read(source, options) for source in sleep_edfx.find(folder, options)]


def describe(nights: list[Recording]) -> pd.DataFrame:
    """Return one row per night: who, how long, which channels, what the reader repaired."""
    rows = [
        {
            "recording": night.recording_id,
            "subject": night.subject_id,
            "night": night.metadata["night"],
            "age": night.metadata.get("age"),
            "sex": night.metadata.get("sex"),
            "hours": round(night.duration_s / 3600, 2),
            "data": night.data_source,
            "problems": "; ".join(night.problems),
        }
        for night in nights
    ]
    return pd.DataFrame(rows)


def lay_epochs(nights: list[Recording]) -> pd.DataFrame:
    """Return the epochs of all nights, with 30 min of wake either side of sleep."""
    return pd.concat([index_epochs(night, INGESTION) for night in nights], ignore_index=True)


def compute_features(nights: list[Recording], epochs: pd.DataFrame) -> pd.DataFrame:
    """Return every scored epoch's features beside its label."""
    by_night = dict(list(epochs.groupby("recording_id")))
    tables = [
        extract_features(night, by_night[night.recording_id].reset_index(drop=True), FEATURES)
        for night in nights
    ]
    labels = epochs[["recording_id", "epoch", "subject_id", "onset_s", "run", "label"]]
    return labels.merge(pd.concat(tables), on=["recording_id", "epoch"])


# --- Classes and people ---------------------------------------------------------------------------
def count_classes(epochs: pd.DataFrame) -> pd.DataFrame:
    counts = epochs["label"].value_counts().reindex(STAGES, fill_value=0)
    return pd.DataFrame({"epochs": counts, "share": (counts / counts.sum()).round(3)})


def shares_of_sleep(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return each night's shares of the sleep stages in its sleep."""
    asleep = epochs[epochs["label"].isin(STAGES[1:])]
    return pd.crosstab(asleep["recording_id"], asleep["label"], normalize="index").reindex(
        columns=STAGES[1:], fill_value=0.0
    )


def draw_balance(epochs: pd.DataFrame) -> None:
    counts = pd.crosstab(epochs["recording_id"], epochs["label"]).reindex(columns=STAGES)
    hours = counts.fillna(0) * EPOCH_S / 3600
    figure, axes = plt.subplots(figsize=(10, 3.5), layout="constrained")
    hours.plot.bar(stacked=True, ax=axes, width=0.85, color=COLOUR_OF)
    axes.set(xlabel="Night", ylabel="Hours", title="Hours of each stage, wake cut to 30 min")
    axes.legend(title="Stage", bbox_to_anchor=(1, 1))
    if len(hours) > TOO_MANY_BARS:
        axes.set_xticks([])
    sign(figure, epochs["data_source"])


def draw_people(people: pd.DataFrame, epochs: pd.DataFrame) -> None:
    """Draw ages by sex, and what age has to do with the stages of the night."""
    figure, (ages, depth) = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    subjects = people.drop_duplicates("subject")
    groups = {sex: rows["age"].astype(float) for sex, rows in subjects.groupby("sex")}
    ages.hist(list(groups.values()), bins=np.arange(15, 106, 10), label=list(groups), stacked=True)
    ages.set(xlabel="Age [years]", ylabel="People", title=f"{len(subjects)} people")
    ages.legend(title="Sex")
    table = people.set_index("recording").join(shares_of_sleep(epochs))
    for stage in ("N1", "N3"):
        depth.plot(table["age"], table[stage], "o", label=stage, color=COLOUR_OF[stage])
    depth.set(xlabel="Age [years]", ylabel="Share of sleep", title=f"{len(table)} nights")
    depth.legend(title="Stage")
    sign(figure, people["data"])


# --- Ranges ---------------------------------------------------------------------------------------
def describe_ranges(nights: list[Recording]) -> pd.DataFrame:
    """Return rate, unit and quantiles of every channel, over all nights."""
    rows = []
    for name in nights[0].channel_names:
        channels = [night.channel(name) for night in nights]
        values = np.concatenate([np.asarray(channel.data) for channel in channels])
        found = np.quantile(values[np.isfinite(values)], QUANTILES).round(2)
        named = {f"{q:.0%}": value for q, value in zip(QUANTILES, found, strict=True)}
        rows.append({"channel": name, "Hz": channels[0].sfreq, "unit": channels[0].unit, **named})
    return pd.DataFrame(rows).set_index("channel")


def draw_ranges(nights: list[Recording], epochs: pd.DataFrame, names: list[str]) -> None:
    """Draw each channel's standard deviation per epoch, by stage."""
    figure, panels = plt.subplots(1, len(names), figsize=(3.4 * len(names), 3.2), squeeze=False,
                                  layout="constrained")  # fmt: skip
    for axes, name in zip(panels.ravel(), names, strict=True):
        spreads = spread_by_stage(nights, epochs, name)
        axes.boxplot([spreads[stage] for stage in STAGES], tick_labels=STAGES, showfliers=False)
        unit = nights[0].channel(name).unit
        axes.set(title=name, ylabel=f"Standard deviation in an epoch [{unit}]", yscale="log")
    sign(figure, epochs["data_source"])


def spread_by_stage(
    nights: list[Recording], epochs: pd.DataFrame, name: str
) -> dict[str, np.ndarray]:
    """Return a channel's standard deviations above 0 of all epochs of each stage."""
    spreads, labels = [], []
    for night in nights:
        own = epochs[epochs["recording_id"] == night.recording_id]
        spreads.append(cut_epochs(night.channel(name), own["onset_s"], EPOCH_S).std(axis=1))
        labels.append(own["label"].to_numpy(dtype=object, na_value=""))
    spread, label = np.concatenate(spreads), np.concatenate(labels)
    return {stage: spread[(label == stage) & (spread > 0)] for stage in STAGES}


def count_faults(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each night's epochs that have a fault, in percent."""
    flags = [name for name in epochs if name.startswith("quality_")]
    return (100 * epochs.groupby("recording_id")[flags].mean().astype(float)).round(2)


# --- A night and its features ---------------------------------------------------------------------
def draw_night(table: pd.DataFrame, recording_id: str, *, source: str) -> None:
    """Draw a hypnogram above delta and sigma power and the chin muscle."""
    night = table[table["recording_id"] == recording_id]
    hours = night["onset_s"] / 3600
    figure, panels = plt.subplots(3, 1, figsize=(11, 5), sharex=True, layout="constrained")
    codes = night["label"].map({s: -i for i, s in enumerate(["W", "REM", "N1", "N2", "N3"])})
    panels[0].step(hours, codes.astype(float), where="post", color="black", linewidth=0.8)
    panels[0].set_yticks(range(-4, 1), ["N3", "N2", "N1", "REM", "W"])
    for name in ("log_delta", "log_sigma"):
        panels[1].plot(hours, night[f"fpz_cz_{name}"], linewidth=0.8, label=name)
    panels[1].set(ylabel="Power, Fpz-Cz\n[log10 µV²]")
    panels[1].legend(loc="upper right")
    panels[2].plot(hours, night["emg_mean"], linewidth=0.8)
    panels[2].set(ylabel="Chin EMG [µV]", xlabel="Hours from the recording's start")
    figure.suptitle(recording_id)
    sign(figure, [source])


def check_rolling(table: pd.DataFrame, column: str, n_epochs: int) -> pd.Series:
    """Compare a rolling feature with what pandas makes of the column it rolls over.

    It must see its own epoch and the n − 1 before it, of the same night and run, and nothing else.
    """
    groups = [table["recording_id"], table["run"]]
    rolled = table[column].groupby(groups).rolling(n_epochs, min_periods=1).mean()
    expected = rolled.droplevel([0, 1]).reindex(table.index)
    given = table[f"{column}__past{n_epochs}"]
    both = given.notna() & expected.notna()
    return pd.Series(
        {
            "largest difference": float((given - expected)[both].abs().max()),
            "rows compared": int(both.sum()),
            "given without a mean to compare": int((given.notna() & expected.isna()).sum()),
        }
    )


def draw_rolling(table: pd.DataFrame, recording_id: str, column: str, *, source: str) -> None:
    night = table[table["recording_id"] == recording_id]
    figure, axes = plt.subplots(figsize=(11, 2.8), layout="constrained")
    for suffix, width in (("", 0.5), ("__past5", 1.0), ("__past15", 1.6)):
        name = column + suffix
        axes.plot(night["onset_s"] / 3600, night[name], linewidth=width, label=name)
    axes.set(xlabel="Hours from the recording's start", ylabel=column, title=recording_id)
    axes.legend(ncols=3)
    sign(figure, [source])


# --- Correlations ---------------------------------------------------------------------------------
def correlate(table: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's correlations of the compared features of all channels."""
    names = [f"{channel}_{name}" for channel in (*EEG, "eog") for name in COMPARED]
    return table[[*names, "emg_mean"]].corr(method="spearman")


def draw_correlations(correlations: pd.DataFrame, *, source: str) -> None:
    figure, axes = plt.subplots(figsize=(7.5, 6.5), layout="constrained")
    image = axes.imshow(correlations, vmin=-1, vmax=1, cmap="RdBu_r")
    ticks = range(len(correlations))
    axes.set_xticks(ticks, correlations.columns, rotation=90, fontsize="x-small")
    axes.set_yticks(ticks, correlations.columns, fontsize="x-small")
    axes.set_title("Spearman's correlation over epochs")
    figure.colorbar(image, label="ρ", shrink=0.8)
    sign(figure, [source])


def closest_pairs(correlations: pd.DataFrame, n: int = 8) -> pd.DataFrame:
    """Return the pairs of features that say nearly the same."""
    upper = np.triu(np.ones(correlations.shape, dtype=bool), k=1)
    pairs = correlations.where(upper).stack().rename_axis(["feature", "other"]).rename("ρ")
    return pairs.loc[pairs.abs().sort_values(ascending=False).index[:n]].round(3).reset_index()


def correlate_with_age(table: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    """Return Spearman's correlation of people's median features in N2 with their age."""
    own = [f"fpz_cz_{name}" for name in COMPARED]
    medians = table[table["label"] == "N2"].groupby("subject_id")[own].median()
    ages = people.drop_duplicates("subject").set_index("subject")["age"].astype(float)
    return medians.corrwith(ages.reindex(medians.index), method="spearman").round(2)


def sign(figure: Figure, sources: Iterable[str]) -> None:
    """Write what the data are under a figure, once it is laid out."""
    kinds = " and ".join(sorted(set(sources)))
    figure.text(0.5, -0.03, f"Nights: {kinds}. Research use only.", ha="center", color="dimgray")


def draw_by_stage(values: dict[str, np.ndarray], axes: Axes, *, title: str, ylabel: str) -> None:
    axes.boxplot([values[stage] for stage in STAGES], tick_labels=STAGES, showfliers=False)
    axes.set(title=title, ylabel=ylabel)


# --- Of the telemetry nights alone ----------------------------------------------------------------
def emg_spectra(
    nights: list[Recording], epochs: pd.DataFrame
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return `{stage: (Hz, µV²/Hz)}`, the median over all epochs of the chin EMG's spectrum."""
    found: dict[str, list[np.ndarray]] = {stage: [] for stage in STAGES}
    freqs = np.empty(0)
    for night in nights:
        own = epochs[epochs["recording_id"] == night.recording_id]
        channel = night.channel("EMG submental")
        windows = cut_epochs(channel, own["onset_s"], EPOCH_S)
        freqs, power = welch(windows, channel.sfreq, nperseg=round(2 * channel.sfreq))
        label = own["label"].to_numpy(dtype=object, na_value="")
        for stage in STAGES:
            found[stage].append(power[label == stage])
    return {stage: (freqs, np.median(np.concatenate(p), axis=0)) for stage, p in found.items()}


def compare_nights(table: pd.DataFrame) -> pd.DataFrame:
    """Return how far medians in N2 lie apart within people's nights, and between people."""
    own = [f"fpz_cz_{name}" for name in COMPARED]
    medians = table[table["label"] == "N2"].groupby(["subject_id", "recording_id"])[own].median()
    by_person = medians.groupby("subject_id")
    return pd.DataFrame(
        {
            "within a person (SD)": by_person.std().mean(),
            "between people (SD)": by_person.mean().std(),
        }
    ).round(3)
