"""A bundle: the directory that serving loads, with a manifest, ONNX models and a model card."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from epochal import answers
from epochal.answers import AnswerRules
from epochal.checksums import SIGNAL_SHA256
from epochal.drift import reference as drift
from epochal.drift.reference import DriftReference
from epochal.epoch_inputs import EpochInputs
from epochal.errors import EpochalError, did_you_mean
from epochal.features.context import known_rows
from epochal.labels import log_proba
from epochal.models.sequences import predict_sequences
from epochal.models.smoothing import Smoothing, SmoothingMemory
from epochal.options.base import Options
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.recording import DataSource, Recording
from epochal.serving.entries import (
    Adaptation,
    ChannelEntry,
    Confusion,
    ModelEntry,
    Precision,
    Stratum,
    TrainingFacts,
)
from epochal.serving.rows import Table
from epochal.serving.sessions import name_provider, open_session
from epochal.serving.versioned import read_versioned

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
CARD = "MODEL_CARD.md"
STACK = "stack"  # the name of the stack in a bundle


class Manifest(Options):
    """All that serving needs to know of a bundle."""

    format_version: int = FORMAT_VERSION
    epochal_version: str
    study: str
    classes: tuple[str, ...]
    recording_kind: str
    data_source: str = Field(description="What the models were trained on: real, simulated.")
    training_data_sha256: str
    training_recordings: list[str] = Field(
        default_factory=list,
        description="SHA-256 of the signals of each recording that training saw.",
    )
    training_subjects: list[str] = Field(
        default_factory=list,
        description="Where training read a table: its subjects' names, which the names of their "
        "raw files begin with.",
    )
    population: str = Field("", description="Whom the models learnt from.")
    licences: tuple[str, ...] = Field((), description="A line for each data set of the training.")
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
    channels: list[ChannelEntry] = Field(
        default_factory=list, description="What is read of a recording."
    )
    feature_names: list[str] = Field(
        default_factory=list, description="The columns that training computed, in their order."
    )
    training: TrainingFacts | None = None
    strata: list[Stratum] = Field(
        default_factory=list, description="The headline's figures by age, sex, site and the like."
    )
    confusions: list[Confusion] = Field(
        default_factory=list, description="What the headline takes for something else."
    )
    precision: Precision = Field(
        "float", description="Which of a model's files serves, where it has one of 8 bits too."
    )
    adaptation: Adaptation | None = None
    libraries: dict[str, str] = Field(
        default_factory=dict, description="Versions that the models were fitted and exported with."
    )
    hashes: dict[str, str] = Field(default_factory=dict, description="SHA-256 of each other file.")

    def saw(self, recording: Recording) -> bool | None:
        """Say whether training saw a recording's file; None where either is not known.

        Of a table's training the file's name tells, and no other name says that it is new. What a
        bundle was adapted on counts as seen.
        """
        adapted_on = self.adaptation.recordings if self.adaptation else []
        if recording.metadata.get(SIGNAL_SHA256) in adapted_on:
            return True
        if self.training_subjects:
            return self._names_subject_of(recording)
        checksum = recording.metadata.get(SIGNAL_SHA256)
        if not checksum or not self.training_recordings:
            return None
        return checksum in self.training_recordings

    def _names_subject_of(self, recording: Recording) -> bool | None:
        if recording.data_source == "simulated" and self.data_source == "real":
            return False
        names = tuple(self.training_subjects)
        return True if recording.recording_id.startswith(names) else None

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

    Where the path is a link, all files come from where it leads now: it may be swapped meanwhile.
    A missing manifest, an unknown format version, a missing file or one that differs from its hash
    raise `EpochalError`.
    """
    folder = Path(path).resolve()
    manifest = read_manifest(folder)
    return Bundle(
        manifest, {name: _verified(folder / name, sha) for name, sha in manifest.hashes.items()}
    )


def read_manifest(path: str | Path) -> Manifest:
    """Read the manifest of a bundle alone; a missing or unknown one raises `EpochalError`."""
    folder = Path(path).resolve()
    if not (folder / MANIFEST).is_file():
        raise EpochalError(f"{path}: no bundle here (it holds no {MANIFEST})")
    return _read_manifest(folder / MANIFEST)


class Scorer:
    """The models of a bundle, loaded once.

    `provider` as in `open_session`; `precision` is the manifest's own unless it is given, and of a
    model without a file of 8 bits always float.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        n_threads: int = 1,
        provider: str | None = None,
        precision: Precision | None = None,
    ) -> None:
        self.manifest = bundle.manifest
        self._files = bundle.files
        self._n_threads = n_threads
        self._provider = name_provider(provider)
        self.precision = precision or bundle.manifest.precision

    @cached_property
    def models(self) -> dict[str, ModelEntry]:
        """The exported models by name."""
        return {entry.name: entry for entry in self.manifest.models}

    @cached_property
    def answer_rules(self) -> AnswerRules | None:
        """When to hedge and when to abstain; None of a bundle without such rules."""
        content = self._files.get(answers.FILE)
        return None if content is None else AnswerRules.model_validate_json(content)

    @cached_property
    def drift_reference(self) -> DriftReference | None:
        """What drift is told by; None of a bundle without it."""
        content = self._files.get(drift.FILE)
        return None if content is None else DriftReference.model_validate_json(content)

    def text(self, name: str) -> str:
        """Return a file of the bundle as text; one that it does not hold is empty."""
        return self._files.get(name, b"").decode()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that answers depend on: the manifest and every other file."""
        manifest = self.manifest.model_dump_json(exclude={"hashes"})
        parts = [f"{name} {_sha256(self._files[name])}" for name in sorted(self._files)]
        return _sha256("\n".join([manifest, *parts]).encode())

    def sees_windows(self, model: str | None = None) -> bool:
        """Say whether a model, or one that it stacks, is a network over windows."""
        entry = self._answering(model)
        if entry.base_models:
            return any(self.sees_windows(base) for base in entry.base_models)
        return entry.sequence is not None

    def needed_columns(self, model: str | None = None) -> list[str]:
        """Name the columns that a model, or one that it stacks, looks at."""
        entry = self._answering(model)
        if entry.base_models:
            needed = [self.needed_columns(base) for base in entry.base_models]
            return list(dict.fromkeys(name for names in needed for name in names))
        return list(entry.columns)

    def lacking_columns(self, features: Table, model: str | None = None) -> list[str]:
        """Name the columns that a model, or one that it stacks, needs and features do not have."""
        held = set(features)
        return [name for name in self.needed_columns(model) if name not in held]

    def known_rows(
        self, features: Table, model: str | None = None, *, inputs: EpochInputs | None = None
    ) -> np.ndarray:
        """Say of which rows the model may speak, `(n_epochs,)`: a stack where all its bases may."""
        entry = self._answering(model)
        if entry.base_models:
            return np.logical_and.reduce(
                [self.known_rows(features, base, inputs=inputs) for base in entry.base_models]
            )
        if entry.sequence is not None and entry.sequence.inputs != ["features"]:
            return _given(inputs, entry).known
        return known_rows(features, entry.columns)

    def predict(
        self,
        features: Table,
        model: str | None = None,
        *,
        inputs: EpochInputs | None = None,
        memory: SmoothingMemory | None = None,
    ) -> np.ndarray:
        """Return probabilities `(n_epochs, n_classes)` of one model, the headline by default.

        `features` are one run's epochs in order, `inputs` theirs, for networks over windows
        (`sees_windows`). A smoothed model leaves those NaN of which it may
        not speak (`known_rows`), yet time passes there. An unknown model raises `EpochalError`.
        With the `memory` of a stream, its leading rows are not answered again, and smoothings go
        on from where they were.
        """
        name = model or self.manifest.headline
        proba = self._speak(name, features, inputs, memory)
        adaptation = self.manifest.adaptation
        if adaptation is None or name != self.manifest.headline:
            return proba
        if adaptation.last_stage is None:
            return proba if adaptation.calibration is None else adaptation.calibration.apply(proba)
        others = adaptation.last_stage.models[1:]
        beside = [self._speak(other, features, inputs, memory) for other in others]
        return adaptation.last_stage.apply([proba, *beside])

    def _speak(
        self,
        name: str,
        features: Table,
        inputs: EpochInputs | None,
        memory: SmoothingMemory | None,
    ) -> np.ndarray:
        """Return what a model or a smoothing says, before a lab's adaptation."""
        smoothing = self.manifest.smoothing.get(name)
        if smoothing is None:
            proba = self._run(name, features, inputs)
            return proba if memory is None else proba[memory.n_lead :]
        proba = self._run(STACK, features, inputs)
        proba[~self.known_rows(features, name, inputs=inputs)] = np.nan
        if memory is not None:
            return memory.smooth(name, smoothing, proba)
        return smoothing.apply(proba)

    def _answering(self, model: str | None) -> ModelEntry:
        """Return the entry behind a model's name: the stack's where it is a smoothing of it."""
        name = model or self.manifest.headline
        return self._entry(STACK if name in self.manifest.smoothing else name)

    def _run(self, name: str, features: Table, inputs: EpochInputs | None) -> np.ndarray:
        entry = self._entry(name)
        raw = self._answer(entry, features, inputs)
        proba = np.zeros((len(features), len(self.manifest.classes)))
        proba[:, entry.classes] = raw
        proba /= proba.sum(axis=1, keepdims=True)
        return proba if entry.calibration is None else entry.calibration.apply(proba)

    def _answer(self, entry: ModelEntry, features: Table, inputs: EpochInputs | None) -> np.ndarray:
        """Return what a model's file says, `(n_epochs, classes of its training)`."""
        session = self._session(self.file_of(entry))
        if entry.base_models:
            columns = self._base_inputs(entry, features, inputs)
        else:
            columns = features[entry.columns].to_numpy(np.float32)
        if entry.sequence is None:
            return session.run(None, {session.get_inputs()[0].name: columns})[-1]
        names, sequence = entry.sequence.inputs, entry.sequence

        def run(batch: dict[str, np.ndarray]) -> np.ndarray:
            return session.run(None, {name: batch[name] for name in names})[0]

        return predict_sequences(
            _given(inputs, entry), columns, run, length=sequence.length, causal=sequence.causal
        )

    def file_of(self, entry: ModelEntry) -> str:
        """Return which of a model's files serves."""
        small = entry.quantised if self.precision == "int8" else None
        return entry.file if small is None else small.file

    def _entry(self, name: str) -> ModelEntry:
        if name not in self.models:
            raise EpochalError(f"No model '{name}' in the bundle{did_you_mean(name, self.models)}")
        return self.models[name]

    def _base_inputs(
        self, stack: ModelEntry, features: Table, inputs: EpochInputs | None
    ) -> np.ndarray:
        """Return the stack's columns: the log probabilities of its base models."""
        parts = {
            f"{base}__{name}": log_proba(column)
            for base in stack.base_models
            for name, column in zip(
                self.manifest.classes, self._run(base, features, inputs).T, strict=True
            )
        }
        return np.column_stack([parts[name] for name in stack.columns]).astype(np.float32)

    def _session(self, file: str) -> Any:
        """Return the ONNX session of a model, made at its first use."""
        sessions = self.__dict__.setdefault("_sessions", {})
        if file not in sessions:
            sessions[file] = open_session(
                self._files[file], n_threads=self._n_threads, provider=self._provider
            )
        return sessions[file]


def _given(inputs: EpochInputs | None, entry: ModelEntry) -> EpochInputs:
    if inputs is None:
        raise EpochalError(f"Model '{entry.name}' sees windows: it needs the epochs' inputs")
    return inputs


def data_source_of_result(trained_on: str, recording: DataSource) -> str:
    """Say what a result stands on: `real` only where recording and training data both are."""
    return "real" if trained_on == "real" and recording == "real" else "simulated"


def _read_manifest(path: Path) -> Manifest:
    return read_versioned(path, Manifest, version=FORMAT_VERSION, what="bundle")


def _verified(path: Path, sha256: str) -> bytes:
    if not path.is_file():
        raise EpochalError(f"{path}: missing from the bundle")
    content = path.read_bytes()
    if _sha256(content) != sha256:
        raise EpochalError(f"{path}: changed since the bundle was written (its SHA-256 differs)")
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
