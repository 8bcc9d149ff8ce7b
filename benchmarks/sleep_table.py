"""What context, tuning, calibration, stacking and smoothing add on the real table of 65 sleepers.

`EPOCHAL_DATA=… python benchmarks/sleep_table.py` lets the study `sleep_edf_table` read the table
and compute its columns, then cross-fits its models in the study's ten folds by subject, without
their calibration, so that this can be judged by itself. What is fitted is kept in
`data/sleep_edf_table/benchmark`: an interrupted run goes on. Intervals and differences resample the
65 subjects, the same ones for both of a pair. It writes `benchmarks/results/sleep_table.json`.

The table lacks the last epoch of every bout: transitions are under-represented, and these figures
are easier than, and not comparable with, published ones.

`tuned` is measured on two of the ten folds: there, a search by folds of the training subjects, on a
third of their nights, chooses the parameters of `lightgbm`, which is then fitted as in the study
and compared with it on the same two folds' subjects.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import yaml
from joblib import hash as fingerprint

from _by_subject import Sums, compare, describe, draw, f1_by_class, sum_up
from epochal.labels import encode, proba_columns
from epochal.models.calibrators import fit_calibration
from epochal.models.classical import ROSTER as CLASSICAL
from epochal.models.cross_fitting import cross_fit, join_table
from epochal.models.deep import COLUMN_NETWORKS, make_roster
from epochal.models.fitted_model import select_columns
from epochal.models.fitting import fit_estimator
from epochal.models.outlines import outline_recordings
from epochal.models.stack_smoothing import smooth_predictions
from epochal.models.stacking import META_ROSTER, spread_models
from epochal.models.training.epoch_rows import take_rows
from epochal.models.training.targets import make_row_targets
from epochal.models.tuning import search
from epochal.options.deep import NetworkModelOptions
from epochal.options.models import (
    CalibrationKind,
    ModelOptions,
    RangeOptions,
    StackingOptions,
    TuneOptions,
)
from epochal.options.study import StudyOptions
from epochal.serving.bundle import STACK

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "sleep_table.json"
LIBRARIES = ("lightgbm", "scikit-learn", "torch", "pandas", "numpy", "optuna")
STUDY = "sleep_edf_table"
DATA = ROOT / "data" / STUDY
CACHE = DATA / "benchmark"
CLASSES = ("W", "N1", "N2", "N3", "REM")
PROBA = proba_columns(CLASSES)
ROSTER = {**CLASSICAL, **COLUMN_NETWORKS}
BEFORE = ("lightgbm", "lightgbm_causal", "residual_mlp")  # the network over sequences was added
STACKED = (*BEFORE, "column_gru")
OPTIONS = StudyOptions(name=STUDY, classes=CLASSES, recording_kind="feature_table")
CAVEAT = "The table lacks the last epoch of every bout: not comparable with published figures."
TUNED_FOLDS, NIGHTS_TUNED_ON = (0, 1), 3  # every third night
CHOSEN_BY = (0, 1)  # the folds by which the network over sequences was chosen among six variants
TUNE = TuneOptions(
    n_trials=8,
    n_folds=2,
    space={
        "num_leaves": RangeOptions(low=15, high=63, log=True, whole=True),
        "min_child_samples": RangeOptions(low=40, high=300, log=True, whole=True),
        "colsample_bytree": RangeOptions(low=0.05, high=0.3, log=True),
    },
)
# model: what it is compared with
PAIRS = {
    "lightgbm_causal": "lightgbm_no_context",
    "lightgbm": "lightgbm_causal",
    "logistic_regression": "lightgbm",
    "residual_mlp": "lightgbm",
    "column_gru": "lightgbm",
    "average without column_gru": "lightgbm, calibrated",
    "average": "average without column_gru",
    "blend": "lightgbm, calibrated",
    "stack": "lightgbm, calibrated",
    "average, forward": "average",
    "average, forward_backward": "average",
    "stack, forward": "stack",
    "stack, forward_backward": "stack",
    "lightgbm_causal, calibrated, forward": "lightgbm_causal, calibrated",
}
SMOOTHED = [
    ("average", "forward"),
    ("average", "forward_backward"),
    ("stack", "forward"),
    ("stack", "forward_backward"),
    ("lightgbm_causal, calibrated", "forward"),
]


def main() -> None:
    """Measure each step, and write the rows."""
    if "EPOCHAL_DATA" not in os.environ:
        print("EPOCHAL_DATA is not set, where sleep_edf_features/ would be: nothing measured anew")
        return
    make_features()
    table, epochs = read_table()
    models = list_models()
    predicted = {name: predict(name, options, table) for name, options in models.items()}
    predicted |= dict(calibrate_all(predicted, models, table))
    predicted |= dict(stack(predicted, table))
    predicted |= dict(smooth_all(predicted, epochs, table))
    tuned = measure_tuning(models["lightgbm"], predicted["lightgbm"], table)
    write([*describe_all(predicted, table), *confirm(predicted, table), *tuned], table)


def make_features() -> None:
    """Run the study up to its splits; what is there already is kept."""
    command = [sys.executable, "-m", "kedro", "run", "--env", STUDY, "--only-missing-outputs",
               "--pipelines", "ingestion,feature_engineering,splitting"]  # fmt: skip
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"EPOCHAL_TRACKING": "off"})


def read_table() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the labelled rows that models are fitted on, and all epochs."""
    epochs = pd.read_parquet(DATA / "03_primary" / "epochs.parquet")
    table = pd.read_parquet(DATA / "05_model_input" / "train.parquet")
    return table[table["label"].notna()].reset_index(drop=True), epochs


def list_models() -> dict[str, ModelOptions]:
    """Return the study's models; their calibration is left to `calibrate_all`."""
    text = (ROOT / "conf" / STUDY / "parameters.yml").read_text(encoding="utf-8")
    conf = yaml.safe_load(text)
    families = {"classical_models": ModelOptions, "deep_models": NetworkModelOptions}
    return {
        name: make(**{"kind": name, **options})
        for family, make in families.items()
        for name, options in conf[family]["models"].items()
    }


def predict(name: str, options: ModelOptions, table: pd.DataFrame) -> np.ndarray:
    """Return out-of-fold probabilities `(n_rows, n_classes)`, fold by fold, each kept on disk."""
    columns = select_columns(table, options.columns, name)
    proba = np.zeros((len(table), len(CLASSES)))
    for fold in sorted(table["fold"].unique()):
        held_out = (table["fold"] == fold).to_numpy()
        state = (options.kind, options.params, columns, int(fold), len(table))
        weighed = (options.class_weight,) if options.class_weight else ()
        key = fingerprint(state + weighed + describe_training(options))
        kept = CACHE / f"{name}-{fold}-{key[:12]}.npy"
        if not kept.exists():
            start = time.process_time()
            found = fit_and_predict(options, columns, table[~held_out], table[held_out])
            CACHE.mkdir(parents=True, exist_ok=True)
            np.save(kept, found)
            print(f"{name} fold {fold}: {time.process_time() - start:.0f} s", flush=True)
        proba[held_out] = np.load(kept)
    return proba


def describe_training(options: ModelOptions) -> tuple[Any, ...]:
    """Return what else a network over sequences follows from."""
    if options.kind in ROSTER:
        return ()
    return (options.model_dump(include={"sequence", "training", "loss"}),)


def fit_and_predict(
    options: ModelOptions, columns: list[str], training: pd.DataFrame, held_out: pd.DataFrame
) -> np.ndarray:
    """Fit one model as cross-fitting does, and predict other subjects."""
    if options.kind not in ROSTER:
        return fit_sequences(options, columns, training, held_out)
    estimator = ROSTER[options.kind](0, **options.params)
    fit_estimator(estimator, training, columns, CLASSES, options, seed=0)
    return np.asarray(estimator.predict_proba(held_out[columns]))


def fit_sequences(
    options: ModelOptions, columns: list[str], training: pd.DataFrame, held_out: pd.DataFrame
) -> np.ndarray:
    """Fit a network over sequences of epochs as cross-fitting does; unlabelled ones are missing."""
    assert isinstance(options, NetworkModelOptions)
    seen, judged = (
        take_rows(outline_recordings(rows.assign(run=0)), rows, columns)
        for rows in (training, held_out)
    )
    network = make_roster("network", options, None)[options.kind](0, **options.params)
    network.fit(seen, make_row_targets(training, CLASSES, options))
    return np.asarray(network.predict_proba(judged))


def calibrate_all(
    predicted: dict[str, np.ndarray], models: dict[str, ModelOptions], table: pd.DataFrame
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each model calibrated as the study does it: each fold by the other folds."""
    for name, proba in predicted.items():
        kind = models[name].calibration
        assert kind is not None
        yield f"{name}, calibrated", calibrate(kind, proba, table)


def calibrate(kind: CalibrationKind, proba: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    fold, codes = table["fold"].to_numpy(), encode(table["label"], CLASSES)
    calibrated = np.empty_like(proba)
    for left_out in np.unique(fold):
        others = fold != left_out
        fitted = fit_calibration(kind, proba[others], codes[others])
        calibrated[~others] = fitted.apply(proba[~others])
    return calibrated


def stack(
    predicted: dict[str, np.ndarray], table: pd.DataFrame
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the mean, the blend and the meta-learner of the calibrated base models."""
    before = np.mean([predicted[f"{name}, calibrated"] for name in BEFORE], axis=0)
    yield "average without column_gru", calibrate("temperature", before, table)
    rows = table[["recording_id", "epoch"]]
    parts = [
        rows.assign(model=name, role="oof").join(
            pd.DataFrame(predicted[f"{name}, calibrated"], columns=PROBA)
        )
        for name in STACKED
    ]
    wide = spread_models(pd.concat(parts, ignore_index=True), sorted(STACKED), ("oof",))
    splits = table[["recording_id", "epoch", "subject_id", "role", "fold"]]
    ready = join_table(wide, table[["recording_id", "epoch", "label"]], splits)
    for kind, params in {"average": {}, "blend": {}, "logistic_regression": {"C": 1.0}}.items():
        options = ModelOptions(kind=kind, params=params, calibration="temperature")
        found = cross_fit(STACK, options, META_ROSTER, ready, OPTIONS, family="stack").out_of_fold
        name = STACK if kind == "logistic_regression" else kind
        yield name, rows.merge(found, on=["recording_id", "epoch"])[PROBA].to_numpy()


def smooth_all(
    predicted: dict[str, np.ndarray], epochs: pd.DataFrame, table: pd.DataFrame
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what is smoothed, by transitions and a memory that other folds taught."""
    rows = table[["recording_id", "epoch", "fold"]]
    splits = table[["recording_id", "epoch", "subject_id", "role", "fold"]]
    described = rows.assign(model=STACK, family="stack", role="oof", causal=False)
    for name, smoother in SMOOTHED:
        given = described.join(pd.DataFrame(predicted[name], columns=PROBA))
        options = StackingOptions(smoothing=(smoother,))
        found = smooth_predictions(given, epochs, splits, options, OPTIONS)
        found = found[found["model"] == f"{STACK}_{smoother}"]
        proba = rows.merge(found[["recording_id", "epoch", *PROBA]], on=["recording_id", "epoch"])
        yield f"{name}, {smoother}", proba[PROBA].to_numpy()


def measure_tuning(
    options: ModelOptions, untuned: np.ndarray, table: pd.DataFrame
) -> list[dict[str, Any]]:
    """Return what a search adds, on the subjects of a few folds."""
    columns = select_columns(table, options.columns, "tuned")
    judged = table["fold"].isin(TUNED_FOLDS).to_numpy()
    tuned, chosen = untuned.copy(), []
    for fold in TUNED_FOLDS:
        held_out = (table["fold"] == fold).to_numpy()
        kept = CACHE / f"tuned-{fold}-{fingerprint((options.params, TUNE.model_dump()))[:12]}.json"
        if not kept.exists():
            kept.write_text(json.dumps(tune(options, columns, table[~held_out])))
        chosen.append(json.loads(kept.read_text()))
        found = options.model_copy(update={"params": options.params | chosen[-1]["params"]})
        made = kept.with_suffix(".npy")
        if not made.exists():
            np.save(made, fit_and_predict(found, columns, table[~held_out], table[held_out]))
        tuned[held_out] = np.load(made)
    rows = table[judged]
    sums = {"lightgbm, tuned": tuned[judged], "lightgbm": untuned[judged]}
    described = describe_all(sums, rows, pairs={"lightgbm, tuned": "lightgbm"})
    where = f"the subjects of {len(TUNED_FOLDS)} folds"
    return [row | {"judged_on": where, "searches": chosen} for row in described]


def tune(options: ModelOptions, columns: list[str], training: pd.DataFrame) -> dict[str, Any]:
    """Search on some nights of the training subjects; return the parameters and the score."""
    nights = np.unique(training["recording_id"])[::NIGHTS_TUNED_ON]
    rows = training[training["recording_id"].isin(nights)]

    def attempt(params: dict[str, Any], seen: pd.DataFrame, judged: pd.DataFrame) -> np.ndarray:
        trial = options.model_copy(update={"params": options.params | params})
        return fit_and_predict(trial, columns, seen, judged)

    start = time.process_time()
    found = search(attempt, rows, CLASSES, TUNE, seed=0, name="lightgbm")
    seconds = round(time.process_time() - start)
    print(f"search: {found.score:.4f} with {found.params}, {seconds} s", flush=True)
    return {"params": found.params, "selection_kappa": round(found.score, 4)}


def describe_all(
    predicted: dict[str, np.ndarray], table: pd.DataFrame, pairs: dict[str, str] = PAIRS
) -> list[dict[str, Any]]:
    """Return each model's figures, and how it differs from the one it is to be compared with."""
    subjects = np.unique(table["subject_id"], return_inverse=True)[1]
    truth = encode(table["label"], CLASSES)
    sums: dict[str, Sums] = {
        name: sum_up(proba, truth, subjects) for name, proba in predicted.items()
    }
    drawn, rows = draw(int(subjects.max()) + 1), []
    for name, one in sums.items():
        row = {"model": name, "judged_on": "all subjects", "figures": describe(one, drawn),
               "f1_by_class": dict(zip(CLASSES, f1_by_class(one), strict=True))}  # fmt: skip
        against = pairs.get(name, name.removesuffix(", calibrated"))
        against = None if against == name else against
        if against in sums:
            row |= {"against": against, "paired": compare(one, sums[against], drawn)}
        rows.append(row)
        print(name, {key: figure["value"] for key, figure in row["figures"].items()}, flush=True)
    return rows


def confirm(predicted: dict[str, np.ndarray], table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the averages' figures on the folds by which the sequences were not chosen."""
    held_back = ~table["fold"].isin(CHOSEN_BY).to_numpy()
    some = {name: proba[held_back] for name, proba in predicted.items() if "average" in name}
    where = f"the subjects of the folds other than {CHOSEN_BY}"
    return [row | {"judged_on": where} for row in describe_all(some, table[held_back])]


def write(rows: list[dict[str, Any]], table: pd.DataFrame) -> None:
    report = {
        "name": "sleep_table",
        "data_source": "real",
        "caveat": CAVEAT,
        "folds": "10 by subject",
        "n_subjects": int(table["subject_id"].nunique()),
        "n_epochs": len(table),
        "rows": rows,
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, shared",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
