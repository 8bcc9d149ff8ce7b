"""Which derivations are made of the channels that were recorded."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from epochal.options.base import Options


class Montage(Options):
    """Which derivations to make of the channels that were recorded."""

    reference: Literal["average"] | tuple[str, ...] = Field(
        (),
        description="Subtract from every EEG channel the mean of these electrodes, e.g. M1 and M2, "
        "or of all EEG electrodes (`average`); empty: no re-referencing",
    )
    bipolar: Literal["double banana"] | tuple[str, ...] = Field(
        (), description="Differences such as `Fp1-F7`, or the double banana's eighteen"
    )
    keep: Literal["others", "all", "none"] = Field(
        "others", description="Pass on the other channels (EOG, ECG…), all of them, or none"
    )
