"""How networks over samples are trained: the loop, the loss, the rows, and what comes before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from epochal.options.base import Options

# By option, the kinds (or tasks) that read it; with another it would be passed over in silence.
_SAMPLING_READ_BY = {
    "classes": ("oversample",),
    "factor": ("oversample",),
    "hard_power": ("hard",),
    "uniform_share": ("hard",),
    "first_epochs": ("hard", "two_stage"),
    "min_votes": ("two_stage",),
}
_PRETRAINING_READ_BY = {
    **dict.fromkeys(
        ("max_epochs", "batch_size", "learning_rate", "weight_decay"), ("masked", "byol")
    ),
    **dict.fromkeys(("masked_share", "span_s", "target", "target_hz"), ("masked",)),
    **dict.fromkeys(("momentum", "augmentations"), ("byol",)),
}


class SequenceOptions(Options):
    """How many neighbouring epochs a network is given at once."""

    n_epochs: int = Field(
        1, ge=1, description="Epochs in a sequence; 1 for a network that sees each by itself."
    )
    stride: int | None = Field(
        None,
        ge=1,
        description="Epochs between the starts of two training sequences; null: as many as a "
        "sequence has, so that they do not overlap.",
    )

    @property
    def step(self) -> int:
        """Epochs between the starts of two training sequences."""
        return self.n_epochs if self.stride is None else self.stride

    @model_validator(mode="after")
    def _check(self) -> SequenceOptions:
        """Check that no epoch falls between two sequences."""
        if self.step > self.n_epochs:
            raise ValueError(
                f"a stride of {self.stride} leaves out epochs between sequences of {self.n_epochs}"
            )
        return self


class TrainingOptions(Options):
    """The loop that trains a network: AdamW, and when it stops."""

    max_epochs: int = Field(20, ge=1, description="The most passes over the training rows.")
    max_minutes: float | None = Field(
        None, gt=0, description="Stop after so long, whatever was reached; null: no such limit."
    )
    batch_size: int = Field(
        64, ge=1, description="Sequences in a batch; of several devices each takes so many."
    )
    learning_rate: float = Field(1e-3, gt=0, description="The highest of the schedule.")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's, decoupled from the gradient.")
    schedule: Literal["one_cycle", "cosine", "constant"] = Field(
        "one_cycle",
        description="`one_cycle`: up, then down to nothing, by `max_epochs`; `cosine`: down only.",
    )
    gradient_clip: float | None = Field(
        1.0, gt=0, description="The norm that gradients are cut to; null: they are left as they are"
    )
    patience: int | None = Field(
        5,
        ge=1,
        description="Passes without a better validation κ (of votes: loss) before it stops; null: "
        "never early.",
    )
    validation_share: float = Field(
        0.15,
        ge=0,
        lt=1,
        description="Share of the training subjects that validate; 0: no early stopping, and the "
        "last weights are kept.",
    )
    precision: Literal["auto", "32", "16-mixed", "bf16-mixed"] = Field(
        "auto", description="`auto`: mixed on a GPU (bf16 where it can), 32 bits on a CPU."
    )
    devices: int = Field(
        1,
        ge=1,
        description="GPUs (processes, on a CPU) that train one network together: each sees its "
        "share of the rows, and steps are taken on the mean of their gradients.",
    )
    keep_checkpoints: int = Field(
        3,
        ge=1,
        description="So many of the best weights by validation κ (of votes: loss) are kept on "
        "disk; without validation the last alone.",
    )
    n_workers: int = Field(
        0, ge=0, description="Processes that read windows ahead; 0: the training process itself."
    )


class LossOptions(Options):
    """What a network is punished for."""

    kind: str = Field(
        "weighted_cross_entropy", description="One of `models.training.losses.LOSSES`."
    )
    params: dict[str, Any] = Field(
        default_factory=dict,
        description="The loss's own: `label_smoothing`, `gamma` (focal), `power` (ordinal), `q` "
        "(generalised cross-entropy).",
    )


class AugmentationOptions(Options):
    """One random change of the training windows; several are applied one after the other."""

    kind: str = Field(description="A name in `models.training.augmentation.AUGMENTATIONS`.")
    params: dict[str, Any] = Field(default_factory=dict, description="Its strength.")
    probability: float = Field(
        0.5, ge=0, le=1, description="Share of the sequences that it is applied to."
    )


class SamplingOptions(Options):
    """Which training sequences a pass sees, and how often."""

    kind: Literal["shuffle", "oversample", "hard", "two_stage"] = Field(
        "shuffle",
        description="All once in a random order; those of rare classes more often; those that "
        "were hard in the last pass more often; all at first, then those with many votes only.",
    )
    classes: tuple[str, ...] = Field(
        (), description="`oversample`: the classes to see more of, such as REM."
    )
    factor: float = Field(
        2.0, ge=1, description="`oversample`: how much oftener a sequence with them is drawn."
    )
    hard_power: float = Field(
        1.0,
        ge=0,
        description="`hard`: a sequence is drawn in proportion to its last loss to this power; 0: "
        "all alike.",
    )
    uniform_share: float = Field(
        0.3,
        ge=0,
        le=1,
        description="`hard`: share of the draws that ignore the losses, so that a few wrong "
        "labels do not fill a pass.",
    )
    first_epochs: int = Field(
        10, ge=0, description="`hard`, `two_stage`: passes over all rows before it begins."
    )
    min_votes: float = Field(
        10.0, ge=0, description="`two_stage`: votes that a row of the second stage has at least."
    )

    @model_validator(mode="after")
    def _check(self) -> SamplingOptions:
        """Check that there is a class to see more of, and that the kind reads what is said."""
        if self.kind == "oversample" and not self.classes:
            raise ValueError("`kind: oversample` needs `classes`, such as [REM]")
        _refuse_unread(self, _SAMPLING_READ_BY, "kind")
        return self


class PretrainingOptions(Options):
    """What a network learns of recordings without labels, before it learns the labels."""

    task: Literal["masked", "byol"] | None = Field(
        None,
        description="`masked`: fill in what was hidden; `byol`: agree about two changed copies; "
        "null: no pre-training.",
    )
    max_epochs: int = Field(10, ge=1, description="Passes over the recordings.")
    batch_size: int = Field(64, ge=1, description="Sequences in a batch.")
    learning_rate: float = Field(1e-3, gt=0, description="The highest of a one-cycle schedule.")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's, as in training.")
    masked_share: float = Field(
        0.4, gt=0, lt=1, description="`masked`: share of the samples (or epochs) that are hidden."
    )
    span_s: float | None = Field(
        1.0,
        gt=0,
        description="`masked`: how long each hidden stretch is; null: whole epochs, which only a "
        "network over sequences can fill in.",
    )
    target: Literal["power", "signal"] = Field(
        "power",
        description="`masked`: what is filled in, the logarithm of power by band, or the signal: a "
        "network that averages over its window knows no phase, and so no signal.",
    )
    target_hz: float = Field(
        16.0, gt=0, description="`masked`: the rate at which a signal is to be filled in."
    )
    momentum: float = Field(
        0.99, ge=0, lt=1, description="`byol`: how slowly the target follows the network."
    )
    augmentations: tuple[AugmentationOptions, ...] = Field(
        (
            AugmentationOptions(kind="shift", probability=1.0),
            AugmentationOptions(kind="amplitude", probability=1.0),
            AugmentationOptions(kind="noise", probability=1.0),
        ),
        description="`byol`: how the two copies are changed.",
    )

    @property
    def hides_epochs(self) -> bool:
        """Whether whole epochs are hidden, to be filled in from their neighbours."""
        return self.task == "masked" and self.span_s is None

    @model_validator(mode="after")
    def _check(self) -> PretrainingOptions:
        """Check that the task reads what is said."""
        _refuse_unread(self, _PRETRAINING_READ_BY, "task")
        return self


def _refuse_unread(options: Options, read_by: Mapping[str, tuple[str, ...]], chosen: str) -> None:
    """Raise `ValueError` naming an option that is set though what was chosen does not read it."""
    for name, readers in read_by.items():
        if options.is_set(name) and getattr(options, chosen) not in readers:
            raise ValueError(f"`{name}` is for `{chosen}: {' or '.join(readers)}`")
