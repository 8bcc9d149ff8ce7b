"""What a bundle says of its training: whom it learnt from, whom it fails, by which libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from epochal.ingestion import FACTS
from epochal.labels import encode, keep_classes, proba_columns
from epochal.metrics import confusion, kappa
from epochal.models.smoothing import estimate_transitions
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.options.splitting import SplitOptions
from epochal.readers.aliases import ALIASES, canonical_name
from epochal.serving.entries import ChannelEntry, Confusion, Figures, Stratum, TrainingFacts
from epochal.splits.quotas import name_age_groups

LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "lightgbm", "xgboost-cpu", "xgboost",
             "torch", "onnx", "skl2onnx", "onnxmltools", "onnxruntime", "PyWavelets", "edfio",
             "h5py")  # fmt: skip
_FIGURES = ("kappa", "kappa_low", "kappa_high", "accuracy", "macro_f1", "log_loss", "ece",
            "n_epochs", "n_subjects")  # fmt: skip
_MOST_GROUPS = 12  # of one fact; a site for each subject says nothing
_N_CONFUSIONS = 5
_CHANNEL = re.compile(r"(?:^|, )([^()]+) \(([\d.eE+-]+) Hz, ([^()]*)\)")


def list_libraries() -> dict[str, str]:
    """Return the versions of the libraries that models and features come from, if installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def count_training(
    table: pd.DataFrame, epochs: pd.DataFrame, summary: pd.DataFrame, classes: tuple[str, ...]
) -> TrainingFacts:
    """Count the labelled epochs, recordings and subjects in the role `train`, and describe them."""
    training = table[(table["role"] == "train") & table["label"].isin(classes)]
    counts = training["label"].value_counts()
    used = epochs[epochs["recording_id"].isin(training["recording_id"])]
    people = training.drop_duplicates("recording_id").merge(
        summary.drop(columns="subject_id", errors="ignore"), on="recording_id", how="left"
    )
    people = people.drop_duplicates("subject_id")
    return TrainingFacts(
        n_subjects=training["subject_id"].nunique(),
        n_recordings=training["recording_id"].nunique(),
        n_epochs=len(training),
        epochs_per_class={name: int(counts.get(name, 0)) for name in classes},
        transitions=estimate_transitions(
            keep_classes(used, classes), classes, self_weight=0.0
        ).round(6).tolist(),
        age_years=_span(people),
        subjects_per={
            fact: {str(name): int(n) for name, n in people[fact].value_counts().items()}
            for fact in FACTS
            if fact != "age" and fact in people and 0 < people[fact].nunique() <= _MOST_GROUPS
        },
    )  # fmt: skip


def list_rates(summary: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return unit, lowest and highest rate of each channel that the recordings' summary names."""
    found: dict[str, dict[str, Any]] = {}
    named = summary["channels"].dropna() if "channels" in summary else []
    for name, rate, unit in (one for text in named for one in _CHANNEL.findall(str(text))):
        known = found.setdefault(name, {"unit": unit, "low": float(rate), "high": float(rate)})
        known["low"] = min(known["low"], float(rate))
        known["high"] = max(known["high"], float(rate))
    return found


def list_channels(
    ingestion: IngestionOptions,
    features: FeatureOptions,
    rates: Mapping[str, Mapping[str, Any]],
) -> list[ChannelEntry]:
    """Return the channels that are read of a recording, with all that may take their place."""
    required = {
        name: signal.required for signal in features.signals.values() for name in signal.channels
    }
    watched = dict.fromkeys(ingestion.quality.channels, ingestion.quality.absent == "refuse")
    return [
        _describe_channel(name, needed or watched.get(name, False), ingestion, rates)
        for name, needed in {**watched, **required}.items()
    ]


def name_figures(rows: pd.DataFrame) -> dict[str, Figures]:
    """Return a model's main figures by role, of its rows of the leaderboard."""
    return {
        str(row["role"]): {name: _finite(row[name]) for name in _FIGURES if name in row}
        for row in rows.to_dict("records")
    }


def list_strata(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    table: pd.DataFrame,
    summary: pd.DataFrame,
    classes: tuple[str, ...],
) -> dict[str, list[Stratum]]:
    """Return each model's out-of-fold figures by age group, sex, site and the like, where known."""
    rows = _out_of_fold(predictions, epochs, table).merge(
        summary[["recording_id", *(fact for fact in FACTS if fact in summary)]],
        on="recording_id", how="left",
    )  # fmt: skip
    return {
        str(model): [
            _measure(name, part, classes) for name, part in _split(of_model) if len(part)
        ]
        for model, of_model in rows.groupby("model", sort=False)
    }  # fmt: skip


def list_confusions(
    predictions: pd.DataFrame, epochs: pd.DataFrame, table: pd.DataFrame, classes: tuple[str, ...]
) -> dict[str, list[Confusion]]:
    """Return what each model most often takes for something else, out of fold."""
    rows = _out_of_fold(predictions, epochs, table)
    return {
        str(model): _most_confused(_count(of_model, classes), classes)
        for model, of_model in rows.groupby("model", sort=False)
    }


def _describe_channel(
    name: str, required: bool, ingestion: IngestionOptions, rates: Mapping[str, Mapping[str, Any]]
) -> ChannelEntry:
    known = rates.get(name)
    spellings = ALIASES.get(canonical_name(name) or "", ())
    return ChannelEntry(
        name=name,
        required=required,
        aliases=[one for one in spellings if one != name],
        substitutes=list(ingestion.substitutes.get(name, ())),
        unit=known["unit"] if known else "",
        sfreq_hz=(known["low"], known["high"]) if known else None,
    )


def _span(people: pd.DataFrame) -> tuple[float, float, float] | None:
    if "age" not in people:
        return None
    ages = pd.to_numeric(people["age"], errors="coerce").dropna()
    return (ages.min(), ages.median(), ages.max()) if len(ages) else None


def _out_of_fold(
    predictions: pd.DataFrame, epochs: pd.DataFrame, table: pd.DataFrame
) -> pd.DataFrame:
    """Return the labelled out-of-fold predictions with their subjects."""
    keys = ["recording_id", "epoch"]
    rows = predictions[predictions["role"] == "oof"].merge(epochs[[*keys, "label"]], on=keys)
    owners = table[["recording_id", "subject_id"]].drop_duplicates("recording_id")
    return rows.dropna(subset="label").merge(owners, on="recording_id")


def _split(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the rows of each group of each fact that is known and tells subjects apart."""
    edges = SplitOptions.model_fields["age_edges_years"].default
    for fact in FACTS:
        if fact not in rows or rows[fact].isna().all():
            continue
        groups = rows[fact]
        if fact == "age":
            bins = [-np.inf, *edges, np.inf]
            years = pd.to_numeric(groups, errors="coerce")
            groups = pd.cut(years, bins, right=False, labels=name_age_groups(edges))
        if groups.nunique() <= _MOST_GROUPS:
            yield from ((f"{fact} {name}", rows[groups == name]) for name in _names(groups))


def _names(groups: pd.Series) -> list[Any]:
    found = groups.dropna().unique()
    return list(found.categories if hasattr(found, "categories") else sorted(found, key=str))


def _count(rows: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    """Return confusion counts `(n_classes, n_classes)`, truth in rows."""
    truth = encode(rows["label"], classes)
    guess = rows[proba_columns(classes)].to_numpy().argmax(axis=1)
    return confusion(truth[truth >= 0], guess[truth >= 0], len(classes))


def _measure(name: str, rows: pd.DataFrame, classes: tuple[str, ...]) -> Stratum:
    counts = _count(rows, classes)
    hits, there = np.diag(counts), (counts.sum(axis=0) + counts.sum(axis=1)) > 0
    f1 = 2 * hits[there] / (counts.sum(axis=0) + counts.sum(axis=1))[there]
    return Stratum(
        name=name,
        n_subjects=rows["subject_id"].nunique(),
        n_epochs=int(counts.sum()),
        kappa=round(float(kappa(counts)), 4),
        accuracy=round(float(hits.sum() / counts.sum()), 4),
        macro_f1=round(float(f1.mean()), 4),
    )


def _most_confused(counts: np.ndarray, classes: tuple[str, ...]) -> list[Confusion]:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0.0)
    order = np.argsort(-shares, axis=None, kind="stable")[:_N_CONFUSIONS]
    places = [np.unravel_index(place, shares.shape) for place in order]
    return [
        Confusion(label=classes[row], taken_for=classes[column], share=round(share, 4))
        for row, column in places
        if (share := float(shares[row, column])) > 0
    ]


def _finite(value: Any) -> float | int | None:
    if isinstance(value, (int, np.integer)):
        return int(value)
    return round(float(value), 6) if np.isfinite(value) else None
