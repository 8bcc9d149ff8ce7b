"""Write a simulated cohort once, in the original on-disk format."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from epochal import __version__
from epochal.errors import EpochalError
from epochal.options.base import make_options
from epochal.parallel import ParallelOptions, run_pieces
from epochal.places import writing
from epochal.provenance import MARK, mark_as_simulated
from epochal.simulation import simulator

RECIPE = ".simulated.json"


def write_cohort(
    name: str,
    folder: Path,
    options: dict[str, Any],
    *,
    parallel: ParallelOptions | None = None,
) -> None:
    """Write the cohort that `options` describe into `folder`, unless it is there already.

    A folder that holds another simulated cohort is emptied first; one that holds files that no
    simulation wrote raises `EpochalError`, so that real recordings are never lost or mixed. An
    option that there is not, or a value that it cannot have, is a `ValidationError`.
    """
    module = simulator(name)
    chosen = make_options(module.Options, options)
    recipe = {"simulator": name, "version": __version__, "options": chosen.model_dump(mode="json")}
    if _written(folder) == recipe:
        return
    _empty(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mark_as_simulated(folder, f"simulator '{name}', version {__version__}")
    failures = run_pieces(module.jobs(folder, chosen), description="simulate", options=parallel)
    if failures:
        raise EpochalError(
            f"{folder}: could not simulate "
            + "; ".join(f"{piece}: {error}" for piece, error in sorted(failures.items()))
        )
    module.finish(folder, chosen)
    with writing(folder / RECIPE) as part:
        part.write_text(json.dumps(recipe), encoding="utf-8")


def _written(folder: Path) -> dict[str, Any] | None:
    """Return the recipe of the whole cohort in the folder, if there is one."""
    path = folder / RECIPE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _empty(folder: Path) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / MARK).is_file():
        raise EpochalError(
            f"{folder}: it holds files that no simulation wrote; choose another folder"
        )
    shutil.rmtree(folder)
