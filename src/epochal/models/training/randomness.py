"""The random numbers of a training, for one that was cut off to go on with its own."""

from __future__ import annotations

from collections.abc import Mapping

import torch

_CUDA = "cuda"


def random_states() -> dict[str, torch.Tensor]:
    """Return the state of torch's random numbers, on the processor and on the GPU in use."""
    states = {"cpu": torch.get_rng_state()}
    return states | ({_CUDA: torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def restore_random_states(states: Mapping[str, torch.Tensor]) -> None:
    """Go on from what `random_states` returned; without a GPU here, its state is left alone."""
    torch.set_rng_state(states["cpu"])
    if _CUDA in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states[_CUDA])
