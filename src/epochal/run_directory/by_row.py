"""Models of windows that are read by the number of their row, so that no table holds samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from epochal.errors import EpochalError
from epochal.run_directory.manifest import MANIFEST, SEEN, RunManifest, read_file, read_manifest
from epochal.run_directory.rows import ROWS_AT_ONCE, SCORED_AT_ONCE, H5Rows
from epochal.serving.bundle import ModelEntry, open_session

if TYPE_CHECKING:
    from epochal.models.sequence import SequenceClassifier

ROW = "row"


class WindowsByRow(ClassifierMixin, BaseEstimator):
    """A network whose table has one column, the number of a row of the HDF5 file.

    It trains on `max_train_samples` rows at most, drawn from those given; 0 is no cap.
    """

    def __init__(
        self,
        classifier: SequenceClassifier,
        rows: H5Rows,
        *,
        downsample: int = 1,
        max_train_samples: int = 0,
    ) -> None:
        self.classifier = classifier
        self.rows = rows
        self.downsample = downsample
        self.max_train_samples = max_train_samples

    def fit(
        self, X: pd.DataFrame, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> WindowsByRow:
        """Read the windows and train the network."""
        chosen = self._draw(len(X))
        windows = self.rows.take(_row_numbers(X)[chosen], downsample=self.downsample)
        weights = None if sample_weight is None else sample_weight[chosen]
        self.classifier.fit(windows, y[chosen], weights)
        self.classes_ = self.classifier.classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return `(n_epochs, n_classes)`."""
        numbers, parts = _row_numbers(X), [np.empty((0, len(self.classes_)))]
        for first in range(0, len(numbers), ROWS_AT_ONCE):
            some = numbers[first : first + ROWS_AT_ONCE]
            windows = self.rows.take(some, downsample=self.downsample)
            parts.append(self.classifier.predict_proba(windows))
        return np.concatenate(parts)

    def _draw(self, n_rows: int) -> np.ndarray:
        if not 0 < self.max_train_samples < n_rows:
            return np.arange(n_rows)
        random = np.random.default_rng(self.classifier.seed)
        return np.sort(random.choice(n_rows, self.max_train_samples, replace=False))


class Loaded(NamedTuple):
    """A model of another run: its entry and bytes, and the hashes of the rows it was trained on."""

    entry: ModelEntry
    content: bytes
    sha256: str
    classes: tuple[str, ...]
    seen: dict[str, np.ndarray]


class LoadedByRow(ClassifierMixin, BaseEstimator):
    """A trained network that is used as it is: fitting it does nothing."""

    def __init__(self, loaded: Loaded, rows: H5Rows) -> None:
        self.loaded = loaded
        self.rows = rows

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LoadedByRow:
        """Leave the network as it is."""
        del X, y, sample_weight
        self.classes_ = np.array(self.loaded.entry.classes)
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return `(n_epochs, n_classes)`."""
        session = open_session(self.loaded.content)
        numbers, parts = _row_numbers(X), [np.empty((0, len(self.classes_)))]
        for first in range(0, len(numbers), SCORED_AT_ONCE):
            windows = self.rows.take(numbers[first : first + SCORED_AT_ONCE])[:, 0]
            parts.append(session.run(None, {session.get_inputs()[0].name: windows})[-1])
        return np.concatenate(parts)


def load_model(path: Path, name: str) -> Loaded:
    """Read a base model of another run directory, verified against that run's manifest.

    A file that no run wrote, or a model of another kind, raises `EpochalError`.
    """
    folder = path.absolute().parent.parent
    if not path.is_file():
        raise EpochalError(f"{path}: no such file")
    if not (folder / MANIFEST).is_file():
        raise EpochalError(f"{path}: not in the models/ of a run directory ({MANIFEST} is missing)")
    manifest = read_manifest(folder)
    relative = path.absolute().relative_to(folder).as_posix()
    found = [entry for entry in manifest.models if entry.file == relative]
    if not found or found[0].name != name:
        what = found[0].name if found else "no model of its run"
        raise EpochalError(f"{path}: it is {what}, not {name}")
    content = read_file(folder, relative, manifest)
    seen = read_seen(folder, manifest)
    return Loaded(found[0], content, manifest.hashes[relative], manifest.classes, seen)


def read_seen(folder: Path, manifest: RunManifest) -> dict[str, np.ndarray]:
    """Return the hashes of the rows that a run was trained on, by the kind of file."""
    read_file(folder, SEEN, manifest)
    with np.load(Path(folder) / SEEN, allow_pickle=False) as stored:
        return {kind: stored[kind] for kind in stored.files}


def count_seen(hashes: dict[str, np.ndarray], seen: dict[str, np.ndarray]) -> int:
    """Return how many rows have a hash, of whichever file, among those that were seen."""
    known = [np.isin(rows, seen[kind]) for kind, rows in hashes.items() if kind in seen]
    return int(np.logical_or.reduce(known).sum()) if known else 0


def _row_numbers(X: pd.DataFrame) -> np.ndarray:
    return X[ROW].to_numpy().astype(np.int64)
