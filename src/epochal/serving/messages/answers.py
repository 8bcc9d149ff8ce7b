"""What is answered: epochs with what they stand on, jobs, drift, and problems."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from epochal import __version__
from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import Manifest
from epochal.serving.messages.alerts import Alert


class Provenance(BaseModel):
    """What every answer says of itself."""

    bundle: str = Field(description="The bundle that answered, by name.", examples=["sleep"])
    study: str
    model: str = Field(description="The model that answered, by name.")
    causal: bool = Field(description="Whether the answer to an epoch looks back only.")
    data_source: str = Field(
        description="`real` only where the data that were sent and the training data both are."
    )
    training_data_source: str
    notes: list[str] = Field(
        default_factory=list,
        description="How what was sent was taken, where that matters to the answer.",
    )
    notice: str = RESEARCH_USE
    epochal_version: str = __version__


class EpochAnswer(BaseModel):
    """What the model says of one epoch."""

    epoch: int = Field(description="Its place among the epochs sent, from 0.")
    onset_s: float | None = Field(description="From the start of the signals; null for features.")
    label: str | None = Field(description="The most probable class; null: it was not scored.")
    confidence: float | None = Field(description="The label's probability.")
    probabilities: dict[str, float | None] = Field(description="By class.")
    flags: list[str] = Field(description="What is wrong with the epoch; none: nothing was seen.")
    prediction_set: list[str] | None = Field(
        None, description="The classes that cannot be ruled out; null: the bundle has no rules."
    )
    abstain: bool | None = Field(
        None, description="Whether too unsure to answer; null: the bundle has no rules."
    )


class Prediction(EpochAnswer, Provenance):
    """The answer to one epoch."""

    latency_ms: float = Field(description="From the body's arrival to the answer.")


class BatchPrediction(Provenance):
    """The answers to several epochs, in the order in which they were sent."""

    predictions: list[EpochAnswer]
    latency_ms: float = Field(description="From the body's arrival to the answer.")


class ScoredRecording(BaseModel):
    """A recording of an uploaded file."""

    summary: dict[str, Any] = Field(description="As `epochal score` writes it beside its table.")
    epochs: list[dict[str, Any]] = Field(description="A row per epoch, as in the CSV.")
    alerts: list[Alert] = Field(
        default_factory=list, description="Raised by the operator's rules, by onset."
    )


class ScoreAnswer(BaseModel):
    """All recordings of an uploaded file, usually one."""

    file: str = Field(description="The file's own name, harmless characters only.")
    bundle: str
    model: str
    data_source: str
    in_sample: bool | None = Field(description="Whether training saw it; null: not known.")
    recordings: list[ScoredRecording]
    retention: str = Field(description="What becomes of the upload.")
    notice: str = RESEARCH_USE
    epochal_version: str = __version__


JobStatus = Literal["waiting", "running", "done", "failed"]


class JobAnswer(BaseModel):
    """How a job stands."""

    id: str
    status: JobStatus
    stage: str = Field(description="waiting, reading, scoring, writing, done or failed.")
    percent: int = Field(ge=0, le=100)
    file: str = Field(description="The file's own name, harmless characters only.")
    bundle: str | None = Field(description="As asked for; null until the file says which.")
    model: str | None = Field(None, description="As asked for; once it is done, what answered.")
    created_at: str
    finished_at: str | None = None
    expires_at: str | None = Field(None, description="When its results are deleted.")
    data_source: str | None = Field(None, description="Known once it is done.")
    in_sample: bool | None = None
    problems: list[str] = Field(
        default_factory=list, description="What the reader repaired or left out."
    )
    error: dict[str, Any] | None = Field(None, description="The problem that it failed with.")
    results: dict[str, str] = Field(
        default_factory=dict, description="Where each result can be fetched."
    )
    notice: str = RESEARCH_USE


class DriftAnswer(BaseModel):
    """Whether epochs are like those that the bundle has learnt from."""

    bundle: str
    study: str
    data_source: str
    verdict: dict[str, Any] = Field(
        description="`drift` (null: too few epochs), `score`, `limit`, and the features that "
        "are farthest off with D and PSI."
    )
    since: str | None = Field(None, description="When the service began to watch.")
    n_epochs: int = Field(description="Epochs judged.")
    n_seen: int | None = Field(None, description="Epochs seen since then; the latest are judged.")
    notes: list[str] = Field(default_factory=list)
    notice: str = RESEARCH_USE


class ProblemDetails(BaseModel):
    """What was wrong with a request (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(description="What was given, and what is allowed.")


def describe_source(manifest: Manifest, given: str) -> dict[str, str]:
    """Return what an answer says of the data: those sent, and those of the training."""
    real = manifest.data_source == given == "real"
    return {
        "data_source": "real" if real else "simulated",
        "training_data_source": manifest.data_source,
    }
