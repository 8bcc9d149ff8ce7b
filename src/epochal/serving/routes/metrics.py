"""`GET /metrics`: what the service measures of itself, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from epochal.serving.service.access import guard
from epochal.serving.service.state import Service


def router(service: Service) -> APIRouter:
    """Return the route `/metrics`; the operator may leave it open."""
    is_guarded = not service.options.metrics_open
    routes = APIRouter(
        tags=["health"], dependencies=[Depends(guard(service.access))] if is_guarded else []
    )

    @routes.get(
        "/metrics",
        summary="Latency, throughput, errors, confidence, drift, versions",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def metrics(request: Request) -> Response:
        """Return all measures in the text format of Prometheus, or in OpenMetrics' where asked."""
        content, media_type = service.metrics.encode(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": media_type})

    return routes
