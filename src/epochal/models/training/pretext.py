"""What a network can learn of recordings without labels: to fill in, or to agree with itself.

A task is built around a network and trains the network's own weights; what it adds (a decoder,
projections) is thrown away. `loss(signal, generator)` is all that a trainer has to call.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from epochal.errors import EpochalError
from epochal.models.networks.base import EpochNetwork
from epochal.models.training.augmenter import Augmenter
from epochal.options.networks import PretrainingOptions

DECODER_WIDTH = 128
BLOCK_S = 1.0  # of power, where whole epochs are hidden
N_BANDS = 8
PROJECTION = (256, 64)  # hidden and out; BYOL's 4096 and 256 are for ImageNet


class PretextTask(nn.Module):
    """A task around a network that looks at signals; `network` keeps what it learns.

    A network that looks at anything else raises `EpochalError`.
    """

    def __init__(self, network: EpochNetwork) -> None:
        super().__init__()
        if network.INPUTS != ("signal",):
            raise EpochalError(
                f"{type(network).__name__} looks at {' and '.join(network.INPUTS) or 'columns'}; "
                "only networks of the signal alone can be pre-trained on it"
            )
        self.network = network

    def loss(self, signal: Tensor, generator: Generator) -> Tensor:
        """Return the task's loss of signals `(B, L, C, T)`, a scalar."""
        raise NotImplementedError


class MaskedReconstruction(PretextTask):
    """Fill in what was hidden, by a light decoder, from the embedding of what was left.

    After masked autoencoders (He et al. 2022, arXiv:2111.06377; on EEG: Chien et al. 2022,
    arXiv:2211.02625). Hidden samples are zeros, on all channels at once, since one electrode tells
    its neighbour's signal. What is filled in: the logarithm of `power` by band in blocks of a span
    (after Wei et al. 2022, arXiv:2112.09133: features instead of pixels), or the `signal` at
    `target_hz`, of which an embedding that averages over time knows no phase. `span_s` None hides
    whole epochs, which a network over sequences fills in from their neighbours; one that sees each
    epoch by itself then raises `EpochalError`. The loss is the squared error at what was hidden
    over its variance: 1 for the mean. Epochs of zeros are missing and no target.
    """

    def __init__(
        self,
        network: EpochNetwork,
        *,
        masked_share: float = 0.4,
        span_s: float | None = 1.0,
        target: Literal["power", "signal"] = "power",
        target_hz: float = 16.0,
    ) -> None:
        super().__init__(network)
        if span_s is None and not network.SEQUENTIAL:
            raise EpochalError(
                f"{type(network).__name__} sees each epoch by itself: it cannot fill in whole "
                "ones (give pre-training a `span_s`)"
            )
        self.masked_share, self.hides_epochs, self.target = masked_share, span_s is None, target
        n_times, sfreq = network.n_times, network.sfreq
        self.span = max(1, min(round((span_s or BLOCK_S) * sfreq), n_times // 2))
        self.block = (
            self.span if target == "power" else max(1, min(round(sfreq / target_hz), n_times))
        )
        n_out = self.describe(torch.zeros(1, 1, network.n_channels, n_times)).numel()
        self.decode = nn.Sequential(
            nn.Linear(network.width, DECODER_WIDTH), nn.GELU(), nn.Linear(DECODER_WIDTH, n_out)
        )

    def loss(self, signal: Tensor, generator: Generator) -> Tensor:
        """Return the relative squared error at what was hidden."""
        hidden = self.hide(signal, generator)  # (B, L, 1, T)
        wanted = self.describe(signal)  # (B, L, C, n_blocks, n_values)
        decoded = self.decode(self.network.embed(signal.masked_fill(hidden, 0), None))
        is_there = (signal != 0).flatten(2).any(dim=2)[:, :, None, None]
        counted = _cut(hidden.to(signal.dtype), self.block).mean(dim=-1).round() * is_there
        counted = counted[..., None].expand_as(wanted)
        errors = (decoded.reshape(wanted.shape) - _standardise(wanted, counted)) ** 2
        return (errors * counted).sum() / counted.sum().clamp(min=1)

    def describe(self, signal: Tensor) -> Tensor:
        """Return what is to be filled in, by blocks, `(B, L, C, n_blocks, n_values)`."""
        blocks = _cut(signal.float(), self.block)
        if self.target == "signal":
            return blocks.mean(dim=-1, keepdim=True)
        return _band_power(blocks)

    def hide(self, signal: Tensor, generator: Generator) -> Tensor:
        """Choose what is hidden, True, `(B, L, 1, T)`: spans of a window, or whole epochs."""
        n_sequences, n_epochs, _, n_times = signal.shape
        if self.hides_epochs:
            hidden = _choose_share((n_sequences, n_epochs), self.masked_share, generator)
            return hidden[..., None, None].expand(-1, -1, 1, n_times).to(signal.device)
        shape = (n_sequences, n_epochs, -(-n_times // self.span))
        spans = _choose_share(shape, self.masked_share, generator)
        hidden = spans.repeat_interleave(self.span, dim=-1)[..., :n_times]
        return hidden[:, :, None].to(signal.device)


class BootstrapAgreement(PretextTask):
    """Predict, of a changed window, what a slow copy of the network makes of another change of it.

    BYOL (Grill et al. 2020, arXiv:2006.07733): no negatives, a predictor on one side, a target that
    follows by `momentum` and is never trained. `augment` `(signal, generator=…)` → changed signal.
    A batch of a single window teaches nothing and has loss 0 (BatchNorm of the projections).
    """

    def __init__(
        self,
        network: EpochNetwork,
        *,
        augment: Callable[..., Tensor],
        momentum: float = 0.99,
    ) -> None:
        super().__init__(network)
        self.augment, self.momentum = augment, momentum
        hidden, out = PROJECTION
        self.project, self.predict = (
            _perceptron(network.width, hidden, out),
            _perceptron(out, hidden, out),
        )
        self.target = copy.deepcopy(nn.ModuleList([network, self.project])).requires_grad_(False)

    def loss(self, signal: Tensor, generator: Generator) -> Tensor:
        """Return the mean of 2 − 2 cos over windows, both ways round; the target follows first."""
        if signal.shape[0] * signal.shape[1] < 2:
            return 0.0 * self.network.embed(signal, None).sum()
        if self.training:
            self._follow()
        first = self.augment(signal, generator=generator)
        second = self.augment(signal, generator=generator)
        return self._disagreement(first, second) + self._disagreement(second, first)

    def _disagreement(self, seen: Tensor, other: Tensor) -> Tensor:
        online = self.network.embed(seen, None).flatten(0, 1)
        predicted = self.predict(self.project(online))
        with torch.no_grad():
            network, project = self.target
            wanted = project(network.embed(other, None).flatten(0, 1))  # type: ignore[operator]
        agreement = normalize(predicted, dim=-1) * normalize(wanted, dim=-1)
        return 1 - agreement.sum(dim=-1).mean()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the target's weights a little towards the network's; its statistics are copied."""
        online = nn.ModuleList([self.network, self.project])
        for weight, trained in zip(self.target.parameters(), online.parameters(), strict=True):
            weight.lerp_(trained, 1 - self.momentum)
        for statistic, seen in zip(self.target.buffers(), online.buffers(), strict=True):
            statistic.copy_(seen)


def make_pretext_task(
    network: EpochNetwork, options: PretrainingOptions, *, channel_names: Sequence[str] = ()
) -> PretextTask | None:
    """Return the task that a study asks for, or None; of a fusion, its signal's branch learns."""
    learner = getattr(network, "signal_branch", network)
    if options.task == "masked":
        return MaskedReconstruction(
            learner,
            masked_share=options.masked_share,
            span_s=options.span_s,
            target=options.target,
            target_hz=options.target_hz,
        )
    if options.task == "byol":
        augmenter = Augmenter(
            options.augmentations, sfreq=learner.sfreq, channel_names=channel_names
        )
        return BootstrapAgreement(
            learner,
            augment=partial(_augment_signal, augmenter),
            momentum=options.momentum,
        )
    return None


def _augment_signal(augmenter: Augmenter, signal: Tensor, *, generator: Generator) -> Tensor:
    return augmenter(signal, generator=generator)[0]


def _perceptron(n_in: int, n_hidden: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_in, n_hidden), nn.BatchNorm1d(n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_out)
    )


def _cut(values: Tensor, block: int) -> Tensor:
    """Cut the last axis into blocks: `(..., T)` → `(..., T // block, block)`, without the rest."""
    n_blocks = values.shape[-1] // block
    return values[..., : n_blocks * block].reshape(*values.shape[:-1], n_blocks, block)


def _band_power(blocks: Tensor) -> Tensor:
    """Return the logarithm of power by band: `(..., block)` → `(..., n_bands)`; no constant part.

    Bands are evenly spaced in the logarithm of frequency, as far as a block resolves them. Their
    floor is a millionth of the mean power, so that silence is low, and not a singularity.
    """
    tapered = blocks * torch.hann_window(blocks.shape[-1], device=blocks.device)
    power = torch.fft.rfft(tapered).abs().square()
    n_bins = power.shape[-1]
    edges = sorted({round(n_bins ** (place / N_BANDS)) for place in range(N_BANDS + 1)})
    bands = [power[..., low:high].mean(dim=-1) for low, high in pairwise(edges)]
    power = torch.stack(bands or [power[..., 0]], dim=-1)
    return torch.log(power + 1e-6 * power.mean() + torch.finfo(power.dtype).tiny)


def _standardise(values: Tensor, counted: Tensor) -> Tensor:
    """Return values of mean 0 and variance 1 over what counts, by channel and kind of value."""
    dims = (0, 1, 3)
    n_counted = counted.sum(dim=dims, keepdim=True).clamp(min=1)
    mean = (values * counted).sum(dim=dims, keepdim=True) / n_counted
    variance = (counted * (values - mean) ** 2).sum(dim=dims, keepdim=True) / n_counted
    return (values - mean) / variance.clamp(min=1e-8).sqrt()


def _choose_share(shape: tuple[int, ...], share: float, generator: Generator) -> Tensor:
    """Choose a share of the places along the last axis: at least one, and never all if several."""
    n_places = shape[-1]
    n_chosen = min(max(1, round(share * n_places)), max(1, n_places - 1))
    drawn = torch.rand(shape, generator=generator, device=generator.device)
    return drawn.argsort(dim=-1).argsort(dim=-1) < n_chosen
