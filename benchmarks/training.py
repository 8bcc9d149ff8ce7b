"""Training through the pipeline's `cross_fit` beside a plain script; and what the exports cost.

A simulated table of 20,000 epochs and 120 columns, 50 subjects, 5 folds. The plain script fits
the same estimator on the same rows of the same matrix, predicts each left-out fold and refits; it
does no bookkeeping, no checks, no schema. Both run by turns in one process with one thread, and the
processor's time is compared: a busy machine does not count. Fewer trees than a study has keep it
short, which is to the pipeline's disadvantage: what it adds does not grow with them.

Each refit is then exported: the size of its file, and how long it takes to score one night of 8
hours (960 epochs), beside the original's `predict_proba`. Run it with
`python benchmarks/training.py`; it writes `benchmarks/results/training.json`.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from epochal.labels import encode
from epochal.models.classical import ROSTER as CLASSICAL
from epochal.models.cross_fitting import CrossFitted, cross_fit, join_table
from epochal.models.deep import COLUMN_NETWORKS as DEEP
from epochal.models.export import export_model
from epochal.models.fitting import class_weights
from epochal.options.models import ModelOptions
from epochal.options.study import StudyOptions
from epochal.serving.bundle import open_session

RESULTS = Path(__file__).parent / "results" / "training.json"
LIBRARIES = ("scikit-learn", "lightgbm", "xgboost-cpu", "torch", "onnxruntime", "pandas", "numpy")
CLASSES = ("W", "N1", "N2", "N3", "REM")
SHARES = (0.2, 0.08, 0.42, 0.13, 0.17)
N_SUBJECTS, N_EPOCHS, N_COLUMNS, N_FOLDS = 50, 400, 120, 5
N_NIGHT = 960  # epochs of 30 s in 8 hours
HOLES = 0.01
N_REPEATS, N_RUNS = 3, 15
ROSTER = {**CLASSICAL, **DEEP}
PARAMS: dict[str, dict[str, Any]] = {
    "logistic_regression": {"C": 0.1, "tol": 1e-4},
    "naive_bayes": {},
    "random_forest": {"n_estimators": 5},
    "hist_gradient_boosting": {"max_iter": 4},
    "lightgbm": {"n_estimators": 6},
    "xgboost": {"n_estimators": 4},
    "residual_mlp": {"n_epochs": 1},
}
WEIGHED = {"hist_gradient_boosting"}  # also with class weights


def main() -> None:
    """Measure all models and write the rows."""
    torch.set_num_threads(1)
    threadpool_limits(limits=1)
    table, columns = simulate_table()
    training, serving = [], []
    for kind, params in PARAMS.items():
        row, fitted = compare_training(kind, params, table, columns)
        training.append(row)
        serving += measure_export(fitted, table)
        print(row["case"], row["ours"], row["peer"], row["ratio"], flush=True)
    small = table[table["epoch"] < N_EPOCHS // 10]  # the peer takes minutes for the whole
    training += [
        compare_training(kind, PARAMS[kind], small, columns[:30], weigh=True)[0] for kind in WEIGHED
    ]
    report = {
        "name": "training",
        "rows": training + serving,
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def simulate_table() -> tuple[pd.DataFrame, list[str]]:
    """Return the table that `cross_fit` takes, and its feature columns: float32, some missing."""
    random = np.random.default_rng(0)
    n_rows = N_SUBJECTS * N_EPOCHS
    codes = random.choice(len(CLASSES), n_rows, p=SHARES)
    centres = random.normal(0, 0.5, (len(CLASSES), N_COLUMNS))
    values = (centres[codes] + random.normal(size=(n_rows, N_COLUMNS))).astype(np.float32)
    values[random.random(values.shape) < HOLES] = np.nan
    subject = np.repeat(np.arange(N_SUBJECTS), N_EPOCHS)
    keys = pd.DataFrame(
        {
            "recording_id": [f"r{number:02d}" for number in subject],
            "epoch": np.tile(np.arange(N_EPOCHS), N_SUBJECTS),
        }
    )
    columns = [f"c{number:03d}" for number in range(N_COLUMNS)]
    features = pd.concat([keys, pd.DataFrame(values, columns=columns)], axis=1)
    epochs = keys.assign(label=np.array(CLASSES, dtype=object)[codes])
    names = [f"s{number:02d}" for number in subject]
    splits = keys.assign(subject_id=names, role="train", fold=subject % N_FOLDS)
    return join_table(features, epochs, splits), columns


def compare_training(
    kind: str,
    params: dict[str, Any],
    table: pd.DataFrame,
    columns: list[str],
    *,
    weigh: bool = False,
) -> tuple[dict[str, object], CrossFitted]:
    """Let the pipeline and the plain script take turns; return the row and the last fit."""
    weight = "balanced" if weigh else None
    options = ModelOptions(kind=kind, params=params, columns=tuple(columns), class_weight=weight)
    study = StudyOptions(name="training", classes=CLASSES, recording_kind="polysomnogram")
    X, y, fold = table[columns], encode(table["label"], CLASSES), table["fold"].to_numpy()
    weights = class_weights if weigh else None
    seconds: list[tuple[float, float]] = []
    for _ in range(1 if weigh else N_REPEATS):
        ours_s, fitted = measure(
            lambda: cross_fit(kind, options, ROSTER, table, study, family="classical")
        )
        plain_s, predicted = measure(lambda: fit_plainly(kind, params, X, y, fold, weights))
        seconds.append((ours_s, plain_s))
    found = fitted.out_of_fold.sort_values(["recording_id", "epoch"])
    proba = found[[f"proba_{name}" for name in CLASSES]].to_numpy()
    if not weigh:
        np.testing.assert_allclose(proba, predicted, atol=1e-6)
    ours, plain = (statistics.median(times) for times in zip(*seconds, strict=True))
    weighed = ", class weights" if weigh else ""
    size = f"{len(X):,} × {len(columns)}"
    case = f"{kind}{weighed}: {N_FOLDS} folds and the refit, {size}, warm, 1 thread"
    return make_row(case, ours, ("the same estimator, a plain script", plain)), fitted


def fit_plainly(
    kind: str,
    params: dict[str, Any],
    X: pd.DataFrame,
    y: np.ndarray,
    fold: np.ndarray,
    weigh: Callable[[np.ndarray, str], np.ndarray] | None,
) -> np.ndarray:
    """Cross-fit as a script would: predict each fold by the others, and refit."""
    proba = np.zeros((len(X), len(CLASSES)))
    for left_out in range(N_FOLDS):
        seen = fold != left_out
        model = fit_once(kind, params, X[seen], y[seen], weigh)
        proba[~seen] = model.predict_proba(X[~seen])
    fit_once(kind, params, X, y, weigh)
    return proba


def fit_once(kind: str, params: dict[str, Any], X: pd.DataFrame, y: np.ndarray, weigh: Any) -> Any:
    """Fit the kind's estimator; with weights, scikit-learn's own, as a script would take it."""
    if weigh is None:
        return ROSTER[kind](0, **params).fit(X, y)
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(**params, random_state=0, early_stopping=False)
    return model.fit(X, y, sample_weight=weigh(y, "balanced"))


def measure_export(fitted: CrossFitted, table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the size of the exported file, and what a night takes by it and by the original."""
    model = fitted.model
    content = export_model(model, table.head(500))
    night = table[model.columns].head(N_NIGHT)
    session, values = open_session(content), night.to_numpy(np.float32)
    ours = take_median(lambda: session.run(None, {session.get_inputs()[0].name: values}))
    peer = take_median(lambda: model.estimator.predict_proba(night))
    case = f"{model.name}: one night of 8 h ({N_NIGHT} epochs) scored, ONNX, warm, 1 thread"
    size = {
        "case": f"{model.name}: exported file, size",
        "unit": "MB",
        "ours": round(len(content) / 1e6, 4),
        "peer_name": None,
        "peer": None,
        "ratio": None,
    }
    return [make_row(case, ours, ("the original's predict_proba", peer)), size]


def take_median(work: Callable[[], object]) -> float:
    """Return the median processor seconds, after a first call."""
    work()
    return statistics.median(measure(work)[0] for _ in range(N_RUNS))


def measure(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor seconds of a call, and what it returned."""
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def make_row(case: str, ours: float, peer: tuple[str, float]) -> dict[str, object]:
    return {
        "case": case,
        "unit": "s",
        "ours": round(ours, 4),
        "peer_name": peer[0],
        "peer": round(peer[1], 4),
        "ratio": round(peer[1] / ours, 3),
    }


if __name__ == "__main__":
    main()
