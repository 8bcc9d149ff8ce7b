"""Figures of a run: of its out-of-fold predictions, or of its final models on labelled rows."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd

from epochal.run_directory.by_row import count_seen, read_seen
from epochal.run_directory.figures import analyze, summarise
from epochal.run_directory.manifest import OUT_OF_FOLD, RunManifest, read_file
from epochal.run_directory.prediction import predict_rows
from epochal.run_directory.rows import Rows, read_row_labels
from epochal.run_directory.stacked import list_epochs
from epochal.serving.bundle import STACK


def evaluate_rows(
    folder: Path, manifest: RunManifest, rows: Rows, y_csv: Path, *, n_threads: int = 1
) -> dict[str, Any]:
    """Return the figures of the final models on labelled rows, and whether they have seen them."""
    labels = read_row_labels(y_csv, rows.ids)
    predicted = predict_rows(folder, manifest, rows, n_threads=n_threads)
    epochs = list_epochs(labels, rows.data_source)
    scored = predicted.assign(label=labels, subject_id=epochs["subject_id"])
    n_seen = count_seen(rows.hashes(), read_seen(folder, manifest))
    return {
        "source": "data set",
        "in_sample": n_seen > 0,
        "rows_seen_in_training": n_seen,
        "data_source": _join_sources(manifest.data_source, rows.data_source),
        "caveats": manifest.caveats,
        "figures": summarise(scored, manifest.classes, seed=0),
    }


def evaluate_out_of_fold(folder: Path, manifest: RunManifest) -> dict[str, Any]:
    """Return the figures of the saved out-of-fold predictions: of the stack and each base model."""
    rows = read_out_of_fold(folder, manifest)
    figures = {STACK: summarise(rows, manifest.classes, seed=0)}
    for name in manifest.base_models:
        columns = {f"{name}__{label}": f"proba_{label}" for label in manifest.classes}
        base = rows[["label", "subject_id", *columns]].rename(columns=columns)
        figures[name] = summarise(base, manifest.classes, seed=0)
    return {
        "source": "oof",
        "in_sample": False,
        "rows_seen_in_training": 0,
        "data_source": manifest.data_source,
        "caveats": manifest.caveats,
        "figures": figures[STACK],
        "base_models": {name: figures[name] for name in manifest.base_models},
    }


def analyze_out_of_fold(folder: Path, manifest: RunManifest) -> dict[str, Any]:
    """Return the analysis of the saved out-of-fold predictions, after what the run was."""
    rows = read_out_of_fold(folder, manifest)
    return {
        "source": "oof",
        "run": {
            "base_models": list(manifest.base_models),
            "meta_C": manifest.tuned.get("meta", {}).get("C", manifest.options["meta_c"]),
            "best_params": manifest.tuned,
            "imbalance": manifest.imbalance,
            "folds": manifest.folds,
            "splits": manifest.splits,
            "load_only": {name: one.model_dump() for name, one in manifest.load_only.items()},
            "data_source": manifest.data_source,
            "created": manifest.created,
        },
        "caveats": manifest.caveats,
        **analyze(rows, manifest.classes, seed=0),
    }


def read_out_of_fold(folder: Path, manifest: RunManifest) -> pd.DataFrame:
    """Read the saved out-of-fold predictions, verified."""
    content = read_file(folder, OUT_OF_FOLD, manifest)
    table = pd.read_csv(io.BytesIO(content), dtype={"label": str, "pred": str, "block": str})
    return table.rename(columns={"block": "subject_id"})


def _join_sources(*sources: str) -> str:
    return "simulated" if "simulated" in sources else "real"
