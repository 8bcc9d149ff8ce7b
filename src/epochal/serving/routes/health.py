"""`GET /health` and `GET /ready`: whether the service lives, and whether it can answer."""

from __future__ import annotations

import time
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from epochal import __version__
from epochal.provenance import RESEARCH_USE
from epochal.serving.service.state import Service


class Health(BaseModel):
    """That the service lives."""

    status: Literal["ok"] = "ok"
    version: str = __version__
    uptime_s: float = Field(description="Since the service began, in seconds.", examples=[12.5])
    notice: str = RESEARCH_USE


class Ready(BaseModel):
    """Whether the service can answer."""

    ready: bool
    bundles: list[str] = Field(description="By name, the default one first.", examples=[["sleep"]])
    errors: dict[str, str] = Field(
        default_factory=dict, description="Bundles whose newer version could not be read, and why."
    )


def router(service: Service) -> APIRouter:
    """Return the routes `/health` and `/ready`."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health", summary="Is the service alive?")
    def health() -> Health:
        """Answer as long as the service lives."""
        return Health(uptime_s=round(time.time() - service.started_at, 3))

    @routes.get("/ready", summary="Can the service answer?", responses={503: {"model": Ready}})
    def ready(response: Response) -> Ready:
        """Answer 503 while there is no bundle, or when the service is about to stop."""
        names = service.shelf.names
        able = bool(names) and not service.stopping
        response.status_code = 200 if able else 503
        return Ready(ready=able, bundles=names, errors=dict(service.shelf.errors))

    return routes
