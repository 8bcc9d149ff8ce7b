"""The server's process: it stops without dropping a request, and logs in one style."""

from __future__ import annotations

import contextlib
import signal
import threading
from types import FrameType

import uvicorn
from fastapi import FastAPI

from epochal.errors import EpochalError
from epochal.serving.service import logs
from epochal.serving.service.connections import patient_protocol
from epochal.serving.service.state import Service

_MARGIN_S = 5.0  # beyond the longest request


class Server(uvicorn.Server):
    """As uvicorn's, but on SIGTERM it says first that it is about to stop, and goes on serving.

    What sends requests to it (a balancer, an orchestrator) sees `/ready` say 503 for `drain_s` and
    sends no more; then the port is closed, and what is under way is finished. Ctrl-C does not wait.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._drain: threading.Timer | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second signal stops without the wait."""
        self._service.stopping = True
        if sig == signal.SIGTERM and self._drain is None and self._service.options.drain_s > 0:
            self._drain = threading.Timer(
                self._service.options.drain_s, super().handle_exit, (sig, frame)
            )
            self._drain.daemon = True
            self._drain.start()
            return
        super().handle_exit(sig, frame)


def serve(app: FastAPI, *, host: str, port: int) -> None:
    """Serve an application of `create_app` until it is told to stop.

    Raises `EpochalError` where it could not begin: the log has said why.
    """
    service: Service = app.state.service
    logs.configure(service.options.log_format)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=patient_protocol(service.options.read_timeout_s),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(service.options.timeout_s + _MARGIN_S),
    )
    server = Server(config, service)
    with contextlib.suppress(KeyboardInterrupt):  # raised anew once all is finished
        server.run()
    if not server.started:
        raise EpochalError(
            f"not started on {host}:{port}, for the reason above; --port takes another, 0 any free"
        )
