"""`POST /score`: a file in, its hypnogram out, as CSV, JSON, EDF+ annotations or a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from epochal.provenance import RESEARCH_USE
from epochal.serving.heading import refuse_unknown_model
from epochal.serving.messages.answers import ScoreAnswer
from epochal.serving.messages.documented import file_body, may_answer
from epochal.serving.routes.bundles import BundleName
from epochal.serving.routes.predict import SOURCE_HEADER, ModelName, Substitute
from epochal.serving.scored_files import (
    MEDIA_TYPES,
    ScoredOne,
    Work,
    in_sample,
    name_result,
    problems_of,
    source_of,
    write_answer,
)
from epochal.serving.service.bodies import BOUNDED_BY_ITSELF
from epochal.serving.service.problems import Problem
from epochal.serving.service.scoring_work import score_upload
from epochal.serving.service.state import Service
from epochal.serving.service.uploads import ENDINGS, Upload, receive, upload_folder

Kind = Literal["csv", "json", "edf", "report"]
FormatOf = Annotated[
    Kind | None,
    Query(
        alias="format",
        description="csv, json, edf (EDF+ annotations) or report (a page); default: as `Accept` "
        "asks, else csv.",
    ),
]
Simulated = Annotated[
    bool, Query(description="The file is simulated: every result is then marked as such.")
]
PROBLEMS_HEADER = "X-Epochal-Problems"
_LONGEST_HEADER = 1000
# a report has its style and its pictures within it, and nothing else
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
FILE = (
    f"The recording, by its ending ({', '.join(ENDINGS)}); several files of one recording, and an "
    "E4 folder, as one zip. Its name is used for its ending, and in the answer."
)
RETENTION = "The upload was deleted once it was scored; nothing of it is kept."
_ACCEPTED: dict[str, Kind] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/edf": "edf",
    "text/html": "report",
}
CONTENT = {
    "text/csv": {"schema": {"type": "string"}},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    "text/html": {"schema": {"type": "string"}},
}


class Asked(NamedTuple):
    """What the address asks for, beside the file."""

    bundle: str | None
    model: str | None
    substitute: bool
    kind: Kind


def router(service: Service) -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["score"])

    @routes.post(
        "/score",
        max_body_size=BOUNDED_BY_ITSELF,
        summary="Score a file",
        responses={
            **may_answer(400, 404, 406, 413, 415, 422, 507),
            200: {"model": ScoreAnswer, "content": CONTENT, "description": "The results."},
        },
        openapi_extra=file_body(FILE),
    )
    async def score(
        request: Request,
        bundle: BundleName = None,
        model: ModelName = None,
        substitute: Substitute = False,
        simulated: Simulated = False,
        kind: FormatOf = None,
    ) -> Response:
        """Score every epoch of an uploaded recording.

        Several bundles and none named: the only one that matches the file. The upload is deleted
        once it is scored.
        """
        asked = Asked(bundle, model, substitute, kind or negotiate(request))
        refuse_unknown(service, bundle, model)  # before gigabytes come for nothing
        with upload_folder(service.work_folder) as folder:
            limit = service.options.max_upload_bytes
            upload = await receive(request, folder, max_bytes=limit, simulated=simulated)
            return await service.run(_score, service, upload, asked)

    return routes


def refuse_unknown(service: Service, bundle: str | None, model: str | None) -> None:
    """Refuse a bundle that is not there, and a model that it does not have."""
    if bundle is None and len(service.shelf.names) != 1:
        return  # the file tells which one
    manifest = service.shelf.get(bundle).scorer.manifest
    if model is not None:
        refuse_unknown_model(manifest, model)


def negotiate(request: Request) -> Kind:
    """Return the first format that `Accept` names and there is; csv where it takes anything."""
    accepted = request.headers.get("accept", "*/*")
    for part in accepted.split(","):
        media = part.split(";")[0].strip().lower()
        if media in _ACCEPTED:
            return _ACCEPTED[media]
        if media in {"*/*", "text/*", ""}:
            return "csv"
    raise Problem(406, f"there is no {accepted[:80]}; there are {', '.join(_ACCEPTED)}")


def describe_results(
    name: str, kind: str, done_source: str, *, seen: bool | None, problems: Sequence[str] = ()
) -> dict[str, str]:
    """Return the headers of a result: its name, what it stands on, and what had to be repaired.

    A report is to be looked at, and may run nothing; the others are to be saved.
    """
    shown = "inline" if kind == "report" else "attachment"
    policy = {"Content-Security-Policy": REPORT_POLICY} if kind == "report" else {}
    return policy | {
        "Content-Disposition": f'{shown}; filename="{name_result(name, kind)}"',
        SOURCE_HEADER: done_source,
        "X-Epochal-In-Sample": {True: "true", False: "false", None: "unknown"}[seen],
        "X-Epochal-Notice": RESEARCH_USE,
        **({PROBLEMS_HEADER: _as_header(problems)} if problems else {}),
    }


def name_model(bundle: str | None, model: str | None) -> dict[str, str]:
    """Return the headers that say which model of which bundle answered, where that is known."""
    named = {"X-Epochal-Bundle": bundle, "X-Epochal-Model": model}
    return {header: name for header, name in named.items() if name is not None}


def _as_header(problems: Sequence[str]) -> str:
    """Return sentences as a header's value: a table has no room for them."""
    told = " ".join("; ".join(problems).split())
    return told[:_LONGEST_HEADER].encode("ascii", "replace").decode()


def _score(service: Service, upload: Upload, asked: Asked) -> Response:
    _measure_upload(service, upload)
    work, done = score_upload(
        service,
        Path(upload.path),
        upload.name,
        bundle=asked.bundle,
        model=asked.model,
        allow_substitution=asked.substitute,
    )
    return _respond(work, done, asked.kind)


def _respond(work: Work, done: list[ScoredOne], kind: Kind) -> Response:
    content = write_answer(work, done, kind, RETENTION)
    headers = describe_results(
        work.name, kind, source_of(done), seen=in_sample(done), problems=problems_of(done)
    )
    headers["X-Epochal-Retention"] = RETENTION
    headers |= name_model(work.bundle, work.scorer.manifest.headline)
    return Response(content, media_type=MEDIA_TYPES[kind], headers=headers)


def _measure_upload(service: Service, upload: Upload) -> None:
    service.metrics.uploaded(upload.n_bytes)
