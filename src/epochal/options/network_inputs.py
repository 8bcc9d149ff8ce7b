"""What networks see of an epoch: its samples, and pictures of its power."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from epochal.options.base import Options

QUALITY = "quality"  # the channel of flags, which comes last


class SignalInputOptions(Options):
    """Samples of an epoch, `(n_channels, n_times)` at one rate."""

    channels: tuple[str, ...] = Field((), description="Canonical channel names, in order.")
    optional: tuple[str, ...] = Field(
        (), description="Those of them that may be absent: zeros then."
    )
    array: str | None = Field(
        None, description="Instead of channels: an array that the recording brings (`windows`)."
    )
    band_hz: tuple[float | None, float | None] | None = Field(
        None, description="Band-pass; null on a side leaves it open."
    )
    bands_hz: dict[str, tuple[float | None, float | None]] = Field(
        default_factory=dict, description="Band-pass of single channels, instead of `band_hz`."
    )
    notch_hz: float | None = Field(None, gt=0, description="Mains, with its harmonics.")
    sfreq: float | None = Field(
        None, gt=0, description="The rate of all channels; null keeps the rate that they share."
    )
    window_s: float | None = Field(
        None, gt=0, description="The middle of the epoch, so many seconds; null: all of it."
    )
    normalise: Literal["session", "none"] = Field(
        "session",
        description="`session`: each channel's median and spread over the recording (it looks "
        "ahead); `none`: one scale for all recordings, taken from training.",
    )
    clip: float = Field(20.0, gt=0, description="`session`: values beyond so many spreads are cut.")
    quality_channel: bool = Field(
        False, description="A further channel that is 1 where the epoch has a quality flag."
    )

    def name_channels(self, sources: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of what is prepared from so many channels."""
        return (*sources, QUALITY) if self.quality_channel else sources

    @model_validator(mode="after")
    def _check(self) -> SignalInputOptions:
        """Check that there is one source of samples."""
        if bool(self.channels) == (self.array is not None):
            raise ValueError("an input names either `channels` or an `array`")
        unknown = {*self.optional, *self.bands_hz} - {*self.channels}
        if unknown:
            raise ValueError(f"not among `channels`: {', '.join(sorted(unknown))}")
        return self


class SpectrogramInputOptions(Options):
    """The spectrogram around an epoch, brought or computed, as log power."""

    array: str = Field("spectrogram", description="The array's name.")
    every: tuple[int, int] = Field(
        (2, 4), description="So many frequencies, and frames, are averaged into one."
    )


class NetworkInputOptions(Options):
    """The inputs of networks over samples; none, and nothing is prepared."""

    signal: SignalInputOptions | None = Field(None, description="Samples; null: none.")
    spectrogram: SpectrogramInputOptions | None = Field(
        None, description="The spectrogram around the epoch; null: none."
    )

    @property
    def listed(self) -> tuple[str, ...]:
        """The inputs that are prepared."""
        return tuple(name for name in ("signal", "spectrogram") if getattr(self, name) is not None)

    @property
    def filtered(self) -> bool:
        """Whether the signal is filtered, or brought to another rate."""
        signal = self.signal
        return signal is not None and bool(
            signal.band_hz or signal.bands_hz or signal.notch_hz or signal.sfreq
        )

    @property
    def looks_ahead(self) -> bool:
        """Whether an input of an epoch depends on what comes after it."""
        ahead = self.signal is not None and self.signal.normalise == "session"
        return ahead or self.spectrogram is not None
