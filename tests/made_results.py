"""A study's folder as its run leaves it, small, for the tests of the dashboard."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from builders import (
    CLASSES,
    make_epochs,
    make_night,
    make_predictions,
    make_splits,
    make_study,
)
from epochal.evaluation.browsing import (
    choose_playback,
    count_confusions,
    describe_study,
    list_headline_epochs,
    trace_rocs,
)
from epochal.evaluation.by_recording import score_each_recording
from epochal.evaluation.discrimination import measure_classes
from epochal.evaluation.reliability import measure_calibration, measure_reliability
from epochal.evaluation.scored import list_scored
from epochal.metrics import build_leaderboard
from epochal.options.results import EvaluationOptions
from epochal.recording import write_recording

STUDY = "made"
CAVEAT = "Made-up recordings: these figures say nothing."
EVALUATION = EvaluationOptions(n_bootstrap=50)
TASKS = (
    "model,role,task,label,n_epochs,accuracy\n"
    "good_net,oof,relax,W,300,0.9\ngood_net,oof,stroop,REM,300,0.8\n"
)
CURVES = "model,part,epoch,train_loss,learning_rate,seconds,val_loss,val_kappa,val_accuracy\n"


def make_results(folder: Path, *, n_epochs: int = 220, study: str = STUDY) -> Path:
    """Write `<folder>/<study>` with all that the dashboard reads, and return it."""
    epochs = make_epochs(n_subjects=5, n_epochs=n_epochs)
    predictions = _predict(epochs)
    options = make_study(name=study, caveats=(CAVEAT,))
    board = build_leaderboard(predictions, epochs, EVALUATION, options)
    scored = list_scored(predictions, epochs, CLASSES)
    place = folder / study
    reporting = place / "08_reporting"
    reporting.mkdir(parents=True)
    tables = {
        "leaderboard": board,
        "results_by_class": measure_classes(scored),
        "results_by_recording": score_each_recording(predictions, epochs, CLASSES),
        "calibration": measure_calibration(scored, n_bins=15),
        "reliability": measure_reliability(scored[:2], EVALUATION, seed=0),
        "confusions": count_confusions(scored),
        "roc": trace_rocs(scored),
        "headline_epochs": list_headline_epochs(predictions, epochs, board),
    }
    for name, table in tables.items():
        table.to_csv(reporting / f"{name}.csv", index=False)
    (reporting / "results_by_task.csv").write_text(TASKS)
    card = describe_study(epochs, board, options)
    (reporting / "study.json").write_text(json.dumps(card))
    (reporting / "playback.json").write_text(
        json.dumps(choose_playback(predictions, epochs, options))
    )
    _write_recordings(place, epochs)
    write_curves(place, "net", "fold_0", n_passes=3)
    return place


def write_curves(place: Path, model: str, part: str, *, n_passes: int) -> Path:
    """Write a training's curve of so many passes."""
    path = place / "06_models/checkpoints" / model / part / "curves.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{model},{part},{n},{1 / n},0.001,{n * 2.0},{1.1 / n},{n / 10},{n / 8}\n"
            for n in range(1, n_passes + 1)]  # fmt: skip
    path.write_text(CURVES + "".join(rows))
    return path


def _predict(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return a model that is sure and mostly right, a worse one, and a baseline."""
    splits = make_splits(epochs, n_test=2)
    parts = []
    for model, family, certainty, n_wrong in (
        ("good_net", "deep", 0.9, 10),
        ("fair_tree", "classical", 0.7, 4),
        ("majority", "baseline", 0.4, 2),
    ):
        rows = make_predictions(epochs, splits, model=model, family=family, certainty=certainty)
        proba = [f"proba_{name}" for name in CLASSES]
        wrong = rows.index % n_wrong == 0  # turned by one class, and unsure
        turned = 0.5 * rows.loc[wrong, [*proba[1:], proba[0]]].to_numpy() + 0.5 / 3
        rows.loc[wrong, proba] = turned
        parts.append(rows.assign(causal=model != "fair_tree"))
    return pd.concat(parts, ignore_index=True)


def _write_recordings(place: Path, epochs: pd.DataFrame) -> None:
    folder = place / "02_intermediate/recordings"
    folder.mkdir(parents=True)
    for recording_id in ("r0", "r4"):  # the others' signals are not there any more
        labels = epochs.loc[epochs["recording_id"] == recording_id, "label"].tolist()
        night = make_night(labels, recording_id=recording_id, data_source="simulated")
        write_recording(folder / f"{recording_id}.h5", night)
