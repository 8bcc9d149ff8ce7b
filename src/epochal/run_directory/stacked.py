"""Base models cross-fitted on the rows of a run, and the meta-learner over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from epochal.models.cross_fitting import CrossFitted, cross_fit, join_table
from epochal.models.stacking import META_ROSTER, list_stacks, spread_models
from epochal.options.models import ModelOptions, StackingOptions
from epochal.options.splitting import SplitOptions
from epochal.options.study import StudyOptions
from epochal.readers.slow_oscillation import EPOCH_S
from epochal.readers.slow_oscillation_files import LABELS
from epochal.run_directory.base_models import describe_model, list_builders
from epochal.run_directory.by_row import ROW, Loaded
from epochal.run_directory.flags import TrainFlags
from epochal.run_directory.manifest import NAMES
from epochal.run_directory.rows import Rows
from epochal.run_directory.timing import Clock
from epochal.serving.bundle import STACK
from epochal.splits.schemes import split_subjects

LONGEST_BLOCK, N_BLOCKS = 1000, 20


@dataclass(frozen=True)
class Training:
    """What a run is trained on: the rows that are kept, their folds, and HGB's features."""

    flags: TrainFlags
    rows: Rows
    epochs: pd.DataFrame
    splits: pd.DataFrame
    features: pd.DataFrame | None
    loaded: Mapping[str, Loaded]

    @property
    def study(self) -> StudyOptions:
        """The study that cross-fitting asks for."""
        return describe_study(self.flags.seed)


def describe_study(seed: int) -> StudyOptions:
    """Return the classes and what must be said of them."""
    return StudyOptions(
        name="slow_oscillation",
        classes=LABELS,
        recording_kind="slow_oscillation_rows",
        subjects_known=False,
        seed=seed,
    )


def list_epochs(labels: np.ndarray, data_source: str) -> pd.DataFrame:
    """Return the rows as epochs, `epoch` being the row's number.

    Whose they are is not known: blocks of neighbouring rows stand for recordings and subjects.
    """
    n_rows = len(labels)
    length = max(1, min(LONGEST_BLOCK, n_rows // N_BLOCKS))
    number = np.arange(n_rows)
    block = pd.Series(number // length).map("rows-{:07d}".format)
    return pd.DataFrame(
        {
            "recording_id": block,
            "epoch": number,
            "subject_id": block,
            "onset_s": number * EPOCH_S,
            "length_s": EPOCH_S,
            "run": 0,
            "label": labels.astype(object),
            "data_source": data_source,
        }
    )


def deal_folds(epochs: pd.DataFrame, flags: TrainFlags) -> pd.DataFrame:
    """Return the fold of every row; all of them train."""
    options = SplitOptions(scheme=flags.folds, n_folds=flags.splits, test_share=0, val_share=0)
    splits = split_subjects(epochs, options, seed=flags.seed)
    return splits[["recording_id", "epoch", "subject_id", "role", "fold"]]


def fit_base(
    target: str, training: Training, found: Mapping[str, Any], clock: Clock
) -> CrossFitted:
    """Cross-fit one base model."""
    features = training.features if target == "hgb" else None
    if features is None:
        features = training.epochs[["recording_id", "epoch"]].assign(
            **{ROW: training.epochs["epoch"]}
        )
    columns = [name for name in features if name not in ("recording_id", "epoch")]
    options = describe_model(target, training.flags, columns, found)
    builders = list_builders(training.rows.h5, training.loaded)
    roster = {options.kind: clock.watch(NAMES[target], builders[options.kind])}
    table = join_table(features, training.epochs, training.splits)
    return cross_fit(NAMES[target], options, roster, table, training.study, family="base")


def spread(bases: Mapping[str, CrossFitted], training: Training) -> pd.DataFrame:
    """Return the meta-learner's table: the base models' log probabilities out of fold."""
    predictions = pd.concat([one.out_of_fold for one in bases.values()], ignore_index=True)
    wide = spread_models(predictions, list(bases), ("oof",))
    return join_table(wide, training.epochs, training.splits)


def describe_meta(flags: TrainFlags, C: float) -> ModelOptions:
    """Return the meta-learner's options."""
    options = list_stacks(StackingOptions(C=C))[STACK]
    weight = "balanced" if flags.class_weights_auto else None
    return options.model_copy(update={"class_weight": weight})


def fit_meta(
    table: pd.DataFrame, training: Training, found: Mapping[str, Any], clock: Clock
) -> CrossFitted:
    """Cross-fit the meta-learner; its own final fit is needed in any case."""
    options = describe_meta(training.flags, float(found.get("C", training.flags.meta_c)))
    roster = {options.kind: clock.watch(STACK, META_ROSTER[options.kind])}
    return cross_fit(STACK, options, roster, table, training.study, family="stack")
