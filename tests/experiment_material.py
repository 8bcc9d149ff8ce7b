"""A small study for tests of experiments: rhythms that tell the class, seven animals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epochal.epoch_inputs import InputStore, write_inputs
from epochal.experiments.cells import Judged, Material
from epochal.experiments.options import ExperimentOptions
from epochal.options.models import FamilyOptions, ModelOptions, StackingOptions
from epochal.options.study import StudyOptions
from window_cohort import CLASSES, codes_of, make_inputs

N_EPOCHS, N_SUBJECTS = 24, 7
ROLES = ["train", "train", "train", "train", "val", "test", "test"]


def make_epochs() -> pd.DataFrame:
    """Return the epochs of seven animals, 2 s each."""
    rows = [
        (f"r{seed}", f"s{seed}", epoch, 2.0 * epoch, 2.0, 0, CLASSES[code], "simulated")
        for seed in range(N_SUBJECTS)
        for epoch, code in enumerate(codes_of(seed, N_EPOCHS))
    ]
    names = ["recording_id", "subject_id", "epoch", "onset_s", "length_s", "run", "label",
             "data_source"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def make_splits(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return four animals to train on, one in val, two held out."""
    number = epochs["subject_id"].str[1:].astype(int)
    roles = number.map(dict(enumerate(ROLES)))
    fold = np.where(roles == "test", -1, number % 2)
    return epochs[["recording_id", "epoch", "subject_id"]].assign(role=roles, fold=fold)


def make_features(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return one column that tells whether an epoch is REM, and no more."""
    told = (epochs["label"] == "REM").astype(float)
    return epochs[["recording_id", "epoch"]].assign(eeg_is_rem=told)


def make_material(folder: Path, **changed: Any) -> Material:
    """Write the inputs of the animals, and return all that cells are made from."""
    epochs = make_epochs()
    paths = {}
    for seed in range(N_SUBJECTS):
        path = folder / f"r{seed}.h5"
        write_inputs(path, make_inputs(seed, n_epochs=N_EPOCHS))
        paths[f"r{seed}"] = str(path)
    given: dict[str, Any] = {
        "features": make_features(epochs),
        "epochs": epochs,
        "splits": make_splits(epochs),
        "store": InputStore(paths, "inputs"),
        "study": StudyOptions(name="made", classes=CLASSES, recording_kind="rodent"),
        "stacking": StackingOptions(),
        "classical": FamilyOptions(models={"one_column": ModelOptions(kind="logistic_regression")}),
    }
    return Material(**(given | changed))


def make_options(**changed: Any) -> ExperimentOptions:
    """Return an experiment of the one cell that trains fastest."""
    training = {"max_epochs": 6, "learning_rate": 0.01, "validation_share": 0.25}
    given: dict[str, Any] = {
        "context": (1,),
        "backbone": ("cnn1d",),
        "epochs_in_batch": 8,
        "channels": {"channel": (), "none": ("EEG",), "alone": ("EMG",)},
        "model": {"training": training},
    }
    return ExperimentOptions(**(given | changed))


def make_judged(
    of_animals: dict[str, list[list[int]]], *, name: str = "cell", network: bool = True, **more: Any
) -> Judged:
    """Return a result with these tables by animal, in one smoothing unless `more` says."""
    given: dict[str, Any] = {
        "name": name,
        "key": name,
        "described": {"backbone": name},
        "classes": ("W", "NREM"),
        "data_source": "simulated",
        "causal": {"none": True},
        "n_parameters": 10 if network else None,
        "seconds": 1.0,
        "tables": {"none": of_animals},
    }
    return Judged(**(given | more))
