"""Write simulated raw recordings in the original on-disk format."""

from __future__ import annotations

from pathlib import Path

import click

from epochal.errors import EpochalError
from epochal.simulation import SIMULATORS
from epochal.simulation.cohort import write_cohort


def _options(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return `name=value` pairs as a dict."""
    for pair in pairs:
        if "=" not in pair:
            raise click.UsageError(f"--set {pair}: write name=value")
    return dict(pair.split("=", 1) for pair in pairs)


@click.command()
@click.argument("kind", type=click.Choice(sorted(SIMULATORS)))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--set", "pairs", multiple=True, help="An option of the simulator, name=value.")
@click.option("--seed", type=int, default=0, show_default=True)
def simulate(kind: str, out: Path, pairs: tuple[str, ...], seed: int) -> None:
    """Write a simulated cohort of KIND into the folder OUT, marked as simulated."""
    try:
        write_cohort(kind, out, {"seed": seed, **_options(pairs)})
    except ValueError as error:  # the simulator's options refuse a name or a value
        raise EpochalError(f"--set: {' '.join(str(error).split())}") from error
    n_files = sum(path.is_file() for path in out.rglob("*"))
    click.echo(f"{n_files} simulated files in {out}")
