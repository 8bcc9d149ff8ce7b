"""`POST /predict` and `/predict_batch`: answers to epochs that come as JSON arrays."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from epochal.serving.harmful_bodies import KIND
from epochal.serving.heading import looks_back_only
from epochal.serving.messages.answers import BatchPrediction, Prediction, describe_source
from epochal.serving.messages.documented import json_body, may_answer
from epochal.serving.messages.requests import BatchRequest, PredictRequest, Sample
from epochal.serving.payloads import count_epochs
from epochal.serving.predicting import (
    Asked,
    Predicted,
    list_answers,
    predict_one,
    predict_run,
    predict_samples,
)
from epochal.serving.routes.bundles import BundleName
from epochal.serving.service.bodies import BOUNDED_BY_ITSELF, parse, read_json
from epochal.serving.service.examples import batch_examples, predict_examples
from epochal.serving.service.problems import Problem
from epochal.serving.service.shelf import Shelved
from epochal.serving.service.state import Service
from epochal.serving.service.watching import watch_rows

ModelName = Annotated[
    str | None, Query(description="A model of the bundle; default: its headline.")
]
Substitute = Annotated[
    bool,
    Query(
        description="Let another derivation stand in for a missing channel, where the bundle names "
        "one; every epoch is then flagged."
    ),
]
SOURCE_HEADER = "X-Epochal-Data-Source"


class Wanted(NamedTuple):
    """What the address asks for, beside the body."""

    bundle: str | None
    model: str | None
    substitute: bool


def router(service: Service) -> APIRouter:
    """Return the two routes."""
    routes = APIRouter(tags=["predict"])
    problems = may_answer(400, 404, 413, 415, 422)

    @routes.post(
        "/predict",
        max_body_size=BOUNDED_BY_ITSELF,
        summary="Answer one epoch",
        response_model=Prediction,
        responses=problems,
        openapi_extra=json_body(PredictRequest, predict_examples(service.shelf)),
    )
    async def predict(
        request: Request,
        bundle: BundleName = None,
        model: ModelName = None,
        substitute: Substitute = False,
    ) -> Response:
        """Label one epoch, sent as features, as signals, or as `eeg_data`.

        What is unlike the training data is answered and flagged `outside_reference`.
        """
        wanted = Wanted(bundle, model, substitute)
        return await _answer(service, request, wanted, _predict_one)

    @routes.post(
        "/predict_batch",
        max_body_size=BOUNDED_BY_ITSELF,
        summary="Answer several epochs",
        response_model=BatchPrediction,
        responses=problems,
        openapi_extra=json_body(BatchRequest, batch_examples(service.shelf)),
    )
    async def predict_batch(
        request: Request,
        bundle: BundleName = None,
        model: ModelName = None,
        substitute: Substitute = False,
    ) -> Response:
        """Label epochs that follow one another, or `samples` that do not, in their order."""
        wanted = Wanted(bundle, model, substitute)
        return await _answer(service, request, wanted, _predict_batch)

    return routes


async def _answer(
    service: Service,
    request: Request,
    wanted: Wanted,
    answer: Callable[[Service, bytes, Wanted, float], tuple[BaseModel, str]],
) -> Response:
    """Read the body as it comes, and let a worker do the rest."""
    body = await read_json(request, max_bytes=service.options.max_body_bytes)
    content, source = await service.run(_write, answer, service, body, wanted)
    return Response(content, media_type="application/json", headers={SOURCE_HEADER: source})


def _write(
    answer: Callable[..., tuple[BaseModel, str]], service: Service, body: bytes, wanted: Wanted
) -> tuple[bytes, str]:
    message, source = answer(service, body, wanted, perf_counter())
    return message.model_dump_json().encode(), source


def _predict_one(
    service: Service, body: bytes, wanted: Wanted, began_s: float
) -> tuple[Prediction, str]:
    sample = parse(PredictRequest, body)
    shelved, asked = _take(service, wanted, sample)
    predicted = predict_one(sample, asked)
    said = _say(service, shelved, asked, predicted, began_s)
    (epoch,) = list_answers(predicted.answers, shelved.scorer.manifest.classes)
    return Prediction(**epoch.model_dump(), **said), said["data_source"]


def _predict_batch(
    service: Service, body: bytes, wanted: Wanted, began_s: float
) -> tuple[BatchPrediction, str]:
    batch = parse(BatchRequest, body)
    _refuse_too_many(_count(batch), service)
    shelved, asked = _take(service, wanted, batch.samples[0] if batch.samples else batch)
    _refuse_too_many(count_epochs(batch, shelved.scorer.manifest), service)
    if batch.samples is None:
        predicted = predict_run(batch, asked)
    else:
        predicted = predict_samples(batch.samples, asked)
    _refuse_too_many(len(predicted.answers), service)
    answers = list_answers(predicted.answers, shelved.scorer.manifest.classes)
    said = _say(service, shelved, asked, predicted, began_s)
    return BatchPrediction(predictions=answers, **said), said["data_source"]


def _take(service: Service, wanted: Wanted, sample: Sample) -> tuple[Shelved, Asked]:
    """Return the bundle: the one asked for, the first of ICU EEG for `eeg_data`, or the first."""
    name = wanted.bundle
    if name is None and sample.eeg_data is not None:
        shelved = [service.shelf.get(one) for one in service.shelf.names]
        name = next((one.name for one in shelved if _kind(one) == KIND), None)
    chosen = service.shelf.get(name)
    return chosen, Asked(chosen.scorer, wanted.model, wanted.substitute)


def _kind(shelved: Shelved) -> str:
    return shelved.scorer.manifest.recording_kind


def _say(
    service: Service, shelved: Shelved, asked: Asked, predicted: Predicted, began_s: float
) -> dict[str, Any]:
    """Return what the answer says of itself, and take the epochs down."""
    manifest = shelved.scorer.manifest
    name = asked.model or manifest.headline
    real = predicted.data_source == "real"
    watch_rows(service, shelved, predicted.features, predicted.answers, real=real)
    return {
        "bundle": shelved.name,
        "study": manifest.study,
        "model": name,
        "causal": is_causal(shelved, name),
        "notes": list(predicted.notes),
        "latency_ms": round((perf_counter() - began_s) * 1000, 3),
        **describe_source(manifest, predicted.data_source),
    }


def is_causal(shelved: Shelved, model: str) -> bool:
    """Say whether a model's answer to an epoch looks back only, filters and all."""
    return looks_back_only(shelved.scorer.manifest, model)


def _count(batch: BatchRequest) -> int:
    if batch.samples is not None:
        return len(batch.samples)
    features = batch.features
    if features is None or isinstance(features, dict):
        return 0
    return len(features) if isinstance(features, list) else len(features.rows)


def _refuse_too_many(n_epochs: int, service: Service) -> None:
    allowed = service.options.max_rows
    if n_epochs > allowed:
        raise Problem(
            413, f"{n_epochs} epochs; a request may hold {allowed}: send a file", max_rows=allowed
        )
