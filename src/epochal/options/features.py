"""Which features are computed from which signals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from epochal.options.artefacts import ArtefactOptions
from epochal.options.base import Options
from epochal.options.montage import Montage
from epochal.options.network_inputs import NetworkInputOptions

Epochs = Annotated[int, Field(ge=1)]


class SignalOptions(Options):
    """One channel, or several taken together, and the features computed from it."""

    channels: tuple[str, ...] = Field((), description="Canonical channel names.")
    array: str | None = Field(
        None,
        description="Instead of channels: an array that the recording brings, epochs first "
        "(`windows`, `spectrogram`).",
    )
    band_hz: tuple[float | None, float | None] | None = Field(
        None, description="Band-pass before the features; null on a side leaves it open."
    )
    notch_hz: float | None = Field(None, gt=0, description="Mains, with its harmonics.")
    sfreq: float | None = Field(
        None,
        gt=0,
        description="Rate in Hz that the channels are brought down to first, for features that are "
        "defined per sample; a slower channel is refused. Null: each keeps its own. With "
        "`filters: causal` it comes after the filter and must divide the channel's rate, and "
        "`band_hz` must end below half of it.",
    )
    features: tuple[str, ...] = Field(min_length=1, description="Names in `features.FEATURE_SETS`.")
    window_s: float | None = Field(
        None,
        gt=0,
        description="Compute over this long a window around the epoch, not the epoch; its columns "
        "end in `__centred<n>s`, or `__past<n>s` for a trailing one.",
    )
    trailing: bool = Field(
        False, description="The long window ends with the epoch: it does not look ahead."
    )
    envelope: bool = Field(
        False,
        description="A muscle envelope of 1 Hz, as Sleep-EDFx cassettes hold it; a faster channel "
        "is high-passed at 10 Hz, rectified and averaged to 1 Hz first.",
    )
    required: bool = Field(True, description="False: a recording without it gets NaN columns.")

    @model_validator(mode="after")
    def _check(self) -> SignalOptions:
        """Check that there is one source of samples, and nothing that an array cannot obey."""
        if bool(self.channels) == (self.array is not None):
            raise ValueError("a signal names either `channels` or an `array`")
        if self.array is not None and (
            self.band_hz or self.notch_hz or self.window_s or self.envelope or self.sfreq
        ):
            raise ValueError(
                "an `array` is already cut: no filter, rate, window or envelope applies"
            )
        return self


class SessionOptions(Options):
    """Which stretch of a long recording counts as the session, for z-scores over it."""

    length_s: float = Field(gt=0, description="Its length; a shorter recording counts whole.")
    lowest: tuple[str, ...] = Field(
        min_length=1,
        description="The stretch is the one in which these columns are lowest (mean of ranks): of "
        "a day's EEG, mobility finds the night.",
    )


class ContextOptions(Options):
    """What an epoch's features say of its neighbours and of its recording."""

    columns: tuple[str, ...] = Field(
        ("*",), description="Patterns of the columns that get context."
    )
    normalise: tuple[Literal["session", "calibration", "running"], ...] = Field(
        (),
        description="Robust z-scores: over the whole session (not causal), against its start, or "
        "against the minutes just past.",
    )
    session: SessionOptions | None = Field(
        None, description="What of a recording `session` is scored against; null: all of it."
    )
    calibration_s: float = Field(300.0, gt=0, description="How long the calibration period is.")
    running_s: float = Field(
        1800.0, gt=0, description="How far back `running` looks; its first sixth is not scored."
    )
    causal_epochs: tuple[Epochs, ...] = Field(
        (), description="Trailing statistics over so many epochs, this one included."
    )
    causal_statistics: tuple[Literal["mean", "sd", "max"], ...] = Field(
        ("mean",), min_length=1, description="Which trailing statistics."
    )
    centred_epochs: tuple[Epochs, ...] = Field((), description="Centred mean: it looks ahead.")
    triangular_epochs: tuple[Epochs, ...] = Field(
        (), description="Centred mean with triangular weights: it looks ahead."
    )
    lags: tuple[int, ...] = Field(
        (), description="The values so many epochs ago; below 0, so many ahead."
    )


class FeatureOptions(Options):
    """The features of a study."""

    montage: Montage | None = Field(
        None, description="Re-referencing and bipolar derivations, before the signals are taken."
    )
    artefacts: ArtefactOptions | None = Field(
        None, description="Heart and eyes taken out of the EEG, after the montage."
    )
    signals: dict[str, SignalOptions] = Field(default_factory=dict)
    filters: Literal["zero_phase", "causal"] = Field(
        "zero_phase",
        description="`zero_phase` looks ahead by some seconds, for whole recordings; `causal` "
        "filters forwards alone, and gives a stream the same numbers.",
    )
    demographics: bool = Field(False, description="Age and sex as columns.")
    clock: bool = Field(
        False,
        description="Hours since the recording began, and the time of day. Never where the tasks "
        "of a protocol follow a fixed order.",
    )
    light: bool = Field(False, description="Whether the lights are on, for animals.")
    context: ContextOptions = ContextOptions()
    network_inputs: NetworkInputOptions = Field(
        NetworkInputOptions(), description="What networks over samples see of an epoch."
    )
    drop: tuple[str, ...] = Field((), description="Patterns of columns to leave out.")

    @model_validator(mode="after")
    def _check(self) -> FeatureOptions:
        """Check that with causal filters nothing folds into the band at a lower rate."""
        for place, sfreq, high_hz in self._slowed() if self.causal_filters else ():
            if high_hz is None or high_hz >= sfreq / 2:
                raise ValueError(
                    f"{place}: with `filters: causal`, `sfreq: {sfreq:g}` takes every n-th sample; "
                    f"`band_hz` must end below {sfreq / 2:g} Hz (it ends at {high_hz or 'null'})"
                )
        return self

    def _slowed(self) -> Iterator[tuple[str, float, float | None]]:
        """Name what is brought to a rate, with the rate and the upper edge of its band."""
        for name, one in self.signals.items():
            if one.sfreq:
                yield f"signals.{name}", one.sfreq, (one.band_hz or (None, None))[1]
        inputs = self.network_inputs.signal
        if inputs is not None and inputs.sfreq:
            for name in inputs.channels:
                band_hz = inputs.bands_hz.get(name, inputs.band_hz) or (None, None)
                yield f"network_inputs.signal, channel '{name}'", inputs.sfreq, band_hz[1]

    @property
    def channels(self) -> list[str]:
        """The channels that the features and networks need, each once."""
        named = [name for s in self.signals.values() for name in s.channels]
        signal = self.network_inputs.signal
        return list(dict.fromkeys([*named, *(signal.channels if signal else ())]))

    @property
    def causal_filters(self) -> bool:
        """Whether filters look back only."""
        return self.filters == "causal"

    @property
    def looks_ahead(self) -> bool:
        """Whether some signal depends on samples that come after, by filter or otherwise.

        Artefacts are taken out by what holds for a whole run; a spectrogram lies around its epoch.
        """
        if self.artefacts is not None or any(
            s.array == "spectrogram" for s in self.signals.values()
        ):
            return True
        filtered = any(
            s.band_hz or s.notch_hz or s.envelope or s.sfreq for s in self.signals.values()
        )
        return (filtered or self.network_inputs.filtered) and not self.causal_filters
