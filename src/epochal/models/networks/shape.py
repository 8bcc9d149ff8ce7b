"""What every network is told of its study, as types."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Shape(TypedDict):
    """The keyword arguments that every network shares: an epoch's window, and what to tell apart.

    A window is `n_times` samples at `sfreq` Hz from each of `n_channels`.
    """

    n_channels: int
    n_times: int
    sfreq: float
    n_classes: int
    n_features: NotRequired[int]
