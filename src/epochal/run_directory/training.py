"""A run, from files to a run directory."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epochal.errors import EpochalError
from epochal.models.cross_fitting import CrossFitted
from epochal.readers.slow_oscillation_files import LABELS
from epochal.run_directory.by_row import (
    Loaded,
    load_model,
)
from epochal.run_directory.figures import summarise
from epochal.run_directory.flags import TrainFlags
from epochal.run_directory.manifest import NAMES
from epochal.run_directory.rows import (
    SAMPLES,
    Rows,
    read_inputs,
    read_row_labels,
)
from epochal.run_directory.searching import read_best, search_parameters
from epochal.run_directory.stacked import (
    Training,
    deal_folds,
    fit_base,
    fit_meta,
    list_epochs,
    spread,
)
from epochal.run_directory.timing import Clock
from epochal.serving.bundle import STACK
from epochal.splits.balance import keep_balanced

_RESERVED = {"recording_id", "epoch", "subject_id", "role", "fold", "label", "kept", "unit"}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What came out of a training, before anything is written."""

    training: Training
    bases: dict[str, CrossFitted]
    meta: CrossFitted
    table: pd.DataFrame
    clock: Clock
    found: dict[str, dict[str, Any]]
    figures: dict[str, Any]

    @property
    def models(self) -> dict[str, CrossFitted]:
        """The base models and the stack over them."""
        return self.bases | {STACK: self.meta}


def prepare(flags: TrainFlags) -> Training:
    """Read what a run is trained on, undersample where that is wanted, and deal the folds."""
    rows = read_inputs(
        flags.x_csv if flags.needs_csv else None,
        flags.x_h5 if flags.needs_h5 else None,
        key=flags.h5_dataset_key,
        drop_columns=flags.drop_cols,
    )
    assert flags.y_csv is not None  # the command asked for it
    labels = read_row_labels(flags.y_csv, rows.ids)
    loaded = {target: _load(target, path) for target, path in flags.loaded.items()}
    features = _read_features(flags, rows)
    epochs = list_epochs(labels, rows.data_source)
    if flags.undersample_balanced:
        epochs = epochs[_kept(epochs, flags)]
    splits = deal_folds(epochs, flags)
    return Training(flags, rows, epochs, splits, features, loaded)


def train(training: Training, opt_folder: Path | None) -> Run:
    """Search where that is wanted, cross-fit the base models and the meta-learner, and score."""
    flags = training.flags
    found = read_best(flags.best_params, flags.targets) if flags.best_params else {}
    if flags.optimize:
        found = search_parameters(training, opt_folder)
    clock = Clock(n_folds=flags.splits, final=flags.refit_final)
    bases = {
        NAMES[target]: fit_base(target, training, found.get(target, {}), clock)
        for target in flags.targets
    }
    table = spread(bases, training)
    meta = fit_meta(table, training, found.get("meta", {}), clock)
    run = Run(training, bases, meta, table, clock, found, {})
    return replace(run, figures=_score(run))


def _load(target: str, path: Path) -> Loaded:
    loaded = load_model(path, NAMES[target])
    if loaded.classes != LABELS or loaded.entry.columns != SAMPLES:
        raise EpochalError(f"{path}: it was trained on other classes or samples")
    return loaded


def _read_features(flags: TrainFlags, rows: Rows) -> pd.DataFrame | None:
    """Return HGB's table, with the rows' keys."""
    if not flags.with_hgb:
        return None
    features = rows.table
    if flags.hgb_fe:
        assert rows.h5 is not None  # `--hgb-fe` needs it
        _LOG.info("features of %d rows from %s", len(rows), rows.h5.path.name)
        features = rows.h5.all_features(flags.hgb_fe_chunk_size)
    assert features is not None  # from the one or from the other
    reserved = sorted(_RESERVED & set(features))
    if reserved:
        raise EpochalError(
            f"{flags.x_csv}: a feature cannot be called '{reserved[0]}'; rename it, or leave it "
            "out (--drop-cols)"
        )
    keys = list_epochs(np.zeros(len(rows)), rows.data_source)[["recording_id", "epoch"]]
    return pd.concat([keys, features], axis=1)


def _kept(epochs: pd.DataFrame, flags: TrainFlags) -> np.ndarray:
    kept = keep_balanced(epochs.assign(role="train"), seed=flags.undersample_seed)
    return kept.to_numpy(bool)


def _score(run: Run) -> dict[str, Any]:
    """Return the out-of-fold figures of the stack and of each base model."""
    known = run.training.epochs[["epoch", "subject_id", "label"]]
    return {
        name: summarise(
            fitted.out_of_fold.merge(known, on="epoch"), LABELS, seed=run.training.flags.seed
        )
        for name, fitted in run.models.items()
    }
