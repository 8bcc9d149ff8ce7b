"""The flags of `train` and `optimize`: what each means, its default, and what goes with what."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from epochal.options.base import Options

Target = Literal["meta", "hgb", "lstm", "cnn"]
Profile = Literal["quick", "intermediate", "thorough"]
Folds = Literal["contiguous_blocks", "shuffled"]

# What `--lstm-fast` puts in the place of the LSTM's own flags.
LSTM_FAST = {"lstm_downsample": 10, "lstm_epochs": 2, "lstm_max_train_samples": 10_000,
             "lstm_batch_size": 128}  # fmt: skip
# What `--profile` says of the flags that are not given.
PROFILES: dict[Profile, dict[str, Any]] = {
    "quick": {"splits": 2, "lstm_fast": True, "cnn_epochs": 1, "cnn_max_train_samples": 5000},
    "intermediate": {"splits": 3, "lstm_downsample": 10, "lstm_epochs": 1,
                     "lstm_max_train_samples": 20_000, "cnn_epochs": 5,
                     "cnn_max_train_samples": 20_000},
    "thorough": {"splits": 5, "lstm_max_train_samples": 0, "cnn_max_train_samples": 0},
}  # fmt: skip


class InputFlags(Options):
    """Where rows are."""

    x_csv: Path | None = Field(
        None, description="Table of features, read by HGB unless --hgb-fe; a row per line."
    )
    y_csv: Path | None = Field(
        None, description="Labels: id,label. Default: y_train_2.csv beside the rows."
    )
    x_h5: Path | None = Field(
        None, description="HDF5 file of rows: 11 columns and 1250 samples. For LSTM, CNN, --hgb-fe."
    )
    h5_dataset_key: str = Field("features", description="The HDF5 file's dataset.")


class TrainFlags(InputFlags):
    """All flags of `train`, by name and with their defaults."""

    run_dir: Path | None = Field(None, description="The run's folder. Default: runs/<timestamp>.")
    save: bool = Field(True, description="Write the run.")
    refit_final: bool = Field(
        True, description="Fit every base model on all rows as well: `predict` needs that."
    )
    splits: int = Field(5, ge=2, description="Out-of-fold folds.")
    folds: Folds = Field(
        "contiguous_blocks",
        description="Folds of neighbouring rows, or of rows dealt singly: the EEG of neighbouring "
        "rows overlaps, so that shuffled folds flatter.",
    )
    seed: int = Field(42, ge=0, description="Of models and folds.")
    timing: bool = Field(False, description="Print seconds of fit and predict by fold and model.")
    profile: Profile | None = Field(
        None,
        description="Epochs, caps and folds to go with it, where their own flags are not given.",
    )
    with_hgb: bool = Field(True, description="Gradient boosting on a table of features.")
    with_lstm: bool = Field(False, description="An LSTM on the samples.")
    with_cnn: bool = Field(False, description="A convolutional network on the samples.")
    drop_cols: tuple[str, ...] = Field(
        ("id", "label"), description="Columns of the CSV that are no features."
    )
    hgb_fe: bool = Field(
        False, description="HGB's features from the HDF5 file: 11 columns and 110 of wavelets."
    )
    hgb_fe_chunk_size: int = Field(4096, ge=1, description="Rows featurised at a time.")
    undersample_balanced: bool = Field(
        False, description="Keep as many rows of every class as the rarest has, before all else."
    )
    undersample_seed: int = Field(42, ge=0, description="Which rows these are.")
    class_weights_auto: bool = Field(
        False, description="Weigh classes by the inverse of their frequency; keeps all rows."
    )
    meta_c: float = Field(1.0, gt=0, description="C of the meta-learner, a logistic regression.")
    optimize: bool = Field(False, description="Search for parameters first, at random.")
    best_params: Path | None = Field(
        None, description="best_params.json of an earlier search, to train with."
    )
    opt_targets: tuple[Target, ...] = Field(
        ("meta",), min_length=1, description="What is searched for: meta hgb lstm cnn."
    )
    opt_trials: int = Field(20, ge=1, description="Sets of parameters that are tried.")
    opt_seed: int = Field(42, ge=0, description="Of the search.")
    opt_budget_lstm_epochs: int = Field(1, ge=1, description="Epochs of an LSTM in a trial.")
    opt_budget_lstm_max_train_samples: int = Field(
        20_000, ge=0, description="Rows that an LSTM trains on in a trial; 0: no cap."
    )
    opt_budget_cnn_epochs: int = Field(1, ge=1, description="Epochs of a CNN in a trial.")
    opt_budget_cnn_max_train_samples: int = Field(
        20_000, ge=0, description="Rows that a CNN trains on in a trial; 0: no cap."
    )
    lstm_fast: bool = Field(
        False,
        description="Fast preset, in the place of the flags it is about: "
        + ", ".join(f"{name.removeprefix('lstm_')} {value}" for name, value in LSTM_FAST.items())
        + ".",
    )
    lstm_downsample: int = Field(5, ge=1, description="Mean of so many samples; more is faster.")
    lstm_epochs: int = Field(3, ge=1, description="Passes over the training rows.")
    lstm_max_train_samples: int = Field(50_000, ge=0, description="Rows per fold; 0: no cap.")
    lstm_units: int = Field(64, ge=1, description="Units of the LSTM.")
    lstm_dense_units: int = Field(32, ge=1, description="Units of the dense layer behind it.")
    lstm_batch_size: int = Field(32, ge=1, description="Rows of a training step.")
    lstm_predict_batch_size: int = Field(1024, ge=1, description="Rows predicted at a time.")
    lstm_verbose: int = Field(1, ge=0, le=2, description="0: silent; 1 or 2: a line per epoch.")
    lstm_load_model: Path | None = Field(
        None, description="models/lstm_temporal.onnx of another run: used as it is, not trained."
    )
    cnn_epochs: int = Field(20, ge=1, description="Passes over the training rows.")
    cnn_batch_size: int = Field(64, ge=1, description="Rows of a training step.")
    cnn_downsample: int = Field(1, ge=1, description="Mean of so many samples.")
    cnn_max_train_samples: int = Field(0, ge=0, description="Rows per fold; 0: no cap.")
    cnn_predict_batch_size: int = Field(4096, ge=1, description="Rows predicted at a time.")
    cnn_verbose: int = Field(1, ge=0, le=2, description="0: silent; 1 or 2: a line per epoch.")
    cnn_load_only: bool = Field(
        False,
        description="Use --cnn-load-model as it is. It leaks if it has seen the rows that it is "
        "judged on.",
    )
    cnn_load_model: Path | None = Field(
        None, description="models/cnn_temporal.onnx of another run, for --cnn-load-only."
    )

    @property
    def loaded(self) -> dict[str, Path]:
        """The models that are used as they are, by target."""
        given = {"lstm": self.lstm_load_model, "cnn": self.cnn_load_model}
        return {target: path for target, path in given.items() if path is not None}

    @property
    def targets(self) -> tuple[str, ...]:
        """The base models, in their frozen order."""
        wanted = {"hgb": self.with_hgb, "lstm": self.with_lstm, "cnn": self.with_cnn}
        return tuple(target for target, wants in wanted.items() if wants)

    @property
    def needs_h5(self) -> bool:
        """Whether anything reads samples."""
        return self.hgb_fe or self.with_lstm or self.with_cnn

    @property
    def needs_csv(self) -> bool:
        """Whether HGB reads a table."""
        return self.with_hgb and not self.hgb_fe


def settle(given: dict[str, Any], explicit: set[str]) -> TrainFlags:
    """Return the flags with what a profile and `--lstm-fast` say; `explicit` are the user's own."""
    profile = given.get("profile")
    preset = PROFILES[profile] if profile else {}
    chosen = given | {name: value for name, value in preset.items() if name not in explicit}
    return TrainFlags(**chosen | (LSTM_FAST if chosen.get("lstm_fast") else {}))


def find_conflict(flags: TrainFlags) -> str | None:
    """Return the first combination that cannot be meant, naming both flags."""
    for wrong, sentence in _conflicts(flags):
        if wrong:
            return sentence
    for flag, target in (("--lstm-load-model", "lstm"), ("--cnn-load-model", "cnn")):
        path = flags.loaded.get(target)
        if path is not None and path.suffix != ".onnx":
            return (
                f"{flag} {path}: '{path.suffix or path.name}' models are not read; give "
                f"models/{target}_temporal.onnx of a run that `epochal train` wrote"
            )
    return _conflict_of_targets(flags)


def _conflicts(flags: TrainFlags) -> list[tuple[bool, str]]:
    csv_hgb = flags.needs_csv
    return [
        (flags.undersample_balanced and flags.class_weights_auto,
         "--undersample-balanced and --class-weights-auto exclude each other: give one"),
        (flags.optimize and flags.best_params is not None,
         "--optimize and --best-params exclude each other: give one"),
        (not flags.targets,
         "--no-with-hgb without --with-lstm or --with-cnn leaves no base model"),
        (flags.hgb_fe and not flags.with_hgb, "--hgb-fe makes HGB's features; drop --no-with-hgb"),
        (flags.undersample_balanced and csv_hgb,
         "--undersample-balanced with HGB needs --hgb-fe, so that all models see the same rows "
         "(or --no-with-hgb)"),
        (flags.lstm_load_model is not None and not flags.with_lstm,
         "--lstm-load-model needs --with-lstm"),
        (flags.cnn_load_model is not None and not flags.with_cnn,
         "--cnn-load-model needs --with-cnn"),
        (flags.cnn_load_only and not flags.with_cnn, "--cnn-load-only needs --with-cnn"),
        (flags.cnn_load_only and flags.cnn_load_model is None,
         "--cnn-load-only needs --cnn-load-model"),
        (flags.cnn_load_model is not None and not flags.cnn_load_only,
         "--cnn-load-model needs --cnn-load-only"),
        (flags.lstm_fast and not flags.with_lstm, "--lstm-fast needs --with-lstm"),
        (flags.needs_h5 and flags.x_h5 is None, f"{_reader_of_h5(flags)} needs --x-h5"),
    ]  # fmt: skip


def _reader_of_h5(flags: TrainFlags) -> str:
    if flags.hgb_fe:
        return "--hgb-fe"
    return "--with-lstm" if flags.with_lstm else "--with-cnn"


def _conflict_of_targets(flags: TrainFlags) -> str | None:
    for target in flags.opt_targets if flags.optimize else ():
        if target != "meta" and target not in flags.targets:
            return f"--opt-targets {target} needs --with-{target}"
        if target in flags.loaded:
            return f"--opt-targets {target} cannot tune what --{target}-load-model loads"
    return None
