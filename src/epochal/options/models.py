"""The models of the leaderboard."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from epochal.options.base import Options

CalibrationKind = Literal["temperature", "vector", "prior", "sigmoid", "isotonic"]
SmoothingKind = Literal["forward", "forward_backward", "viterbi", "mode", "median_probability"]


class EarlyStoppingOptions(Options):
    """Stop adding to a model when subjects that it does not train on stop gaining."""

    rounds: int = Field(50, ge=1, description="How long the validation loss may fail to fall.")
    share: float = Field(
        0.15, gt=0, lt=1, description="Share of the training subjects that validate."
    )


class RangeOptions(Options):
    """Numbers that a search may try."""

    low: float = Field(description="The least.")
    high: float = Field(description="The most.")
    log: bool = Field(False, description="Search orders of magnitude evenly.")
    whole: bool = Field(False, description="Whole numbers only.")

    @model_validator(mode="after")
    def _check(self) -> RangeOptions:
        """Check that there is something between the ends."""
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError(f"no range from {self.low:g} to {self.high:g}")
        return self


class TuneOptions(Options):
    """A search for hyper-parameters, by folds of subjects inside the rows that are fitted on."""

    space: dict[str, RangeOptions | tuple[Any, ...]] = Field(
        min_length=1, description="By parameter: a range, or a list of choices."
    )
    n_trials: int = Field(20, ge=1, description="How many sets of parameters are tried.")
    sampler: Literal["tpe", "random"] = Field("tpe", description="How the next one is chosen.")
    metric: Literal["kappa", "accuracy", "macro_f1", "log_loss"] = Field(
        "kappa", description="What is sought. A selection score: never a figure of performance."
    )
    n_folds: int = Field(3, ge=2, description="Folds of subjects within the rows.")
    at_once: int | None = Field(
        None,
        ge=1,
        description="Trials that are chosen without each other's scores and are pieces of work of "
        "their own. null: all of `random`, with the same figures; one of `tpe`, which with more "
        "chooses others.",
    )
    storage: str | None = Field(
        None, description="A file that keeps the trials: an interrupted search goes on from it."
    )

    @property
    def batch(self) -> int:
        """How many trials are chosen at once; what is stored is done one trial after another."""
        if self.at_once is None:
            return self.n_trials if self.sampler == "random" and self.storage is None else 1
        return min(self.at_once, self.n_trials)

    @model_validator(mode="after")
    def _check(self) -> TuneOptions:
        """Keep trials in one way: in a file, one after another, or as pieces of work."""
        if self.storage is not None and self.batch > 1:
            raise ValueError(
                f"`at_once: {self.at_once}` keeps its trials as pieces of work; leave `storage` out"
            )
        return self


class ModelOptions(Options):
    """One model of the leaderboard: what it is, what it sees, its hyper-parameters."""

    kind: str = Field(description="A name in the family's roster.")
    columns: tuple[str, ...] = Field(("*",), description="Patterns of feature columns it sees.")
    params: dict[str, Any] = Field(default_factory=dict, description="Hyper-parameters.")
    class_weight: Literal["balanced", "sqrt"] | None = Field(
        None,
        description="Weigh classes by the inverse of their frequency, or of its square root. It "
        "distorts probabilities: calibrate.",
    )
    targets: Literal["label", "votes"] = Field(
        "label", description="Learn the label, or the experts' shares of votes."
    )
    early_stopping: EarlyStoppingOptions | None = Field(
        None, description="For boosted trees: `n_estimators` then is the most there may be."
    )
    calibration: CalibrationKind | None = Field(
        None,
        description="Fitted on out-of-fold probabilities and `targets`, at natural prevalence.",
    )
    tune: TuneOptions | None = Field(
        None,
        description="Search parameters anew in every fold, within its training subjects: "
        "`n_folds` times the trials of one search, and an honest figure.",
    )

    @model_validator(mode="after")
    def _check(self) -> ModelOptions:
        """Votes are soft already: classes cannot be weighed beside them."""
        if self.targets == "votes" and self.class_weight is not None:
            raise ValueError("`class_weight` weighs labels; with `targets: votes` leave it out")
        return self


class FamilyOptions(Options):
    """The models of one family; none is allowed."""

    models: dict[str, ModelOptions | None] = Field(
        default_factory=dict, description="null leaves out a model that base lists."
    )

    @property
    def listed(self) -> dict[str, ModelOptions]:
        """The models that are not left out."""
        return {name: model for name, model in self.models.items() if model is not None}


class ClassicalOptions(FamilyOptions):
    """The classical models of a study."""

    fit_memory_mb: float | None = Field(
        None,
        gt=0,
        description="What one fit may hold: a model whose largest fit needs more is refused by "
        "name before anything is fitted. As many fits run at once as there are workers.",
    )


class StackingOptions(Options):
    """The meta-learner over out-of-fold probabilities."""

    base_models: tuple[str, ...] = Field(("*",), description="Patterns of base models to stack.")
    C: float = Field(
        1.0, gt=0, description="Inverse regularisation of the meta logistic regression."
    )
    comparisons: tuple[Literal["average", "blend"], ...] = Field(
        (),
        description="Further rows: the base models' mean, and their best mean with weights that "
        "are not negative.",
    )
    calibration: CalibrationKind | None = Field(None, description="As a model's.")
    smoothing: tuple[SmoothingKind, ...] = Field(
        (),
        description="Further rows, the stack smoothed: `forward` (causal), `forward_backward` and "
        "`viterbi` by the order of classes in training; `mode` and `median_probability` without.",
    )
    self_transition_weight: float = Field(
        1.0, ge=0, description="Prior count added to each stage's transition to itself."
    )
    memory: Literal["fitted"] | Annotated[float, Field(ge=0, le=1)] = Field(
        "fitted",
        description="How much of the transitions counts, from 0 (nothing is smoothed) to 1 (a "
        "hidden Markov model: for base models that see one epoch). `fitted`: what has the least "
        "log loss on other folds, with a temperature.",
    )
    filter_width: Literal[3, 5, 7, 9] = Field(
        3, description="Epochs that `mode` and `median_probability` look at."
    )
    unlikely: tuple[tuple[str, str], ...] = Field(
        (), description="Transitions, from and to, to penalise and to count as impossible."
    )
    unlikely_penalty: float = Field(
        10.0, ge=1, description="What the probability of an unlikely transition is divided by."
    )
    forbidden: tuple[tuple[str, str], ...] = Field(
        (), description="Transitions that smoothing never makes. Leave it empty for people."
    )
