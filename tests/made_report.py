"""Scored recordings made by hand, for the tests of what is reported of them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from builders import make_channel
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.options.ingestion import IngestionOptions
from epochal.recording import Recording
from epochal.serving.bundle import Manifest
from epochal.serving.report.material import gather
from epochal.serving.report.page import make_report
from epochal.serving.scoring import Scored

SLEEP = ("W", "N1", "N2", "N3", "REM")
RODENT = ("W", "NREM", "REM")


def make_manifest(kind="polysomnogram", classes=SLEEP, *, epoch_s=30.0, step_s=None, **changed):
    """Return the manifest of a bundle of one model that looks at an EEG and an EMG."""
    laid = {
        "source": "files", "path": "raw", "reader": "edf", "simulator": "sleep",
        "simulated_path": "raw", "epoch_length_s": epoch_s, "epoch_step_s": step_s,
    }  # fmt: skip
    ingestion = IngestionOptions(**laid | changed.pop("ingestion", {}))
    signals = {
        "eeg": SignalOptions(channels=("EEG",), features=("statistics",)),
        "emg": SignalOptions(channels=("EMG",), features=("statistics",), required=False),
    }
    given = {
        "epochal_version": "0.1.0", "study": "made", "classes": classes, "recording_kind": kind,
        "data_source": "simulated", "training_data_sha256": "ab" * 32, "ingestion": ingestion,
        "feature_engineering": FeatureOptions(signals=signals), "models": [], "headline": "tree",
        "causal": True, "reference": {"eeg_mean": (0.0, 1.0)}, "caveats": ("Made up.",),
        "metrics": {"role": "oof", "kappa": 0.7, "n_subjects": 9, "data_source": "simulated"},
    }  # fmt: skip
    return Manifest(**given | changed)


def make_scored_recording(
    labels, manifest, *, flags=None, confidence=0.8, onsets_s=None, recording_id="night", **fields
):
    """Return a recording with an EEG and an EMG, and what was scored; `""` is not scored."""
    step_s = manifest.ingestion.epoch_step_s or manifest.ingestion.epoch_length_s
    onsets = np.arange(len(labels)) * step_s if onsets_s is None else np.asarray(onsets_s, float)
    length_s = float(onsets[-1] + manifest.ingestion.epoch_length_s)
    random = np.random.default_rng(0)
    data = random.normal(0, 20, round(length_s * 64))
    channels = tuple(make_channel(name, data, sfreq=64.0) for name in ("EEG", "EMG"))
    given = {"channels": channels, "start": datetime(2024, 3, 4, 22, 30)} | fields
    recording = Recording(recording_id, "s1", **given)
    flags = [""] * len(labels) if flags is None else flags
    return recording, _scored(recording, labels, manifest, onsets, flags, confidence)


def _scored(recording, labels, manifest, onsets, flags, confidence):
    rest = (1 - confidence) / (len(manifest.classes) - 1)
    proba = {
        f"proba_{name}": [confidence if label == name else rest for label in labels]
        for name in manifest.classes
    }
    known = np.array([label != "" for label in labels])
    columns = {
        "epoch": range(len(labels)), "onset_s": onsets, "label": labels,
        "confidence": np.where(known, confidence, np.nan), "flags": flags, **proba,
    }  # fmt: skip
    table = pd.DataFrame(columns)
    summary = {
        "recording_id": recording.recording_id, "study": "made", "model": "tree", "causal": True,
        "data_source": "simulated", "recording_data_source": recording.data_source,
        "training_data_source": "simulated", "epoch_length_s": manifest.ingestion.epoch_length_s,
        "n_epochs": len(labels), "n_flagged": sum(flag != "" for flag in flags),
        "epochs_per_class": {name: labels.count(name) for name in manifest.classes},
        "mean_confidence": confidence, "problems": list(recording.problems),
        "substitutions": dict(recording.metadata.get("substitutions", {})),
        "caveats": ["Made up."], "notice": "", "epochal_version": "0.1.0",
    }  # fmt: skip
    return Scored(recording.recording_id, table, summary)


def spell(pattern):
    """Return labels of `W*4 N2*6 ?*2`: so many of each, `?` not scored."""
    parts = [word.split("*") for word in pattern.split()]
    return [("" if name == "?" else name) for name, n in parts for _ in range(int(n))]


def report_of(labels, manifest=None, **given):
    """Return the page of a recording scored so."""
    manifest = manifest or make_manifest()
    recording, scored = make_scored_recording(labels, manifest, **given)
    return make_report(recording, scored, manifest)


def material_of(labels, manifest=None, **given):
    """Return the same before it becomes a page."""
    manifest = manifest or make_manifest()
    recording, scored = make_scored_recording(labels, manifest, **given)
    return gather(recording, scored, manifest)
