"""Rolling drift: whether the latest epochs that were scored are like those of the training."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from epochal.drift.judging import judge_window
from epochal.drift.reference import DriftReference
from epochal.serving.rows import Rows, Table

RAW = "channel "  # how the columns of raw channels begin
N_KEPT = 2880  # epochs of each bundle: a day of 30 s, some 2 MB


class Seen(NamedTuple):
    """What was seen of a bundle's work: the latest epochs, how many in all, and of what."""

    features: pd.DataFrame
    n_seen: int
    all_real: bool


class DriftWatch:
    """Remembers the features of the latest epochs of each bundle, so many and no more."""

    def __init__(self, n_kept: int = N_KEPT) -> None:
        self.since = time.time()
        self._n_kept = n_kept
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def see(self, bundle: str, features: Table, reference: DriftReference, *, real: bool) -> None:
        """Take down epochs; columns that they lack are unknown."""
        latest = _align(features, reference.names)[-self._n_kept :]
        with self._lock:
            kept = self._kept.get(bundle)
            if kept is None or kept.names != reference.names:  # a new version of the bundle
                kept = self._kept[bundle] = _Kept(reference.names)
            kept.add(latest, n_seen=len(features), n_kept=self._n_kept)
            kept.all_real &= real

    def seen(self, bundle: str, reference: DriftReference) -> Seen:
        """Return what was seen of a bundle."""
        with self._lock:
            kept = self._kept.get(bundle)
            if kept is None or kept.names != reference.names:
                return Seen(pd.DataFrame(columns=reference.names), 0, True)
            values = np.concatenate(kept.parts)[-self._n_kept :]
            return Seen(pd.DataFrame(values, columns=kept.names), kept.n_seen, kept.all_real)


class _Kept:
    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.parts: deque[np.ndarray] = deque()
        self.n_held, self.n_seen, self.all_real = 0, 0, True

    def add(self, values: np.ndarray, *, n_seen: int, n_kept: int) -> None:
        """Add epochs, and drop the oldest parts that are no longer needed."""
        self.parts.append(values)
        self.n_held += len(values)
        self.n_seen += n_seen
        while self.n_held - len(self.parts[0]) >= n_kept:
            self.n_held -= len(self.parts.popleft())


def _align(features: Table, names: list[str]) -> np.ndarray:
    """Return columns `(n_epochs, n_names)`, NaN where there is none of a name."""
    if isinstance(features, Rows):
        return features.align(names).astype(np.float32)
    return features.reindex(columns=names).to_numpy(np.float32)


def is_whole(features: Table, reference: DriftReference) -> bool:
    """Say whether features have all columns of a reference, raw channels aside."""
    held = set(features)
    return all(name in held for name in reference.names if not name.startswith(RAW))


def judge_rows(features: pd.DataFrame, reference: DriftReference) -> dict[str, Any]:
    """Return the verdict on rows of features, as `judge_window` does.

    Raw channels that no row tells of are no loss: they were not sent. `not_judged` counts them.
    """
    known = features.reindex(columns=reference.names).notna().any()
    unsent = [name for name in reference.names if name.startswith(RAW) and not known[name]]
    verdict = judge_window(features, reference)
    if verdict.get("drift") is None:
        return verdict
    lost = [name for name in verdict["lost_features"] if name not in unsent]
    drift = bool(verdict["score"] > verdict["limit"] or lost)
    return {**verdict, "drift": drift, "lost_features": lost, "not_judged": len(unsent)}
