"""A real service with one slow route, in a process of its own: `python slow_service.py PORT`."""

import sys
from pathlib import Path

from epochal.serving.app import create_app
from epochal.serving.service import running
from epochal.serving.service.options import ServiceOptions
from waiting import until


def main(port: int) -> None:
    """Serve until told to stop."""
    app = create_app(ServiceOptions())
    service = app.state.service

    @app.get("/slow")
    async def slow(until_there: Path) -> str:
        await service.run(until, until_there.exists)
        return "done"

    @app.post("/echo")
    async def echo(body: dict) -> dict:
        return body

    running.serve(app, host="127.0.0.1", port=port)


if __name__ == "__main__":
    main(int(sys.argv[1]))
