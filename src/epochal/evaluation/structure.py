"""How the hypnogram of each recording is built: changes, bouts, edits to the scoring's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from epochal.hypnogram.bouts import (
    find_bouts,
    hypnogram_edit_distance,
    impossible_percent,
    median_bout_error_s,
)
from epochal.hypnogram.grid import place_on_grid
from epochal.labels import encode, proba_columns

Pairs = tuple[tuple[str, str], ...]
KEYS = ["model", "role", "data_source", "recording_id", "subject_id", "n_epochs"]
STRUCTURE = ["changes", "changes_scored", "impossible_percent", "impossible_percent_scored",
             "edit_distance_epochs", "edit_distance_bouts"]  # fmt: skip
_CLOSE_S = 1e-3
MOST_EPOCHS = 10_000  # of which the edit distance epoch by epoch is still quick
SUMMARY = ["model", "role", "data_source", "figure", "n_recordings", "mean", "sd", "p10",
           "median", "p90"]  # fmt: skip


class Sequence(NamedTuple):
    """Truth and guess of one recording, epoch by epoch; −1 where either lacks, or in a gap."""

    truth: np.ndarray
    guess: np.ndarray
    step_s: float  # from epoch to epoch; NaN where epochs do not follow one another
    described: dict[str, Any]


def measure_structure(
    predictions: pd.DataFrame, epochs: pd.DataFrame, classes: tuple[str, ...], impossible: Pairs
) -> pd.DataFrame:
    """Return a row per model, role and recording; its figures of agreement stand elsewhere.

    `changes` are those of stage in the prediction, `…_scored` in the scoring; `impossible` pairs
    are counted in both. Baselines are left out, and recordings whose epochs overlap or do
    not follow one another in time.
    """
    rows = [
        one.described | _build(one, classes, impossible)
        for one in list_sequences(predictions, epochs, classes)
        if np.isfinite(one.step_s)
    ]
    bouts = [f"median_bout_error_s_{name}" for name in classes]
    return pd.DataFrame(rows, columns=[*KEYS, *STRUCTURE, *bouts])


def summarise_recordings(*tables: pd.DataFrame) -> pd.DataFrame:
    """Return the distribution over recordings of every figure: a row per model, role and figure.

    `tables` hold a row per model, role and recording; the figures are their other columns.
    """
    parts = [
        table.melt(KEYS[:3], [name for name in table if name not in KEYS], var_name="figure")
        for table in tables
    ]
    long = pd.concat([part.astype({"value": float}) for part in parts], ignore_index=True)
    known = long[long["value"].notna()]
    if known.empty:
        return pd.DataFrame(columns=SUMMARY)
    grouped = known.groupby(SUMMARY[:4], sort=False)["value"]
    found = grouped.agg(n_recordings="size", mean="mean", sd="std", median="median")
    for name, quantile in (("p10", 0.1), ("p90", 0.9)):
        found[name] = grouped.quantile(quantile)
    return found.reset_index()[SUMMARY]


def list_sequences(
    predictions: pd.DataFrame, epochs: pd.DataFrame, classes: tuple[str, ...]
) -> Iterator[Sequence]:
    """Yield what each model says of each recording, in order; baselines are left out."""
    models = predictions[predictions["family"] != "baseline"]
    by_recording = dict(list(epochs.sort_values("epoch").groupby("recording_id", sort=True)))
    for (model, role, recording), rows in models.groupby(
        ["model", "role", "recording_id"], sort=False
    ):
        own = by_recording[recording]
        truth = encode(own["label"], classes)
        guess = np.full(len(own), -1)
        places = np.searchsorted(own["epoch"].to_numpy(), rows["epoch"].to_numpy())
        guess[places] = rows[proba_columns(classes)].to_numpy().argmax(axis=1)
        both = (truth >= 0) & (guess >= 0)
        if not both.any():
            continue
        described = {
            "model": model,
            "role": role,
            "data_source": own["data_source"].iloc[0],
            "recording_id": recording,
            "subject_id": own["subject_id"].iloc[0],
            "n_epochs": int(both.sum()),
        }
        missing, step_s = _find_missing(own)
        truth, guess = (
            np.insert(np.where(both, codes, -1), missing, -1) for codes in (truth, guess)
        )
        yield Sequence(truth, guess, step_s, described)


def _find_missing(own: pd.DataFrame) -> tuple[np.ndarray, float]:
    """Return before which epochs others are missing, once for each, and the usual step in time.

    Where time jumps it is one at least, so that nothing goes on across.
    """
    onsets_s, numbers = own["onset_s"].to_numpy(float), own["epoch"].to_numpy()
    same_run = np.diff(own["run"].to_numpy()) == 0
    follows = same_run & (np.diff(numbers) == 1)
    steps_s = np.diff(onsets_s)[follows]
    step_s = float(np.median(steps_s)) if len(steps_s) else float("nan")
    jumps = np.flatnonzero(~follows) + 1
    if not abs(step_s - float(own["length_s"].median())) <= _CLOSE_S:  # they overlap, or are alone
        return jumps, float("nan")
    places = place_on_grid(onsets_s, start_s=onsets_s[0], epoch_s=step_s)
    return np.repeat(jumps, np.maximum(np.diff(places)[jumps - 1] - 1, 1)), step_s


def _build(one: Sequence, classes: tuple[str, ...], impossible: Pairs) -> dict[str, float]:
    names = np.array([*classes, None], dtype=object)  # −1 is the last: nothing
    truth, guess = names[one.truth], names[one.guess]
    errors_s = median_bout_error_s(truth, guess, classes, epoch_s=one.step_s)
    short = one.described["n_epochs"] <= MOST_EPOCHS  # it leaves out what is not scored
    return {
        "changes": count_changes(guess),
        "changes_scored": count_changes(truth),
        "impossible_percent": impossible_percent(guess, impossible),
        "impossible_percent_scored": impossible_percent(truth, impossible),
        "edit_distance_epochs": hypnogram_edit_distance(truth, guess) if short else np.nan,
        "edit_distance_bouts": hypnogram_edit_distance(truth, guess, of="bouts"),
        **{f"median_bout_error_s_{name}": value for name, value in errors_s.items()},
    }


def count_changes(labels: np.ndarray) -> int:
    """Return how often the label changes between neighbouring epochs that have one."""
    bouts = find_bouts(labels)
    ends = [bout.first + bout.n_epochs for bout in bouts]
    return sum(end == bout.first for end, bout in zip(ends, bouts[1:], strict=False))
