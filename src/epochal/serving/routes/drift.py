"""`GET /drift` of what the service scored, `POST /drift` of a file or of rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from epochal.drift.reference import DriftReference
from epochal.errors import EpochalError, RecordingError
from epochal.serving.answering import refuse_unknown_columns
from epochal.serving.drift_check import judge_recording
from epochal.serving.drift_watch import RAW, is_whole, judge_rows
from epochal.serving.messages.answers import DriftAnswer, describe_source
from epochal.serving.messages.documented import file_body, json_body, may_answer
from epochal.serving.messages.plain import clean
from epochal.serving.messages.requests import DriftRequest
from epochal.serving.payloads import make_features
from epochal.serving.reading import read_all
from epochal.serving.routes.bundles import BundleName
from epochal.serving.routes.predict import SOURCE_HEADER, Substitute
from epochal.serving.routes.score import FILE, Simulated
from epochal.serving.scored_files import blaming
from epochal.serving.service.bodies import BOUNDED_BY_ITSELF, parse, read_json
from epochal.serving.service.examples import drift_examples
from epochal.serving.service.problems import Problem
from epochal.serving.service.scoring_work import choose_bundle, open_upload
from epochal.serving.service.shelf import Shelved
from epochal.serving.service.state import Service
from epochal.serving.service.uploads import Upload, receive, upload_folder
from epochal.serving.service.watching import watch_of

_SENT = "Raw channels were not sent with the features, and were not judged."


def router(service: Service) -> APIRouter:
    """Return the two routes."""
    routes = APIRouter(tags=["drift"])

    @routes.get("/drift", summary="Drift of what was scored lately", responses=may_answer(404, 422))
    async def rolling(bundle: BundleName = None) -> DriftAnswer:
        """Judge the latest epochs that this service scored with a bundle since it began.

        D and PSI of the features farthest off are in the verdict's `drivers`.
        """
        answer: DriftAnswer = await service.run(_judge_seen, service, service.shelf.get(bundle))
        return answer

    @routes.post(
        "/drift",
        max_body_size=BOUNDED_BY_ITSELF,
        summary="Drift of a file or of rows",
        response_model=DriftAnswer,
        responses=may_answer(400, 404, 413, 415, 422, 507),
        openapi_extra=_body(service),
    )
    async def judge(
        request: Request,
        bundle: BundleName = None,
        substitute: Substitute = False,
        simulated: Simulated = False,
    ) -> Response:
        """Judge a recording (a form with `file`), or epochs in a row (JSON with `features`)."""
        if "multipart" not in request.headers.get("content-type", "").lower():
            body = await read_json(request, max_bytes=service.options.max_body_bytes)
            answer = await service.run(_judge_rows, service, body, bundle)
            return _respond(answer)
        with upload_folder(service.work_folder) as folder:
            limit = service.options.max_upload_bytes
            upload = await receive(request, folder, max_bytes=limit, simulated=simulated)
            answer = await service.run(_judge_file, service, upload, bundle, substitute)
            return _respond(answer)

    return routes


def _body(service: Service) -> dict[str, Any]:
    """Return both bodies' descriptions in one."""
    both = json_body(DriftRequest, drift_examples(service.shelf))
    both["requestBody"]["content"] |= file_body(FILE)["requestBody"]["content"]
    return both


def _respond(answer: DriftAnswer) -> Response:
    headers = {SOURCE_HEADER: answer.data_source}
    return Response(
        answer.model_dump_json().encode(), media_type="application/json", headers=headers
    )


def _judge_seen(service: Service, shelved: Shelved) -> DriftAnswer:
    reference = _reference(shelved)
    watch = watch_of(service)
    seen = watch.seen(shelved.name, reference)
    answer = _describe(shelved, judge_rows(seen.features, reference), len(seen.features))
    manifest = shelved.scorer.manifest
    source = describe_source(manifest, "real" if seen.all_real else "simulated")
    since = datetime.fromtimestamp(watch.since, UTC).isoformat()
    told = {"since": since, "n_seen": seen.n_seen, "data_source": source["data_source"]}
    return answer.model_copy(update=told)


def _judge_rows(service: Service, body: bytes, bundle: str | None) -> DriftAnswer:
    asked = parse(DriftRequest, body)
    shelved = service.shelf.get(bundle)
    reference = _reference(shelved)
    features = make_features(asked.features)
    own = features.drop(columns=[name for name in reference.names if name in features])
    refuse_unknown_columns(own, shelved.scorer)
    _refuse_too_many(len(features), service)
    if not is_whole(features, reference):
        absent = [one for one in reference.names if one not in features and RAW not in one]
        raise EpochalError(f"{len(absent)} columns of the drift reference lack: {absent[0]}, …")
    answer = _describe(shelved, judge_rows(features, reference), len(features))
    source = describe_source(shelved.scorer.manifest, asked.data_source)
    return answer.model_copy(update={"data_source": source["data_source"]})


def _judge_file(
    service: Service, upload: Upload, bundle: str | None, allow_substitution: bool
) -> DriftAnswer:
    with blaming(upload.name, upload.path):
        path = open_upload(service, upload.path, upload.name)
        shelved = choose_bundle(service.shelf, path, bundle)
        _reference(shelved)
        judged = _judge_only(path, shelved, allow_substitution=allow_substitution)
    answer = _describe(shelved, judged, int(judged["n_epochs"]))
    return answer.model_copy(update={"data_source": judged["data_source"]})


def _judge_only(path: Path, shelved: Shelved, *, allow_substitution: bool) -> dict[str, Any]:
    recordings = list(zip(range(2), read_all(path, shelved.scorer.manifest), strict=False))
    if len(recordings) != 1:
        raise RecordingError(path, "drift is told of one recording; this file holds several")
    recording = recordings[0][1]
    judged = judge_recording(recording, shelved.scorer, allow_substitution=allow_substitution)
    return judged.verdict


def _reference(shelved: Shelved) -> DriftReference:
    reference = shelved.scorer.drift_reference
    if reference is None:
        raise Problem(
            404,
            f"bundle '{shelved.name}' has no drift reference: it was written by an earlier "
            "version, or from fewer than five subjects; export it again",
        )
    return reference


def _describe(shelved: Shelved, verdict: dict[str, Any], n_epochs: int) -> DriftAnswer:
    return DriftAnswer(
        bundle=shelved.name,
        study=shelved.scorer.manifest.study,
        data_source=shelved.scorer.manifest.data_source,
        verdict=clean(verdict),
        n_epochs=n_epochs,
        notes=[_SENT] if verdict.get("not_judged") else [],
    )


def _refuse_too_many(n_epochs: int, service: Service) -> None:
    allowed = service.options.max_rows
    if n_epochs > allowed:
        raise Problem(
            413, f"{n_epochs} epochs; a request may hold {allowed}: send a file", max_rows=allowed
        )
