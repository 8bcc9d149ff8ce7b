import json

import pytest

from epochal.errors import EpochalError
from epochal.run_directory.manifest import (
    MANIFEST,
    input_columns,
    read_file,
    read_manifest,
    read_models,
    write_manifest,
)
from epochal.serving.bundle import Scorer
from run_directory.small_runs import copy_of, trained

RUN = ("hgb", "lstm", "cnn")


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    run = copy_of(trained(*RUN), tmp_path / "run")
    manifest = read_manifest(run)
    write_manifest(run, manifest)
    assert read_manifest(run) == manifest
    assert not list(run.glob(".*"))


def test_what_a_run_needs_follows_from_its_base_models():
    full, csv = read_manifest(trained(*RUN)), read_manifest(trained("csv"))
    assert (full.needs_h5, full.needs_csv) == (True, False)
    assert (csv.needs_h5, csv.needs_csv) == (False, True)
    assert input_columns(csv) == ["a", "b", "c", "sd", "steep"]
    assert len(input_columns(full)) == 121


def test_the_scorer_of_bundles_runs_a_runs_models():
    run = trained(*RUN)
    scorer = Scorer(read_models(run, read_manifest(run)))
    assert list(scorer.models) == ["hgb_tabular", "lstm_temporal", "cnn_temporal", "stack"]
    assert scorer.models["stack"].base_models == ["hgb_tabular", "lstm_temporal", "cnn_temporal"]


def test_the_stacks_columns_follow_the_frozen_order():
    columns = read_manifest(trained(*RUN)).entry("stack").columns
    assert columns == [
        f"{name}__{label}" for name in ("hgb_tabular", "lstm_temporal", "cnn_temporal")
        for label in "012"
    ]  # fmt: skip


def test_an_unknown_file_is_not_read_even_if_it_is_there(tmp_path):
    run = copy_of(trained("csv"), tmp_path / "run")
    (run / "models/stray.onnx").write_bytes(b"x")
    with pytest.raises(EpochalError, match=r"stray\.onnx: the run's file is missing"):
        read_file(run, "models/stray.onnx", read_manifest(run))


def test_an_unknown_key_of_a_manifest_is_named(tmp_path):
    run = copy_of(trained("csv"), tmp_path / "run")
    content = json.loads((run / MANIFEST).read_text())
    (run / MANIFEST).write_text(json.dumps(content | {"colour": "red"}))
    with pytest.raises(EpochalError, match="colour"):
        read_manifest(run)


def test_a_run_that_was_cut_short_is_no_run(tmp_path):
    run = copy_of(trained("csv"), tmp_path / "run")
    (run / MANIFEST).unlink()
    with pytest.raises(EpochalError, match=r"no run here \(it holds no manifest\.json\)"):
        read_manifest(run)
