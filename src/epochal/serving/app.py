"""The web service: one application over the bundles of its options."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI

from epochal import __version__
from epochal.provenance import RESEARCH_USE
from epochal.serving.examples import ExemplifiedApp
from epochal.serving.messages.documented import any_other, may_answer
from epochal.serving.routes import (
    alerts,
    bundles,
    dashboard,
    docs,
    download,
    drift,
    health,
    inference,
    jobs,
    metrics,
    predict,
    results,
    review,
    score,
    signals,
    stream,
)
from epochal.serving.service import problems, shields
from epochal.serving.service.access import guard
from epochal.serving.service.options import ServiceOptions, read_options
from epochal.serving.service.queries import refuse_unknown_query
from epochal.serving.service.state import Service

_DESCRIPTION = f"""Labels, probabilities and flags for the epochs of biosignal recordings.

{RESEARCH_USE} Every answer says whether what it stands on is real or simulated.
"""
# anyone may ask these; the others ask for a key or a token where the operator set one
OPEN: tuple[Callable[[Service], APIRouter], ...] = (
    health.router,
    dashboard.router,
    docs.router,
    metrics.router,  # its own option says whether it is
)
# What is asked most stands first: addresses are tried in their order.
GUARDED: tuple[Callable[[Service], APIRouter], ...] = (
    predict.router,
    inference.router,
    alerts.router,
    bundles.router,
    download.offer,
    drift.router,
    jobs.router,
    results.router,
    review.router,
    score.router,
    signals.router,
    stream.router,
)


def create_app(options: ServiceOptions | None = None) -> FastAPI:
    """Return the application; its bundles are read now, and one that cannot be read raises."""
    service = Service(options or read_options())
    app = ExemplifiedApp(
        title="Epochal",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan(service),
        responses=any_other(),
        docs_url=None,  # its script and style would come from another host
        redoc_url=None,
    )
    app.state.service = service
    problems.install(app)
    shields.install(app, service)
    for make in GUARDED:
        app.include_router(
            make(service),
            dependencies=[Depends(guard(service.access)), Depends(refuse_unknown_query)],
            responses=may_answer(401),
        )
    for make in OPEN:
        app.include_router(make(service))
    return app


def _lifespan(service: Service) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            service.stop()

    return live
