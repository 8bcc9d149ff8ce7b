"""A bundle: the directory that serving loads, with a manifest, ONNX models and a model card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError

from epochal.errors import EpochalError, did_you_mean
from epochal.features.context import known_rows
from epochal.labels import log_proba
from epochal.models.calibrators import Calibration
from epochal.models.smoothing import SMOOTHERS
from epochal.options import FeatureOptions, IngestionOptions, Options
from epochal.recording import DataSource

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
CARD = "MODEL_CARD.md"
STACK = "stack"  # the name of the stack in a bundle


class ModelEntry(Options):
    """One exported model."""

    name: str
    family: str
    file: str
    columns: list[str]
    classes: list[int] = Field(description="Class numbers that training held, in output order.")
    causal: bool
    base_models: list[str] = Field(default_factory=list, description="A stack's, in frozen order.")
    calibration: Calibration | None = None


class Smoothing(Options):
    """Hidden-Markov smoothing of the stack's probabilities."""

    kind: Literal["forward", "forward_backward"]
    transitions: list[list[float]]
    prior: list[float]


class Manifest(Options):
    """All that serving needs to know of a bundle."""

    format_version: int = FORMAT_VERSION
    epochal_version: str
    study: str
    classes: tuple[str, ...]
    recording_kind: str
    data_source: str = Field(description="What the models were trained on: real, simulated.")
    training_data_sha256: str
    ingestion: IngestionOptions
    feature_engineering: FeatureOptions
    models: list[ModelEntry]
    smoothing: dict[str, Smoothing] = Field(default_factory=dict)
    headline: str
    causal: bool
    metrics: dict[str, float | int | str | bool | None]
    reference: dict[str, tuple[float, float]] = Field(
        description="The 0.1 % and 99.9 % quantiles of each feature in training."
    )
    caveats: tuple[str, ...] = ()
    hashes: dict[str, str] = Field(default_factory=dict, description="SHA-256 of each other file.")

    @property
    def required_channels(self) -> list[str]:
        """The channels without which nothing is scored, each once."""
        signals = [s for s in self.feature_engineering.signals.values() if s.required]
        named = [name for signal in signals for name in signal.channels]
        quality = self.ingestion.quality
        watched = quality.channels if quality.absent == "refuse" else ()
        return list(dict.fromkeys((*named, *watched)))


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory: the manifest, and the bytes of every other file by name."""

    manifest: Manifest
    files: dict[str, bytes]


def write_bundle(path: str | Path, bundle: Bundle) -> None:
    """Write a bundle into a new folder, the manifest with the hashes of all other files."""
    folder = Path(path)
    folder.mkdir(parents=True)
    for name, content in bundle.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    hashes = {name: _sha256(content) for name, content in bundle.files.items()}
    manifest = bundle.manifest.model_copy(update={"hashes": hashes})
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")


def read_bundle(path: str | Path) -> Bundle:
    """Read a bundle and verify it.

    A missing manifest, an unknown format version, a missing file or one that differs from its hash
    raise `EpochalError`.
    """
    folder = Path(path)
    if not (folder / MANIFEST).is_file():
        raise EpochalError(f"{folder}: no bundle here (it holds no {MANIFEST})")
    manifest = _read_manifest(folder / MANIFEST)
    return Bundle(
        manifest, {name: _verified(folder / name, sha) for name, sha in manifest.hashes.items()}
    )


class Scorer:
    """The models of a bundle, loaded once."""

    def __init__(self, bundle: Bundle, *, n_threads: int = 1) -> None:
        self.manifest = bundle.manifest
        self._files = bundle.files
        self._n_threads = n_threads

    @cached_property
    def models(self) -> dict[str, ModelEntry]:
        """The exported models by name."""
        return {entry.name: entry for entry in self.manifest.models}

    def known_rows(self, features: pd.DataFrame, model: str | None = None) -> np.ndarray:
        """Say of which rows the model may speak, `(n_epochs,)`: a stack where all its bases may."""
        name = model or self.manifest.headline
        entry = self._entry(STACK if name in self.manifest.smoothing else name)
        if entry.base_models:
            return np.logical_and.reduce(
                [self.known_rows(features, base) for base in entry.base_models]
            )
        return known_rows(features, entry.columns)

    def predict(self, features: pd.DataFrame, model: str | None = None) -> np.ndarray:
        """Return probabilities `(n_epochs, n_classes)` of one model, the headline by default.

        `features` are one recording's epochs in order. An unknown model raises `EpochalError`.
        """
        name = model or self.manifest.headline
        smoothing = self.manifest.smoothing.get(name)
        if smoothing is not None:
            proba = self._run(STACK, features)
            smooth = SMOOTHERS[smoothing.kind]
            return smooth(proba, np.array(smoothing.transitions), np.array(smoothing.prior))
        return self._run(name, features)

    def _run(self, name: str, features: pd.DataFrame) -> np.ndarray:
        entry = self._entry(name)
        inputs = (
            self._base_inputs(entry, features) if entry.base_models else features[entry.columns]
        )
        session = self._session(entry.file)
        raw = session.run(None, {session.get_inputs()[0].name: inputs.to_numpy(np.float32)})[-1]
        proba = np.zeros((len(features), len(self.manifest.classes)))
        proba[:, entry.classes] = raw
        proba /= proba.sum(axis=1, keepdims=True)
        return proba if entry.calibration is None else entry.calibration.apply(proba)

    def _entry(self, name: str) -> ModelEntry:
        if name not in self.models:
            raise EpochalError(f"No model '{name}' in the bundle{did_you_mean(name, self.models)}")
        return self.models[name]

    def _base_inputs(self, stack: ModelEntry, features: pd.DataFrame) -> pd.DataFrame:
        """Return the stack's columns: the log probabilities of its base models."""
        parts = {
            f"{base}__{name}": log_proba(column)
            for base in stack.base_models
            for name, column in zip(self.manifest.classes, self._run(base, features).T, strict=True)
        }
        return pd.DataFrame(parts)[stack.columns]

    def _session(self, file: str) -> Any:
        """Return the ONNX session of a model, made at its first use."""
        sessions = self.__dict__.setdefault("_sessions", {})
        if file not in sessions:
            sessions[file] = open_session(self._files[file], n_threads=self._n_threads)
        return sessions[file]


def open_session(model: bytes, *, n_threads: int = 1) -> Any:
    """Return an ONNX Runtime session on the CPU with so many threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def data_source_of_result(trained_on: str, recording: DataSource) -> str:
    """Say what a result stands on: `real` only where recording and training data both are."""
    return "real" if trained_on == "real" and recording == "real" else "simulated"


def _read_manifest(path: Path) -> Manifest:
    """Check the version first: another version's manifest holds other keys."""
    try:
        content = json.loads(path.read_bytes())
        version = content.get("format_version") if isinstance(content, dict) else None
        if version != FORMAT_VERSION:
            raise EpochalError(
                f"{path}: bundle format {version}; this Epochal reads {FORMAT_VERSION}"
            )
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise EpochalError(f"{path}: {where}: {first['msg']}") from error
    except ValueError as error:
        raise EpochalError(f"{path}: not a manifest ({error})") from error


def _verified(path: Path, sha256: str) -> bytes:
    if not path.is_file():
        raise EpochalError(f"{path}: missing from the bundle")
    content = path.read_bytes()
    if _sha256(content) != sha256:
        raise EpochalError(f"{path}: changed since the bundle was written (its SHA-256 differs)")
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
