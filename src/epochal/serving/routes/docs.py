"""`/docs`: every address of the service, to look at and to try; its files come from here alone."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from epochal.provenance import RESEARCH_USE
from epochal.serving.service.state import Service

# addresses are relative, so that they hold behind a proxy's prefix too
PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Epochal: REST API</title>
<link rel="icon" href="dashboard/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="dashboard/vendor/swagger-ui/swagger-ui.css">
<script src="dashboard/vendor/swagger-ui/swagger-ui-bundle.js" defer></script>
<script src="dashboard/js/docs.js" defer></script>
</head>
<body>
<div id="swagger-ui"><noscript>{RESEARCH_USE} This page needs JavaScript.</noscript></div>
</body>
</html>
"""


def router(service: Service) -> APIRouter:
    """Return the page's route; it holds no data, so it asks for no key."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    def docs() -> HTMLResponse:
        """Return the page."""
        return HTMLResponse(PAGE)

    return routes
