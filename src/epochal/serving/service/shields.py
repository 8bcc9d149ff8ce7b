"""What stands around an application, in its order: log, safety headers, CORS, limits."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from epochal.serving.service.limits import Bodies, RateLimit, SafetyHeaders
from epochal.serving.service.logs import REQUEST_ID, RequestLog
from epochal.serving.service.problems import Unforeseen
from epochal.serving.service.state import Service

# what a page of another origin may read of an answer beside its body
_EXPOSED = (
    REQUEST_ID,
    "Content-Disposition",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Epochal-Bundle",
    "X-Epochal-Model",
    "X-Epochal-Data-Source",
    "X-Epochal-In-Sample",
    "X-Epochal-Notice",
    "X-Epochal-Problems",
    "X-Epochal-Retention",
)


def install(app: FastAPI, service: Service) -> None:
    """Put the middleware around an application: what is added first stands innermost."""
    options = service.options
    app.add_middleware(Unforeseen)
    app.add_middleware(
        Bodies,
        patience_s=options.read_timeout_s,
        max_bytes=options.max_body_bytes,
        metrics=service.metrics,
    )
    if options.requests_per_minute:
        app.add_middleware(
            RateLimit,
            per_minute=options.requests_per_minute,
            access=service.access,
            metrics=service.metrics,
        )
    if options.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(options.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", REQUEST_ID],
            expose_headers=list(_EXPOSED),
        )
    app.add_middleware(SafetyHeaders)
    app.add_middleware(RequestLog, metrics=service.metrics)
