"""What a stream brings: its channels, and whether a bundle can score it as it comes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationError, field_validator

from epochal.checksums import SIGNAL_SHA256
from epochal.errors import EpochalError
from epochal.options.base import Options
from epochal.readers.edf_units import parse_unit
from epochal.recording import Channel, DataSource, Recording
from epochal.serving.bundle import Scorer

MOST_CHANNELS = 256
# what a recording's metadata may say that a stream's results rest on
KNOWN = ("age", "sex", "lights_on_s", "lights_off_s", SIGNAL_SHA256)
HIGHEST_SFREQ = 50_000.0
_ID = re.compile(r"[\w.+-]{1,80}")


class StreamChannel(Options):
    """One channel of a stream."""

    sfreq: float = Field(gt=0, le=HIGHEST_SFREQ, description="Samples per second.")
    unit: str = Field(
        "uV", max_length=16, description="`uV` (or `mV`, `V`, which become it), `uS`, `g`, `degC`…"
    )
    start_s: float = Field(
        0.0, ge=0, le=86_400, description="When its first sample lies, in seconds from the start."
    )


class Declaration(Options):
    """What is said of a stream before its first sample."""

    channels: dict[Annotated[str, Field(min_length=1, max_length=80)], StreamChannel] = Field(
        min_length=1, max_length=MOST_CHANNELS, description="By name; what a bundle does not use "
        "may be there."
    )  # fmt: skip
    recording_id: str = Field("stream", description="A name for the results; of no person.")
    started_at: datetime | None = Field(None, description="Local time of the start, if it counts.")
    age: float | None = Field(None, ge=0, le=130, description="In years.")
    sex: str | None = Field(None, pattern="^[FM]$", description="F or M.")
    lights_on_s: float | None = Field(None, description="Of animals: seconds from the start.")
    lights_off_s: float | None = Field(None, description="Of animals: seconds from the start.")
    data_source: DataSource = Field("real", description="real or simulated.")
    signal_sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="Of a recorded file: its signals' hash, which tells whether training saw it.",
    )
    allow_substitution: bool = Field(
        False, description="Let another derivation stand in for a missing one; epochs then say so."
    )

    @field_validator("recording_id")
    @classmethod
    def _name_a_file(cls, given: str) -> str:
        if not _ID.fullmatch(given):
            raise ValueError("letters, digits, and any of . _ + - (80 at most)")
        return given

    def factors(self) -> dict[str, float]:
        """Return what each channel's numbers are multiplied by."""
        return {name: parse_unit(one.unit).factor for name, one in self.channels.items()}

    def recording(self) -> Recording:
        """Return the recording that the stream is, without a sample yet."""
        metadata = {name: getattr(self, name) for name in KNOWN if getattr(self, name) is not None}
        return Recording(
            self.recording_id,
            self.recording_id,
            tuple(self._channel(name) for name in self.channels),
            start=self.started_at,
            metadata=metadata,
            data_source=self.data_source,
        )

    def _channel(self, name: str) -> Channel:
        one = self.channels[name]
        nothing = np.empty(0, dtype=np.float32)
        return Channel(name, parse_unit(one.unit).unit, one.sfreq, nothing, one.start_s)


def declare(given: dict[str, Any] | Declaration) -> Declaration:
    """Return a checked declaration; a fault in it raises `EpochalError` that says where."""
    if isinstance(given, Declaration):
        return given
    try:
        return Declaration.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "start"
        raise EpochalError(f"{where}: {first['msg']}") from error


def refuse_unstreamable(scorer: Scorer) -> None:
    """Raise `EpochalError` where a bundle's answers need what only the whole recording has."""
    manifest, options = scorer.manifest, scorer.manifest.feature_engineering
    why = None
    if any(signal.array for signal in options.signals.values()) or not options.channels:
        why = "its features are not computed from channels"
    elif not manifest.causal:
        why = f"its headline model '{manifest.headline}' or its filters look ahead (causal: false)"
    elif options.looks_ahead:
        why = "its signals are made by what sees the whole recording"
    elif manifest.ingestion.quality.reference != "window":
        why = "its quality flags compare with the whole recording (quality.reference)"
    elif _looking_ahead(scorer):
        why = f"its answers are smoothed by {', '.join(_looking_ahead(scorer))}"
    if why is not None:
        raise EpochalError(
            f"The bundle of '{manifest.study}' cannot score a stream: {why}. A stream takes a "
            "bundle with `causal: true`: feature_engineering.filters=causal, and "
            "serving_export.causal_only=true"
        )


def _looking_ahead(scorer: Scorer) -> list[str]:
    """Name the smoothings behind the answers that are no forward filter."""
    adaptation = scorer.manifest.adaptation
    stage = None if adaptation is None else adaptation.last_stage
    names = [scorer.manifest.headline, *(stage.models if stage else [])]
    kinds = [
        scorer.manifest.smoothing[name].kind for name in names if name in scorer.manifest.smoothing
    ]
    return sorted({kind for kind in kinds if kind != "forward"})
