"""`/api/reviews`: the least certain epochs first, corrections with an audit trail, exports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from epochal.provenance import RESEARCH_USE
from epochal.serving.messages.documented import may_answer
from epochal.serving.results import epochs_table
from epochal.serving.review_export import Format, export_review
from epochal.serving.reviewing import (
    ConflictError,
    Correction,
    Origin,
    Review,
    ReviewCard,
    Reviews,
    safe_id,
    stand,
)
from epochal.serving.routes.results import missing_as_404
from epochal.serving.service.problems import Problem
from epochal.serving.service.reviewed import ReviewSources
from epochal.serving.service.state import Service

Who = Annotated[str, Field(min_length=1, max_length=64, description="Initials will do.")]
MEDIA_TYPES = {"csv": "text/csv", "table": "text/csv", "edf": "application/octet-stream"}
_EXPORTS = {
    "text/csv": {"schema": {"type": "string"}},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
}


class ReviewLine(BaseModel):
    """A review and how far it is."""

    card: ReviewCard
    n_epochs: int
    n_reviewed: int
    n_changed: int


class ReviewState(ReviewLine):
    """A review with its epochs by column, and the order to look at them in."""

    epochs: dict[str, Any]
    labels: list[str] = Field(description="As they stand now, by row of `epochs`.")
    reviewed: list[int] = Field(description="Numbers of the epochs that somebody looked at.")
    order: list[int] = Field(description="Numbers of the epochs, the least confident first.")


class Start(Origin):
    """What to review."""

    recording_id: str | None = Field(None, description="Of a study; default of a job: its first.")


class Change(BaseModel):
    """A label to give to an epoch; its own one confirms it."""

    epoch: int
    old: str = Field(description="The label that the reviewer saw; another one is a 409.")
    new: str
    who: Who


class Signature(BaseModel):
    """Who asks."""

    who: Who


def router(service: Service) -> APIRouter:
    """Return the routes of reviews."""
    routes = APIRouter(tags=["review"], responses=may_answer(404, 422))
    reviews = reviews_of(service)
    _add_reading(routes, reviews)
    _add_writing(routes, reviews, ReviewSources(service))
    return routes


def reviews_of(service: Service) -> Reviews:
    """Return the service's reviews."""
    return Reviews(service.review_folder)


def _add_reading(routes: APIRouter, reviews: Reviews) -> None:
    @routes.get("/api/reviews", summary="The reviews that were begun")
    def list_reviews() -> list[ReviewLine]:
        """List the reviews, the latest first."""
        return [_line(review) for review in reviews.list()]

    @routes.get("/api/reviews/{review_id}", summary="A review as it stands")
    def state(review_id: str) -> ReviewState:
        """Return the epochs, their labels as they stand, and the order to look at them in."""
        review = get_review(reviews, review_id)
        line, standing = _line(review), stand(review.corrections())
        return ReviewState(
            **line.model_dump(),
            epochs=epochs_table(review.epochs),
            labels=review.labels(),
            reviewed=sorted(standing.reviewed),
            order=review.order(),
        )

    @routes.get("/api/reviews/{review_id}/corrections", summary="The audit trail")
    def corrections(review_id: str) -> list[Correction]:
        """Return who changed what, when, oldest first."""
        return get_review(reviews, review_id).corrections()

    @routes.get(
        "/api/reviews/{review_id}/export",
        summary="The corrected labels as a file",
        response_class=Response,
        responses={200: {"content": _EXPORTS, "description": "The file."}},
    )
    def export(review_id: str, format: Format = "csv") -> Response:
        """Return a hypnogram (CSV, EDF+), or a table with the model's label beside each."""
        review = get_review(reviews, review_id)
        what = "epochs.csv" if format == "table" else f"corrected.{format}"
        name = f"{safe_id(review.card.recording_id)}.{what}"
        return Response(
            export_review(review, format),
            media_type=MEDIA_TYPES[format],
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "X-Epochal-Data-Source": review.card.data_source,
                "X-Epochal-Notice": RESEARCH_USE,
            },
        )


def _add_writing(routes: APIRouter, reviews: Reviews, sources: ReviewSources) -> None:
    @routes.post("/api/reviews", summary="Begin a review, or go on with it", status_code=201)
    def begin(start: Start) -> ReviewLine:
        """Begin a review of a finished job, or of a recording of a study that has run."""
        with missing_as_404():
            origin = Origin(kind=start.kind, name=start.name)
            card, epochs = sources.describe(origin, start.recording_id)
            return _line(reviews.begin(card, epochs))

    @routes.post(
        "/api/reviews/{review_id}/corrections",
        summary="Correct or confirm an epoch",
        status_code=201,
        responses=may_answer(409),
    )
    def correct(review_id: str, change: Change) -> Correction:
        """Keep a correction: once this answers, no crash, power cut or stop loses it."""
        review = get_review(reviews, review_id)
        with _conflict_as_409():
            return review.correct(change.epoch, old=change.old, new=change.new, who=change.who)

    @routes.post("/api/reviews/{review_id}/undo", summary="Take back one's latest correction")
    def undo(review_id: str, signature: Signature) -> Correction:
        """Take back the caller's latest correction; the trail keeps both."""
        review = get_review(reviews, review_id)
        with _conflict_as_409():
            return review.undo(signature.who)


def get_review(reviews: Reviews, review_id: str) -> Review:
    """Return a review by its id; one that is not there is a 404 `Problem`."""
    with missing_as_404():
        return reviews.get(review_id)


@contextmanager
def _conflict_as_409() -> Iterator[None]:
    try:
        yield
    except ConflictError as error:
        raise Problem(409, str(error)) from error


def _line(review: Review) -> ReviewLine:
    standing = stand(review.corrections())
    given = review.epochs["label"].tolist()
    changed = sum(old != new for old, new in zip(given, review.labels(), strict=True))
    return ReviewLine(
        card=review.card,
        n_epochs=len(given),
        n_reviewed=len(standing.reviewed),
        n_changed=changed,
    )
