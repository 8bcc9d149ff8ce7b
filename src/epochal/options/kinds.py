"""What conf may call models and their parts, known without the libraries behind the names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from epochal.errors import EpochalError, did_you_mean
from epochal.options.deep import DeepOptions, NetworkModelOptions
from epochal.options.models import ClassicalOptions, StackingOptions
from epochal.options.study import StudyOptions

# Each is the names of a roster, in its order; a test holds them to it.
CLASSICAL = (
    "majority", "logistic_regression", "naive_bayes", "random_forest", "hist_gradient_boosting",
    "lightgbm", "xgboost",
)  # fmt: skip
NETWORKS = (
    "residual_mlp", "cnn1d", "lstm", "resnet_se", "resnet_gru", "cnn_bilstm", "cnn_bigru",
    "cnn_transformer", "conformer", "s4d", "spectrogram_net", "attention_fusion", "column_gru",
)  # fmt: skip
HEADS = ("linear", "ordinal", "crf")
LOSSES = ("weighted_cross_entropy", "focal", "ordinal", "generalised_cross_entropy", "kl_votes")
AUGMENTATIONS = (
    "shift", "amplitude", "noise", "notch", "channel_dropout", "sign_flip", "left_right_flip",
    "spec_augment",
)  # fmt: skip

Named = tuple[str, str, str, tuple[str, ...]]  # where it stands, what it is, its name, the known


def check_kinds(made: Mapping[str, Any]) -> None:
    """Refuse a kind of model, loss, head or augmentation that there is not, `EpochalError`.

    So too a class to see more of that the study does not have, and a model to stack that is not
    listed. `made` are the options of a study by section, of which any may be absent.
    """
    for where, what, name, known in _named(made):
        if name not in known:
            raise EpochalError(f"{where}: no {what} '{name}'{did_you_mean(name, known)}")


def _named(made: Mapping[str, Any]) -> Iterator[Named]:
    classical: ClassicalOptions = made.get("classical_models", ClassicalOptions())
    deep: DeepOptions = made.get("deep_models", DeepOptions())
    for name, model in classical.listed.items():
        yield f"classical_models.models.{name}", "kind", model.kind, CLASSICAL
    for name, network in deep.listed.items():
        where = f"deep_models.models.{name}"
        yield from _parts_of(where, network)
        if "study" in made:
            study: StudyOptions = made["study"]
            for label in network.sampling.classes:
                yield f"{where}.sampling.classes", "class", label, study.classes
    if "classical_models" in made and "deep_models" in made:
        stacking: StackingOptions = made.get("stacking", StackingOptions())
        listed = (*classical.listed, *deep.listed)
        for name in stacking.base_models:
            if name.isidentifier():  # not a pattern
                yield "stacking.base_models", "model", name, listed


def _parts_of(where: str, network: NetworkModelOptions) -> Iterator[Named]:
    yield where, "kind", network.kind, NETWORKS
    yield f"{where}.loss", "kind", network.loss.kind, LOSSES
    if "head" in network.params:
        yield f"{where}.params", "head", str(network.params["head"]), HEADS
    for step in (*network.augmentations, *network.pretraining.augmentations):
        yield where, "augmentation", step.kind, AUGMENTATIONS
