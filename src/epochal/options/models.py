"""The models of the leaderboard."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from epochal.options.base import Options


class ModelOptions(Options):
    """One model of the leaderboard: what it is, what it sees, its hyper-parameters."""

    kind: str = Field(description="A name in the family's roster.")
    columns: tuple[str, ...] = Field(("*",), description="Patterns of feature columns it sees.")
    params: dict[str, Any] = Field(default_factory=dict, description="Hyper-parameters.")


class FamilyOptions(Options):
    """The models of one family; none is allowed."""

    models: dict[str, ModelOptions] = Field(default_factory=dict)


class StackingOptions(Options):
    """The meta-learner over out-of-fold probabilities."""

    base_models: tuple[str, ...] = Field(("*",), description="Patterns of base models to stack.")
    C: float = Field(
        1.0, gt=0, description="Inverse regularisation of the meta logistic regression."
    )
    smoothing: tuple[Literal["forward", "forward_backward"], ...] = Field(
        (), description="Hidden-Markov smoothing rows: `forward` is causal."
    )
    self_transition_weight: float = Field(
        1.0, ge=0, description="Prior count added to each stage's transition to itself."
    )
