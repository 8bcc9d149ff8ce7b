"""`/dashboard`: the pages, which ask the service for all they show; no build step, no network."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from epochal.reports.colours import CLASSES, declare
from epochal.serving.service.problems import Problem
from epochal.serving.service.state import Service

FOLDER = Path(__file__).parents[1] / "dashboard"
# Scripts, styles and data come from this service alone; nothing is written into the page.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # a browser asks each time, and is told 304
}


def router(service: Service) -> APIRouter:
    """Return the routes of the dashboard's files; they hold no data, so they ask for no key."""
    routes = APIRouter(include_in_schema=False)
    files = StaticFiles(directory=FOLDER, html=True)

    @routes.get("/")
    @routes.get("/dashboard")
    def home() -> RedirectResponse:
        """Lead to the dashboard."""
        return RedirectResponse("/dashboard/")

    @routes.get("/dashboard/colours.css")
    def colours() -> Response:
        """Return the project's colours of classes, for light and dark."""
        return Response(write_colours(), media_type="text/css", headers=_HEADERS)

    @routes.get("/dashboard/{path:path}")
    async def file(path: str, request: Request) -> Response:
        """Return one of the dashboard's files."""
        try:
            response = await files.get_response(path or ".", request.scope)
        except HTTPException as error:
            raise Problem(404, "the dashboard has no such file") from error
        response.headers.update(_HEADERS)
        return response

    return routes


def write_colours() -> str:
    """Return the colours as CSS: the system's choice of light or dark, unless the page has one."""
    light, dark = declare("light"), declare("dark")
    count = f":root{{--n-class-colours:{len(CLASSES)}}}"
    return (
        f"{count}\n:root{{{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n"
        f":root[data-theme=dark]{{{dark}}}\n"
    )
