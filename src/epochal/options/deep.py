"""The networks of the leaderboard."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from epochal.options.models import FamilyOptions, ModelOptions
from epochal.options.networks import (
    AugmentationOptions,
    LossOptions,
    PretrainingOptions,
    SamplingOptions,
    SequenceOptions,
    TrainingOptions,
)

_OVER_SEQUENCES = (
    "sequence",
    "training",
    "augmentations",
    "sampling",
    "pretraining",
    "pretrained",
    "domain_weight",
)

WEIGHTS, PROVENANCE = "weights.pt", "provenance.json"  # what a fit leaves in its folder


class NetworkModelOptions(ModelOptions):
    """One network: what it sees, and how it is trained.

    `kind: residual_mlp` sees one epoch's columns, and is trained by its own `params` on a `loss`;
    `column_gru` sees those of a sequence of epochs; the others see
    `feature_engineering.network_inputs`, and columns as side features (a hybrid).
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

    def fingerprint(self) -> str:
        """Hash the weights that it begins from by their content; "" without any."""
        if self.pretrained is None:
            return ""
        paths = (Path(self.pretrained) / name for name in (WEIGHTS, PROVENANCE))
        content = [path.read_bytes() for path in paths if path.is_file()]
        return hashlib.sha256(b"".join(content)).hexdigest()

    def traits(self) -> tuple[dict[str, Any], str]:
        """Return what a fit follows from: the options, and earlier weights by their content."""
        return self.model_dump(exclude={"pretrained"}), self.fingerprint()

    @model_validator(mode="after")
    def _refuse_unread(self) -> NetworkModelOptions:
        """Name what would be passed over in silence."""
        if self.early_stopping is not None:
            raise ValueError("`early_stopping` is for trees; a network has `training.patience`")
        changed = [name for name in _OVER_SEQUENCES if self.is_set(name)]
        if self.kind == "residual_mlp" and changed:
            raise ValueError(
                f"residual_mlp does not read `{changed[0]}`: it is trained by its `params` "
                "(n_epochs, batch_size, learning_rate, …); column_gru and the others do"
            )
        if self.params.get("head") == "crf" and self.targets == "label" and self.is_set("loss"):
            raise ValueError("`head: crf` has a likelihood of its own: leave `loss` out")
        first, passes = self.sampling.first_epochs, self.training.max_epochs
        if self.sampling.kind in ("hard", "two_stage") and first >= passes:
            raise ValueError(
                f"`sampling.first_epochs: {first}` of `training.max_epochs: {passes}`: "
                f"{self.sampling.kind} would never begin"
            )
        return self


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

    def fingerprint(self) -> str:
        """Join the fingerprints of its networks; "" where none begins from earlier weights."""
        return "".join(model.fingerprint() for model in self.listed.values())

    @property
    def listed(self) -> dict[str, NetworkModelOptions]:  # type: ignore[override]
        """The networks that are not left out."""
        return {name: model for name, model in self.models.items() if model is not None}
