"""Networks in 8 bits: made, compared on subjects held out, kept or refused."""

import logging
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from builders import CLASSES, make_epochs, make_features, make_splits, make_study
from epochal.models.bundling import export_models
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import cross_fit, join_table
from epochal.models.deep import COLUMN_NETWORKS
from epochal.models.quantising import compare, quantise, quantise_models
from epochal.options.models import ModelOptions
from epochal.options.results import ExportOptions
from epochal.serving.bundle import Bundle, Manifest, Scorer
from epochal.serving.sessions import open_session

EPOCHS = make_epochs(n_subjects=6, n_epochs=80)
TABLE = join_table(make_features(EPOCHS), EPOCHS, make_splits(EPOCHS))
WANTED = ExportOptions(int8=True)


@cache
def made():
    """Return a network and a regression of the same columns, fitted and exported."""
    kinds = {
        "net": ("deep", {**COLUMN_NETWORKS}, "residual_mlp", {"n_epochs": 4, "width": 64}),
        "line": ("classical", ROSTER, "logistic_regression", {}),
    }
    fitted = {
        name: cross_fit(
            name, ModelOptions(kind=kind, params=params), roster, TABLE, make_study(), family=family
        ).model
        for name, (family, roster, kind, params) in kinds.items()
    }
    return fitted, export_models(fitted, {"deep": TABLE, "classical": TABLE}, parity_rows=100)


def run(content, rows):
    session = open_session(content)
    return session.run(None, {session.get_inputs()[0].name: rows.to_numpy(np.float32)})[-1]


@pytest.mark.slow
def test_a_network_of_8_bits_is_smaller_and_says_nearly_the_same():
    fitted, exported = made()
    _, content = exported["net"]
    small = quantise(content)
    assert len(small) < 0.6 * len(content)
    rows = TABLE[fitted["net"].columns]
    one, other = run(content, rows), run(small, rows)
    assert 0 < np.abs(one - other).max() < 0.2
    assert (one.argmax(axis=1) == other.argmax(axis=1)).mean() > 0.97


def test_a_model_without_such_weights_has_no_form_of_8_bits():
    _, exported = made()
    assert quantise(exported["line"][1]) is None


@pytest.mark.slow
def test_only_networks_are_written_in_8_bits_and_compared_on_subjects_held_out():
    fitted, exported = made()
    found = quantise_models(
        exported, fitted, TABLE, WANTED.model_copy(update={"int8_agreement": 0.9})
    )
    assert list(found) == ["net"]
    entry, content = found["net"]
    assert entry.file == "models/net.int8.onnx"
    assert (entry.compared_on, entry.n_epochs) == ("test", 80)
    assert entry.size_ratio == pytest.approx(len(content) / len(exported["net"][1]), abs=1e-4)
    assert entry.latency_ratio > 0
    rows = TABLE.loc[TABLE["role"] == "test", fitted["net"].columns]
    one, other = run(exported["net"][1], rows), run(content, rows)
    assert entry.agreement == (one.argmax(axis=1) == other.argmax(axis=1)).mean()
    assert entry.largest_difference == pytest.approx(np.abs(one - other).max(), abs=1e-6)


def test_nothing_is_written_in_8_bits_unless_conf_wants_it():
    fitted, exported = made()
    assert quantise_models(exported, fitted, TABLE, ExportOptions()) == {}


@pytest.mark.slow
def test_a_network_whose_labels_change_is_not_kept_and_the_log_says_so(monkeypatch, caplog):
    fitted, exported = made()
    entry, content = exported["net"]
    judged = compare(entry, content, content, fitted["net"], TABLE[:9], compared_on="test")
    worse = judged.model_copy(update={"agreement": 0.98})
    monkeypatch.setattr("epochal.models.quantising.compare", lambda *_, **__: worse)
    with caplog.at_level(logging.WARNING):
        assert quantise_models(exported, fitted, TABLE, WANTED) == {}
    assert "'net' is not written in 8 bits: 98.00 % of its labels agree, 99.00 %" in caplog.text


@pytest.mark.slow
def test_without_test_subjects_the_validating_ones_are_compared_on_then_the_training_ones():
    fitted, exported = made()
    for role, table in {
        "val": TABLE.assign(role=TABLE["role"].replace("test", "val")),
        "train": TABLE[TABLE["role"] == "train"],
    }.items():
        lax = WANTED.model_copy(update={"int8_agreement": 0.5})
        assert quantise_models(exported, fitted, table, lax)["net"][0].compared_on == role


def test_epochs_that_the_network_may_not_speak_of_are_not_compared_on():
    fitted, exported = made()
    entry, content = exported["net"]
    rows = TABLE[:20].copy()
    rows.loc[rows.index[:5], fitted["net"].columns] = np.nan
    judged = compare(entry, content, content, fitted["net"], rows, compared_on="test")
    assert (judged.n_epochs, judged.agreement, judged.largest_difference) == (15, 1.0, 0.0)
    assert judged.size_ratio == 1.0


@pytest.mark.slow
def test_the_manifest_or_the_caller_says_which_of_the_two_files_serves():
    _, exported = made()
    entry, content = exported["net"]
    small = quantise(content)
    judged = compare(entry, content, small, made()[0]["net"], TABLE[:20], compared_on="test")
    both = entry.model_copy(update={"quantised": judged})
    manifest = Manifest.model_construct(
        models=[both, exported["line"][0]], classes=CLASSES, smoothing={}, headline="net",
        precision="int8", adaptation=None,
    )  # fmt: skip
    files = {entry.file: content, judged.file: small, "models/line.onnx": exported["line"][1]}
    bundle = Bundle(manifest, files)
    rows = TABLE[:20]
    by_default, asked = Scorer(bundle), Scorer(bundle, precision="float")
    assert by_default.file_of(both) == judged.file
    assert asked.file_of(both) == entry.file
    assert by_default.predict(rows) == pytest.approx(run(small, rows[entry.columns]), abs=1e-6)
    assert asked.predict(rows) == pytest.approx(run(content, rows[entry.columns]), abs=1e-6)
    # a model without such a file is float whatever is asked for
    assert np.array_equal(by_default.predict(rows, "line"), asked.predict(rows, "line"))


@pytest.mark.slow
def test_a_network_over_windows_is_compared_on_its_own_windows():
    from window_cohort import make_cohort

    store, table = make_cohort(4)
    fitted = _over_windows(store, table)
    exported = export_models({"net": fitted}, {"deep": pd.DataFrame()}, parity_rows=0)
    entry, content = exported["net"]
    judged = compare(entry, content, content, fitted, table, compared_on="train")
    assert (judged.n_epochs, judged.agreement) == (len(table), 1.0)


def _over_windows(store, table):
    from epochal.models import deep
    from epochal.options.study import StudyOptions
    from window_cohort import CLASSES as RHYTHMS
    from window_cohort import options

    asked = options(training={"max_epochs": 1}, kind="cnn_bilstm", sequence={"n_epochs": 5})
    study = StudyOptions(name="rhythms", classes=RHYTHMS, recording_kind="rodent")
    roster = deep.make_roster("net", asked, None)
    found = cross_fit("net", asked, roster, table, study, family="deep", store=store)
    return replace(found.model)
