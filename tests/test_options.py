import os

import pytest
from pydantic import BaseModel, ValidationError

from all_options import find_options
from builders import make_ingestion, make_study
from epochal.errors import EpochalError
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.options.ingestion import TrimOptions, list_files
from epochal.options.models import StackingOptions
from epochal.options.quality import QualityOptions
from epochal.options.results import EvaluationOptions
from epochal.options.splitting import SplitOptions

MODELS = find_options()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_misspelt_key_is_refused_by_name(model):
    with pytest.raises(ValidationError) as refused:
        model.model_validate({"mispelt": 1})
    errors = {error["loc"]: error["type"] for error in refused.value.errors()}
    assert errors[("mispelt",)] == "extra_forbidden"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_parameter_says_what_it_means(model):
    nested = {
        name
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    silent = {name for name, field in model.model_fields.items() if not field.description}
    named_elsewhere = {"signals"} if model is FeatureOptions else set()
    allowed = nested | named_elsewhere | ({"models"} if "models" in model.model_fields else set())
    assert silent <= allowed


def test_parameters_cannot_be_changed_once_made():
    study = make_study()
    with pytest.raises(ValidationError, match="frozen"):
        study.seed = 1


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (TrimOptions, {"label": "W", "margin_s": -1}),
        (QualityOptions, {"saturated_share": 0}),
        (QualityOptions, {"saturated_share": 1.5}),
        (SignalOptions, {"channels": [], "features": ["level"]}),
        (SignalOptions, {"channels": ["EEG"], "features": []}),
        (SignalOptions, {"channels": ["EEG"], "features": ["level"], "notch_hz": 0}),
        (SplitOptions, {"scheme": "by_epoch"}),
        (SplitOptions, {"scheme": "subject_folds", "n_folds": 1}),
        (SplitOptions, {"scheme": "subject_folds", "test_share": 1.0}),
        (StackingOptions, {"smoothing": ["median"]}),
        (StackingOptions, {"C": 0}),
        (EvaluationOptions, {"n_calibration_bins": 1}),
    ],
)
def test_a_value_out_of_range_is_refused(model, values):
    with pytest.raises(ValidationError):
        model(**values)


@pytest.mark.parametrize(
    "values",
    [{"epoch_length_s": 0}, {"epoch_step_s": 0}, {"label_coverage": 0}, {"label_coverage": 1.1}],
)
def test_an_impossible_epoch_is_refused(values):
    with pytest.raises(ValidationError):
        make_ingestion(**values)


def test_one_class_is_no_classification():
    with pytest.raises(ValidationError, match="at least 2"):
        make_study(classes=("W",))


def test_reading_files_needs_their_folder():
    with pytest.raises(ValidationError, match="needs `path`"):
        make_ingestion(path=None)


def test_an_unknown_reader_is_refused_with_the_near_miss():
    with pytest.raises(EpochalError, match="No reader 'sleep_edf'; did you mean 'sleep_edfx'"):
        make_ingestion(reader="sleep_edf")


def test_an_unknown_simulator_is_refused_only_where_it_would_run():
    with pytest.raises(EpochalError, match="No simulator 'slep'; did you mean 'sleep'"):
        make_ingestion(source="simulated", simulator="slep")
    assert make_ingestion(simulator="slep").simulator == "slep"


def test_the_readers_and_the_simulators_own_options_are_checked_before_anything_runs():
    with pytest.raises(ValidationError, match="mispelt"):
        make_ingestion(reader_options={"mispelt": 1})
    with pytest.raises(ValidationError, match="n_subjects"):
        make_ingestion(source="simulated", simulator_options={"n_subjects": 0})


def test_the_readers_settings_are_its_own_options():
    settings = make_ingestion(reader_options={"pattern": "*-PSG.edf"}).reader_settings()
    assert settings.pattern == "*-PSG.edf"


def test_the_folder_is_that_of_the_chosen_source():
    ingestion = {"path": "given", "simulated_path": "made"}
    assert make_ingestion(**ingestion).folder.name == "given"
    assert make_ingestion(**ingestion, source="simulated").folder.name == "made"


def test_files_are_listed_sorted_with_size_and_time_in_nested_folders(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x.edf").write_bytes(b"12")
    (tmp_path / "a.edf").write_bytes(b"123")
    os.utime(tmp_path / "a.edf", ns=(5, 7))
    found = list_files(tmp_path)
    assert [(name, size) for name, size, _ in found] == [("a.edf", 3), ("b/x.edf", 2)]
    assert found[0][2] == 7


def test_a_changed_raw_file_changes_the_fingerprint(tmp_path):
    (tmp_path / "a.edf").write_bytes(b"123")
    ingestion = make_ingestion(path=str(tmp_path))
    before = ingestion.fingerprint()
    assert before == ingestion.fingerprint()
    (tmp_path / "a.edf").write_bytes(b"1234")
    assert before != ingestion.fingerprint()


@pytest.mark.parametrize("source", ["files", "simulated"])
def test_a_changed_file_that_the_readers_options_name_changes_the_fingerprint(tmp_path, source):
    table = tmp_path / "lights.csv"
    table.write_text("filename,LightsOff\n")
    ingestion = make_ingestion(
        source=source, path=str(tmp_path / "raw"), reader="sleep_edfx",
        reader_options={"lights_off_table": str(table)},
    )  # fmt: skip
    before = ingestion.fingerprint()
    assert before == ingestion.fingerprint()
    os.utime(table, ns=(1, 1))
    assert before != ingestion.fingerprint()
    table.unlink()
    assert "lights" not in ingestion.fingerprint()


def test_a_simulated_cohort_follows_from_the_options_alone(tmp_path):
    (tmp_path / "a.edf").write_bytes(b"123")
    ingestion = make_ingestion(source="simulated", simulated_path=str(tmp_path))
    assert ingestion.fingerprint() == ""
