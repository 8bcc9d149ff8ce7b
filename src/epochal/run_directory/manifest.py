"""A run directory's manifest: what was trained, on what, in which order; and its verification."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from epochal.errors import EpochalError
from epochal.options.base import Options
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.places import writing
from epochal.run_directory.rows import InputFile
from epochal.serving.bundle import STACK, Bundle, Manifest, ModelEntry
from epochal.serving.versioned import read_versioned

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
OUT_OF_FOLD = "oof/predictions.csv"
SEEN = "training_rows.npz"
OOF_FIGURES = "metrics/oof.json"
ANALYSIS = "metrics/analyze_oof.json"
EVALUATION = "metrics/evaluate.json"
TIMING = "metrics/timing.json"
BALANCE = "balance/undersample_balanced.npz"
ADJACENCY = "balance/adjacency.json"
SEARCH = "opt"
NAMES = {"hgb": "hgb_tabular", "lstm": "lstm_temporal", "cnn": "cnn_temporal"}
"""The base models' names, in the order in which every run stacks those that it has."""


class LoadedModel(Options):
    """A base model that was used as it is."""

    file: str
    sha256: str
    seen_rows: int = Field(description="How many of the run's rows it was trained on: they leak.")


class RunManifest(Options):
    """All that `predict`, `evaluate` and `analyze` need to know of a run."""

    format_version: int = FORMAT_VERSION
    epochal_version: str
    created: str
    data_source: Literal["real", "simulated"]
    classes: tuple[str, ...]
    base_models: tuple[str, ...] = Field(description="Their order is that of the stack's columns.")
    hgb_features: Literal["csv", "h5"] | None = Field(description="Where HGB's features are from.")
    h5_dataset_key: str | None
    drop_columns: tuple[str, ...]
    inputs: dict[str, InputFile]
    n_rows: int
    n_training_rows: int = Field(description="Fewer than `n_rows` where rows were undersampled.")
    class_counts: dict[str, int] = Field(description="Of the training rows.")
    imbalance: Literal["undersample_balanced", "class_weights_auto"] | None
    folds: str
    splits: int
    refit_final: bool
    options: dict[str, Any] = Field(description="Every flag, files by name only.")
    tuned: dict[str, Any] = Field(default_factory=dict, description="What the search found.")
    load_only: dict[str, LoadedModel] = Field(default_factory=dict)
    models: list[ModelEntry] = Field(default_factory=list)
    oof: dict[str, Any] = Field(description="The stack's out-of-fold figures.")
    caveats: list[str] = Field(default_factory=list)
    versions: dict[str, str]
    hashes: dict[str, str] = Field(default_factory=dict, description="SHA-256 of each other file.")

    @property
    def needs_h5(self) -> bool:
        """Whether predictions need samples."""
        return self.hgb_features == "h5" or set(self.base_models) != {NAMES["hgb"]}

    @property
    def needs_csv(self) -> bool:
        """Whether predictions need a table."""
        return self.hgb_features == "csv"

    def entry(self, name: str) -> ModelEntry:
        """Return a model; a run without it raises `EpochalError`."""
        for entry in self.models:
            if entry.name == name:
                return entry
        raise EpochalError(f"the run has no model '{name}'")


def write_manifest(folder: Path, manifest: RunManifest) -> None:
    """Write the manifest, last of all: a folder without one is a run that was cut short."""
    files = {
        path.relative_to(folder).as_posix(): _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST and not path.name.startswith(".")
    }
    whole = manifest.model_copy(update={"hashes": files})
    with writing(folder / MANIFEST) as part:
        part.write_text(whole.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> RunManifest:
    """Read a run's manifest; one of another format, or a damaged one, raises `EpochalError`."""
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise EpochalError(f"{folder}: no run here (it holds no {MANIFEST})")
    return read_versioned(path, RunManifest, version=FORMAT_VERSION, what="run")


def read_file(folder: Path, name: str, manifest: RunManifest) -> bytes:
    """Read a file of the run; a missing one, or not what the run wrote, is refused by name."""
    path = Path(folder) / name
    if name not in manifest.hashes or not path.is_file():
        raise EpochalError(f"{path}: the run's file is missing")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != manifest.hashes[name]:
        raise EpochalError(f"{path}: not the file that the run wrote (its SHA-256 differs)")
    return content


def read_models(folder: Path, manifest: RunManifest) -> Bundle:
    """Return the run's models as a bundle, which `Scorer` runs.

    Without final models, or with other base models than the meta-learner was fitted on, raises
    `EpochalError`.
    """
    refuse_unfinished(folder, manifest)
    stacked = tuple(manifest.entry(STACK).base_models)
    if stacked != manifest.base_models:
        raise EpochalError(
            f"{folder}: its base models are {', '.join(manifest.base_models)}; the meta-learner "
            f"was fitted on {', '.join(stacked)}, in this order. Other ones need a new run"
        )
    for name in stacked:
        manifest.entry(name)
    files = {entry.file: read_file(folder, entry.file, manifest) for entry in manifest.models}
    return Bundle(_as_bundle(manifest), files)


def refuse_unfinished(folder: Path, manifest: RunManifest) -> None:
    """Raise `EpochalError` where a run has no final models."""
    if not manifest.refit_final:
        raise EpochalError(
            f"{folder}: trained with --no-refit-final, so that there is no final model to predict "
            "with; train again without it"
        )


def input_columns(manifest: RunManifest) -> list[str]:
    """Return the columns of HGB's table."""
    if manifest.hgb_features is None:
        return []
    return manifest.entry(NAMES["hgb"]).columns


def _as_bundle(manifest: RunManifest) -> Manifest:
    return Manifest(
        epochal_version=manifest.epochal_version,
        study="slow_oscillation",
        classes=manifest.classes,
        recording_kind="slow_oscillation_rows",
        data_source=manifest.data_source,
        training_data_sha256="".join(file.sha256 for file in manifest.inputs.values())[:64],
        ingestion=IngestionOptions(
            source="files",
            path=".",
            reader="slow_oscillation",
            simulator="slow_oscillation",
            simulated_path="",
            epoch_length_s=10,
        ),
        feature_engineering=FeatureOptions(),
        models=manifest.models,
        headline=STACK,
        causal=True,
        metrics={},
        reference={},
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
