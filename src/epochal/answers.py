"""How far a model's answers are to be trusted: prediction sets, and where to abstain.

What a bundle keeps of the rules that evaluation fits (`epochal.evaluation.conformal` and
`.abstention`), and how serving applies them. numpy alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import Field

from epochal.options.base import Options
from epochal.options.results import SetScore

FILE = "answers.json"  # in a bundle
SEPARATOR = ";"


class AnswerRules(Options):
    """The content of a bundle's `answers.json`: rules fitted on out-of-fold epochs, by subject."""

    version: int = 1
    model: str = Field(description="The model whose probabilities they were fitted on.")
    classes: tuple[str, ...]
    n_subjects: int = Field(description="Whose out-of-fold epochs they were fitted on.")
    score: SetScore
    coverage: float = Field(description="Share of epochs whose set is to hold the true class.")
    set_thresholds: list[float | None] = Field(
        description="Of each class: how ill it may fit; null: it is never ruled out."
    )
    wanted_error: float = Field(description="Share of errors allowed among answered epochs.")
    abstain_below: float | None = Field(
        description="The least confidence to answer with; null: none is known to be enough."
    )

    def apply(self, proba: np.ndarray) -> pd.DataFrame:
        """Return `prediction_set` and `abstain` of each epoch, as `decide` has them."""
        sets, abstain = self.decide(proba)
        return pd.DataFrame({"prediction_set": sets, "abstain": abstain})

    def decide(self, proba: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each epoch's set and whether to abstain; `proba` `(n_epochs, n_classes)`.

        A set lists its classes, the most probable first, with semicolons. An epoch without a
        prediction has an empty one, and is abstained from.
        """
        known = np.isfinite(proba).all(axis=1)
        limits = [np.inf if limit is None else limit for limit in self.set_thresholds]
        filled = np.where(known[:, None], proba, 1 / len(self.classes))
        sets = predict_sets(filled, np.array(limits), self.score)
        order = np.argsort(-filled, axis=1, kind="stable")
        named = [
            SEPARATOR.join(self.classes[code] for code in codes if held[code])
            for codes, held in zip(order, sets, strict=True)
        ]
        least = np.inf if self.abstain_below is None else self.abstain_below
        abstain = ~known | (filled.max(axis=1) < least)
        return np.where(known, np.array(named, dtype=object), ""), abstain

    def summarise(self, table: pd.DataFrame) -> dict[str, object]:
        """Return what the columns of `apply` come to in a recording, beside what was promised."""
        sets = table.loc[table["prediction_set"] != "", "prediction_set"]
        sizes = sets.str.count(SEPARATOR) + 1
        return {
            "wanted_coverage": self.coverage,
            "mean_set_size": round(float(sizes.mean()), 4) if len(sizes) else None,
            "single_share": round(float((sizes == 1).mean()), 4) if len(sizes) else None,
            "wanted_error": self.wanted_error,
            "abstain_below": self.abstain_below,
            "answered_share": round(float(1 - table["abstain"].mean()), 4),
            "fitted_on_subjects": self.n_subjects,
        }


def nonconformity(proba: np.ndarray, score: SetScore) -> np.ndarray:
    """Return how ill each class fits: `(n_epochs, n_classes)`, 0 for the most probable one.

    `aps`: the probability of all classes that are more probable (Romano, Sesia and Candès 2020,
    arXiv:2006.02544, neither randomised nor ever empty); `lac`: what lacks to certainty
    (Sadinle, Lei and Wasserman 2019, doi:10.1080/01621459.2017.1395341).
    """
    order = np.argsort(-proba, axis=1, kind="stable")
    if score == "aps":
        falling = np.take_along_axis(proba, order, axis=1)
        values = np.empty_like(proba)
        np.put_along_axis(values, order, falling.cumsum(axis=1) - falling, axis=1)
    else:
        values = 1.0 - proba
    np.put_along_axis(values, order[:, :1], 0.0, axis=1)
    return values


def predict_sets(proba: np.ndarray, threshold: np.ndarray | float, score: SetScore) -> np.ndarray:
    """Return which classes are in each epoch's set: bool `(n_epochs, n_classes)`, never empty.

    `threshold` is one number, or anything that broadcasts to the sets: one per class, per epoch.
    """
    return nonconformity(proba, score) <= threshold
