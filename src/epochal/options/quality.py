"""When an epoch of a channel is flagged, what its quality is measured by, and what follows."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from epochal.options.base import Options

Fault = Literal["missing", "flat", "saturated", "motion_burst", "line_noise", "pop"]
Kind = Literal[
    "eeg", "eog", "emg", "ecg", "bvp", "eda", "temperature", "acceleration",
    "rodent_eeg", "rodent_emg", "other",
]  # fmt: skip
FAULTS: tuple[Fault, ...] = get_args(Fault)


class Limits(Options):
    """What is believable of one kind of channel, in its unit (uV, uS, degC, g); null: not judged.

    A window is looked at in pieces of `piece_s`; a piece's span is its max − min.
    """

    piece_s: float = Field(1.0, gt=0, description="How long the pieces of a window are.")
    lowest: float | None = Field(None, description="Values below this are not believable.")
    highest: float | None = Field(None, description="Values above this are not believable.")
    flat_span: float = Field(0.0, ge=0, description="A piece of no larger span is flat.")
    flat_share: float | None = Field(
        1.0, gt=0, le=1, description="Flat: at least this share of a window's pieces is."
    )
    clips: bool = Field(True, description="Whether samples piled on an extreme mean saturation.")
    rails: tuple[float, ...] = Field(
        (), description="± what the sensor clips at; empty: it may clip anywhere."
    )
    largest_span: float | None = Field(
        None, gt=0, description="Motion burst: a piece spans more than this."
    )
    burst_ratio: float | None = Field(
        None,
        gt=0,
        description="Motion burst: a piece spans more than this times the reference, which is the "
        "window's lower quartile of spans. EDA: it falls by more than this share in a second; a "
        "rise counts a seventh.",
    )
    burst_least: float = Field(0.0, ge=0, description="…and more than this.")
    burst_slow_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="…and this share of its span is slow (means of 0.1 s): muscle is fast.",
    )
    pop_ratio: float | None = Field(
        None,
        ge=0,
        description="Pop: a jump within 10 ms (two samples at least) that stays, of more than this "
        "times the reference, which is the mean change over such a lag.",
    )
    pop_least: float = Field(
        0.0, ge=0, description="…and of more than this. EDA: of its natural logarithm."
    )
    line_share: float | None = Field(
        None, gt=0, le=1, description="Line noise: the mains hold more than this share of power."
    )
    band_hz: tuple[float, float] | None = Field(
        None,
        description="Where this kind's power lies; the index falls by what lies outside. Of a band "
        "from 0.5 Hz on, white noise leaves nothing of the index.",
    )


_EEG = Limits(
    flat_span=1.0, flat_share=0.1, largest_span=800.0, burst_ratio=4.0, burst_least=300.0,
    pop_ratio=12.0, pop_least=40.0, line_share=0.1, band_hz=(0.5, 30.0),
)  # fmt: skip
_EMG = Limits(
    flat_span=0.2, flat_share=0.1, largest_span=5000.0, burst_ratio=3.5, burst_least=350.0,
    burst_slow_share=0.3, pop_ratio=8.0, pop_least=60.0, line_share=0.3, band_hz=(10.0, 1000.0),
)  # fmt: skip
_PULSE = Limits(piece_s=2.0, flat_share=0.25, burst_ratio=8.0)

# Chosen by looking at the recordings that docs/explanation/signal-quality.md lists.
KIND_LIMITS: dict[str, Limits] = {
    "eeg": _EEG,
    # Rapid eye movements stand far out of a quiet window.
    "eog": _EEG.model_copy(
        update={"burst_ratio": 5.0, "burst_least": 500.0, "largest_span": 1500.0}
    ),
    "emg": _EMG,
    "ecg": Limits(
        piece_s=2.0,
        flat_span=10.0,
        flat_share=0.2,
        largest_span=10_000.0,
        burst_ratio=4.0,
        pop_ratio=12.0,
        pop_least=100.0,
        line_share=0.2,
    ),
    "bvp": _PULSE,
    # Range after Kleckner et al. 2018, doi:10.1109/TBME.2017.2758643. A fall of more than 10 % a
    # second is no physiology after Kocielnik et al. (CBMS 2013); still wrists here reach 9 %.
    "eda": Limits(
        lowest=0.05,
        highest=60.0,
        flat_share=0.5,
        clips=False,
        burst_ratio=0.15,
        pop_ratio=0.0,
        pop_least=0.45,
    ),
    # Skin or rectum; true temperature stands still, so that a flat one tells nothing.
    "temperature": Limits(
        lowest=20.0, highest=43.0, flat_share=None, clips=False, pop_ratio=0.0, pop_least=0.5
    ),
    # At rest an axis sits on its extreme: only a sensor's own range is a rail.
    "acceleration": Limits(lowest=-16.5, highest=16.5, rails=(2.0, 4.0, 8.0, 16.0)),
    # Epidural screws give more, and a window of 10 s is of one state.
    "rodent_eeg": _EEG.model_copy(
        update={
            "largest_span": 2000.0,
            "burst_ratio": 3.0,
            "burst_least": 300.0,
            "band_hz": (0.5, 40.0),
        }
    ),
    "rodent_emg": _EMG.model_copy(update={"burst_ratio": 3.0, "pop_least": 150.0}),
    "other": Limits(),
}


class QualityOptions(Options):
    """When an epoch of a channel is flagged, and what follows from it."""

    channels: tuple[str, ...] = Field((), description="The channels that are looked at.")
    kinds: dict[str, Kind] = Field(
        default_factory=dict,
        description="What a channel is, where its name and unit do not tell: `{EEG: rodent_eeg}`.",
    )
    faults: tuple[Fault, ...] = Field(FAULTS, description="The faults that are looked for.")
    policy: Literal["flag", "drop", "feature"] = Field(
        "flag",
        description="`flag`: columns `quality_<fault>` and `sqi`, the worst channel's index. "
        "`drop`: epochs with a fault lose their label, too. `feature`: flags and each channel's "
        "`sqi_<channel>` become features, too.",
    )
    absent: Literal["refuse", "missing"] = Field(
        "refuse",
        description="A recording without one of `channels` is an error, or `missing` throughout.",
    )
    index: bool = Field(True, description="Compute the signal-quality index, in [0, 1].")
    reference: Literal["window", "recording"] = Field(
        "window",
        description="What bursts and pops stand out of: the window itself (causal), or the median "
        "over the recording's windows (not causal). Neither sees labels or the order in time.",
    )
    flat_span: float = Field(1e-6, ge=0, description="Flat: max − min up to this, in any unit.")
    saturated_share: float = Field(
        0.05, gt=0, le=1, description="Saturated: at least this share of samples is clipped."
    )
    mains_hz: tuple[float, ...] = Field((50.0, 60.0), description="Where line noise is looked for.")
    limits: dict[Kind, Limits] = Field(
        default_factory=dict,
        description="Other limits than a kind's own: `{eeg: {burst_ratio: 6}}`.",
    )

    @field_validator("limits", mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        """Fill what is not given with the kind's own limits."""
        if not isinstance(given, dict):
            return given
        return {kind: _fill(kind, limits) for kind, limits in given.items()}

    def limits_of(self, kind: Kind) -> Limits:
        """Return the limits of a kind of channel."""
        return self.limits.get(kind, KIND_LIMITS[kind])


def _fill(kind: Any, limits: Any) -> Any:
    if not isinstance(limits, dict) or kind not in KIND_LIMITS:
        return limits
    return {**KIND_LIMITS[kind].model_dump(), **limits}
