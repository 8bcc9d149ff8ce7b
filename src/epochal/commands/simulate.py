"""Write simulated raw recordings in the original on-disk format."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from epochal.errors import EpochalError
from epochal.simulation import SIMULATORS, simulator
from epochal.simulation.cohort import write_cohort


def _options(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return `name=value` pairs as a dict."""
    for pair in pairs:
        if "=" not in pair:
            raise click.UsageError(f"--set {pair}: write name=value")
    return dict(pair.split("=", 1) for pair in pairs)


def _explain(error: ValidationError, kind: str) -> str:
    """Say what each option was refused for, and which options there are."""
    told = []
    for one in error.errors():
        where = ".".join(map(str, one["loc"]))
        told.append(one["msg"] if not where or where in one["msg"] else f"{where}: {one['msg']}")
    listed = ", ".join(sorted(simulator(kind).Options.model_fields))
    shown = "; ".join(told)
    return shown if "it has: " in shown else f"{shown} ({kind} has: {listed})"


@click.command()
@click.argument("kind", type=click.Choice(sorted(SIMULATORS)))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--set", "pairs", multiple=True, help="An option of the simulator, name=value.")
@click.option("--seed", type=int, default=0, show_default=True)
def simulate(kind: str, out: Path, pairs: tuple[str, ...], seed: int) -> None:
    """Write a simulated cohort of KIND into the folder OUT, marked as simulated."""
    try:
        write_cohort(kind, out, {"seed": seed, **_options(pairs)})
    except ValidationError as error:  # the simulator's options refuse a name or a value
        raise EpochalError(f"--set: {_explain(error, kind)}") from error
    n_files = sum(path.is_file() for path in out.rglob("*"))
    click.echo(f"{n_files} simulated files in {out}")
