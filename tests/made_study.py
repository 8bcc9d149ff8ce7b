"""A finished study made by hand: four people, one model that errs where it is told to."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from builders import CLASSES, make_epochs, make_night, make_predictions, make_splits, make_study
from epochal.evaluation.by_recording import score_each_recording
from epochal.evaluation.report.results import StudyResults
from epochal.labels import proba_columns
from epochal.metrics import build_leaderboard
from epochal.options.results import EvaluationOptions
from epochal.options.splitting import SplitOptions

LABELS = ["W"] * 8 + ["N2"] * 12 + ["REM"] * 4


def spoil(predictions: pd.DataFrame, recording_id: str, said: str, *, epochs=range(6)):
    """Return predictions that say one class of some epochs of a recording, whatever is true."""
    rows = (predictions["recording_id"] == recording_id) & predictions["epoch"].isin(list(epochs))
    proba = np.full((int(rows.sum()), len(CLASSES)), 0.05)
    proba[:, CLASSES.index(said)] = 0.9
    spoiled = predictions.copy()
    spoiled.loc[rows, proba_columns(CLASSES)] = proba
    return spoiled


def make_results(**changed) -> StudyResults:
    """Return the results of `model` (right but for six epochs each of r0 and r3) and a baseline."""
    study = changed.pop("study", make_study(caveats=("Made up.",)))
    epochs = changed.pop("epochs", make_epochs(LABELS))
    splits = changed.pop("splits", make_splits(epochs))
    good = spoil(spoil(make_predictions(epochs, splits, model="model"), "r0", "REM"), "r3", "N2")
    naive = make_predictions(
        epochs, splits, model="majority", family="baseline", certainty=1 / len(CLASSES)
    )
    predictions = changed.pop("predictions", pd.concat([good, naive], ignore_index=True))
    evaluation = EvaluationOptions(n_bootstrap=20)
    empty = pd.DataFrame(columns=["model", "role", "figure", "reference"])
    given = {
        "study": study, "splitting": SplitOptions(scheme="group_folds"), "evaluation": evaluation,
        "epochs": epochs, "splits": splits, "predictions": predictions,
        "leaderboard": build_leaderboard(predictions, epochs, evaluation, study),
        "by_recording": score_each_recording(predictions, epochs, CLASSES),
        "by_task": pd.DataFrame(columns=["model", "role", "task", "label", "n_epochs", "accuracy"]),
        "comparisons": empty, "calibration": _calibration(), "reliability": _reliability(),
        "conformal": pd.DataFrame(columns=["model", "role", "level"]),
        "abstention": pd.DataFrame(columns=["model", "role"]),
        "summary": _summary(epochs), "recordings": _recordings(),
    }  # fmt: skip
    return StudyResults(**given | changed)


def _summary(epochs):
    ids = list(epochs["recording_id"].unique())
    return pd.DataFrame(
        {
            "recording_id": ids, "subject_id": [f"s{index}" for index in range(len(ids))],
            "duration_s": 720.0, "problems": ["", "cut short", None, ""][: len(ids)],
            "age": [30.0, 40.0, 50.0, 60.0][: len(ids)], "sex": ["F", "M", "F", "F"][: len(ids)],
        }
    )  # fmt: skip


def _recordings():
    return {f"r{n}": partial(make_night, LABELS, seed=n, recording_id=f"r{n}") for n in range(4)}


def _calibration():
    rows = [
        {"model": "model", "role": role, "class": name, "ece": 0.04, "adaptive_ece": 0.05,
         "brier": 0.2}
        for role in ("oof", "test")
        for name in (*CLASSES, "(all classes)")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _reliability():
    bins = [(0.1, 0.12, 50), (0.5, 0.45, 20), (0.9, 0.95, 40), (0.3, 0.9, 3)]
    rows = [
        {"model": "model", "role": role, "class": name, "mean_proba": proba, "observed": observed,
         "n_epochs": n}
        for role in ("oof", "test")
        for name in CLASSES
        for proba, observed, n in bins
    ]  # fmt: skip
    return pd.DataFrame(rows)
