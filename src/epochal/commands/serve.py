"""Serve bundles: REST, streams and the dashboard."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from epochal.serving.bundle import read_manifest
from epochal.serving.finding import Candidate, find_bundle, list_bundles, pick_default


@click.command()
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    help="A bundle's folder or name, or NAME=FOLDER; several are offered, the default first. "
    "Without it, all at hand.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, help="The port to listen on; 0: any.")
def serve(bundles: tuple[str, ...], host: str, port: int) -> None:
    """Serve bundles: REST, WebSocket streams and the dashboard.

    Every other option is read from the environment (EPOCHAL_SERVE_…, see the reference).

    Research use only, not a medical device.
    """
    from epochal.serving.app import create_app
    from epochal.serving.service import running
    from epochal.serving.service.options import read_options

    options = read_options(bundles=named_folders(bundles)) if bundles else read_options()
    if not options.bundles:
        options = options.model_copy(update={"bundles": named_folders(())})
    app = create_app(options)
    click.echo(f"Epochal on http://{host}:{port} with {', '.join(options.bundles)}", err=True)
    running.serve(app, host=host, port=port)


def named_folders(given: tuple[str, ...]) -> dict[str, Path]:
    """Return bundle folders by name: `NAME=FOLDER`, a bundle's own name, or its study's.

    Where none is given, all at hand, the default one first.
    """
    candidates = list_bundles(passed_over=partial(click.echo, err=True))
    if not given:
        first = pick_default(candidates)
        # reversed: of two of one name the shipped one comes last, and so is the one that stays
        at_hand = {one.name: one.path for one in reversed(candidates)}
        return {first.name: first.path, **at_hand}
    folders: dict[str, Path] = {}
    for text in given:
        name, is_named, place = text.rpartition("=")
        path = find_bundle(place, candidates)
        name = name if is_named else _name_of(path, candidates)
        if name in folders:
            raise click.UsageError(f"Two bundles are named '{name}'; give --bundle NAME=FOLDER")
        folders[name] = path
    return folders


def _name_of(folder: Path, candidates: list[Candidate]) -> str:
    """Return the name that a bundle is called by, or the study that it is of."""
    known = {one.path: one.name for one in candidates}
    return known.get(folder) or read_manifest(folder).study
