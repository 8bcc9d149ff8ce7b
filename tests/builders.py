"""Small recordings, tables and bundles for tests; every one a known answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pandas as pd

from epochal.labels import proba_columns
from epochal.options.features import ContextOptions, FeatureOptions, SignalOptions
from epochal.options.ingestion import IngestionOptions
from epochal.options.models import ModelOptions, StackingOptions
from epochal.options.results import EvaluationOptions, ExportOptions
from epochal.options.study import StudyOptions
from epochal.recording import Channel, Recording, no_annotations
from epochal.serving.bundle import Bundle

CLASSES = ("W", "N2", "REM")
# What each class's EEG is made of in made-up recordings: one rhythm that nobody mistakes.
RHYTHMS_HZ = {"W": 10.0, "N2": 2.0, "REM": 6.0}
SFREQ = 100.0
EPOCH_S = 30.0


def sine(
    frequency_hz: float, *, length_s: float = 30.0, sfreq: float = SFREQ, amplitude: float = 1.0
) -> np.ndarray:
    """Return a sine of a known frequency, float32."""
    time_s = np.arange(round(length_s * sfreq)) / sfreq
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def make_channel(
    name: str = "EEG",
    data: Any = None,
    *,
    length_s: float = 120.0,
    sfreq: float = SFREQ,
    unit: str = "uV",
    start_s: float = 0.0,
) -> Channel:
    """Return a channel, 20 uV of alpha unless `data` are given."""
    if data is None:
        data = sine(10.0, length_s=length_s, sfreq=sfreq, amplitude=20.0)
    return Channel(name, unit, sfreq, np.asarray(data, dtype=np.float32), start_s)


def make_annotations(*labels: str, length_s: float = EPOCH_S, start_s: float = 0.0) -> pd.DataFrame:
    """Return annotations that follow one another; an empty label is a hole."""
    if not labels:
        return no_annotations()
    rows = [
        (start_s + length_s * index, length_s, label) for index, label in enumerate(labels) if label
    ]
    return pd.DataFrame(rows, columns=["onset_s", "duration_s", "label"])


def make_recording(
    *channels: Channel,
    labels: Sequence[str] = (),
    recording_id: str = "r1",
    subject_id: str = "s1",
    **fields: Any,
) -> Recording:
    """Return a recording, of one channel of 120 s unless channels are given."""
    given = {"annotations": make_annotations(*labels)} | fields
    return Recording(recording_id, subject_id, channels or (make_channel(),), **given)


def make_night(
    labels: Sequence[str], *, seed: int = 0, amplitude: float = 20.0, **fields: Any
) -> Recording:
    """Return a recording whose EEG holds each label's own rhythm, with noise."""
    random = np.random.default_rng(seed)
    parts = [sine(RHYTHMS_HZ[label], amplitude=amplitude) for label in labels]
    noise = random.normal(0, amplitude / 4, len(labels) * round(EPOCH_S * SFREQ))
    data = np.concatenate(parts) * random.uniform(0.8, 1.2) + noise
    return make_recording(make_channel(data=data), labels=labels, **fields)


def make_study(**changed: Any) -> StudyOptions:
    """Return a study of the three classes."""
    given = {"name": "made", "classes": CLASSES, "recording_kind": "polysomnogram"}
    return StudyOptions(**given | changed)


def make_ingestion(**changed: Any) -> IngestionOptions:
    """Return options that cut epochs of 30 s."""
    given = {
        "source": "files", "path": "raw", "reader": "edf", "simulator": "sleep",
        "simulated_path": "raw", "epoch_length_s": EPOCH_S,
    }  # fmt: skip
    return IngestionOptions(**given | changed)


def make_features_options(**changed: Any) -> FeatureOptions:
    """Return options for the band power of the one EEG channel."""
    signal = SignalOptions(channels=("EEG",), features=("band_power", "statistics"))
    return FeatureOptions(**{"signals": {"eeg": signal}} | changed)


def make_epochs(
    labels: Sequence[str | None] | None = None,
    *,
    n_subjects: int = 4,
    n_epochs: int = 12,
    seed: int = 0,
    **columns: Any,
) -> pd.DataFrame:
    """Return an epochs index, one recording per subject; labels are drawn unless given for each."""
    random = np.random.default_rng(seed)
    parts = []
    for subject in range(n_subjects):
        drawn = random.choice(CLASSES, n_epochs) if labels is None else list(labels)
        part = pd.DataFrame(
            {
                "recording_id": f"r{subject}",
                "subject_id": f"s{subject}",
                "epoch": np.arange(len(drawn)),
                "onset_s": EPOCH_S * np.arange(len(drawn)),
                "length_s": EPOCH_S,
                "run": 0,
                "label": pd.Series(drawn, dtype=object),
                "data_source": "simulated",
            }
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True).assign(**columns)


def make_features(epochs: pd.DataFrame, *, seed: int = 0, noise: float = 0.3) -> pd.DataFrame:
    """Return two columns that tell the label through noise, and one that tells nothing."""
    random = np.random.default_rng(seed)
    codes = epochs["label"].map({name: code for code, name in enumerate(CLASSES)}).fillna(0)
    values = {
        "eeg_level": codes - 1.0,
        "eeg_turn": (codes == 1) * 1.0,
        "eeg_nothing": codes * 0.0,
    }
    columns = {
        name: (np.asarray(value) + random.normal(0, noise, len(epochs))).astype(np.float32)
        for name, value in values.items()
    }
    return epochs[["recording_id", "epoch"]].assign(**columns)


def make_splits(
    epochs: pd.DataFrame, *, n_folds: int = 2, n_test: int = 1, n_val: int = 0
) -> pd.DataFrame:
    """Return splits: the last subjects held out as test, those before them val, folds in turn."""
    subjects = sorted(epochs["subject_id"].unique())
    kept = subjects[: len(subjects) - n_test]
    roles = {
        subject: "val" if subject in kept[len(kept) - n_val :] else "train" for subject in kept
    }
    folds = {subject: index % n_folds for index, subject in enumerate(kept)}
    rows = epochs[["recording_id", "epoch", "subject_id"]]
    return rows.assign(
        role=rows["subject_id"].map(roles).fillna("test"),
        fold=rows["subject_id"].map(folds).fillna(-1).astype(int),
    )


def make_predictions(
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    *,
    model: str = "m",
    family: str = "classical",
    certainty: float = 0.8,
    classes: tuple[str, ...] = CLASSES,
    causal: bool = True,
) -> pd.DataFrame:
    """Return predictions that give the true class the probability `certainty`."""
    rows = splits.merge(epochs[["recording_id", "epoch", "label"]], on=["recording_id", "epoch"])
    codes = np.array([classes.index(label) for label in rows["label"]])
    proba = np.full((len(rows), len(classes)), (1 - certainty) / (len(classes) - 1))
    proba[np.arange(len(rows)), codes] = certainty
    described = rows[["recording_id", "epoch"]].assign(
        model=model,
        family=family,
        role=rows["role"].where(rows["role"] == "test", "oof"),
        fold=rows["fold"],
        causal=causal,
    )
    return described.join(pd.DataFrame(proba, columns=proba_columns(classes)))


@cache
def make_bundle(headline: str = "logistic_regression") -> Bundle:
    """Return a bundle of two models, a stack and its smoothing, trained on six made-up nights."""
    from epochal.metrics import build_leaderboard
    from epochal.models.bundling import assemble_bundle, describe_training, export_models

    study, stacking = make_study(caveats=("Made up.",)), _stacking()
    features, epochs, splits = _training_tables()
    fitted, predictions, spread = _fit_all(features, epochs, splits)
    board = build_leaderboard(predictions, epochs, EvaluationOptions(n_bootstrap=10), study)
    return assemble_bundle(
        export_models(fitted, {"classical": features.fillna(0.0), "stack": spread}, parity_rows=50),
        describe_training(
            features.merge(splits).merge(epochs[["recording_id", "epoch", "label"]]),
            epochs,
            pd.DataFrame({"recording_id": ["r0", "r5"], "sha256": ["aa", "bb"]}),
            predictions,
            stacking,
            study,
        ),
        board,
        options=ExportOptions(model=headline),
        ingestion=make_ingestion(quality={"channels": ("EEG",)}),
        features=_bundle_features(),
        study=study,
    )


def write_edf(
    path: Path, signals: dict[str, np.ndarray], *, sfreq: float = SFREQ, unit: str = "uV"
) -> Path:
    """Write an EDF file of these channels and return its path."""
    made = [
        edfio.EdfSignal(np.asarray(data, dtype=float), sfreq, label=name, physical_dimension=unit)
        for name, data in signals.items()
    ]
    edfio.Edf(made).write(path)
    return path


def _stacking() -> StackingOptions:
    return StackingOptions(smoothing=("forward", "forward_backward"), memory=1.0)


def _bundle_features() -> FeatureOptions:
    return make_features_options(demographics=True, context=ContextOptions(causal_epochs=(2,)))


def _training_tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Extract real features of six made-up nights of 15 epochs, one night a test subject."""
    from epochal.features import extract_features
    from epochal.signals.epoching import index_epochs

    random = np.random.default_rng(0)
    tables, indexes = [], []
    for number in range(6):
        labels = np.repeat(random.permutation(CLASSES), 5)
        night = make_night(
            labels, seed=number, recording_id=f"r{number}", subject_id=f"s{number}",
            metadata={"age": 30.0 + number, "sex": "FM"[number % 2]}, data_source="simulated",
        )  # fmt: skip
        indexes.append(index_epochs(night, make_ingestion()))
        tables.append(extract_features(night, indexes[-1], _bundle_features()))
    epochs = pd.concat(indexes, ignore_index=True)
    return pd.concat(tables, ignore_index=True), epochs, make_splits(epochs)


def _fit_all(features: pd.DataFrame, epochs: pd.DataFrame, splits: pd.DataFrame) -> tuple:
    """Cross-fit all; return the refits, their predictions, and the table of the stack."""
    from epochal.models.classical import ROSTER
    from epochal.models.cross_fitting import cross_fit, join_table
    from epochal.models.stack_smoothing import smooth_predictions
    from epochal.models.stacking import META_ROSTER, spread_models

    study = make_study()
    table = join_table(features, epochs, splits)
    kinds = {"logistic_regression": {"C": 1.0}, "lightgbm": {"n_estimators": 5}}
    fitted = {
        name: cross_fit(
            name, ModelOptions(kind=name, params=params), ROSTER, table, study, family="classical"
        )
        for name, params in kinds.items()
    }
    base = pd.concat([one.out_of_fold for one in fitted.values()], ignore_index=True)
    spread = spread_models(base, sorted(kinds), ("oof",))
    meta = ModelOptions(kind="logistic_regression")
    stacked = join_table(spread, epochs, splits)
    stack = cross_fit("stack", meta, META_ROSTER, stacked, study, family="stack")
    smoothed = smooth_predictions(stack.out_of_fold, epochs, splits, _stacking(), study)
    models = {name: one.model for name, one in fitted.items()} | {"stack": stack.model}
    return models, pd.concat([base, smoothed], ignore_index=True), spread
