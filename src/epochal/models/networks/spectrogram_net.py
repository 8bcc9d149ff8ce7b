"""An EfficientNet-style network over spectrograms."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, NamedTuple, Unpack

import torch
from torch import nn

from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.shape import Shape


class Stage(NamedTuple):
    """Blocks of one size: how far the first one widens, what it puts out, how it thins."""

    expansion: int
    n_filters: int
    n_blocks: int
    kernel: int
    stride: int


# EfficientNet-B0's order of kernels and expansions, cut to four stages of fewer filters: 100
# frequencies by 300 frames are fewer than its 224 × 224 pixels, and cohorts than ImageNet.
STEM = 16
STAGES = (
    Stage(expansion=1, n_filters=16, n_blocks=1, kernel=3, stride=2),
    Stage(expansion=4, n_filters=24, n_blocks=2, kernel=3, stride=2),
    Stage(expansion=4, n_filters=40, n_blocks=2, kernel=5, stride=2),
    Stage(expansion=4, n_filters=80, n_blocks=2, kernel=3, stride=1),
)
LAST = 160
MOMENTUM = 0.2  # of BatchNorm's statistics: cohorts are small, and training is a few hundred steps
SQUEEZE = 4  # squeeze-and-excitation: a quarter of a block's input


class SpectrogramNet(EpochNetwork):
    """Mobile inverted bottlenecks with squeeze-and-excitation over spectrograms `(C, F, T)`.

    After EfficientNet (Tan and Le 2019, arXiv:1905.11946): depthwise-separable convolutions in
    inverted bottlenecks (Sandler et al. 2018, arXiv:1801.04381) and squeeze-and-excitation (Hu et
    al. 2018, arXiv:1709.01507); `width_factor` and `depth_factor` scale it as there. Two channels
    say where in frequency and time a pixel is (Liu et al. 2018, arXiv:1807.03247), since a mean
    over pixels forgets it, and the epoch lies in the middle of its spectrogram. Spectrograms are
    log power; their first BatchNorm scales each region. It ignores the signal, and each epoch is
    seen by itself.
    """

    INPUTS: ClassVar[tuple[str, ...]] = ("spectrogram",)
    CAUSAL: ClassVar[bool] = True

    places: torch.Tensor

    def __init__(
        self,
        *,
        spectrogram_shape: tuple[int, int, int],
        width_factor: float = 1.0,
        depth_factor: float = 1.0,
        dropout: float = 0.2,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        super().__init__(**shape)
        self.spectrogram_shape = spectrogram_shape
        last = _round_filters(LAST, width_factor)
        # The mean of all batches, not of the last ones: what is given does not change in training.
        self.scale = nn.BatchNorm2d(spectrogram_shape[0], momentum=None)
        self.convolve = _stack(spectrogram_shape[0] + 2, width_factor, depth_factor, last)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("places", _places(*spectrogram_shape[1:]), persistent=False)
        self.convolve.apply(_initialise)
        self.finish(last, head=head)

    def embed(self, signal: torch.Tensor | None, spectrogram: torch.Tensor | None) -> torch.Tensor:
        """Return embeddings `(B, L, width)` of spectrograms `(B, L, C, F, T)`."""
        assert spectrogram is not None, "a spectrogram network is given spectrograms"
        images = self.scale(spectrogram.flatten(0, 1))  # (B·L, C, F, T)
        places = self.places.expand(images.shape[0], -1, -1, -1)
        maps = self.convolve(torch.cat([images, places], dim=1))
        pooled = self.dropout(maps.mean(dim=(2, 3)))  # (B·L, width)
        return pooled.reshape(*spectrogram.shape[:2], self.width)


class _InvertedBottleneck(nn.Module):
    """Widen, convolve each filter by itself, weigh the filters, narrow; added to its input."""

    def __init__(self, n_in: int, stage: Stage, *, stride: int) -> None:
        super().__init__()
        n_wide = n_in * stage.expansion
        widen = _convolution(n_in, n_wide, kernel=1) if stage.expansion > 1 else nn.Identity()
        self.layers = nn.Sequential(
            widen,
            _convolution(n_wide, n_wide, kernel=stage.kernel, stride=stride, n_groups=n_wide),
            _SqueezeExcitation(n_wide, max(1, n_in // SQUEEZE)),
            nn.Conv2d(n_wide, stage.n_filters, 1, bias=False),
            nn.BatchNorm2d(stage.n_filters, momentum=MOMENTUM),
        )
        self.is_residual = stride == 1 and n_in == stage.n_filters

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        changed = self.layers(maps)
        return maps + changed if self.is_residual else changed


class _SqueezeExcitation(nn.Module):
    """Weigh each filter by what all of them say of the whole image."""

    def __init__(self, n_filters: int, n_hidden: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Conv2d(n_filters, n_hidden, 1),
            nn.SiLU(),
            nn.Conv2d(n_hidden, n_filters, 1),
            nn.Sigmoid(),
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps * self.weigh(maps.mean(dim=(2, 3), keepdim=True))


def _stack(n_in: int, width_factor: float, depth_factor: float, last: int) -> nn.Sequential:
    stem = _round_filters(STEM, width_factor)
    layers: list[nn.Module] = [_convolution(n_in, stem, kernel=3, stride=2)]
    sizes = [stem, *(_round_filters(stage.n_filters, width_factor) for stage in STAGES)]
    for (n_before, n_after), stage in zip(pairwise(sizes), STAGES, strict=True):
        scaled = stage._replace(n_filters=n_after)
        for index in range(max(1, round(stage.n_blocks * depth_factor))):
            stride = stage.stride if index == 0 else 1
            layers.append(
                _InvertedBottleneck(n_before if index == 0 else n_after, scaled, stride=stride)
            )
    return nn.Sequential(*layers, _convolution(sizes[-1], last, kernel=1))


def _convolution(
    n_in: int, n_out: int, *, kernel: int, stride: int = 1, n_groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, groups=n_groups, bias=False),
        nn.BatchNorm2d(n_out, momentum=MOMENTUM),
        nn.SiLU(),
    )


def _initialise(layer: nn.Module) -> None:
    """Keep the variance from layer to layer (He et al. 2015, arXiv:1502.01852), as the paper."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # fan_in: right for depthwise


def _round_filters(n_filters: int, factor: float) -> int:
    """Scale to a multiple of 8, never below 8."""
    return max(8, 8 * round(n_filters * factor / 8))


def _places(n_frequencies: int, n_frames: int) -> torch.Tensor:
    """Return `(1, 2, F, T)`: how high and how late a pixel is, from −1 to 1."""
    high = torch.linspace(-1, 1, n_frequencies)[:, None].expand(n_frequencies, n_frames)
    late = torch.linspace(-1, 1, n_frames).expand(n_frequencies, n_frames)
    return torch.stack([high, late])[None]
