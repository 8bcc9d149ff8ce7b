"""The table of the rodent project's functions names what exists."""

import re
from importlib import import_module
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs/reference/rodent-functions.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "::" in line]
# as the document lists them
FUNCTIONS = [
    "verify_edf",
    "extract_sleep_stages_from_edf",
    "save_sleep_stages_datatable",
    "subsample_datatable",
    "extract_activity_signal",
    "extract_sleep_context",
    "load_config_from_hydra_dump",
    "load_config_with_compose_api",
    "unpack_config",
    "resolve_device",
    "list_files_with_extension",
    "ensure_dir",
    "save_to_subject_hdf5",
    "load_from_subject_hdf5",
    "aggregate_csvs",
    "normalize_stage",
    "labels_from_annotations",
    "labels_from_csv",
    "split_train_test",
    "_pick_channels",
    "load_edf",
    "kfold_split",
    "stratified_kfold_split",
    "time_series_split",
    "group_kfold_split",
    "stratified_group_kfold_split",
    "cross_validate_model",
    "evaluate_cv_results",
    "nested_cross_validation",
    "_get_scoring_func",
    "train_test_split_temporal",
    "rolling_window_validation",
    "_make_conv_stack",
    "cnn_bilstm.build_model",
    "implicit_cnn.build_model",
]
N_WORKFLOWS = 5


def test_every_function_and_every_workflow_of_the_document_has_its_row():
    named = [row.split("|")[1].strip().strip("`") for row in ROWS]
    assert named[: len(FUNCTIONS)] == FUNCTIONS
    assert len(named) == len(FUNCTIONS) + N_WORKFLOWS


@pytest.mark.parametrize("counterpart", sorted(set(re.findall(r"`(epochal[\w.]*:\w+)`", PAGE))))
def test_a_counterpart_exists(counterpart):
    module, name = counterpart.split(":")
    assert hasattr(import_module(module), name)


@pytest.mark.parametrize("test", sorted(set(re.findall(r"`([\w/]+\.py::\w+)`", PAGE))))
def test_its_test_exists(test):
    file, name = test.split("::")
    assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8")
