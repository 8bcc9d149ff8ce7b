"""Predictions of a run's final models; nothing here trains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from epochal.errors import EpochalError, did_you_mean
from epochal.labels import proba_columns
from epochal.readers.slow_oscillation_files import METADATA_COLUMNS
from epochal.run_directory.manifest import (
    NAMES,
    RunManifest,
    input_columns,
    read_models,
)
from epochal.run_directory.rows import (
    SAMPLES,
    SCORED_AT_ONCE,
    Rows,
    check_columns,
    read_inputs,
)
from epochal.serving.bundle import STACK, Scorer

N_GIVEN = len(METADATA_COLUMNS)


def open_rows(
    manifest: RunManifest, x_csv: Path | None, x_h5: Path | None, key: str | None
) -> Rows:
    """Open the rows to predict; only the files that the run's models read are.

    A column that the run was trained on and the table lacks raises `EpochalError`.
    """
    rows = read_inputs(
        x_csv if manifest.needs_csv else None,
        x_h5 if manifest.needs_h5 else None,
        key=key or manifest.h5_dataset_key or "features",
        drop_columns=manifest.drop_columns,
    )
    if rows.table is not None:
        check_columns(rows.table, input_columns(manifest), x_csv or "")
    return rows


def predict_rows(
    folder: Path, manifest: RunManifest, rows: Rows, *, n_threads: int = 1
) -> pd.DataFrame:
    """Return `id, pred, proba_<class>…`, a line per row, by the run's final models."""
    scorer = Scorer(read_models(folder, manifest), n_threads=n_threads)
    starts = range(0, len(rows), SCORED_AT_ONCE)
    proba = np.concatenate(
        [scorer.predict(_gather(manifest, rows, start), STACK) for start in starts]
    )
    pred = np.array(manifest.classes)[proba.argmax(axis=1)]
    named = pd.DataFrame(proba, columns=proba_columns(manifest.classes))
    return pd.concat([pd.DataFrame({"id": rows.ids, "pred": pred}), named], axis=1)


def find_missing(manifest: RunManifest, x_csv: Path | None, x_h5: Path | None) -> str | None:
    """Say which file the run's models need that was not given."""
    needed = ", ".join(manifest.base_models)
    if manifest.needs_csv and x_csv is None:
        return f"--x-csv is needed: the run's {NAMES['hgb']} was trained on a table"
    if manifest.needs_h5 and x_h5 is None:
        return f"--x-h5 is needed: the run's base models are {needed}"
    return None


def list_unused(manifest: RunManifest, x_csv: Path | None, x_h5: Path | None) -> list[str]:
    """Name the files that were given and that no model of the run reads."""
    given = {"--x-csv": (x_csv, manifest.needs_csv), "--x-h5": (x_h5, manifest.needs_h5)}
    return [flag for flag, (path, needed) in given.items() if path is not None and not needed]


def _gather(manifest: RunManifest, rows: Rows, start: int) -> pd.DataFrame:
    """Return the columns of some consecutive rows: HGB's, and the samples."""
    stop = min(start + SCORED_AT_ONCE, len(rows))
    parts = []
    if rows.table is not None:
        parts.append(rows.table.iloc[start:stop].reset_index(drop=True))
    if rows.h5 is not None and manifest.hgb_features == "h5":
        features = rows.h5.features(start, stop)
        _refuse_other_features(features, input_columns(manifest))
        parts.append(features)
    if rows.h5 is not None and set(manifest.base_models) != {NAMES["hgb"]}:
        samples = rows.h5.read(start, stop)[:, N_GIVEN:]
        parts.append(pd.DataFrame(samples, columns=SAMPLES))
    return pd.concat(parts, axis=1)


def _refuse_other_features(features: pd.DataFrame, columns: list[str]) -> None:
    missing = [name for name in columns if name not in features]
    if missing:
        raise EpochalError(
            f"this Epochal makes no feature '{missing[0]}'{did_you_mean(missing[0], features)}; "
            "the run was trained with another version"
        )
