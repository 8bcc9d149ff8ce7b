"""Balanced subsampling, and what it does to neighbours.

Taking as many epochs of each class as the rarest has leaves the common classes in crumbs: hardly
any kept epoch has a kept neighbour, while the rare class keeps whole bouts. The report counts that.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.utils import resample

_TOLERANCE_S = 1e-6


def keep_balanced(splits: pd.DataFrame, *, seed: int) -> pd.Series:
    """Return which rows may be fitted on: in train, and in val, as many of each class.

    `splits` has `label`. Unlabelled rows are not kept; test rows, which nothing is fitted on, are.
    Rows left out of fitting are predicted all the same, at their natural prevalence.
    """
    kept = splits["role"] == "test"
    for _, rows in splits[~kept & splits["label"].notna()].groupby("role"):
        rarest = int(rows["label"].value_counts().min())
        ordered = rows.sort_values(["recording_id", "epoch"])
        for _, of_class in ordered.groupby("label"):
            drawn = resample(
                of_class.index.to_numpy(), replace=False, n_samples=rarest, random_state=seed
            )
            kept[drawn] = True
    return kept


def report_adjacency(splits: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """Return, per class, how many of train's epochs are kept and how many are neighbours in a bout.

    An epoch counts as adjacent where the epoch that follows it without a gap, in the same run of
    the same recording, has its label; `adjacent_kept` asks that both are kept. Columns `label,
    n_epochs, n_kept, adjacent, adjacent_kept, share_adjacent, share_adjacent_kept`.
    """
    columns = ["recording_id", "epoch", "onset_s", "length_s", "run", "label"]
    rows = splits[splits["role"] == "train"].merge(epochs[columns], on=["recording_id", "epoch"])
    rows = rows.sort_values(["recording_id", "onset_s"], ignore_index=True)
    kept = rows["kept"].to_numpy(bool) if "kept" in rows else np.ones(len(rows), dtype=bool)
    adjacent = _continues(rows)
    both = adjacent & kept & np.append(kept[1:], False)
    counted = rows.assign(n_kept=kept, adjacent=adjacent, adjacent_kept=both)
    grouped = counted[rows["label"].notna()].groupby("label", sort=True)
    counts = grouped[["n_kept", "adjacent", "adjacent_kept"]].sum().astype(int)
    counts.insert(0, "n_epochs", grouped.size())
    return counts.assign(
        share_adjacent=counts["adjacent"] / counts["n_epochs"],
        share_adjacent_kept=counts["adjacent_kept"] / counts["n_kept"].clip(lower=1),
    ).reset_index()


def _continues(rows: pd.DataFrame) -> np.ndarray:
    """Say of each row whether the next one goes on in the same bout."""
    following = rows.shift(-1)
    touching = following["onset_s"] <= rows["onset_s"] + rows["length_s"] + _TOLERANCE_S
    same = (rows["recording_id"] == following["recording_id"]) & (rows["run"] == following["run"])
    alike = (rows["label"] == following["label"]).fillna(False)
    return (touching & same & alike).to_numpy(bool)
