"""`/v2`: the Open Inference Protocol, features in and probabilities out.

A model is called by its bundle's name, which means the headline, or `<bundle>:<model>`.
"""

from __future__ import annotations

from time import perf_counter
from typing import Annotated, Any, NamedTuple

import numpy as np
from fastapi import APIRouter, Path, Request, Response

from epochal import __version__
from epochal.errors import EpochalError, explain
from epochal.provenance import RESEARCH_USE
from epochal.serving.answering import answer_features, flag_lonely, name_neighbourhood
from epochal.serving.bundle import Scorer
from epochal.serving.messages.answers import describe_source
from epochal.serving.messages.documented import json_body, may_answer
from epochal.serving.messages.tensors import (
    FEATURES,
    LABEL,
    PROBABILITIES,
    InferAnswer,
    InferRequest,
    IsReady,
    Live,
    ModelFacts,
    ServerFacts,
    TensorFacts,
)
from epochal.serving.routes.predict import SOURCE_HEADER
from epochal.serving.service.bodies import BOUNDED_BY_ITSELF, parse, read_json
from epochal.serving.service.examples import columns_of_model, infer_examples
from epochal.serving.service.problems import Problem
from epochal.serving.service.shelf import Shelved
from epochal.serving.service.state import Service
from epochal.serving.service.watching import watch_rows
from epochal.serving.tensors import read_features, write_outputs

VERSION = "1"
Name = Annotated[
    str, Path(description="A bundle, for its headline, or `<bundle>:<model>`.", max_length=300)
]


class Served(NamedTuple):
    """A model that is called by name."""

    shelved: Shelved
    model: str

    @property
    def scorer(self) -> Scorer:
        """The bundle's scorer."""
        return self.shelved.scorer


def router(service: Service) -> APIRouter:
    """Return the routes of the protocol."""
    routes = APIRouter(prefix="/v2", tags=["open inference protocol"])

    @routes.get("", summary="What serves", responses=may_answer())
    def server() -> ServerFacts:
        """Return the server's name and version."""
        return ServerFacts(version=__version__)

    @routes.get("/health/live", summary="Is the server alive?")
    def live() -> Live:
        """Answer as long as the server lives."""
        return Live()

    @routes.get(
        "/health/ready", summary="Can the server answer?", responses={503: {"model": IsReady}}
    )
    def ready(response: Response) -> IsReady:
        """Answer 503 while there is no bundle, or when the service is about to stop."""
        able = bool(service.shelf.names) and not service.stopping
        response.status_code = 200 if able else 503
        return IsReady(ready=able)

    @routes.get(
        "/models/{name}", summary="What a model takes and gives", responses=may_answer(404, 422)
    )
    def model(name: Name) -> ModelFacts:
        """Return a model's tensors; the columns of `features` are in its parameters."""
        return _describe(_find(service, name), name)

    @routes.get(
        "/models/{name}/ready", summary="Can a model answer?", responses=may_answer(404, 422)
    )
    def model_ready(name: Name) -> IsReady:
        """Say whether a model can be inferred with: one that sees samples cannot, here."""
        served = _find(service, name)
        return IsReady(name=name, ready=not served.scorer.sees_windows(served.model))

    @routes.post(
        "/models/{name}/infer",
        max_body_size=BOUNDED_BY_ITSELF,
        summary="Infer with a model",
        response_model=InferAnswer,
        responses=may_answer(400, 404, 413, 415, 422),
        openapi_extra=json_body(InferRequest, infer_examples(service.shelf)),
    )
    async def infer(request: Request, name: Name) -> Response:
        """Return probabilities and labels of rows of features, which are one run in order."""
        body = await read_json(request, max_bytes=service.options.max_body_bytes)
        content, source = await service.run(_infer, service, body, name)
        return Response(content, media_type="application/json", headers={SOURCE_HEADER: source})

    return routes


def _find(service: Service, name: str) -> Served:
    """Return a model by its name; none of that name is a 404 `Problem`, as the protocol has it."""
    bundle, _, model = (name, "", "") if name in service.shelf.names else name.rpartition(":")
    try:
        shelved = service.shelf.get(bundle or name)
        chosen = model or shelved.scorer.manifest.headline
        shelved.scorer.sees_windows(chosen)
    except Problem as error:
        raise Problem(error.status, explain(error), error=explain(error)) from error
    except EpochalError as error:
        raise Problem(404, explain(error), error=explain(error)) from error
    return Served(shelved, chosen)


def _infer(service: Service, body: bytes, name: str) -> tuple[bytes, str]:
    began_s = perf_counter()
    served = _find(service, name)
    request = parse(InferRequest, body)
    try:
        return _answer(service, served, request, name, began_s)
    except Problem:
        raise
    except EpochalError as error:  # the protocol's own member for what was wrong
        raise Problem(422, explain(error), error=explain(error)) from error


def _answer(
    service: Service, served: Served, request: InferRequest, name: str, began_s: float
) -> tuple[bytes, str]:
    scorer, manifest = served.scorer, served.scorer.manifest
    if scorer.sees_windows(served.model):
        raise EpochalError(f"model '{served.model}' sees the samples themselves: use /predict")
    features = read_features(request, columns_of_model(scorer, served.model))
    if len(features) > service.options.max_rows:
        raise Problem(413, f"a request may hold {service.options.max_rows} epochs")
    answers = answer_features(features, scorer, model=served.model)
    note = name_neighbourhood(scorer, served.model, from_signals=False)
    if note is not None:
        answers = flag_lonely(answers, np.zeros(len(answers)))
    given = (request.parameters or {}).get("data_source")
    source = describe_source(manifest, "simulated" if given == "simulated" else "real")
    watch_rows(service, served.shelved, features, answers, real=given != "simulated")
    outputs = write_outputs(answers, manifest.classes, request)
    answer = InferAnswer(
        model_name=name,
        model_version=VERSION,
        id=request.id,
        parameters={
            **_provenance(served),
            **source,
            "flags": [";".join(flags) for flags in answers.flags],
            "notes": [note] if note else [],
            "latency_ms": round((perf_counter() - began_s) * 1000, 3),
        },
        outputs=outputs,
    )
    return answer.model_dump_json().encode(), source["data_source"]


def _describe(served: Served, name: str) -> ModelFacts:
    manifest = served.scorer.manifest
    windows = served.scorer.sees_windows(served.model)
    columns = [] if windows else columns_of_model(served.scorer, served.model)
    n_classes = len(manifest.classes)
    return ModelFacts(
        name=name,
        versions=[VERSION],
        inputs=[
            TensorFacts(
                name=FEATURES,
                datatype="FP32",
                shape=[-1, len(columns)],
                parameters={"columns": columns},
            )
        ],
        outputs=[
            TensorFacts(name=PROBABILITIES, datatype="FP32", shape=[-1, n_classes]),
            TensorFacts(name=LABEL, datatype="BYTES", shape=[-1]),
        ],
        parameters={
            **_provenance(served),
            "data_source": manifest.data_source,
            "classes": list(manifest.classes),
        },
    )


def _provenance(served: Served) -> dict[str, Any]:
    manifest = served.scorer.manifest
    return {
        "bundle": served.shelved.name,
        "study": manifest.study,
        "model": served.model,
        "notice": RESEARCH_USE,
        "epochal_version": __version__,
    }
