"""An example of every answer, for the OpenAPI schema; made of the models, so that each is one."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from epochal.serving.examples.scoring import scoring_messages
from epochal.serving.examples.serving import serving_messages
from epochal.serving.examples.studies import PLAYBACK, study_messages

_SCORED = (
    "recording_id,epoch,onset_s,label,confidence,flags,proba_W,proba_N2,proba_REM,data_source\n"
    "night,0,0.0,W,0.91,,0.91,0.06,0.03,simulated\n"
)
_TABLES = {
    "/score": _SCORED,
    "/api/jobs/{job_id}/result": _SCORED,
    "/api/reviews/{review_id}/export": "onset,duration,stage,data_source\n0,30,W,simulated\n",
}
_DOWNLOAD = {
    "job": "9c1f0a2b3d4e",
    "subset": "sleep-cassette",
    "status": "running",
    "progress": {"n_files": 4, "n_files_done": 1, "n_files_failed": 0, "n_bytes": 104857600,
                 "n_bytes_done": 52428800, "seconds": 10.0, "bytes_per_s": 5242880.0},
    "summary": None,
    "error": None,
}  # fmt: skip
# answers that have no model of their own
_BY_ADDRESS: dict[str, dict[str, Any]] = {
    "/api/bundles/refresh": {"taken_up": ["sleep"], "errors": {}},
    "/api/results/{study}/playback": PLAYBACK,
    "/download": {**_DOWNLOAD, "status_url": "/download/9c1f0a2b3d4e"},
    "/download/{job_id}": _DOWNLOAD,
}


class ExemplifiedApp(FastAPI):
    """An application whose schema has an example of every message."""

    def openapi(self) -> dict[str, Any]:
        """Return the schema, made when it is first asked for."""
        if self.openapi_schema is None:
            _add_examples(super().openapi())
        assert self.openapi_schema is not None  # FastAPI keeps what it made
        return self.openapi_schema


def _add_examples(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for message in (*scoring_messages(), *serving_messages(), *study_messages()):
        if type(message).__name__ in schemas:  # a route may be switched off
            schemas[type(message).__name__]["examples"] = [message.model_dump(mode="json")]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for response in operation["responses"].values():
                _add_to_media(response.get("content", {}), path)


def _add_to_media(content: dict[str, Any], path: str) -> None:
    for kind, known in (("application/json", _BY_ADDRESS), ("text/csv", _TABLES)):
        if kind in content and path in known:
            content[kind]["example"] = known[path]
