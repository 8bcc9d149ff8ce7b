"""What an experiment varies, and one cell of its grid."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from epochal.options.base import Options

NONE = "none"
Design = Literal["grid", "one_at_a_time"]
Pretraining = Literal["none", "masked", "byol"]
Context = Annotated[int, Field(ge=1)]
Labelled = Annotated[int, Field(ge=0)]
LabelNoise = Annotated[float, Field(ge=0, lt=1)]


class Cell(Options):
    """One network to fit; a smoothing is no cell, for it needs no fit of its own."""

    context: Context = Field(1, description="Epochs in a sequence.")
    backbone: str = Field("cnn_bilstm", description="A name in the roster of networks.")
    loss: str = Field("weighted_cross_entropy", description="A name in the roster of losses.")
    emg: str = Field("channel", description="A name in `channels`.")
    pretraining: Pretraining = Field("none", description="What is learnt before the labels.")
    labelled: Labelled = Field(0, description="Training subjects whose labels count; 0: all.")
    label_noise: LabelNoise = Field(0.0, description="Share of training labels made wrong.")

    @property
    def name(self) -> str:
        """Name the cell by what it is, the usual left out."""
        plain = [self.backbone, str(self.context), self.loss, f"emg_{self.emg}"]
        unusual = [
            *([self.pretraining] if self.pretraining != NONE else []),
            *([f"labelled_{self.labelled}"] if self.labelled else []),
            *([f"noise_{self.label_noise:g}"] if self.label_noise else []),
        ]
        return "-".join([*plain, *unusual])


class ExperimentOptions(Options):
    """A grid: the values of each axis, the first being the usual one."""

    design: Design = Field(
        "grid",
        description="`grid`: every combination; `one_at_a_time`: the usual cell, and one more for "
        "each further value.",
    )
    context: tuple[Context, ...] = Field((7, 1), min_length=1, description="Lengths of sequences.")
    backbone: tuple[str, ...] = Field(("cnn_bilstm",), min_length=1, description="Networks.")
    loss: tuple[str, ...] = Field(("weighted_cross_entropy",), min_length=1, description="Losses.")
    emg: tuple[str, ...] = Field(("channel",), min_length=1, description="Names in `channels`.")
    pretraining: tuple[Pretraining, ...] = Field(("none",), min_length=1, description="Tasks.")
    labelled: tuple[Labelled, ...] = Field(
        (0,), min_length=1, description="Training subjects whose labels count; 0: all."
    )
    label_noise: tuple[LabelNoise, ...] = Field(
        (0.0,), min_length=1, description="Shares of training labels made wrong at random."
    )
    smoothing: tuple[str, ...] = Field(
        ("none",), min_length=1, description="`none` or a smoother: a row each per cell, not a fit."
    )
    channels: dict[str, tuple[str, ...]] = Field(
        {"channel": ()},
        description="By name: the channels of `network_inputs.signal` to see; none listed: all.",
    )
    baselines: tuple[str, ...] = Field(
        (), description="Classical models of the study to stand beside the networks."
    )
    reference: str | None = Field(
        None, description="The row to compare the others with; null: the first."
    )
    epochs_in_batch: int = Field(
        256, ge=1, description="Epochs a step learns from, however long a sequence is."
    )
    model: dict[str, Any] = Field(
        default_factory=dict,
        description="Options of every network, as in `deep_models.models`, but for what an axis "
        "says; a parameter of a loss goes to the losses that take it.",
    )


def row_name(name: str, smoothing: str) -> str:
    """Name a row of the comparison, as `reference` does: a cell or baseline in one smoothing."""
    return name if smoothing == NONE else f"{name}+{smoothing}"
