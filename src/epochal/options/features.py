"""Which features are computed from which signals."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from epochal.options.base import Options


class SignalOptions(Options):
    """One channel, or several taken together, and the features computed from it."""

    channels: tuple[str, ...] = Field(min_length=1, description="Canonical channel names.")
    band_hz: tuple[float | None, float | None] | None = Field(
        None, description="Zero-phase band-pass before the features; null on a side leaves it open."
    )
    notch_hz: float | None = Field(None, gt=0, description="Mains, with its harmonics.")
    features: tuple[str, ...] = Field(min_length=1, description="Names in `features.FEATURE_SETS`.")
    window_s: float | None = Field(
        None,
        gt=0,
        description="Compute over this long a window centred on the epoch, not the epoch.",
    )
    envelope: bool = Field(
        False,
        description="A muscle envelope of 1 Hz, as Sleep-EDFx cassettes hold it; a faster channel "
        "is high-passed at 10 Hz, rectified and averaged to 1 Hz first.",
    )
    required: bool = Field(True, description="False: a recording without it gets NaN columns.")


class ContextOptions(Options):
    """What an epoch's features say of its neighbours and of its recording."""

    normalise: tuple[Literal["session", "calibration"], ...] = Field(
        (),
        description="Robust z-scores: over the whole session (not causal), or against its start.",
    )
    calibration_s: float = Field(300.0, gt=0, description="How long the calibration period is.")
    causal_epochs: tuple[int, ...] = Field((), description="Trailing mean over so many epochs.")
    centred_epochs: tuple[int, ...] = Field((), description="Centred mean: it looks ahead.")


class FeatureOptions(Options):
    """The features of a study."""

    signals: dict[str, SignalOptions] = Field(default_factory=dict)
    demographics: bool = Field(False, description="Age and sex as columns.")
    context: ContextOptions = ContextOptions()
    drop: tuple[str, ...] = Field((), description="Patterns of columns to leave out.")

    @property
    def channels(self) -> list[str]:
        """The channels that the features need, each once."""
        return list(dict.fromkeys(name for s in self.signals.values() for name in s.channels))
