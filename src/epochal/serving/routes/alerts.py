"""`GET /api/alerts`: what the operator's rules raised lately."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from epochal.provenance import RESEARCH_USE
from epochal.serving.messages.alerts import Alert
from epochal.serving.service.alert_rules import AlertRule
from epochal.serving.service.state import Service


class AlertList(BaseModel):
    """Alerts and the rules that they come from."""

    notice: str = RESEARCH_USE
    rules: tuple[AlertRule, ...]
    alerts: list[Alert] = Field(description="The latest first; since the service began.")


def router(service: Service) -> APIRouter:
    """Return the route `/api/alerts`."""
    routes = APIRouter(tags=["alerts"])

    @routes.get("/api/alerts", summary="What the operator's rules raised lately")
    def alerts(
        limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
        source: Annotated[
            str | None, Query(max_length=128, description="Only of this request, job or stream.")
        ] = None,
    ) -> AlertList:
        """List the rules and the latest alerts."""
        found = [one for one in service.alerts.recent() if source in (None, one.source)]
        return AlertList(rules=service.alerts.rules, alerts=found[:limit])

    return routes
