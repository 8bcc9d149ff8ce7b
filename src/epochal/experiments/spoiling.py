"""What is done to the labels of training rows, never to those that a network is judged by."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.experiments.options import Cell
from epochal.labels import encode


def change_labels(
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    cell: Cell,
    classes: tuple[str, ...],
    *,
    seed: int,
) -> pd.DataFrame:
    """Return the epochs with the training labels that a cell asks for: fewer, or some wrong.

    Which subjects keep theirs, and which labels are wrong, follows from the seed alone, so that
    cells with the same wish learn from the same labels. A wrong one is any other class, each as
    likely.
    """
    roles = splits.set_index(["recording_id", "epoch"])["role"]
    places = pd.MultiIndex.from_frame(epochs[["recording_id", "epoch"]])
    training = roles.reindex(places).to_numpy() == "train"
    labels = epochs["label"].astype(object).to_numpy(copy=True)
    if cell.labelled:
        subjects = epochs["subject_id"].astype(str).to_numpy()
        kept = _draw_subjects(np.unique(subjects[training]), cell.labelled, seed)
        labels[training & ~np.isin(subjects, kept)] = None
    if cell.label_noise:
        codes = encode(pd.Series(labels), classes)
        wrong = _draw_wrong(codes, training, cell.label_noise, len(classes), seed)
        changed = wrong >= 0
        labels[changed] = np.array(classes, dtype=object)[wrong[changed]]
    return epochs.assign(label=labels)


def _draw_subjects(subjects: np.ndarray, n_subjects: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).permutation(subjects)[:n_subjects]


def _draw_wrong(
    codes: np.ndarray, training: np.ndarray, share: float, n_classes: int, seed: int
) -> np.ndarray:
    """Return a wrong class for the rows that are drawn, −1 for the others."""
    random = np.random.default_rng([seed, 2])
    drawn = (random.random(len(codes)) < share) & training & (codes >= 0)
    shifts = random.integers(1, n_classes, len(codes))
    return np.where(drawn, (codes + shifts) % n_classes, -1)
