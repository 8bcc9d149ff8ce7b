"""The networks of the leaderboard."""

from __future__ import annotations

from pydantic import Field

from epochal.options.models import FamilyOptions, ModelOptions
from epochal.options.networks import (
    AugmentationOptions,
    LossOptions,
    PretrainingOptions,
    SamplingOptions,
    SequenceOptions,
    TrainingOptions,
)


class NetworkModelOptions(ModelOptions):
    """One network: what it sees, and how it is trained.

    `kind: residual_mlp` sees one epoch's columns, and is trained by its own `params`; `column_gru`
    sees those of a sequence of epochs; the others see `feature_engineering.network_inputs`, and
    columns as side features (a hybrid).
    """

    columns: tuple[str, ...] = Field((), description="Patterns of feature columns it sees.")
    sequence: SequenceOptions = Field(
        SequenceOptions(), description="The epochs that it sees at once."
    )
    training: TrainingOptions = Field(TrainingOptions(), description="The loop, and its end.")
    loss: LossOptions = Field(LossOptions(), description="What it is punished for.")
    augmentations: tuple[AugmentationOptions, ...] = Field(
        (), description="Random changes of the training windows, in this order."
    )
    sampling: SamplingOptions = Field(
        SamplingOptions(), description="Which sequences a pass sees, and how often."
    )
    pretraining: PretrainingOptions = Field(
        PretrainingOptions(), description="What it learns before the labels, of training subjects."
    )
    pretrained: str | None = Field(
        None,
        description="A folder with weights of an earlier fit to begin from; refused where a "
        "subject it was trained on is to be judged.",
    )
    domain_weight: float = Field(
        0.0,
        ge=0,
        description="How strongly the network unlearns which site a recording is of (a "
        "domain-adversarial head); 0: not at all.",
    )


class DeepOptions(FamilyOptions):
    """The networks of a study; none is allowed."""

    models: dict[str, NetworkModelOptions | None] = Field(  # type: ignore[assignment]
        default_factory=dict, description="null leaves out a network that base lists."
    )
    checkpoints: str | None = Field(
        None,
        description="A folder for the best weights, curves, and an interrupted fit's state, by "
        "model and fold; null: nothing is kept, and nothing resumes.",
    )

    @property
    def listed(self) -> dict[str, NetworkModelOptions]:  # type: ignore[override]
        """The networks that are not left out."""
        return {name: model for name, model in self.models.items() if model is not None}
