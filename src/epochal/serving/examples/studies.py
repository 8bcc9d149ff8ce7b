"""Examples of what is said of studies that have run, of reviews, and of signals."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from epochal.provenance import RESEARCH_USE
from epochal.serving.results import Curves, StudyCard, Table
from epochal.serving.reviewing import Correction, Origin, ReviewCard
from epochal.serving.routes.results import RecordingEpochs
from epochal.serving.routes.review import Change, ReviewLine, ReviewState, Signature, Start
from epochal.serving.signal_views import SignalsView, SignalView, SpectrogramView

_CLASSES = ["W", "N2", "REM"]
_AT = "2026-01-31T07:00:00+00:00"
_PROBA = {"W": [0.91, 0.2], "N2": [0.06, 0.45], "REM": [0.03, 0.35]}
PLAYBACK: dict[str, Any] = {
    "study": "sleep",
    "classes": _CLASSES,
    "role": "test",
    "data_source": "simulated",
    "chosen": "the two subjects with the most scored epochs",
    "models": [{"model": "stack", "family": "stack", "causal": True}],
    "subjects": [
        {
            "subject_id": "s4",
            "recording_id": ["r4"],
            "epoch": [120],
            "onset_s": [3600.0],
            "truth": [1],
            "said": {"stack": [1]},
            "confidence": {"stack": [0.88]},
        }
    ],
    "notice": RESEARCH_USE,
}


def study_messages() -> tuple[BaseModel, ...]:
    """Return the messages."""
    return (*_results(), *_reviews(), *_signals())


def _results() -> tuple[BaseModel, ...]:
    board = Table(columns=["model", "role", "kappa"], rows=[["stack", "oof", 0.83]])
    curve = Table(columns=["pass", "train_loss", "val_kappa"], rows=[[1.0, 0.9, 0.61]])
    return (
        StudyCard(
            study="sleep",
            classes=_CLASSES,
            caveats=["Simulated nights."],
            headline="stack",
            data_source="simulated",
            epoch_length_s=30.0,
            tables=["leaderboard"],
            changed_at=1769842800.0,
        ),
        board,
        Curves(model="cnn_bigru", part="fold_0", live=False, changed_at=1769842800.0, table=curve),
        RecordingEpochs(
            recording_id="r4",
            study="sleep",
            data_source="simulated",
            epochs={"epoch": [0, 1], "onset_s": [0.0, 30.0], "said": ["W", "N2"], "proba": _PROBA},
        ),
    )


def _reviews() -> tuple[BaseModel, ...]:
    card = ReviewCard(
        id="sleep--r4",
        recording_id="r4",
        origin=Origin(kind="study", name="sleep"),
        model="stack",
        classes=_CLASSES,
        data_source="simulated",
        epoch_length_s=30.0,
        made_at=_AT,
    )
    line = ReviewLine(card=card, n_epochs=2, n_reviewed=1, n_changed=1)
    epochs = {
        "epoch": [0, 1],
        "onset_s": [0.0, 30.0],
        "label": ["W", "N2"],
        "confidence": [0.91, 0.45],
        "proba": _PROBA,
    }
    state = ReviewState(
        **line.model_dump(), epochs=epochs, labels=["W", "REM"], reviewed=[1], order=[1, 0]
    )
    correction = Correction(
        number=1, at=_AT, who="AB", epoch=1, onset_s=30.0, old="N2", new="REM", undoes=None
    )
    return (
        Start(kind="study", name="sleep", recording_id="r4"),
        Change(epoch=1, old="N2", new="REM", who="AB"),
        Signature(who="AB"),
        line,
        state,
        correction,
    )


def _signals() -> tuple[BaseModel, ...]:
    eeg = SignalView(
        channel="EEG Fpz-Cz",
        unit="µV",
        kind="EEG",
        sfreq=100.0,
        first_s=0.0,
        step_s=0.01,
        extremes=False,
        values=[1.5, 2.0, None],
    )
    return (
        SignalsView(
            recording_id="r4",
            data_source="simulated",
            first_s=0.0,
            last_s=0.03,
            duration_s=28800.0,
            channels=[eeg],
            others=["EMG submental"],
        ),
        SpectrogramView(
            recording_id="r4",
            data_source="simulated",
            channel="EEG Fpz-Cz",
            channels=["EEG Fpz-Cz"],
            first_s=0.0,
            last_s=28800.0,
            low_db=-12.0,
            high_db=21.0,
            n_rows=1,
            n_columns=2,
            levels="AUA=",
            colours=["#0b1d3a", "#f7e26b"],
        ),
    )
