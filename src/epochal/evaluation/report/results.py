"""What a study's report is made from, and the rows of its headline model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from epochal.evaluation.choice import choose_headline
from epochal.labels import encode, proba_columns
from epochal.metrics import confusion, join_labels
from epochal.options.results import EvaluationOptions
from epochal.options.splitting import SplitOptions
from epochal.options.study import StudyOptions
from epochal.recording import Recording

ROLE_NAMES = {
    "oof": "out of fold", "val": "val", "test": "test", "train": "train",
}  # fmt: skip


@dataclass(frozen=True)
class StudyResults:
    """The tables of a finished study, and its recordings to be loaded one by one."""

    study: StudyOptions
    splitting: SplitOptions
    evaluation: EvaluationOptions
    epochs: pd.DataFrame
    splits: pd.DataFrame
    predictions: pd.DataFrame
    leaderboard: pd.DataFrame
    by_recording: pd.DataFrame
    by_task: pd.DataFrame
    comparisons: pd.DataFrame
    calibration: pd.DataFrame
    reliability: pd.DataFrame
    conformal: pd.DataFrame
    abstention: pd.DataFrame
    summary: pd.DataFrame
    recordings: Mapping[str, Callable[[], Recording]]
    sleep_agreement: pd.DataFrame = field(default_factory=pd.DataFrame)
    vote_bands: pd.DataFrame = field(default_factory=pd.DataFrame)
    scorer_agreement: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def classes(self) -> tuple[str, ...]:
        """The study's classes."""
        return self.study.classes

    @cached_property
    def headline(self) -> str:
        """The model that the report speaks of: the best out of fold."""
        return choose_headline(self.leaderboard)

    @cached_property
    def data_source(self) -> str:
        """Whether the epochs are real, simulated or both."""
        return "/".join(sorted(self.epochs["data_source"].unique()))

    @cached_property
    def used(self) -> pd.DataFrame:
        """The epochs that have a role, with role and fold beside them."""
        return self.epochs.merge(
            self.splits.drop(columns="subject_id"), on=["recording_id", "epoch"]
        )

    def has_role(self, role: str) -> bool:
        """Tell whether the headline has labelled rows in a role."""
        return not self.rows(role).empty

    def rows(self, role: str) -> pd.DataFrame:
        """Return the headline's labelled rows of a role."""
        return self._labelled[self._labelled["role"] == role]

    @cached_property
    def _labelled(self) -> pd.DataFrame:
        own = self.predictions[self.predictions["model"] == self.headline]
        return join_labels(own, self.epochs)

    @property
    def best_role(self) -> str:
        """The role that says most: test where there is one."""
        return "test" if self.has_role("test") else "oof"

    def codes(self, role: str) -> tuple[np.ndarray, np.ndarray]:
        """Return class numbers `(n_epochs,)` and probabilities `(n_epochs, n_classes)`."""
        rows = self.rows(role)
        proba = rows[proba_columns(self.classes)].to_numpy(dtype=float)
        return encode(rows["label"], self.classes), proba

    def confusion(self, role: str) -> np.ndarray:
        """Return the headline's counts `(n_classes, n_classes)`, the expert in rows."""
        truth, proba = self.codes(role)
        return confusion(truth, proba.argmax(axis=1), len(self.classes))
