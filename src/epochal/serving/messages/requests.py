"""What may be asked in JSON: epochs as features, as signals, or as the harmful-EEG document has it.

Numbers are finite; null is a missing value.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from epochal.recording import DataSource

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Row = dict[str, Number | None]
Samples = Annotated[list[Number | None], Field(min_length=1, fail_fast=True)]
Rate = Annotated[float, Field(strict=True, ge=0.1, le=100_000)]
Plane = Annotated[
    list[Annotated[list[Number | None], Field(fail_fast=True)]], Field(min_length=1, fail_fast=True)
]
Cube = Annotated[list[Plane], Field(min_length=1, fail_fast=True)]


class Message(BaseModel):
    """A body that holds nothing but what is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Matrix(Message):
    """Rows of numbers, and the names of their columns."""

    columns: list[str] = Field(min_length=1, description="The features' names.")
    rows: Plane = Field(description="A row per epoch, each with a number or null per column.")

    @model_validator(mode="after")
    def _check(self) -> Matrix:
        """Check that the names are different and that every row has a value for each."""
        twice = [name for name, n_times in Counter(self.columns).items() if n_times > 1]
        if twice:
            raise ValueError(f"column '{twice[0]}' is named twice")
        n_columns = len(self.columns)
        odd = next((at for at, row in enumerate(self.rows) if len(row) != n_columns), None)
        if odd is not None:
            given = len(self.rows[odd])
            raise ValueError(f"row {odd} has {given} values; there are {n_columns} columns")
        return self


def _form_of(value: Any) -> str | None:
    if isinstance(value, Matrix) or (isinstance(value, dict) and {"columns", "rows"} <= set(value)):
        return "matrix"
    if isinstance(value, list):
        return "rows"
    return "row" if isinstance(value, dict) else None


Features = Annotated[
    Annotated[Row, Tag("row")]
    | Annotated[list[Row], Field(min_length=1, fail_fast=True), Tag("rows")]
    | Annotated[Matrix, Tag("matrix")],
    Discriminator(
        _form_of,
        custom_error_type="features_form",
        custom_error_message="give a row {column: number}, a list of rows, or {columns, rows}",
    ),
]


class Sample(Message):
    """Epochs in one form: `features`, `signals` with `sfreq`, or `eeg_data`."""

    features: Features | None = Field(
        None,
        description="One row `{column: number}`, several, or `{columns, rows}`; the columns of the "
        "model, null where a value is missing.",
    )
    signals: dict[str, Samples] | None = Field(
        None,
        min_length=1,
        max_length=512,
        description="Samples by channel: EEG, EOG, EMG and ECG in `unit`, others as the bundle's "
        "training had them (uS, degC, g). As many whole epochs as they hold are answered.",
    )
    sfreq: Rate | dict[str, Rate] | None = Field(
        None, description="Sampling rate in Hz: one for all channels, or each channel's."
    )
    unit: Literal["uV", "mV", "V"] = Field("uV", description="Of EEG, EOG, EMG and ECG.")
    age: float | None = Field(
        None, ge=0, le=130, description="Years; for models that ask for it; with `signals`."
    )
    sex: Literal["F", "M"] | None = Field(None, description="As `age`.")
    eeg_data: Plane | None = Field(
        None,
        description="50 s at 200 Hz in uV, 19 x 10000 or 10000 x 19 (a twentieth: EKG), in the "
        "order of the HMS files: Fp1 F3 C3 P3 F7 T3 T5 O1 Fz Cz Pz Fp2 F4 C4 P4 F8 T4 T6 O2.",
    )
    spectrogram_data: Plane | Cube | None = Field(
        None,
        description="With `eeg_data`: the ten minutes around it, power in uV^2/Hz, 400 x 300 "
        "(regions LL RL LP RP of 100 frequencies each, 300 frames) or 300 x 400. A picture, "
        "3 x 224 x 224, is taken but not used, and the answer says so. May be left out.",
    )
    data_source: DataSource = Field("real", description="Say so where what is sent is simulated.")

    @model_validator(mode="after")
    def _check(self) -> Sample:
        """Check that there is one form, and what goes with it."""
        self._refuse_other_than_one(("features", "signals", "eeg_data"))
        return self

    def _refuse_other_than_one(self, forms: tuple[str, ...]) -> None:
        given = [name for name in forms if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give one of {', '.join(forms)}; given: {', '.join(given) or 'none of them'}"
            )
        goes_with = {"sfreq": "signals", "spectrogram_data": "eeg_data", "age": "signals",
                     "sex": "signals"}  # fmt: skip
        for name, needed in goes_with.items():
            if getattr(self, name) is not None and needed not in given:
                raise ValueError(f"'{name}' goes with '{needed}'; given: {given[0]}")
        if "signals" in given and self.sfreq is None:
            raise ValueError("'signals' need 'sfreq', their sampling rate in Hz")


class PredictRequest(Sample):
    """One epoch."""


class BatchRequest(Sample):
    """Epochs that follow one another in one form, or `samples` that do not."""

    samples: list[Sample] | None = Field(
        None,
        min_length=1,
        description="Single epochs that know nothing of one another, each as for `/predict`.",
    )

    @model_validator(mode="after")
    def _check(self) -> BatchRequest:
        """Check that there is one form."""
        self._refuse_other_than_one(("features", "signals", "eeg_data", "samples"))
        return self


class DriftRequest(Message):
    """Epochs in a row, as features."""

    features: Features = Field(description="As for `/predict`; drift is told from ten epochs on.")
    data_source: DataSource = Field("real", description="Say so where what is sent is simulated.")
