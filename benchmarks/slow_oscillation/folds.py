"""What the wavelet columns add on simulated rows, and what the way of making folds adds.

`python benchmarks/slow_oscillation/folds.py FOLDER` takes the first 40,000 rows of a simulated
X_train.h5 and cross-fits the study's classical models on the 11 given columns, on the 110 of the
EEG and on all 121, in five folds made in four ways. The simulator's own odds say what the best
classifier could reach. It writes `benchmarks/results/slow_oscillation_folds.json`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.metrics import accuracy_score, cohen_kappa_score, log_loss
from sklearn.model_selection import GroupKFold, KFold

from epochal.features.wavelet import wavelet_combo
from epochal.models.classical import build_lightgbm, build_logistic_regression
from epochal.readers import slow_oscillation as reader
from epochal.simulation import slow_oscillation_night as nights

N_ROWS, N_FOLDS = 40_000, 5
RESULTS = Path(__file__).parents[1] / "results" / "slow_oscillation_folds.json"
MODELS = {
    "logistic regression": lambda: build_logistic_regression(0, C=0.1),
    "LightGBM": lambda: build_lightgbm(0),
}


def main() -> None:
    given, eeg, labels = read_table(Path(sys.argv[1]))
    columns = {"11 given": given, "110 wavelet": eeg, "all 121": np.hstack([given, eeg])}
    rows = [{"columns": "what the simulator knows", **score(labels, simulator_odds())}]
    print(rows[0], flush=True)
    for scheme, folds in make_folds(given).items():
        for name, table in columns.items():
            for model, build in MODELS.items():
                found = score(labels, cross_fit(build, table, labels, folds), folds)
                rows.append({"folds": scheme, "columns": name, "model": model, **found})
                print(rows[-1], flush=True)
    report = {"name": "slow_oscillation_folds", "data_source": "simulated", "n_rows": N_ROWS,
              "majority": round(float(np.mean(labels == 0)), 4), "rows": rows,
              "date": time.strftime("%Y-%m-%d")}  # fmt: skip
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def read_table(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    options = reader.Options(rows_per_recording=N_ROWS)
    recording = reader.read(reader.find(folder, options)[0], options)
    assert recording.data_source == "simulated"
    columns = wavelet_combo(recording.arrays["windows"][:, 0], reader.SFREQ)
    given = recording.table.select_dtypes("float32").to_numpy()
    return (
        given,
        np.column_stack(list(columns.values())),
        recording.table["label"].to_numpy(dtype=int),
    )


def make_folds(given: np.ndarray) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Return the folds of each way; the count of oscillations begins anew with every night."""
    place = np.arange(N_ROWS)
    night = np.cumsum(given[:, 0] == 0)
    groups = GroupKFold(N_FOLDS, shuffle=True, random_state=0)
    return {
        "rows shuffled": list(KFold(N_FOLDS, shuffle=True, random_state=0).split(place)),
        "blocks of 1,000 rows": list(groups.split(place, groups=place // 1000)),
        "five contiguous blocks": list(KFold(N_FOLDS).split(place)),
        "whole nights": list(groups.split(place, groups=night)),
    }


def cross_fit(build, table, labels, folds) -> np.ndarray:
    proba = np.empty((N_ROWS, 3))
    for train, test in folds:
        proba[test] = build().fit(table[train], labels[train]).predict_proba(table[test])
    return proba / proba.sum(axis=1, keepdims=True)  # float32 models sum to 1 but nearly


def score(labels, proba, folds=()) -> dict[str, object]:
    said = proba.argmax(axis=1)
    kappas = [cohen_kappa_score(labels[test], said[test]) for _, test in folds]
    return {
        "accuracy": round(accuracy_score(labels, said), 4),
        "kappa": round(cohen_kappa_score(labels, said), 4),
        "log_loss": round(log_loss(labels, proba), 4),
        "kappa_by_fold": [round(kappa, 3) for kappa in kappas],
    }


def simulator_odds() -> np.ndarray:
    """Return each row's true probabilities, which the simulator drew its label from."""
    rows: list[np.ndarray] = []
    while sum(map(len, rows)) < N_ROWS:
        night = nights.draw_night(np.random.default_rng([0, 0, len(rows)]))
        amplitude = np.clip((night.amplitude_uv - nights.HIGH_UV) / 30, -1.5, 3.0)
        log_odds = nights._BASE + np.column_stack([night.depth, amplitude, night.precursor]) @ (
            np.stack([nights._BY_DEPTH, nights._BY_AMPLITUDE, nights._BY_PRECURSOR])
        )
        odds = np.column_stack([np.ones(len(log_odds)), np.exp(log_odds)])
        rows.append(odds / odds.sum(axis=1, keepdims=True))
    return np.vstack(rows)[:N_ROWS]


if __name__ == "__main__":
    main()
