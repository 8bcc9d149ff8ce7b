"""Importance of columns and of families of columns, and whether the ranking is worth anything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from epochal.evaluation.explanation.groups import split_column
from epochal.evaluation.explanation.models import Explained

COLUMNS = ["model", "role", "data_source", "unit", "level", "class", "name", "mean_abs", "share",
           "direction", "n_epochs", "n_subjects"]  # fmt: skip
DELETION_COLUMNS = ["model", "role", "data_source", "n_deleted", "share_deleted", "ranked",
                    "random", "random_low", "random_high", "n_epochs"]  # fmt: skip
_STEPS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
_N_RANDOM = 5


def tabulate(explained: Explained, rows: pd.DataFrame, signals: tuple[str, ...]) -> pd.DataFrame:
    """Return the mean absolute contribution by class: of columns, features, signals, and kinds.

    Of a group it is the mean of the absolute *sum* of its columns' contributions: what two columns
    say in opposite ways is not said. `share` is of all groups of one level; `direction` the rank
    correlation of a column's value with its contribution. `rows` hold the columns' values.
    """
    parts = [_of_columns(explained, rows)]
    for level, groups in _group(explained.columns, signals).items():
        parts.append(_of_groups(explained, groups, level))
    return pd.concat(parts, ignore_index=True)


def _of_columns(explained: Explained, rows: pd.DataFrame) -> pd.DataFrame:
    given = rows[explained.columns].rank().to_numpy()
    parts = []
    for code, name in enumerate(explained.classes):
        values = explained.values[:, :, code]
        ranks = pd.DataFrame(values).rank().to_numpy()
        parts.append(
            _describe("column", name, explained.columns, np.abs(values).mean(axis=0)).assign(
                direction=_correlate(given, ranks)
            )
        )
    return pd.concat(parts)


def _of_groups(explained: Explained, groups: list[str], level: str) -> pd.DataFrame:
    names = sorted(set(groups))
    places = np.array([names.index(group) for group in groups])
    member = np.eye(len(names))[places]  # (n_columns, n_groups)
    sums = np.abs(np.einsum("efk,fg->egk", explained.values, member)).mean(axis=0)
    return pd.concat(
        [
            _describe(level, name, names, sums[:, code])
            for code, name in enumerate(explained.classes)
        ]
    )


def _describe(level: str, of_class: str, names: list[str], mean_abs: np.ndarray) -> pd.DataFrame:
    table = {"level": level, "class": of_class, "name": names, "mean_abs": mean_abs}
    whole = mean_abs.sum()
    share = mean_abs / whole if whole > 0 else np.zeros_like(mean_abs)
    return pd.DataFrame(table | {"share": share}).sort_values("mean_abs", ascending=False)


def _correlate(given: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return the correlation of each two columns, 0 where one of them never varies."""
    known = np.isfinite(given)
    mean = np.where(known, given, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    one = np.where(known, given - mean, 0.0)
    other = ranks - ranks.mean(axis=0)
    scale = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    return np.asarray((one * other).sum(axis=0) / np.where(scale > 0, scale, 1.0))


def _group(columns: list[str], signals: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the groups that columns belong to, by level."""
    found = [split_column(column, signals) for column in columns]
    return {
        "feature": [one.feature for one in found],
        "signal": [one.signal for one in found],
        "view": [one.view for one in found],
    }


def measure_deletion(
    predict: Callable[[pd.DataFrame], np.ndarray],
    rows: pd.DataFrame,
    explained: Explained,
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how the probability of the chosen class falls as columns are taken away.

    Columns go by their contribution to that class in that epoch, the largest first, and at random;
    a column that is taken away has the rows' median. After Samek et al. 2017,
    doi:10.1109/TNNLS.2016.2599820. `predict` gives `(n_epochs, n_classes)` of such rows.
    """
    columns = rows[explained.columns].to_numpy(dtype=float)
    chosen = predict(rows).argmax(axis=1)
    every = np.arange(len(rows))
    order = np.argsort(-explained.values[every, :, chosen], axis=1, kind="stable")
    neutral = rows[explained.columns].median().fillna(0.0).to_numpy()
    random = np.random.default_rng(seed)
    shuffled = [random.permuted(order, axis=1) for _ in range(_N_RANDOM)]

    def remaining(ranking: np.ndarray, n_deleted: int) -> float:
        changed = columns.copy()
        gone = ranking[:, :n_deleted]
        changed[every[:, None], gone] = neutral[gone]
        table = pd.DataFrame(changed, columns=explained.columns, index=rows.index)
        return float(predict(table)[every, chosen].mean())

    steps = sorted({round(share * columns.shape[1]) for share in _STEPS})
    table = []
    for n_deleted in steps:
        drawn = [remaining(ranking, n_deleted) for ranking in shuffled]
        table.append(
            {
                "n_deleted": n_deleted,
                "share_deleted": n_deleted / columns.shape[1],
                "ranked": remaining(order, n_deleted),
                "random": float(np.mean(drawn)),
                "random_low": min(drawn),
                "random_high": max(drawn),
                "n_epochs": len(rows),
            }
        )
    return pd.DataFrame(table)


def area_under_deletion(curve: pd.DataFrame, of: str = "ranked") -> float:
    """Return the mean probability over the shares deleted: the lower the better the ranking."""
    return float(np.trapezoid(curve[of], curve["share_deleted"]))
