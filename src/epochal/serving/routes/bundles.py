"""`/api/models`, `/api/bundles`, `/api/bundle`: what the service can score, and how well."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from epochal.serving.bundle import CARD, Manifest
from epochal.serving.heading import looks_back_only
from epochal.serving.messages.documented import may_answer
from epochal.serving.service.shelf import Shelved
from epochal.serving.service.state import Service

BundleName = Annotated[
    str | None, Query(description="A bundle by name; default: the service's first.")
]


class ModelLine(BaseModel):
    """One model of a bundle."""

    bundle: str
    study: str
    model: str
    family: str
    causal: bool
    headline: bool = Field(description="Whether it answers where no model is named.")
    data_source: str = Field(description="What it was trained on: real, simulated.")
    classes: tuple[str, ...]


class BundleLine(BaseModel):
    """One bundle of a service."""

    name: str
    study: str
    headline: str
    classes: tuple[str, ...]
    causal: bool
    data_source: str
    epoch_length_s: float
    required_channels: list[str]
    metrics: dict[str, float | int | str | bool | None]
    caveats: tuple[str, ...]


class BundleFacts(BaseModel):
    """All that a bundle says of itself."""

    name: str
    loaded_at: float = Field(description="When it was loaded, in seconds since 1970.")
    manifest: Manifest
    card: str = Field(description="Its model card, in Markdown.")


def router(service: Service) -> APIRouter:
    """Return the routes that describe bundles, and the one that takes up changed ones."""
    routes = APIRouter(tags=["bundles"])

    @routes.get("/api/models", summary="Every model of every bundle")
    def models() -> list[ModelLine]:
        """List the models."""
        return [line for name in service.shelf.names for line in _models(service.shelf.get(name))]

    @routes.get("/api/bundles", summary="Every bundle")
    def bundles() -> list[BundleLine]:
        """List the bundles, the default one first."""
        return [_line(service.shelf.get(name)) for name in service.shelf.names]

    @routes.get(
        "/api/bundle", summary="All that a bundle says of itself", responses=may_answer(404, 422)
    )
    def bundle(name: BundleName = None) -> BundleFacts:
        """Return a bundle's manifest and model card."""
        shelved = service.shelf.get(name)
        return BundleFacts(
            name=shelved.name,
            loaded_at=shelved.loaded_at,
            manifest=shelved.scorer.manifest,
            card=shelved.scorer.text(CARD),
        )

    @routes.post("/api/bundles/refresh", summary="Take up bundles that changed on disk")
    def refresh() -> dict[str, Any]:
        """Look for changed bundles now, not at the next round."""
        return {"taken_up": service.shelf.refresh(), "errors": service.shelf.errors}

    return routes


def _models(shelved: Shelved) -> list[ModelLine]:
    manifest = shelved.scorer.manifest
    families = {entry.name: entry.family for entry in manifest.models}
    families |= dict.fromkeys(manifest.smoothing, "stack")
    return [
        ModelLine(
            bundle=shelved.name,
            study=manifest.study,
            model=name,
            family=family,
            causal=looks_back_only(manifest, name),
            headline=name == manifest.headline,
            data_source=manifest.data_source,
            classes=manifest.classes,
        )
        for name, family in families.items()
    ]


def _line(shelved: Shelved) -> BundleLine:
    manifest = shelved.scorer.manifest
    return BundleLine(
        name=shelved.name,
        study=manifest.study,
        headline=manifest.headline,
        classes=manifest.classes,
        causal=manifest.causal,
        data_source=manifest.data_source,
        epoch_length_s=manifest.ingestion.epoch_length_s,
        required_channels=manifest.required_channels,
        metrics=manifest.metrics,
        caveats=manifest.caveats,
    )
