"""One module per kind of recording; each writes the original on-disk format.

They `import scipy` whole, which loads its parts when they are used: options are checked at every
run, and need none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from epochal.errors import EpochalError, did_you_mean

SIMULATORS = {
    "sleep": "epochal.simulation.sleep",
    "wearable": "epochal.simulation.wearable",
    "rodent": "epochal.simulation.rodent",
    "harmful_eeg": "epochal.simulation.harmful_eeg",
    "slow_oscillation": "epochal.simulation.slow_oscillation",
}


class Simulator(NamedTuple):
    """What a kind of recording's module offers: its options, jobs that write, a last touch."""

    Options: type[BaseModel]
    jobs: Callable[[Path, Any], dict[str, Callable[[], None]]]
    finish: Callable[[Path, Any], None]


def simulator(name: str) -> Simulator:
    """Return a simulator by its name in `SIMULATORS`."""
    if name not in SIMULATORS:
        raise EpochalError(f"No simulator '{name}'{did_you_mean(name, SIMULATORS)}")
    module = import_module(SIMULATORS[name])
    return Simulator(module.Options, module.jobs, module.finish)
