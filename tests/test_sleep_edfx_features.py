"""The named list of 63 features of `sleep_edfx`: that it is 63, and that a night has them all."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from builders import make_channel, make_recording
from epochal.features import extract_features
from epochal.features.context import is_causal
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.options.models import ModelOptions
from epochal.signals.epoching import index_epochs

CONF = Path(__file__).parents[1] / "conf"
STUDY = yaml.safe_load((CONF / "sleep_edfx" / "parameters.yml").read_text(encoding="utf-8"))
ROSTER = yaml.safe_load((CONF / "sleep_edfx" / "parameters_models.yml").read_text(encoding="utf-8"))
MODELS = ROSTER["classical_models"]["models"]
LIST = MODELS["logistic_regression"]["columns"]
BANDS = ("delta", "theta", "alpha", "beta")


@pytest.fixture(scope="module")
def features():
    """Return the features of a night of ten minutes with the cassettes' channels."""
    names = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
    channels = [make_channel(name, length_s=600.0) for name in names]
    emg = make_channel("EMG submental", length_s=600.0, sfreq=1.0)
    recording = make_recording(*channels, emg, metadata={"age": 33, "sex": "F"})
    base = yaml.safe_load((CONF / "base" / "parameters_ingestion.yml").read_text())["ingestion"]
    ingestion = base | STUDY["ingestion"] | {"source": "files", "path": ".", "trim": None}
    epochs = index_epochs(recording, IngestionOptions(**ingestion | {"simulated_path": ""}))
    return extract_features(recording, epochs, FeatureOptions(**STUDY["feature_engineering"]))


@pytest.fixture(scope="module")
def sixty_three(features):
    """Return the list's names, its patterns spelt out."""
    return [name for name in features if any(fnmatchcase(name, pattern) for pattern in LIST)]


def test_the_named_list_has_63_features(sixty_three):
    assert len(sixty_three) == 63


def test_every_name_of_the_list_is_a_feature_and_none_is_missing(features, sixty_three):
    assert [name for name in LIST if "*" not in name and name not in features] == []
    assert features[sixty_three].notna().all(axis=None)


def test_36_of_the_list_are_of_the_epochs_before(sixty_three):
    past = {
        f"{name}__past{n_epochs}{statistic}"
        for name in ("fpz_cz_log_delta", "fpz_cz_log_beta", "eog_rms", "emg_mean")
        for n_epochs in (5, 10, 15)
        for statistic in ("", "_sd", "_max")
    }
    assert {name for name in sixty_three if "__" in name} == past


def test_no_feature_of_the_list_looks_ahead(sixty_three):
    assert is_causal(sixty_three)


def test_the_list_holds_what_the_system_it_comes_from_has():
    for band in BANDS:
        assert {f"fpz_cz_relative_{band}", f"fpz_cz_log_{band}"} <= set(LIST)
    assert {"fpz_cz_rms", "demographics_age_years", "demographics_sex"} <= set(LIST)


def test_every_model_but_one_sees_the_list_and_nothing_else():
    models = {name: ModelOptions(**{"kind": name} | given) for name, given in MODELS.items()}
    others = {name for name, model in models.items() if list(model.columns) != LIST}
    assert others == {"lightgbm_all"}
