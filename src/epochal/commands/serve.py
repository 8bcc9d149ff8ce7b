"""Serve bundles: REST, streams and the dashboard."""

from __future__ import annotations

from pathlib import Path

import click

from epochal.commands.score import choose_bundle


@click.command()
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    help="A bundle's folder, or NAME=FOLDER; give several to offer several, the default first.",
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
    from epochal.serving.service.options import ServiceOptions

    options = ServiceOptions(bundles=named_folders(bundles)) if bundles else ServiceOptions()
    if not options.bundles:
        options = options.model_copy(update={"bundles": named_folders(())})
    app = create_app(options)
    click.echo(f"Epochal on http://{host}:{port} with {', '.join(options.bundles)}", err=True)
    running.serve(app, host=host, port=port)


def named_folders(given: tuple[str, ...]) -> dict[str, Path]:
    """Return bundle folders by name: `NAME=FOLDER`, or a folder under its study's name."""
    folders: dict[str, Path] = {}
    for text in given or (str(choose_bundle(None)),):
        name, is_named, folder = text.rpartition("=")
        path = Path(folder)
        name = name if is_named else _study_of(path)
        if name in folders:
            raise click.UsageError(f"Two bundles are named '{name}'; give --bundle NAME=FOLDER")
        folders[name] = path
    return folders


def _study_of(folder: Path) -> str:
    from epochal.serving.bundle import read_manifest

    return read_manifest(folder).study
