"""One training in several processes, one a device: who sees what, and what they tell each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from epochal.errors import EpochalError


def choose_devices(n_devices: int) -> dict[str, Any]:
    """Return what Lightning has to know to train on so many devices, where they are here.

    Of several each has its process already. A part of a network that a batch leaves out, such as a
    branch, must not stop them.
    """
    if n_devices == 1:
        return {"devices": 1}
    from lightning.pytorch.plugins.environments import LightningEnvironment  # takes seconds

    return {
        "devices": n_devices,
        "strategy": "ddp_find_unused_parameters_true",
        "plugins": [LightningEnvironment()],  # whatever else the environment may say, a cluster's
        "use_distributed_sampler": False,  # `share` divides the sequences
    }


def refuse_missing_devices(n_devices: int) -> None:
    """Raise `EpochalError` where fewer GPUs are here than are asked for; a CPU takes any number."""
    n_there = torch.cuda.device_count() if torch.cuda.is_available() else n_devices
    if n_devices > max(1, n_there):
        raise EpochalError(f"training.devices: {n_devices} are asked for; GPUs here: {n_there}")


def share(places: np.ndarray, *, even: bool) -> np.ndarray:
    """Return this process's share of some sequences; by itself, it has them all.

    `even` shares are of one length, since gradients are averaged batch by batch: what is missing is
    seen twice. Where sequences are fewer than processes, each has them all.
    """
    rank, n_processes = _place()
    if len(places) < n_processes:
        return places
    missing = -len(places) % n_processes if even else 0
    return np.concatenate([places, places[:missing]])[rank::n_processes]


def share_length(n_places: int, n_processes: int | None = None) -> int:
    """Return how long an even share is; without a number of processes, of those that there are."""
    n_processes = _place()[1] if n_processes is None else n_processes
    return n_places if n_places < n_processes else -(-n_places // n_processes)


def gather(value: Any) -> list[Any]:
    """Return every process's value, in their order."""
    _, n_processes = _place()
    values = [value] * n_processes
    if n_processes > 1:
        torch.distributed.all_gather_object(values, value)
    return values


def _place() -> tuple[int, int]:
    """Return which process this is, of how many."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return 0, 1
    return torch.distributed.get_rank(), torch.distributed.get_world_size()
