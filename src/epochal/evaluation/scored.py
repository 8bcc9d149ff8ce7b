"""Labelled predictions as arrays: one model in one role."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from epochal.labels import encode, proba_columns
from epochal.metrics import join_labels


class Scored(NamedTuple):
    """What one model says, in one role, of the epochs that have a label."""

    model: str
    family: str
    role: str
    data_source: str
    classes: tuple[str, ...]
    names: np.ndarray  # of all subjects of the table
    subjects: np.ndarray  # (n_epochs,), numbers of those names
    epochs: np.ndarray  # (n_epochs,), numbers that all models share
    truth: np.ndarray  # (n_epochs,), numbers of the classes
    proba: np.ndarray  # (n_epochs, n_classes)

    @property
    def described(self) -> dict[str, str]:
        """Return what every row of a result says of its origin."""
        return {"model": self.model, "role": self.role, "data_source": self.data_source}

    @property
    def n_subjects(self) -> int:
        """How many subjects these rows come from."""
        return len(np.unique(self.subjects))

    @property
    def wrong(self) -> np.ndarray:
        """Whether the most probable class is not the true one: `(n_epochs,)`."""
        return self.proba.argmax(axis=1) != self.truth

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the most probable class: `(n_epochs,)`."""
        return self.proba.max(axis=1)


def list_scored(
    predictions: pd.DataFrame, epochs: pd.DataFrame, classes: tuple[str, ...]
) -> list[Scored]:
    """Return the labelled predictions by model and role, in the order of the table."""
    table = join_labels(predictions, epochs)
    subjects, names = pd.factorize(table["subject_id"], sort=True)
    numbers = table.groupby(["recording_id", "epoch"], sort=False).ngroup().to_numpy()
    truth, proba = encode(table["label"], classes), table[proba_columns(classes)].to_numpy()
    simulated = (table["data_source"] == "simulated").to_numpy()
    groups = table.groupby(["model", "family", "role"], sort=False).indices
    return [
        Scored(
            model=str(model),
            family=str(family),
            role=str(role),
            data_source=_source(simulated[places]),
            classes=classes,
            names=np.asarray(names),
            subjects=subjects[places],
            epochs=numbers[places],
            truth=truth[places],
            proba=proba[places],
        )
        for (model, family, role), places in groups.items()
    ]


def without_baselines(scored: list[Scored]) -> list[Scored]:
    """Return the models that somebody might use."""
    return [one for one in scored if one.family != "baseline"]


def _source(simulated: np.ndarray) -> str:
    if simulated.all():
        return "simulated"
    return "real/simulated" if simulated.any() else "real"
