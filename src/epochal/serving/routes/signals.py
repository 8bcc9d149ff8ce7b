"""`…/signals`, `…/spectrogram`: what a screen shows of an upload's or a reviewed recording."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from epochal.serving.messages.documented import may_answer
from epochal.serving.reviewing import Origin
from epochal.serving.routes.review import get_review, reviews_of
from epochal.serving.service.reviewed import ReviewSources
from epochal.serving.service.state import Service
from epochal.serving.signal_views import (
    SignalsView,
    SpectrogramView,
    view_signals,
    view_spectrogram,
)

_FAR_S = 1e9  # 30 years: farther off, numbers of samples overflow


class Stretch(BaseModel):
    """A stretch of a recording, in seconds from its start."""

    first_s: float = Field(ge=-_FAR_S, le=_FAR_S, allow_inf_nan=False)
    last_s: float = Field(ge=-_FAR_S, le=_FAR_S, allow_inf_nan=False)
    channels: tuple[str, ...] = Field((), description="Default: EEG, EOG, EMG.")
    max_points: int = Field(2000, ge=2, le=20000, description="Points per channel at most.")


class JobStretch(Stretch):
    """A stretch of one of a job's recordings."""

    recording_id: str | None = Field(None, description="Default: the job's first one.")


StretchOf = Annotated[Stretch, Query()]
StretchOfJob = Annotated[JobStretch, Query()]
RecordingId = Annotated[str | None, Query(description="Default: the job's first one.")]


def router(service: Service) -> APIRouter:
    """Return the routes that show signals; they read files in the service's workers."""
    routes = APIRouter(tags=["review"], responses=may_answer(404, 422))
    reviews, sources = reviews_of(service), ReviewSources(service)

    @routes.get("/api/reviews/{review_id}/signals", summary="The signals beside an epoch")
    async def signals(review_id: str, stretch: StretchOf) -> SignalsView:
        """Return a stretch of the reviewed recording, or of its extremes where it is long."""
        card = get_review(reviews, review_id).card
        return await service.run(_view, sources, stretch, card.origin, card.recording_id)

    @routes.get("/api/jobs/{job_id}/signals", summary="The signals of an uploaded recording")
    async def job_signals(job_id: str, stretch: StretchOfJob) -> SignalsView:
        """Return a stretch of an uploaded recording while its job is kept."""
        origin = Origin(kind="job", name=job_id)
        return await service.run(_view, sources, stretch, origin, stretch.recording_id)

    @routes.get("/api/reviews/{review_id}/spectrogram", summary="The spectrogram beside a review")
    async def spectrogram(review_id: str, channel: str | None = None) -> SpectrogramView:
        """Return a channel's power over the whole of the reviewed recording."""
        card = get_review(reviews, review_id).card
        return await service.run(_picture, sources, channel, card.origin, card.recording_id)

    @routes.get("/api/jobs/{job_id}/spectrogram", summary="The spectrogram of an upload")
    async def job_spectrogram(
        job_id: str, channel: str | None = None, recording_id: RecordingId = None
    ) -> SpectrogramView:
        """Return a channel's power over the whole recording while its job is kept."""
        origin = Origin(kind="job", name=job_id)
        return await service.run(_picture, sources, channel, origin, recording_id)

    return routes


def _view(
    sources: ReviewSources, stretch: Stretch, origin: Origin, recording_id: str | None = None
) -> SignalsView:
    return view_signals(
        sources.recording(origin, recording_id),
        first_s=stretch.first_s,
        last_s=stretch.last_s,
        channels=stretch.channels,
        max_points=stretch.max_points,
    )


def _picture(
    sources: ReviewSources, channel: str | None, origin: Origin, recording_id: str | None = None
) -> SpectrogramView:
    return view_spectrogram(sources.recording(origin, recording_id), channel=channel)
