"""Why a network said what it said: on the signal's own time axis, and between epochs.

Integrated gradients for what in a window spoke for a class, attention weights for which epochs a
network looked at. Weights are not importance (Jain and Wallace 2019, arXiv:1902.10186): where the
two differ, the gradients are what the output hangs on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from epochal.errors import EpochalError
from epochal.models.networks.base import EpochNetwork

N_STEPS = 32
_BATCH = 16  # copies of the inputs that are looked at at once
_N_RANDOM = 5


def integrate_gradients(
    score: Callable[..., torch.Tensor], given: tuple[torch.Tensor, ...], *, n_steps: int = N_STEPS
) -> tuple[torch.Tensor, ...]:
    """Return integrated gradients of `score` `(B,)`, shaped as each of its inputs `(B, …)`.

    Along the straight path from zeros: Sundararajan, Taly and Yan 2017, arXiv:1703.01365. Together
    they add up to the score's difference, to the error of so many steps. Without captum raises
    `EpochalError`.
    """
    try:
        from captum.attr import IntegratedGradients
    except ModuleNotFoundError as error:
        raise EpochalError(
            "explaining a network needs 'captum': pip install 'epochal[explain]'"
        ) from error
    found = IntegratedGradients(score).attribute(
        given, n_steps=n_steps, internal_batch_size=max(len(given[0]), _BATCH)
    )
    return tuple(one.detach() for one in found)


def explain_windows(
    network: EpochNetwork,
    inputs: Mapping[str, torch.Tensor],
    *,
    epoch: int,
    class_: int,
    n_steps: int = N_STEPS,
) -> dict[str, torch.Tensor]:
    """Return what each sample added to a class of one epoch of a sequence, by input.

    `network` is an `EpochNetwork`, which is put into evaluation mode; `inputs` hold what it looks
    at, `signal` `(B, L, C, T)`, `spectrogram` `(B, L, C, F, T)`, and `features` `(B, L, F)` if any.
    All are scaled as in training, so that 0, the baseline, is the middle. The score is the class's
    logit less the mean of all. Samples of other epochs have a share where the network sees them.
    """
    network.eval()
    names = [name for name in inputs if name == "features" or name in network.INPUTS]

    def score(*given: torch.Tensor) -> torch.Tensor:
        logits = network(**_all_inputs(inputs, dict(zip(names, given, strict=True))))
        return logits[:, epoch, class_] - logits[:, epoch].mean(dim=-1)

    found = integrate_gradients(score, tuple(inputs[name] for name in names), n_steps=n_steps)
    return dict(zip(names, found, strict=True))


def _all_inputs(
    inputs: Mapping[str, torch.Tensor], given: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return what `forward` asks for: the signal too, of which some networks take the shape."""
    n_rows = len(next(iter(given.values())))
    rest = {name: values for name, values in inputs.items() if name not in given}
    return given | {
        name: values.repeat(n_rows // len(values), *[1] * (values.ndim - 1))
        for name, values in rest.items()
    }


def map_attention(network: nn.Module, inputs: Mapping[str, torch.Tensor]) -> list[np.ndarray]:
    """Return the attention weights between epochs, layer by layer: `(B, heads, queries, keys)`.

    Inputs as for `explain_windows`. Rows add up to 1. Empty for a network without attention, or
    for sequences of one epoch.
    """
    network.eval()
    with torch.inference_mode(), _AttentionRecorder() as recorder, _weights_wanted(network):
        network(**inputs)
    return [weights.float().numpy() for weights in recorder.found]


def delete_stretches(
    score: Callable[[torch.Tensor], torch.Tensor],
    signal: torch.Tensor,
    attribution: torch.Tensor,
    *,
    n_stretches: int = 30,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the score as stretches of time are silenced, by attribution and at random.

    `signal` and `attribution` are `(B, L, C, T)`, `score` gives `(B,)`; both results are means over
    the batch, `(n_stretches + 1,)`, the first with nothing silenced, the second over five orders.
    A stretch is silenced in all channels and epochs of the sequence alike.
    """
    edges = np.linspace(0, signal.shape[-1], n_stretches + 1).round().astype(int)
    parts = [attribution[..., a:b].sum(dim=(1, 2, 3)) for a, b in pairwise(edges)]
    ranked = torch.stack(parts, dim=1).argsort(dim=1, descending=True).numpy()
    random = np.random.default_rng(seed)
    drawn = [
        _silence(score, signal, random.permuted(ranked, axis=1), edges) for _ in range(_N_RANDOM)
    ]
    return _silence(score, signal, ranked, edges), np.mean(drawn, axis=0)


def _silence(
    score: Callable[[torch.Tensor], torch.Tensor],
    signal: torch.Tensor,
    order: np.ndarray,
    edges: np.ndarray,
) -> np.ndarray:
    left = signal.clone()
    with torch.inference_mode():
        scores = [float(score(left).mean())]
        for places in order.T:
            for row, place in enumerate(places):
                left[row, ..., edges[place] : edges[place + 1]] = 0.0
            scores.append(float(score(left).mean()))
    return np.array(scores)


class _AttentionRecorder(TorchFunctionMode):
    """Keep what looks like attention weights: a softmax over the keys of `(B, heads, L, L)`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[torch.Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in _SOFTMAXES and result.ndim == 4 and result.shape[-1] == result.shape[-2] > 1:
            self.found.append(result.detach())
        elif func is nn.functional.multi_head_attention_forward and result[1] is not None:
            self.found.append(result[1].detach())
        return result


_SOFTMAXES = (torch.softmax, torch.Tensor.softmax, nn.functional.softmax)


class _weights_wanted:  # noqa: N801 - a context, used as a verb
    """Make torch's own attention layers work out their weights, head by head, for a while."""

    def __init__(self, network: nn.Module) -> None:
        self.layers = [one for one in network.modules() if isinstance(one, nn.MultiheadAttention)]
        self.handles: list[Any] = []

    def __enter__(self) -> None:
        torch.backends.mha.set_fastpath_enabled(False)
        for layer in self.layers:
            self.handles.append(layer.register_forward_pre_hook(_ask_for_weights, with_kwargs=True))

    def __exit__(self, *problem: object) -> None:
        torch.backends.mha.set_fastpath_enabled(True)
        for handle in self.handles:
            handle.remove()


def _ask_for_weights(
    layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    del layer
    return args, {**kwargs, "need_weights": True, "average_attn_weights": False}
