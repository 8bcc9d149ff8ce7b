"""What the notebook on a network for wearables shows: its inputs, its training, its checks."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from epochal.epoch_inputs import EpochInputs
from epochal.features import prepare_inputs
from epochal.models.training.curves import LISTENERS
from epochal.models.training.epoch_rows import take_rows
from epochal.models.training.targets import make_row_targets
from epochal.models.window_network import WindowNetwork
from epochal.options.deep import NetworkModelOptions
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.plots import COLOURS
from epochal.readers import reader
from epochal.recording import Recording
from epochal.signals.epoching import index_epochs
from epochal.simulation.cohort import write_cohort

CLASSES = ("baseline", "stress")
CHANNELS = ("BVP", "EDA", "ACC x", "ACC y", "ACC z")
FEATURES = FeatureOptions(network_inputs={"signal": {"channels": CHANNELS, "sfreq": 35}})
INGESTION = IngestionOptions(
    source="files",
    path=".",
    reader="e4",
    simulator="wearable",
    simulated_path=".",
    epoch_length_s=60,
    epoch_step_s=30,
)
COHORT = {"n_subjects": 3, "tempo": 0.15, "seed": 1}  # sessions in a seventh of their time
NETWORK = {
    "kind": "resnet_se",
    "params": {"n_filters": [8, 12, 16]},
    "training": {"max_epochs": 5, "batch_size": 8, "learning_rate": 3e-3, "validation_share": 0},
}


def get_recordings(real: str | Path | None, *, simulated: Path) -> list[Recording]:
    """Read the real E4 recordings, or those of a cohort that is simulated once."""
    if real is None:
        write_cohort("wearable", simulated, COHORT)
    e4 = reader("e4")
    options = e4.Options()
    return [e4.read(source, options) for source in e4.find(Path(real or simulated), options)]


def prepare(recordings: list[Recording]) -> tuple[dict[str, EpochInputs], pd.DataFrame]:
    """Return the inputs of each recording, and a row per labelled window."""
    epochs = {one.recording_id: index_epochs(one, INGESTION) for one in recordings}
    store = {
        one.recording_id: prepare_inputs(one, epochs[one.recording_id], FEATURES)
        for one in recordings
    }
    table = pd.concat(epochs.values(), ignore_index=True)
    return store, table[table["label"].isin(CLASSES)].reset_index(drop=True)


def describe(store: dict[str, EpochInputs], recordings: list[Recording]) -> pd.DataFrame:
    """Return the shape of each recording's windows, and whether it is real."""
    sources = {one.recording_id: one.data_source for one in recordings}
    rows = {
        name: {
            "windows": len(inputs),
            "channels": inputs.arrays["signal"].shape[1],
            "samples": inputs.arrays["signal"].shape[2],
            "Hz": inputs.sfreq,
            "data": sources[name],
        }
        for name, inputs in store.items()
    }
    return pd.DataFrame(rows).T


def fit(
    store: dict[str, EpochInputs],
    table: pd.DataFrame,
    *,
    n_passes: int | None = None,
    seed: int = 0,
) -> tuple[WindowNetwork, list[float]]:
    """Train a network on a table's windows; return it, and its loss after each pass."""
    asked = NetworkModelOptions(**NETWORK)
    if n_passes is not None:
        training = asked.training.model_copy(update={"max_epochs": n_passes})
        asked = asked.model_copy(update={"training": training})
    network = WindowNetwork(asked.kind, asked, seed=seed, network_params=asked.params)
    losses: list[float] = []

    def listen(point: object) -> None:
        losses.append(point.train_loss)

    LISTENERS.append(listen)
    try:
        network.fit(take_rows(store, table, []), make_row_targets(table, CLASSES, asked))
    finally:
        LISTENERS.remove(listen)
    return network, losses


def accuracy(network: WindowNetwork, store: dict[str, EpochInputs], table: pd.DataFrame) -> float:
    """Return how often the network is right about a table's windows."""
    guess = np.array(CLASSES)[network.predict(take_rows(store, table, []))]
    return float((guess == table["label"].to_numpy()).mean())


def few_windows(table: pd.DataFrame, n_each: int = 4) -> pd.DataFrame:
    """Return some windows of each class of one person, for a network to learn by heart."""
    own = table[table["recording_id"] == table["recording_id"].iloc[0]]
    return own.groupby("label").head(n_each).reset_index(drop=True)


def shuffle_labels(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return the table with its labels dealt out anew: nothing is left to learn."""
    dealt = np.random.default_rng(seed).permutation(table["label"].to_numpy())
    return table.assign(label=dealt)


def leave_each_out(store: dict[str, EpochInputs], table: pd.DataFrame) -> pd.DataFrame:
    """Return, for each person left out, the network's accuracy and the majority's."""
    rows = []
    for subject in table["subject_id"].unique():
        mine = table["subject_id"] == subject
        network, _ = fit(store, table[~mine].reset_index(drop=True))
        majority = table.loc[~mine, "label"].mode()[0]
        rows.append(
            {
                "subject": subject,
                "network": accuracy(network, store, table[mine].reset_index(drop=True)),
                "majority": float((table.loc[mine, "label"] == majority).mean()),
            }
        )
    return pd.DataFrame(rows).set_index("subject")


def gradient_by_layer(network: WindowNetwork, inputs: EpochInputs) -> pd.Series:
    """Return the size of the loss's gradient in each layer, for one batch."""
    module = network.scaled_.train()
    signal = torch.as_tensor(np.asarray(inputs.arrays["signal"][:8])[:, None])
    torch.nn.functional.cross_entropy(module(signal)[:, 0], torch.zeros(8, dtype=int)).backward()
    sizes = {
        name.removeprefix("network."): float(weights.grad.norm())
        for name, weights in module.named_parameters()
        if name.endswith("weight")
    }
    module.zero_grad()
    module.eval()
    return pd.Series(sizes)


# --- Pictures -------------------------------------------------------------------------------------
def draw_windows(store: dict[str, EpochInputs], table: pd.DataFrame, *, source: str) -> None:
    """Draw a window of each class as the network sees it."""
    figure, panels = plt.subplots(
        len(CHANNELS), len(CLASSES), figsize=(9, 6), sharex=True, layout="constrained"
    )
    for column, label in enumerate(CLASSES):
        row = table[table["label"] == label].iloc[0]
        inputs = store[row["recording_id"]]
        window = inputs.arrays["signal"][np.flatnonzero(inputs.epoch == row["epoch"])[0]]
        time_s = np.arange(window.shape[1]) / inputs.sfreq
        for axes, samples, name in zip(panels[:, column], window, CHANNELS, strict=True):
            axes.plot(time_s, samples, linewidth=0.6, color=COLOURS[column])
            axes.set(ylabel=name if column == 0 else None)
        panels[0, column].set_title(label)
        panels[-1, column].set_xlabel("s")
    sign(figure, source)


def draw_losses(losses: dict[str, list[float]], *, source: str) -> None:
    """Draw the loss of several trainings, pass by pass."""
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for name, values in losses.items():
        axes.plot(np.arange(1, len(values) + 1), values, marker="o", markersize=3, label=name)
    axes.set(xlabel="pass", ylabel="training loss", ylim=(0, None))
    axes.legend()
    sign(figure, source)


def draw_gradients(sizes: pd.Series, *, source: str) -> None:
    """Draw the size of each layer's gradient: none vanishes."""
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    axes.bar(np.arange(len(sizes)), sizes)
    axes.set(yscale="log", xlabel="layer, from the signal to the classes", ylabel="gradient norm")
    sign(figure, source)


def draw_accuracies(table: pd.DataFrame, *, source: str) -> None:
    """Draw the accuracy on each person left out, beside the majority's."""
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    table.plot.bar(ax=axes, rot=0)
    axes.set(ylabel="accuracy on a person left out", ylim=(0, 1))
    sign(figure, source)


def draw_probabilities(
    network: WindowNetwork, store: dict[str, EpochInputs], table: pd.DataFrame, *, source: str
) -> None:
    """Draw a session's probability of stress against its labels."""
    own = table[table["recording_id"] == table["recording_id"].iloc[0]]
    proba = network.predict_proba(take_rows(store, own, []))[:, 1]
    figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
    axes.fill_between(
        own["onset_s"] / 60, (own["label"] == "stress").astype(float), step="mid", alpha=0.2
    )
    axes.plot(own["onset_s"] / 60, proba, marker=".")
    axes.set(xlabel="min", ylabel="probability of stress", ylim=(0, 1))
    sign(figure, source)


def sign(figure: Figure, source: str) -> None:
    """Say below a figure what its data are."""
    figure.supxlabel(f"{source} data", fontsize=8, color="gray", x=0.99, ha="right")
