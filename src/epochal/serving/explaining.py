"""Why one epoch was scored as it was: for any model of a bundle, by asking it again and again.

Shapley values by sampling (Štrumbelj and Kononenko 2014, doi:10.1007/s10115-013-0679-x), against
other epochs of the same recording: what made this one different from them. ONNX models have no
gradients and no trees to look into, and this needs neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from epochal.errors import EpochalError
from epochal.serving.bundle import STACK, Scorer

N_ORDERS = 48  # random orders of the columns; each is also walked backwards
N_BACKGROUND = 64  # other epochs, evenly spaced, that columns are taken from


class EpochExplanation(NamedTuple):
    """What each column added to the probability of one class in one epoch.

    `columns` has `column, value, typical, contribution, error`, the largest first; contributions
    add up to `proba - expected`, the probability here less the mean over the other epochs.
    """

    model: str
    class_: str
    proba: float
    expected: float
    columns: pd.DataFrame


def explain_epoch(
    features: pd.DataFrame,
    place: int,
    scorer: Scorer,
    *,
    class_: str | None = None,
    seed: int = 0,
) -> EpochExplanation:
    """Explain a class of the epoch in one row of `features`, the predicted one by default.

    `features` are a recording's epochs in order. A smoothed model is explained before smoothing,
    which looks at neighbours and at no column. An unknown class, an epoch that is not there or
    that the model may not speak of, or no other epoch to compare it with raise `EpochalError`.
    """
    model = scorer.manifest.headline
    model = STACK if model in scorer.manifest.smoothing else model
    usable = scorer.known_rows(features, model)
    _check(place, usable, class_, scorer)
    others = np.flatnonzero(usable & (np.arange(len(features)) != place))
    chosen = others[np.unique(np.linspace(0, len(others) - 1, N_BACKGROUND).astype(int))]
    columns = list_columns(scorer, model)
    table, background = features[columns], features[columns].iloc[chosen]
    proba = scorer.predict(features.iloc[[place]], model)[0]
    classes = scorer.manifest.classes
    code = classes.index(class_) if class_ is not None else int(proba.argmax())

    def ask(rows: np.ndarray) -> np.ndarray:
        return scorer.predict(pd.DataFrame(rows, columns=columns), model)[:, code]

    here = table.iloc[place].to_numpy(dtype=float)
    walks = _walk(ask, here, background.to_numpy(dtype=float), seed=seed)
    described = pd.DataFrame(
        {
            "column": columns,
            "value": here,
            "typical": background.median().to_numpy(),
            "contribution": walks.mean(axis=0),
            "error": walks.std(axis=0, ddof=1) / np.sqrt(len(walks)),
        }
    )
    order = np.argsort(-described["contribution"].abs().to_numpy(), kind="stable")
    expected = float(proba[code] - described["contribution"].sum())
    return EpochExplanation(
        model, classes[code], float(proba[code]), expected, described.iloc[order]
    )


def list_columns(scorer: Scorer, model: str) -> list[str]:
    """Return the columns of the features table that a model looks at, a stack's bases included."""
    entry = scorer.models[model]
    if not entry.base_models:
        return list(entry.columns)
    found = [name for base in entry.base_models for name in list_columns(scorer, base)]
    return list(dict.fromkeys(found))


def _check(place: int, usable: np.ndarray, class_: str | None, scorer: Scorer) -> None:
    if not 0 <= place < len(usable):
        raise EpochalError(f"No epoch {place}; there are 0 to {len(usable) - 1}")
    if not usable[place]:
        raise EpochalError(f"Epoch {place} was not scored: the model lacks its columns")
    if usable.sum() < 2:
        raise EpochalError("No other scored epoch to compare this one with")
    if class_ is not None and class_ not in scorer.manifest.classes:
        known = ", ".join(scorer.manifest.classes)
        raise EpochalError(f"No class '{class_}'; there are: {known}")


def _walk(
    ask: Callable[[np.ndarray], np.ndarray], here: np.ndarray, background: np.ndarray, *, seed: int
) -> np.ndarray:
    """Return what each column added on each walk from a background epoch: `(n_walks, F)`.

    On a walk the columns turn one by one into those of the epoch, in a random order; each order
    is walked in both directions, which halves the noise.
    """
    random = np.random.default_rng(seed)
    n_columns = len(here)
    walks = []
    for _ in range(N_ORDERS):
        order = random.permutation(n_columns)
        start = background[random.integers(len(background))]
        for walked in (order, order[::-1]):
            rows = np.repeat(start[None], n_columns + 1, axis=0)
            rank = np.empty(n_columns, dtype=int)
            rank[walked] = np.arange(n_columns)
            turned = rank[None] < np.arange(n_columns + 1)[:, None]
            gains = np.diff(ask(np.where(turned, here, rows)))
            added = np.empty(n_columns)
            added[walked] = gains
            walks.append(added)
    return np.array(walks)
