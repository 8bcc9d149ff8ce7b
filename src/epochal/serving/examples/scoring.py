"""Examples of what is said of epochs and recordings: answers, jobs, drift, alerts, tensors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from epochal import __version__
from epochal.provenance import RESEARCH_USE
from epochal.serving.messages.alerts import Alert
from epochal.serving.messages.answers import (
    BatchPrediction,
    DriftAnswer,
    EpochAnswer,
    JobAnswer,
    Prediction,
    ScoreAnswer,
    ScoredRecording,
)
from epochal.serving.messages.tensors import (
    FEATURES,
    LABEL,
    PROBABILITIES,
    InferAnswer,
    IsReady,
    Live,
    ModelFacts,
    OutputTensor,
    ServerFacts,
    TensorFacts,
)
from epochal.serving.routes.alerts import AlertList
from epochal.serving.service.alert_rules import AlertRule

CLASSES = ["W", "N2", "REM"]
PROBA = {"W": 0.91, "N2": 0.06, "REM": 0.03}
JOB = "0f8e6c1d2b3a4958a7b6c5d4e3f20110"
_SAID: dict[str, Any] = {
    "bundle": "sleep",
    "study": "sleep",
    "model": "stack",
    "causal": True,
    "data_source": "simulated",
    "training_data_source": "simulated",
}
_RULE = AlertRule(label="REM", probability=0.8, for_s=60)


def scoring_messages() -> tuple[BaseModel, ...]:
    """Return the messages."""
    return (
        Prediction(**_epoch().model_dump(), **_SAID, latency_ms=8.4),
        BatchPrediction(predictions=[_epoch()], **_SAID, latency_ms=9.1),
        _score_answer(),
        _job(),
        _drift(),
        AlertList(rules=(_RULE,), alerts=[_alert()]),
        *_tensors(),
    )


def _epoch() -> EpochAnswer:
    return EpochAnswer(
        epoch=0,
        onset_s=0.0,
        label="W",
        confidence=PROBA["W"],
        probabilities=PROBA,
        flags=[],
        prediction_set=["W"],
        abstain=False,
    )


def _score_answer() -> ScoreAnswer:
    proba = {f"proba_{name}": value for name, value in PROBA.items()}
    row = {"epoch": 0, "onset_s": 0.0, "label": "W", "confidence": PROBA["W"], "flags": ""}
    return ScoreAnswer(
        file="night.edf",
        bundle="sleep",
        model="stack",
        data_source="simulated",
        in_sample=False,
        recordings=[
            ScoredRecording(summary=_summary(), epochs=[{**row, **proba}], alerts=[_alert()])
        ],
        retention="The upload was deleted once it was scored; nothing of it is kept.",
    )


def _summary() -> dict[str, Any]:
    return {
        "recording_id": "night",
        "study": "sleep",
        "model": "stack",
        "causal": True,
        "data_source": "simulated",
        "recording_data_source": "simulated",
        "training_data_source": "simulated",
        "in_sample": False,
        "epoch_length_s": 30.0,
        "epoch_step_s": 30.0,
        "n_epochs": 960,
        "n_flagged": 12,
        "epochs_per_class": {"W": 180, "N2": 580, "REM": 200},
        "mean_confidence": 0.84,
        "substitutions": {},
        "problems": [],
        "caveats": ["Simulated nights."],
        "notice": RESEARCH_USE,
        "epochal_version": __version__,
    }


def _job() -> JobAnswer:
    kinds = ("csv", "edf", "json", "report")
    return JobAnswer(
        id=JOB,
        status="done",
        stage="done",
        percent=100,
        file="night.edf",
        bundle="sleep",
        model="lightgbm",
        created_at="2026-01-31T07:00:00+00:00",
        finished_at="2026-01-31T07:00:09+00:00",
        expires_at="2026-02-01T07:00:09+00:00",
        data_source="simulated",
        in_sample=False,
        results={kind: f"/api/jobs/{JOB}/result?format={kind}" for kind in kinds},
    )


def _drift() -> DriftAnswer:
    limits = {"d_limit": 0.38, "psi_limit": 1.1}
    driver = {"feature": "eeg_delta", "beyond": 0.4, "d": 0.31, "psi": 0.9, **limits}
    verdict = {"drift": False, "score": 1.2, "limit": 3.4, "n_epochs": 960, "drivers": [driver]}
    return DriftAnswer(
        bundle="sleep",
        study="sleep",
        data_source="simulated",
        verdict=verdict,
        since="2026-01-31T06:00:00+00:00",
        n_epochs=960,
        n_seen=960,
    )


def _alert() -> Alert:
    return Alert(
        id="6f1d0c2b9a3e",
        raised_at="2026-01-31T07:00:09+00:00",
        rule=_RULE.name,
        label=_RULE.label,
        bundle="sleep",
        model="stack",
        kind="recording",
        source=JOB,
        onset_s=5400.0,
        duration_s=900.0,
        peak_probability=0.93,
        data_source="simulated",
        false_alarms_per_hour=None,
        false_alarms="how often this alert is false is not known",
    )


def _tensors() -> tuple[BaseModel, ...]:
    about = {key: _SAID[key] for key in ("bundle", "study", "model", "data_source")}
    about |= {"notice": RESEARCH_USE, "epochal_version": __version__}
    features = TensorFacts(
        name=FEATURES, datatype="FP32", shape=[-1, 1], parameters={"columns": ["eeg_delta"]}
    )
    given = [
        TensorFacts(name=PROBABILITIES, datatype="FP32", shape=[-1, len(CLASSES)]),
        TensorFacts(name=LABEL, datatype="BYTES", shape=[-1]),
    ]
    outputs = [
        OutputTensor(
            name=PROBABILITIES,
            shape=[1, len(CLASSES)],
            datatype="FP32",
            data=list(PROBA.values()),
            parameters={"classes": CLASSES},
        ),
        OutputTensor(name=LABEL, shape=[1], datatype="BYTES", data=["W"]),
    ]
    return (
        ServerFacts(version=__version__),
        Live(),
        IsReady(ready=True, name="sleep"),
        ModelFacts(
            name="sleep",
            versions=["1"],
            inputs=[features],
            outputs=given,
            parameters={**about, "classes": CLASSES},
        ),
        InferAnswer(
            model_name="sleep",
            model_version="1",
            id="1",
            parameters={**about, "flags": [""], "notes": [], "latency_ms": 3.2},
            outputs=outputs,
        ),
    )
