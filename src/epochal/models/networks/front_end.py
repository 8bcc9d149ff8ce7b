"""The convolutional encoder of an epoch that the networks over sequences share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from epochal.errors import EpochalError
from epochal.models.networks.norm import BatchNorm1d

KERNEL_S = 0.5  # a cycle of the slowest delta that half a second still tells from drift
FRAME_HZ = 16.0  # what the first convolution leaves of the rate
POOLS = (4, 2)  # to 4, then 2 frames a second
LATER_KERNEL = 5  # frames


class FrontEnd(nn.Module):
    """Convolutions in units of time over one epoch: `(N, n_channels, n_times)` → `(N, width)`.

    After DeepSleepNet's small-filter branch (Supratak et al. 2017, arXiv:1703.04046) and
    TinySleepNet (Supratak and Guo 2020, doi:10.1109/EMBC44109.2020.9176741): half a second of
    kernel in steps of a sixteenth, whatever the rate. A mean and a maximum over time stand for the
    window, so that its length is free; both, since a spindle is a maximum and delta is a mean.
    Windows that leave less than a pooled frame raise `EpochalError`.
    """

    def __init__(
        self,
        *,
        n_channels: int,
        n_times: int,
        sfreq: float,
        width: int = 64,
        n_filters: int = 32,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        kernel, stride = odd_samples(KERNEL_S, sfreq), stride_to(FRAME_HZ, sfreq)
        check_long_enough(n_times, POOLS[0] * POOLS[1] * stride, sfreq)
        wide = 2 * n_filters
        self.convolve = nn.Sequential(
            *convolution(n_channels, n_filters, kernel, stride=stride),
            nn.MaxPool1d(POOLS[0]),
            *convolution(n_filters, wide, LATER_KERNEL),
            nn.MaxPool1d(POOLS[1]),
            *convolution(wide, wide, LATER_KERNEL),
        )
        self.project = nn.Sequential(nn.Linear(2 * wide, width), nn.GELU(), nn.Dropout(dropout))

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Return `(N, width)`."""
        frames = self.convolve(windows)  # (N, 2 n_filters, n_frames)
        return self.project(torch.cat([frames.mean(dim=-1), frames.amax(dim=-1)], dim=-1))


def embed_each(
    encoder: Callable[[torch.Tensor], torch.Tensor], signal: torch.Tensor
) -> torch.Tensor:
    """Encode every epoch by itself: `(B, L, C, T)` → `(B, L, width)`."""
    n_sequences, n_epochs = signal.shape[:2]
    embedded = encoder(signal.flatten(0, 1))  # (B L, width)
    return embedded.reshape(n_sequences, n_epochs, embedded.shape[-1])


def convolution(n_in: int, n_out: int, kernel: int, *, stride: int = 1) -> tuple[nn.Module, ...]:
    """Return a padded convolution, its BatchNorm and a GELU; `kernel` is odd.

    BatchNorm (Ioffe and Szegedy 2015, arXiv:1502.03167), since a norm over a window by itself would
    erase its amplitude; once trained it is fixed, so that no window depends on its batch.
    """
    convolve = nn.Conv1d(n_in, n_out, kernel, stride=stride, padding=kernel // 2, bias=False)
    return convolve, BatchNorm1d(n_out), nn.GELU()


def odd_samples(length_s: float, sfreq: float) -> int:
    """Return the odd number of samples, 3 or more, that comes nearest to a length of time."""
    return max(3, 2 * int(length_s * sfreq / 2) + 1)


def stride_to(rate_hz: float, sfreq: float) -> int:
    """Return the stride that brings `sfreq` nearest to a rate."""
    return max(1, round(sfreq / rate_hz))


def check_long_enough(n_times: int, n_needed: int, sfreq: float) -> None:
    """Raise `EpochalError` for windows that the strides would leave nothing of."""
    if n_times < n_needed:
        raise EpochalError(
            f"windows of {n_times} samples at {sfreq:g} Hz are too short for this network, which "
            f"needs {n_needed}"
        )
