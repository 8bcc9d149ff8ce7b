"""How figures are computed, and what is exported."""

from __future__ import annotations

from pydantic import Field

from epochal.options.base import Options


class EvaluationOptions(Options):
    """How figures are computed and shown."""

    n_bootstrap: int = Field(1000, ge=0, description="Resamples of subjects for the intervals.")
    n_calibration_bins: int = Field(15, ge=2, description="Bins of the calibration error.")


class ExportOptions(Options):
    """What goes into the bundle."""

    model: str | None = Field(None, description="The headline model; null: best out of fold.")
    causal_only: bool = Field(False, description="Choose among causal models only.")
    parity_rows: int = Field(
        500, ge=1, description="Real rows on which ONNX must equal the original."
    )
