"""How figures are computed, and what is exported."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from epochal.options.base import Options
from epochal.options.features import SignalOptions
from epochal.options.ingestion import TrimOptions
from epochal.options.quality import QualityOptions

SetScore = Literal["aps", "lac"]


class SetOptions(Options):
    """What a prediction set has to hold."""

    coverage: float = Field(
        0.9, gt=0, lt=1, description="Share of epochs whose set holds the true class."
    )
    score: SetScore = Field(
        "aps",
        description="What a class is ranked by: `aps`, the probability of all that are more "
        "probable; `lac`, its own probability (smaller sets, rare classes left out).",
    )
    subject_floor: float = Field(
        0.8, ge=0, lt=1, description="Coverage that most single subjects must reach."
    )
    subject_share: float = Field(
        0.8, ge=0, lt=1, description="How many of the subjects must reach it; 0: none."
    )
    per_class: bool = Field(
        False, description="Hold all this within every true class: rare ones too, in larger sets."
    )


class ExplanationOptions(Options):
    """Which epochs are explained."""

    n_epochs: int = Field(
        200,
        ge=0,
        description="Epochs of subjects that the model has not seen, drawn at random; 0: none.",
    )
    model: str | None = Field(
        None, description="The model; null: the headline, or the best that can be explained."
    )


class EvaluationOptions(Options):
    """How figures are computed and shown."""

    n_bootstrap: int = Field(1000, ge=0, description="Resamples of subjects for the intervals.")
    n_calibration_bins: int = Field(15, ge=2, description="Bins of the calibration error.")
    sets: SetOptions = SetOptions()
    explanation: ExplanationOptions = ExplanationOptions()
    wanted_error: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Share of errors to allow among the epochs that are not abstained from.",
    )
    vote_edges: tuple[int, ...] = Field(
        (10,),
        description="Numbers of votes from which a new band begins, where epochs hold votes.",
    )


class RawOptions(Options):
    """How raw recordings give the columns of a table that somebody else computed."""

    recording_kind: str = Field(description="Of the recordings that the bundle scores.")
    reader: str = Field(description="A name in `readers.READERS`.")
    reader_options: dict[str, Any] = Field(default_factory=dict, description="The reader's own.")
    signals: dict[str, SignalOptions] = Field(
        min_length=1, description="What computes the table's columns, by the same definitions."
    )
    quality: QualityOptions = QualityOptions()
    trim: TrimOptions | None = Field(
        None, description="What the table leaves out at both ends: no drift where it is met."
    )
    substitutes: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="As in `ingestion`."
    )
    name_subjects: bool = Field(
        False,
        description="Let the bundle tell its training subjects' files by their names, where these "
        "are public pseudonyms.",
    )


class ExportOptions(Options):
    """What goes into the bundle."""

    raw: RawOptions | None = Field(
        None,
        description="Of a study of a table: the bundle scores raw recordings, and no tables.",
    )
    population: str = Field("", description="Whom the models learnt from, for the model card.")
    licences: tuple[str, ...] = Field(
        (), description="A line for each data set: its name, licence and source."
    )
    model: str | None = Field(None, description="The headline model; null: best out of fold.")
    causal_only: bool = Field(False, description="Choose among causal models only.")
    parity_rows: int = Field(
        500, ge=1, description="Real rows on which ONNX must equal the original."
    )
    int8: bool = Field(
        False,
        description="Write networks with weights of 8 bits too, where their labels agree with the "
        "float ones on nearly all epochs.",
    )
    int8_agreement: float = Field(
        0.99, gt=0, le=1, description="On how many: of subjects held out, where there are any."
    )
    precision: Literal["float", "int8"] = Field(
        "float", description="Which of a model's two files serves."
    )
