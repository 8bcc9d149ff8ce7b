"""The parts of a bundle's manifest: its models, its channels, and what it says of its training."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from epochal.models.calibrators import Calibration
from epochal.options.base import Options

Precision = Literal["float", "int8"]
Figures = dict[str, float | int | None]


class SequenceEntry(Options):
    """How a network over windows is to be given a recording."""

    inputs: list[str] = Field(description="signal, spectrogram, features: in the network's order.")
    length: int = Field(1, ge=1, description="Epochs in a sequence.")
    causal: bool = Field(False, description="Its sequences end with the epoch, as in a stream.")


class QuantisedEntry(Options):
    """A model's second file, with weights of 8 bits, and what it was found to be worth."""

    file: str
    agreement: float = Field(description="Share of epochs whose label is the float file's.")
    largest_difference: float = Field(description="Of a probability, over the same epochs.")
    n_epochs: int = Field(description="Epochs that the two were compared on.")
    compared_on: str = Field(description="Whose epochs: `test`, `val`, or `train` subjects'.")
    size_ratio: float = Field(description="Its bytes, by those of the float file.")
    latency_ratio: float = Field(description="Its time for one epoch, by the float file's.")


class ModelEntry(Options):
    """One exported model."""

    name: str
    family: str
    kind: str = Field("", description="A name in the family's roster; empty in older bundles.")
    file: str
    columns: list[str]
    classes: list[int] = Field(description="Class numbers that training held, in output order.")
    causal: bool
    base_models: list[str] = Field(default_factory=list, description="A stack's, in frozen order.")
    calibration: Calibration | None = None
    sequence: SequenceEntry | None = Field(
        None, description="Of a network over windows; it sees `columns` beside them."
    )
    metrics: dict[str, Figures] = Field(
        default_factory=dict, description="Main figures by role: oof, val, test."
    )
    quantised: QuantisedEntry | None = None


class ChannelEntry(Options):
    """A channel of a recording, as training met it."""

    name: str
    required: bool = Field(description="Without it nothing is scored.")
    aliases: list[str] = Field(
        default_factory=list, description="Other spellings of the same derivation."
    )
    substitutes: list[str] = Field(
        default_factory=list, description="Other derivations that may stand in, where allowed."
    )
    unit: str = ""
    sfreq_hz: tuple[float, float] | None = Field(
        None, description="The lowest and the highest rate in training; null: not known."
    )


class TrainingFacts(Options):
    """Whom and what the models learnt from: subjects in the role `train`."""

    n_subjects: int
    n_recordings: int
    n_epochs: int = Field(description="Labelled ones.")
    epochs_per_class: dict[str, int]
    transitions: list[list[float]] = Field(
        description="Shares of the next epoch's class; rows: from."
    )
    age_years: tuple[float, float, float] | None = Field(
        None, description="Least, median and greatest; null: not known."
    )
    subjects_per: dict[str, dict[str, int]] = Field(
        default_factory=dict, description="Subjects by what is known of them: sex, site, strain."
    )


class Stratum(Options):
    """The headline's out-of-fold figures among some of the subjects."""

    name: str = Field(description="Such as `sex F` or `age 40 to 60`.")
    n_subjects: int
    n_epochs: int
    kappa: float
    accuracy: float
    macro_f1: float


class Confusion(Options):
    """A class that is taken for another one, out of fold."""

    label: str
    taken_for: str
    share: float = Field(description="Of the epochs of that label.")


class LastStage(Options):
    """A multinomial logistic regression over the log probabilities of some models.

    The probabilities are softmax(Σ over models of log p · weights + offset).
    """

    models: list[str] = Field(description="The headline first.")
    weights: list[list[float]] = Field(description="`(n_models · n_classes, n_classes)`.")
    offset: list[float]

    def apply(self, proba: list[np.ndarray]) -> np.ndarray:
        """Return `(n_epochs, n_classes)` of the models' probabilities, in their order."""
        from epochal.models.calibrators import LEAST, softmax

        given = np.log(np.maximum(np.concatenate(proba, axis=1), LEAST))
        return softmax(given @ np.array(self.weights) + np.array(self.offset))


class Adaptation(Options):
    """What a lab's own scoring changed in the headline's answers."""

    kind: str = Field(description="`temperature`, `vector`, `prior` or `refit`.")
    calibration: Calibration | None = None
    last_stage: LastStage | None = None
    prior: Literal["bundle", "labels"] = Field(
        "labels", description="Whose shares of classes the answers assume."
    )
    n_recordings: int
    n_epochs: int
    epochs_per_class: dict[str, int]
    recordings: list[str] = Field(description="SHA-256 of the signals adapted on.")
    labels: list[str] = Field(description="SHA-256 of the files of labels.")
    data_source: str
    cross_fitted_by: str = Field(description="`recording`, or `block` of following epochs.")
    before: Figures = Field(description="Of the labelled epochs, with the bundle as it was.")
    after: Figures = Field(description="Of the same, each adapted without its recording or block.")
    adapted_from: str = Field(description="SHA-256 of the manifest that this one was made of.")
