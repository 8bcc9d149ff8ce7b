"""The parameters of every pipeline: what conf may say, its defaults, and what each thing means."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Options(BaseModel):
    """Parameters that refuse an unknown key and cannot be changed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StudyOptions(Options):
    """What a study classifies, and what its figures must say."""

    name: str = Field(description="The study, as its environment is called.")
    classes: tuple[str, ...] = Field(min_length=2, description="The classes, in their usual order.")
    recording_kind: str = Field(
        description="`polysomnogram`, `wrist`, `chest`, `rodent`, `icu_eeg`…"
    )
    subjects_known: bool = Field(True, description="False: intervals are too narrow, and say so.")
    fixed_task_order: bool = Field(
        False,
        description="The protocol's tasks follow one order: time alone would tell the class, so no "
        "feature may carry it, and `schedule_only` stands beside every figure.",
    )
    caveats: tuple[str, ...] = Field((), description="Sentences that stand beside every figure.")
    seed: int = Field(0, ge=0, description="Every random choice of the study follows from it.")


class TrimOptions(Options):
    """Cut long stretches of one class at both ends, as the usual protocol does."""

    label: str = Field(description="The class to cut.")
    margin_s: float = Field(1800.0, ge=0, description="Seconds kept on either side of the rest.")


class QualityOptions(Options):
    """When an epoch of a channel is flagged."""

    channels: tuple[str, ...] = Field((), description="The channels that are looked at.")
    flat_span: float = Field(1e-6, ge=0, description="Flat: max − min below this, in its unit.")
    saturated_share: float = Field(
        0.05, gt=0, le=1, description="Saturated: a larger share of samples sits on the extremes."
    )


class IngestionOptions(Options):
    """Where the raw files are, how they are read, and how recordings are cut into epochs."""

    source: Literal["files", "simulated"] = Field(description="Read `path`, or simulate a cohort.")
    path: str | None = Field(None, description="The folder of raw files, for `source: files`.")
    reader: str = Field(description="A name in `readers.READERS`.")
    reader_options: dict[str, Any] = Field(default_factory=dict, description="The reader's own.")
    simulator: str = Field(description="A name in `simulation.SIMULATORS`.")
    simulator_options: dict[str, Any] = Field(default_factory=dict, description="Its own.")
    simulated_path: str = Field(description="The folder that simulated raw files are written to.")
    epoch_length_s: float = Field(gt=0, description="The length of an epoch.")
    epoch_step_s: float | None = Field(None, gt=0, description="Less than the length: overlap.")
    label_coverage: float = Field(
        0.5,
        gt=0,
        le=1,
        description="An epoch takes the label that covers more than this share of it.",
    )
    trim: TrimOptions | None = Field(None, description="Cut long wake at both ends of a night.")
    quality: QualityOptions = QualityOptions()

    @model_validator(mode="after")
    def _check(self) -> IngestionOptions:
        """Check what pydantic cannot see by itself, before any node runs."""
        from epochal.simulation import simulator

        if self.source == "files" and not self.path:
            raise ValueError("source 'files' needs `path`, the folder of the raw files")
        self.reader_settings()
        if self.source == "simulated":
            simulator(self.simulator).Options(**self.simulator_options)
        return self

    def reader_settings(self) -> Any:
        """Return the reader's own options, checked."""
        from epochal.readers import reader

        return reader(self.reader).Options(**self.reader_options)

    @property
    def folder(self) -> Path:
        """The folder that is read."""
        return Path(self.simulated_path if self.source == "simulated" else self.path or "")

    def fingerprint(self) -> str:
        """Describe the state of the raw files, so that a changed one is noticed.

        A simulated cohort follows from the options alone.
        """
        return "" if self.source == "simulated" else repr(list_files(self.folder))


class SignalOptions(Options):
    """One channel, or several taken together, and the features computed from it."""

    channels: tuple[str, ...] = Field(min_length=1, description="Canonical channel names.")
    band_hz: tuple[float | None, float | None] | None = Field(
        None, description="Zero-phase band-pass before the features; null on a side leaves it open."
    )
    notch_hz: float | None = Field(None, gt=0, description="Mains, with its harmonics.")
    features: tuple[str, ...] = Field(min_length=1, description="Names in `features.FEATURE_SETS`.")
    window_s: float | None = Field(
        None,
        gt=0,
        description="Compute over this long a window centred on the epoch, not the epoch.",
    )
    envelope: bool = Field(
        False,
        description="A muscle envelope of 1 Hz, as Sleep-EDFx cassettes hold it; a faster channel "
        "is high-passed at 10 Hz, rectified and averaged to 1 Hz first.",
    )
    required: bool = Field(True, description="False: a recording without it gets NaN columns.")


class ContextOptions(Options):
    """What an epoch's features say of its neighbours and of its recording."""

    normalise: tuple[Literal["session", "calibration"], ...] = Field(
        (),
        description="Robust z-scores: over the whole session (not causal), or against its start.",
    )
    calibration_s: float = Field(300.0, gt=0, description="How long the calibration period is.")
    causal_epochs: tuple[int, ...] = Field((), description="Trailing mean over so many epochs.")
    centred_epochs: tuple[int, ...] = Field((), description="Centred mean: it looks ahead.")


class FeatureOptions(Options):
    """The features of a study."""

    signals: dict[str, SignalOptions] = Field(default_factory=dict)
    demographics: bool = Field(False, description="Age and sex as columns.")
    context: ContextOptions = ContextOptions()
    drop: tuple[str, ...] = Field((), description="Patterns of columns to leave out.")

    @property
    def channels(self) -> list[str]:
        """The channels that the features need, each once."""
        return list(dict.fromkeys(name for s in self.signals.values() for name in s.channels))


class SplitOptions(Options):
    """Who is in which role; whole subjects only."""

    scheme: Literal["leave_one_subject_out", "subject_folds"] = Field(
        description="Every subject a fold and no held-out test, or a held-out test and k folds."
    )
    n_folds: int = Field(5, ge=2, description="Cross-fitting folds, for `subject_folds`.")
    test_share: float = Field(0.2, gt=0, lt=1, description="Share of subjects held out as test.")
    val_share: float = Field(0.1, ge=0, lt=1, description="Share of subjects held out as val.")


class ModelOptions(Options):
    """One model of the leaderboard: what it is, what it sees, its hyper-parameters."""

    kind: str = Field(description="A name in the family's roster.")
    columns: tuple[str, ...] = Field(("*",), description="Patterns of feature columns it sees.")
    params: dict[str, Any] = Field(default_factory=dict, description="Hyper-parameters.")


class FamilyOptions(Options):
    """The models of one family; none is allowed."""

    models: dict[str, ModelOptions] = Field(default_factory=dict)


class StackingOptions(Options):
    """The meta-learner over out-of-fold probabilities."""

    base_models: tuple[str, ...] = Field(("*",), description="Patterns of base models to stack.")
    C: float = Field(
        1.0, gt=0, description="Inverse regularisation of the meta logistic regression."
    )
    smoothing: tuple[Literal["forward", "forward_backward"], ...] = Field(
        (), description="Hidden-Markov smoothing rows: `forward` is causal."
    )
    self_transition_weight: float = Field(
        1.0, ge=0, description="Prior count added to each stage's transition to itself."
    )


class EvaluationOptions(Options):
    """How figures are computed and shown."""

    n_bootstrap: int = Field(1000, ge=0, description="Resamples of subjects for the intervals.")
    n_calibration_bins: int = Field(15, ge=2, description="Bins of the calibration error.")


class ExportOptions(Options):
    """What goes into the bundle."""

    model: str | None = Field(None, description="The headline model; null: best out of fold.")
    causal_only: bool = Field(False, description="Choose among causal models only.")
    parity_rows: int = Field(
        500, ge=1, description="Real rows on which ONNX must equal the original."
    )


def list_files(folder: Path) -> list[tuple[str, int, int]]:
    """List a folder's files as `(relative path, bytes, modification time in ns)`, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    stats = [path.stat() for path in files]
    return [
        (path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns)
        for path, stat in zip(files, stats, strict=True)
    ]
