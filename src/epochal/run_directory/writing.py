"""A run, from memory to its directory."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epochal import __version__
from epochal.labels import PROBA, proba_columns
from epochal.models.bundling import export_models
from epochal.models.fitted_model import FittedModel
from epochal.readers.slow_oscillation_files import LABELS
from epochal.run_directory import manifest as files
from epochal.run_directory.by_row import LoadedByRow, WindowsByRow, count_seen
from epochal.run_directory.flags import TrainFlags
from epochal.run_directory.manifest import NAMES, LoadedModel, RunManifest, write_manifest
from epochal.run_directory.rows import SAMPLES, describe_file, read_row_labels
from epochal.run_directory.stacked import Training, list_epochs
from epochal.run_directory.training import Run
from epochal.serving.bundle import STACK, ModelEntry
from epochal.splits.balance import report_adjacency

PARITY_ROWS = 500
LIBRARIES = ("numpy", "pandas", "scikit-learn", "h5py", "onnxruntime")
NETWORK_LIBRARIES = ("torch",)


def write_run(folder: Path, run: Run) -> RunManifest:
    """Write everything that `predict`, `evaluate` and `analyze` need, the manifest last."""
    flags = run.training.flags
    exported = export_run(run) if flags.refit_final else {}
    for entry, content in exported.values():
        _write_bytes(folder / entry.file, content)
    _write_table(folder / files.OUT_OF_FOLD, list_out_of_fold(run))
    _write_json(folder / files.OOF_FIGURES, run.figures)
    _write_json(folder / files.TIMING, run.clock.records)
    hashes = _write_seen(folder / files.SEEN, run.training)
    if flags.undersample_balanced:
        _write_balance(folder, run.training)
    manifest = _describe(run, [entry for entry, _ in exported.values()], hashes)
    write_manifest(folder, manifest)
    return manifest


def export_run(run: Run) -> dict[str, tuple[ModelEntry, bytes]]:
    """Return the final models as ONNX, each checked on rows of the run."""
    exported = {}
    for name, fitted in run.bases.items():
        estimator = fitted.model.estimator
        if isinstance(estimator, LoadedByRow):
            exported[name] = (estimator.loaded.entry, estimator.loaded.content)
        elif isinstance(estimator, WindowsByRow):
            exported[name] = _export_network(fitted.model, estimator, run.training)
        else:
            tables = {"base": run.training.features}
            exported |= export_models({name: fitted.model}, tables, parity_rows=PARITY_ROWS)
    tables = {"stack": run.table}
    return exported | export_models({STACK: run.meta.model}, tables, parity_rows=PARITY_ROWS)


def list_out_of_fold(run: Run) -> pd.DataFrame:
    """Return a row per training row: the stack's `pred` and `proba_*`, each base model's beside."""
    epochs, ids = run.training.epochs, run.training.rows.ids
    keys = run.meta.out_of_fold.sort_values("epoch")
    table = epochs.set_index("epoch").loc[keys["epoch"]]
    proba = keys[proba_columns(LABELS)].reset_index(drop=True)
    out = pd.DataFrame(
        {
            "id": ids[keys["epoch"]],
            "block": table["subject_id"].to_numpy(),
            "label": table["label"].to_numpy(),
            "fold": keys["fold"].to_numpy(),
            "pred": np.array(LABELS)[proba.to_numpy().argmax(axis=1)],
        }
    ).join(proba)
    for name, fitted in run.bases.items():
        base = fitted.out_of_fold.set_index("epoch").loc[keys["epoch"], proba_columns(LABELS)]
        out = out.join(base.reset_index(drop=True).rename(columns=lambda c, n=name: _of(n, c)))
    return out


def _of(model: str, column: str) -> str:
    return f"{model}__{column.removeprefix(PROBA)}"


def _export_network(
    model: FittedModel, estimator: WindowsByRow, training: Training
) -> tuple[ModelEntry, bytes]:
    from epochal.models.sequence import export_sequence  # trees alone need no torch

    rows = training.epochs["epoch"].to_numpy()[:PARITY_ROWS]
    content = export_sequence(
        estimator.classifier,
        estimator.rows.take(rows)[:, 0],
        downsample=estimator.downsample,
        name=model.name,
    )
    entry = ModelEntry(
        name=model.name,
        family="base",
        file=f"models/{model.name}.onnx",
        columns=SAMPLES,
        classes=[int(code) for code in model.estimator.classes_],
        causal=True,
    )
    return entry, content


def _write_seen(path: Path, training: Training) -> dict[str, np.ndarray]:
    """Write the hashes of the rows that trained, those of loaded models with them."""
    rows = training.epochs["epoch"].to_numpy()
    hashes = {kind: values[rows] for kind, values in training.rows.hashes().items()}
    seen = dict(hashes)
    for loaded in training.loaded.values():
        for kind, values in loaded.seen.items():
            seen[kind] = np.union1d(seen.get(kind, values[:0]), values)
    path.parent.mkdir(parents=True, exist_ok=True)
    stored: dict[str, Any] = {kind: np.unique(values) for kind, values in seen.items()}
    np.savez_compressed(path, **stored)
    return hashes


def _write_balance(folder: Path, training: Training) -> None:
    """Write which rows were kept, and what that does to neighbours."""
    (folder / files.BALANCE).parent.mkdir(parents=True, exist_ok=True)
    kept = training.epochs["epoch"].to_numpy()
    np.savez_compressed(folder / files.BALANCE, kept_idx=kept)
    assert training.flags.y_csv is not None  # read before
    labels = read_row_labels(training.flags.y_csv, training.rows.ids)
    epochs = list_epochs(labels, training.rows.data_source)
    splits = epochs[["recording_id", "epoch"]].assign(
        role="train", kept=np.isin(epochs.index, kept)
    )
    report = report_adjacency(splits, epochs)
    _write_json(folder / files.ADJACENCY, json.loads(report.to_json(orient="records")))


def _describe(run: Run, entries: list[ModelEntry], hashes: Mapping[str, np.ndarray]) -> RunManifest:
    training, flags = run.training, run.training.flags
    labels = training.epochs["label"].value_counts()
    loaded = {
        NAMES[target]: LoadedModel(
            file=flags.loaded[target].name,
            sha256=one.sha256,
            seen_rows=count_seen(dict(hashes), one.seen),
        )
        for target, one in training.loaded.items()
    }
    return RunManifest(
        epochal_version=__version__,
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        data_source="simulated" if training.rows.data_source == "simulated" else "real",
        classes=LABELS,
        base_models=tuple(run.bases),
        hgb_features=_source_of_features(flags),
        h5_dataset_key=flags.h5_dataset_key if flags.needs_h5 else None,
        drop_columns=flags.drop_cols,
        inputs=_describe_inputs(training),
        n_rows=len(training.rows),
        n_training_rows=len(training.epochs),
        class_counts={name: int(labels.get(name, 0)) for name in LABELS},
        imbalance=_imbalance(flags),
        folds=flags.folds,
        splits=flags.splits,
        refit_final=flags.refit_final,
        options=_describe_flags(flags),
        tuned=run.found,
        load_only=loaded,
        models=entries,
        oof=run.figures[STACK],
        caveats=list_caveats(flags, loaded),
        versions={"python": platform.python_version()} | _list_versions(flags),
    )


def list_caveats(flags: TrainFlags, loaded: Mapping[str, LoadedModel]) -> list[str]:
    """Return the sentences that stand beside the run's figures."""
    said = ["The data name no subjects: blocks of rows stand for them; intervals are too narrow."]
    if flags.folds == "shuffled":
        said.append("Folds of shuffled rows flatter: the EEG of neighbouring rows overlaps.")
    if flags.undersample_balanced:
        said.append("Classes were balanced: out-of-fold figures are not at natural prevalence.")
    if flags.optimize or flags.best_params:
        said.append("Parameters were chosen by these rows: out-of-fold figures flatter.")
    for name, one in loaded.items():
        said.append(
            f"LEAKAGE: {name} was loaded, not trained; {one.seen_rows} of the rows that it is "
            "judged on were in its training."
        )
    return said


def _source_of_features(flags: TrainFlags) -> Any:
    if not flags.with_hgb:
        return None
    return "h5" if flags.hgb_fe else "csv"


def _imbalance(flags: TrainFlags) -> Any:
    if flags.undersample_balanced:
        return "undersample_balanced"
    return "class_weights_auto" if flags.class_weights_auto else None


def _describe_inputs(training: Training) -> dict[str, Any]:
    flags = training.flags
    used = {
        "x_csv": flags.x_csv if flags.needs_csv else None,
        "x_h5": flags.x_h5 if flags.needs_h5 else None,
        "y_csv": flags.y_csv,
    }
    return {
        name: describe_file(path, len(training.rows))
        for name, path in used.items()
        if path is not None
    }


def _describe_flags(flags: TrainFlags) -> dict[str, Any]:
    """Return every flag, files by their names alone."""
    given = flags.model_dump()
    return {name: value.name if isinstance(value, Path) else value for name, value in given.items()}


def _list_versions(flags: TrainFlags) -> dict[str, str]:
    networks = NETWORK_LIBRARIES if flags.with_lstm or flags.with_cnn else ()
    return {name: version(name) for name in (*LIBRARIES, *networks)}


def _write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_json(path: Path, content: Any) -> None:
    _write_bytes(path, (json.dumps(content, indent=2) + "\n").encode())


def _write_table(path: Path, table: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.6g")
