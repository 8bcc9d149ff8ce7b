"""A causal network over sequences of windows, alone and in a stream."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from builders import make_bundle, make_channel, make_ingestion
from epochal.models import deep
from epochal.models.bundling import export_models
from epochal.models.cross_fitting import cross_fit
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.options.study import StudyOptions
from epochal.recording import Recording
from epochal.serving.bundle import Bundle, Scorer
from epochal.serving.scoring import score_recording
from serving.stream.stream_material import make_signal, stream_all
from window_cohort import CLASSES, make_cohort, options

STUDY = StudyOptions(name="rhythms", classes=CLASSES, recording_kind="rodent")
INPUTS = {
    "channels": ("EEG", "EMG"), "bands_hz": {"EEG": (0.5, 20.0)}, "band_hz": (None, 20.0),
    "sfreq": 50.0, "normalise": "none", "quality_channel": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def scorer():
    """Return the scorer of a network that looks back on sequences of five windows of 2 s."""
    store, table = make_cohort()
    asked = options(kind="s4d", sequence={"n_epochs": 5}, training={"max_epochs": 2})
    roster = deep.make_roster("net", asked, None)
    fitted = cross_fit("net", asked, roster, table, STUDY, family="deep", store=store)
    exported = export_models({"net": fitted.model}, {"deep": pd.DataFrame()}, parity_rows=0)
    entry, content = exported["net"]
    features = FeatureOptions(
        signals={"eeg": SignalOptions(channels=("EEG",), features=("statistics",))},
        filters="causal",
        network_inputs={"signal": INPUTS},
    )
    made = make_bundle("stack_forward")
    changed = {
        "models": [entry], "headline": "net", "smoothing": {}, "classes": CLASSES, "reference": {},
        "ingestion": make_ingestion(epoch_length_s=2.0, quality={"channels": ("EEG",)}),
        "feature_engineering": features, "causal": entry.causal,
    }  # fmt: skip
    manifest = made.manifest.model_copy(update=changed)
    return Scorer(Bundle(manifest, {entry.file: content}))


def make_pair(**fields):
    channels = (
        make_channel(data=make_signal(70), sfreq=100.0),
        make_channel("EMG", data=make_signal(70, seed=1, sfreq=150.0), sfreq=150.0),
    )
    return Recording("r1", "r1", channels, **fields)


@pytest.mark.slow
@pytest.mark.parametrize("piece_s", [0.7, 5.0, 33.0])
def test_it_says_what_it_says_of_the_whole_recording(scorer, piece_s):
    recording = make_pair()
    whole = score_recording(recording, scorer).epochs
    streamed = stream_all(recording, scorer, piece_s=piece_s, resume_every=11)
    assert len(streamed) == len(whole) == 35
    assert streamed["label"].tolist() == whole["label"].tolist()
    for name in whole.filter(like="proba_"):
        np.testing.assert_allclose(streamed[name], whole[name], atol=1.001e-6, rtol=0)


@pytest.mark.slow
def test_it_looks_back_across_no_gap(scorer):
    recording = make_pair(runs=((0.0, 30.0), (41.0, 70.0)))
    blank = [np.array(one.data) for one in recording.channels]
    for data, one in zip(blank, recording.channels, strict=True):
        data[round(30 * one.sfreq) : round(41 * one.sfreq)] = np.nan
    channels = tuple(
        replace(one, data=data) for one, data in zip(recording.channels, blank, strict=True)
    )
    recording = replace(recording, channels=channels)
    whole = score_recording(recording, scorer).epochs
    streamed = stream_all(recording, scorer, piece_s=5.0, resume_every=4)
    for name in whole.filter(like="proba_"):
        np.testing.assert_allclose(streamed[name], whole[name], atol=1.001e-6, rtol=0)


def test_only_the_windows_that_it_looks_back_on_are_kept(scorer):
    from epochal.serving.stream.history import RunHistory

    history, lengths = RunHistory(scorer), []
    for _ in range(40):
        _, _, n_lead = history.extend(pd.DataFrame({"x": [0.0]}), None)
        lengths.append(n_lead)
    assert lengths[:4] == [0, 1, 2, 3]
    assert max(lengths) <= 5  # three to look back on, and a step of two to begin at
    assert min(lengths[4:]) >= 3
