"""What the tests of the REST routes send: bodies, and bundles of other kinds."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from builders import CLASSES, SFREQ, make_bundle, make_night, write_edf
from epochal.answers import FILE as ANSWERS
from epochal.answers import AnswerRules
from epochal.drift.reference import FILE as DRIFT
from epochal.drift.reference import build_reference
from epochal.features import extract_features
from epochal.serving.bundle import Bundle, Scorer, write_bundle
from epochal.serving.service.examples import columns_of_model
from epochal.signals.epoching import index_epochs

LABELS = ["W"] * 4 + ["N2"] * 4 + ["REM"] * 4
N_EEG = 10_000  # 50 s at 200 Hz


@cache
def columns() -> list[str]:
    """Return the columns of the small bundle's headline."""
    return columns_of_model(Scorer(make_bundle()))


@cache
def night_features():
    """Return the features of a night of known rhythms, a row per epoch."""
    manifest = make_bundle().manifest
    night = make_night(LABELS, seed=100, metadata={"age": 32.0, "sex": "F"})
    table = extract_features(
        night, index_epochs(night, manifest.ingestion), manifest.feature_engineering
    )
    return table[columns()].astype(float)


def rows(*numbers: int) -> list[dict[str, float | None]]:
    """Return epochs of the night as a request's rows, null where a value is missing."""
    chosen = night_features().iloc[list(numbers)].to_dict("records")
    return [{name: None if v != v else v for name, v in row.items()} for row in chosen]


def signals(*labels: str, **more) -> dict:
    """Return a body of signals of known rhythms."""
    (channel,) = make_night(list(labels), seed=100).channels
    return {"signals": {"EEG": channel.data.tolist()}, "sfreq": SFREQ, **more}


def eeg(*, turned: bool = False, seed: int = 0) -> list[list[float]]:
    """Return 50 s of 19 channels of noise."""
    data = np.random.default_rng(seed).normal(0, 20, (19, N_EEG)).round(2)
    return (data.T if turned else data).tolist()


@cache
def icu_bundle() -> Bundle:
    """Return the small bundle as if it had learnt from ICU EEG: 50 s of one electrode."""
    bundle = make_bundle()
    manifest = bundle.manifest
    features = manifest.feature_engineering
    one = features.signals["eeg"].model_copy(update={"channels": ("Fp1",)})
    ingestion = manifest.ingestion.model_copy(
        update={
            "epoch_length_s": 50.0,
            "quality": manifest.ingestion.quality.model_copy(update={"channels": ("Fp1",)}),
        }
    )
    changed = {
        "study": "icu",
        "recording_kind": "icu_eeg",
        "ingestion": ingestion,
        "feature_engineering": features.model_copy(update={"signals": {"eeg": one}}),
    }
    return replace(bundle, manifest=manifest.model_copy(update=changed))


@cache
def ruled_bundle() -> Bundle:
    """Return the small bundle with rules for its answers, and a drift reference."""
    bundle = make_bundle()
    rules = AnswerRules(
        model=bundle.manifest.headline,
        classes=CLASSES,
        n_subjects=6,
        score="lac",
        coverage=0.9,
        set_thresholds=[0.99] * len(CLASSES),
        wanted_error=0.05,
        abstain_below=0.5,
    )
    files = {ANSWERS: rules.model_dump_json().encode(), DRIFT: _reference().encode()}
    return replace(bundle, files=bundle.files | files)


@cache
def pair_bundle() -> Bundle:
    """Return the small bundle as one that reads two recordings, A and B, of each file."""
    bundle = make_bundle()
    animals = {"*": {"A": {"EEG": "EEG A"}, "B": {"EEG": "EEG B"}}}
    ingestion = bundle.manifest.ingestion.model_copy(
        update={"reader": "rodent", "reader_options": {"animals": animals}}
    )
    changed = {"recording_kind": "rodent", "ingestion": ingestion}
    return replace(bundle, manifest=bundle.manifest.model_copy(update=changed))


def write_pair(path: Path) -> Path:
    """Write two nights of known rhythms into one EDF that `pair_bundle` scores."""
    nights = {"EEG A": LABELS, "EEG B": LABELS[::-1]}
    data = {name: make_night(of, seed=100).channels[0].data for name, of in nights.items()}
    return write_edf(path, data)


def animals_bundle(pattern: str, animals: dict[str, dict[str, str]]) -> Bundle:
    """Return the small bundle as if the files of a pattern held several animals each."""
    bundle = make_bundle()
    given = {"reader": "rodent", "reader_options": {"animals": {pattern: animals}}}
    ingestion = bundle.manifest.ingestion.model_copy(update=given)
    return Bundle(bundle.manifest.model_copy(update={"ingestion": ingestion}), bundle.files)


def write(folder: Path, bundle: Bundle) -> Path:
    """Write a bundle into a folder and return it."""
    write_bundle(folder, bundle)
    return folder


def _reference() -> str:
    """Return the drift reference of eight nights' own features."""
    import pandas as pd

    manifest = make_bundle().manifest
    tables = []
    for seed in range(8):
        night = make_night(LABELS * 2, seed=seed, recording_id=f"r{seed}", subject_id=f"s{seed}")
        epochs = index_epochs(night, manifest.ingestion)
        tables.append(extract_features(night, epochs, manifest.feature_engineering))
    table = pd.concat(tables, ignore_index=True)
    known = [name for name in columns() if "__" not in name and "demographics" not in name]
    reference = build_reference(
        table[known], table["recording_id"], table["recording_id"], faults=[]
    )
    assert reference is not None
    return reference.model_dump_json()
