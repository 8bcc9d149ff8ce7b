"""Causal bundles and recordings for tests of streams, and the two ways to score them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from builders import CLASSES, make_bundle, make_channel, make_features_options, make_ingestion
from epochal.options.features import ContextOptions, SignalOptions
from epochal.recording import Recording
from epochal.serving.bundle import Bundle, Scorer
from epochal.serving.scoring import score_recording
from epochal.serving.stream import StreamScorer
from epochal.serving.stream.feeding import cut_pieces, declare_recording

FEATURES = ("band_power", "statistics")
METADATA = {"age": 30.0, "sex": "F"}


def filtered(**changed: Any) -> SignalOptions:
    """Return the EEG of the bundles' models, filtered."""
    given = {"channels": ("EEG",), "features": FEATURES, "band_hz": (0.5, 35.0), "notch_hz": 45.0}
    return SignalOptions(**given | changed)


@cache
def causal_bundle(headline: str = "stack_forward") -> Bundle:
    """Return a bundle of a stack with causal filters; its models were fitted on unfiltered EEG."""
    return change_bundle(make_bundle(headline))


def change_bundle(
    bundle: Bundle, *, ingestion: dict[str, Any] | None = None, **features: Any
) -> Bundle:
    """Return the bundle with other features beside those that its models see, and other epochs."""
    given = {
        "signals": {"eeg": filtered()},
        "filters": "causal",
        "demographics": True,
        "context": ContextOptions(causal_epochs=(2,)),
    }
    options = make_features_options(**given | features)
    cut = make_ingestion(**{"quality": {"channels": ("EEG",)}} | (ingestion or {}))
    reference = {  # wider: these recordings are none of those that the models were fitted on
        name: (low - 2 * (high - low) - 1, high + 2 * (high - low) + 1)
        for name, (low, high) in bundle.manifest.reference.items()
    }
    update = {"feature_engineering": options, "ingestion": cut, "reference": reference}
    return replace(bundle, manifest=bundle.manifest.model_copy(update=update))


def make_signal(length_s: float, *, seed: int = 0, sfreq: float = 100.0) -> np.ndarray:
    """Return EEG whose rhythm changes with each minute, with an offset and a drift."""
    random = np.random.default_rng(seed)
    time_s = np.arange(round(length_s * sfreq)) / sfreq
    hz = np.array([2.0, 6.0, 10.0, 20.0])[(time_s // 60).astype(int) % 4]
    wave = 25 * np.sin(2 * np.pi * hz * time_s) + random.normal(0, 6, len(time_s))
    return (wave + 40 + time_s / 50).astype(np.float32)


def make_raw(length_s: float = 400.0, *, seed: int = 0, **fields: Any) -> Recording:
    """Return a recording of one EEG channel."""
    channels = fields.pop("channels", None) or (
        make_channel(data=make_signal(length_s, seed=seed), sfreq=100.0),
    )
    given = {"metadata": dict(METADATA), "data_source": "simulated"}
    return Recording("r1", "r1", channels, **given | fields)


def stream_all(
    recording: Recording,
    scorer: Scorer,
    *,
    piece_s: float = 7.3,
    resume_every: int = 0,
) -> pd.DataFrame:
    """Return the epochs of a recording that comes in pieces, taken up again now and then."""
    stream = StreamScorer(scorer, declare_recording(recording))
    rows: list[dict[str, Any]] = []
    pieces = cut_pieces(recording, recording.channel_names, piece_s=piece_s)
    for number, piece in enumerate(pieces):
        rows += stream.push(piece.samples) if piece.samples else stream.skip_to(piece.until_s)
        if resume_every and number % resume_every == 0:
            stream = StreamScorer.resume(stream.state(), scorer)
    return pd.DataFrame(rows + stream.finish())


def assert_same(streamed: pd.DataFrame, recording: Recording, scorer: Scorer) -> None:
    """Check a streamed table against that of the whole recording: 1e-6, and the same words."""
    whole = score_recording(recording, scorer).epochs
    assert list(streamed) == list(whole)
    assert len(streamed) == len(whole)
    for name in whole:
        if whole[name].dtype == float:
            # both are rounded to six digits
            np.testing.assert_allclose(streamed[name], whole[name], atol=1.001e-6, rtol=0)
        else:
            assert streamed[name].tolist() == whole[name].tolist(), name
    known = whole.filter(like="proba_").dropna()
    assert len(known)
    assert set(whole["label"]) <= {*CLASSES, ""}
