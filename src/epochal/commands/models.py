"""Registered bundles: list, register, promote, roll back, fetch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from epochal.provenance import RESEARCH_USE

_SHOWN = ("data_source", "headline", "kappa", "accuracy", "adapted")

_store = click.option(
    "--store", help="MLflow's tracking URI. Default: MLFLOW_TRACKING_URI, else mlflow.db here."
)
_stage = click.option(
    "--stage", default="champion", show_default=True, help="staging, challenger or champion."
)


@click.group()
def models() -> None:
    """List, promote and fetch the bundles in MLflow's model registry.

    A tracked run registers its bundle under the study's name, at the stage `staging`. A bundle is
    named NAME@STAGE, NAME:VERSION, or NAME for its newest version.
    """


@models.command("list")
@click.argument("name", required=False)
@_store
def list_(name: str | None, store: str | None) -> None:
    """List the versions of all registered bundles, or of NAME."""
    from epochal.registry.store import list_versions

    found = list_versions(_open(store), name)
    if not found:
        click.echo("no bundle is registered")
    for one in found:
        stages = f" [{', '.join(one.stages)}]" if one.stages else ""
        told = ", ".join(f"{tag} {one.tags[tag]}" for tag in _SHOWN if tag in one.tags)
        click.echo(f"{one.name}:{one.version}{stages}  {told}")
    click.echo(RESEARCH_USE)


@models.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Default: the name of the bundle's study.")
@_store
def register(bundle: Path, name: str, store: str | None) -> None:
    """Register a bundle that no tracked run made, such as an adapted one.

    BUNDLE is a folder or a name. Where no registry is yet, a file of SQLite, it is made.
    """
    from epochal.registry.store import (
        is_missing,
        locate_registry,
        log_and_register,
        open_registry,
    )
    from epochal.serving.bundle import read_bundle
    from epochal.serving.finding import find_bundle

    bundle = find_bundle(bundle)
    read_bundle(bundle)  # nothing damaged is registered
    where = locate_registry(store)
    is_new = is_missing(where)
    made = log_and_register(open_registry(where, make=True), bundle, name=name)
    if is_new:
        click.echo(f"made a registry: {where}")
    click.echo(f"registered: {made.name}:{made.version} [{', '.join(made.stages)}]")


@models.command()
@click.argument("bundle")
@_stage
@_store
def promote(bundle: str, stage: str, store: str | None) -> None:
    """Put BUNDLE at a stage, the champion's unless --stage names another."""
    from epochal.registry.store import promote as put

    chosen, before = put(_open(store), bundle, stage)
    was = "nothing" if before is None else f"version {before.version}"
    click.echo(f"{chosen.name}@{stage}: version {chosen.version} (before: {was})")


@models.command()
@click.argument("name")
@_stage
@_store
def rollback(name: str, stage: str, store: str | None) -> None:
    """Put back what was at a stage of NAME before the last promotion."""
    from epochal.registry.store import roll_back

    chosen, before = roll_back(_open(store), name, stage)
    click.echo(
        f"{chosen.name}@{stage}: version {chosen.version} (before: version {before.version})"
    )


@models.command()
@click.argument("bundle")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Becomes a link.")
@_store
def fetch(bundle: str, out: Path, store: str | None) -> None:
    """Write BUNDLE to disk, verified, in one step in the place of what was there.

    A server that has OUT as a bundle takes it up without dropping a request.
    """
    from epochal.registry.fetching import fetch as get

    chosen, changed = get(_open(store), bundle, out)
    told = "now" if changed else "still"
    click.echo(f"{out}: {told} {chosen.name}:{chosen.version} ({chosen.tags.get('data_source')})")


def _open(store: str | None) -> Any:
    from epochal.registry.store import open_registry

    opened: Callable[[str | None], Any] = open_registry
    return opened(store)
