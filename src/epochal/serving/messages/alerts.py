"""An alert, as it is listed, answered, streamed and sent."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from epochal.provenance import RESEARCH_USE

Kind = Literal["recording", "stream"]


class Alert(BaseModel):
    """One alert."""

    id: str
    raised_at: str = Field(description="When, in UTC.", examples=["2026-01-31T12:00:00+00:00"])
    rule: str = Field(examples=["Seizure ≥ 0.8 for ≥ 20 s"])
    label: str
    bundle: str
    model: str
    kind: Kind
    source: str = Field(description="The id of the request, job or stream that was scored.")
    onset_s: float = Field(description="From the recording's start, in seconds.")
    duration_s: float = Field(description="So far, where it is a stream's.")
    peak_probability: float
    data_source: str = Field(description="real or simulated: training and recording together.")
    false_alarms_per_hour: float | None = Field(
        description="As measured for the rule or, for the class, in the bundle; null: not known."
    )
    false_alarms: str = Field(description="The same in words.")
    notice: str = RESEARCH_USE


class StreamAlert(Alert):
    """An alert of a live stream."""

    epoch: int = Field(description="The number of the epoch that completed it.")
