"""Models tried before anything is computed: what a fit would refuse is refused, no more."""

import pytest
import torch

from epochal.errors import EpochalError
from epochal.models.trial import try_classical, try_networks
from epochal.options.deep import DeepOptions
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.options.models import ClassicalOptions
from epochal.options.network_inputs import NetworkInputOptions
from epochal.options.study import StudyOptions

STUDY = StudyOptions(name="trial", classes=("W", "N", "R"), recording_kind="polysomnogram")
EEG = {"channels": ["EEG C3-A2", "EEG C4-A1"], "sfreq": 100}


def classical(**model):
    try_classical(ClassicalOptions.model_validate({"models": {"m": model}}), STUDY)


def network(*, signal=EEG, spectrogram=None, epoch_length_s=30.0, **model):
    inputs = NetworkInputOptions(signal=signal, spectrogram=spectrogram)
    sections = {
        "study": STUDY,
        "ingestion": IngestionOptions.model_construct(epoch_length_s=epoch_length_s),
        "feature_engineering": FeatureOptions.model_construct(network_inputs=inputs),
    }
    try_networks(DeepOptions.model_validate({"models": {"m": model}}), sections)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ({"kind": "logistic_regression", "params": {"CC": 1}}, "no parameter 'CC'; did you mean"),
        ({"kind": "majority", "params": {"C": 1}}, "no parameter 'C'; it has: nothing"),
        ({"kind": "lightgbm", "params": {"num_leafs": 3}}, "did you mean 'num_leaves'"),
        ({"kind": "xgboost", "params": {"max_dept": 3}}, "did you mean 'max_depth'"),
        ({"kind": "random_forest", "params": {"n_jobs": 8}}, "no parameter 'n_jobs'"),
        ({"kind": "random_forest", "params": {"n_estimators": "many"}}, "must be an int"),
        ({"kind": "hist_gradient_boosting", "params": {"max_iter": 0}}, r"must be an int.*1, inf"),
        ({"kind": "lightgbm", "params": {"num_leaves": -1}}, "num_leaves"),
        ({"kind": "naive_bayes", "early_stopping": {}}, "knows no early stopping"),
        ({"kind": "naive_bayes", "class_weight": "balanced", "params": {"var": 1}}, "var_smooth"),
        ({"kind": "lightgbm", "tune": {"space": {"num_leafs": [1, 2]}}}, "'num_leaves'"),
        ({"kind": "lightgbm", "tune": {"space": {"num_leaves": [1]}}}, "num_leaves"),
    ],
    ids=lambda given: given["kind"] if isinstance(given, dict) else "",
)
def test_a_classical_model_that_cannot_be_fitted_is_refused_by_its_place_in_conf(model, reason):
    with pytest.raises(EpochalError, match=rf"^classical_models\.models\.m: .*{reason}"):
        classical(**model)


@pytest.mark.parametrize(
    "model",
    [
        {"kind": "lightgbm", "params": {"max_bin": 63}, "class_weight": "sqrt"},
        {"kind": "hist_gradient_boosting", "early_stopping": {"rounds": 3}},
        {"kind": "logistic_regression", "targets": "votes"},
        {
            "kind": "random_forest",
            "tune": {"space": {"n_estimators": {"low": 2, "high": 3, "whole": True}}},
        },
    ],
    ids=lambda model: model["kind"],
)
def test_a_classical_model_that_can_be_fitted_passes(model):
    classical(**model)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ({"kind": "cnn1d", "params": {"droput": 0.1}}, "no parameter 'droput'; did you mean"),
        ({"kind": "residual_mlp", "params": {"widht": 3}}, "no parameter 'widht'; did you mean"),
        ({"kind": "residual_mlp", "params": {"seed": 3}}, "no parameter 'seed'"),
        ({"kind": "residual_mlp", "params": {"width": "wide"}}, "str"),
        ({"kind": "conformer", "params": {"kernel": 4}}, "must be odd"),
        ({"kind": "cnn_transformer", "params": {"width": 30, "n_heads": 4}}, "30"),
        ({"kind": "cnn1d", "loss": {"kind": "focal", "params": {"gama": 1}}}, "takes no 'gama'"),
        ({"kind": "cnn1d", "sequence": {"n_epochs": 3}}, "sees each epoch by itself"),
        ({"kind": "spectrogram_net"}, "sees 'spectrogram', which is not prepared"),
        ({"kind": "cnn1d", "augmentations": [{"kind": "noise", "params": {"sdd": 1}}]}, "'sdd'"),
        ({"kind": "cnn1d", "augmentations": [{"kind": "spec_augment"}]}, "changes nothing of"),
        ({"kind": "cnn1d", "pretrained": "nowhere"}, "nowhere: no weights.pt here"),
        ({"kind": "cnn_bigru", "epoch_length_s": 0.1}, "too short|sample"),
    ],
    ids=lambda given: given["kind"] if isinstance(given, dict) else "",
)
def test_a_network_that_cannot_be_made_is_refused_by_its_place_in_conf(model, reason):
    with pytest.raises(EpochalError, match=rf"^deep_models\.models\.m: .*{reason}"):
        network(**model)


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "cnn1d", "params": {"dropout": 0.1}},
        {"kind": "cnn_bigru", "sequence": {"n_epochs": 5}},
        {"kind": "spectrogram_net", "spectrogram": {}},
        {"kind": "column_gru", "signal": None, "sequence": {"n_epochs": 5}},
        {"kind": "cnn1d", "signal": {"array": "windows"}},  # their length is the recordings'
        {"kind": "residual_mlp", "params": {"n_epochs": 1}},
    ],
    ids=lambda given: given["kind"],
)
def test_a_network_that_can_be_made_passes(given):
    network(**given)


def test_a_trial_leaves_the_random_numbers_that_follow_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    network(kind="cnn_bigru")
    assert torch.equal(torch.rand(3), expected)
