"""What of the heart and the eyes is taken out of the EEG, and how."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from epochal.options.base import Options


class ArtefactOptions(Options):
    """Removal of what other channels record better than the brain does: heart and eyes."""

    method: Literal["regression", "ica"] = Field(
        "regression",
        description="`regression`: subtract what the references explain of each EEG channel, least "
        "squares. `ica`: take out the independent components that follow a reference.",
    )
    references: tuple[str, ...] = Field(
        ("EKG",),
        min_length=1,
        description="The channels that record the artefacts: EKG, EOG… A frontal EEG channel will "
        "do for the eyes, but frontal brain activity then goes too.",
    )
    required: bool = Field(
        True,
        description="False: references that a recording lacks are done without, and it says so.",
    )
    low_hz: float = Field(
        3.0,
        gt=0,
        description="What is slower is neither compared nor subtracted. For the heart, 3 Hz leaves "
        "out the drift that body movement brings into all channels; eyes need 0.5 Hz.",
    )
    lag_s: float = Field(
        0.03,
        ge=0,
        le=1,
        description="How much earlier or later an artefact may reach the EEG than its reference.",
    )
    min_correlation: float = Field(
        0.4, gt=0, le=1, description="`ica`: of a component with a reference, to be taken out."
    )
    seed: int = Field(0, ge=0, description="`ica`: where its search starts.")
