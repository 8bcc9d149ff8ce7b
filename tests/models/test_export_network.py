from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from epochal.epoch_inputs import EpochInputs
from epochal.errors import EpochalError
from epochal.models import deep, export_network
from epochal.models.bundling import export_models
from epochal.models.cross_fitting import CrossFitted, cross_fit
from epochal.options.study import StudyOptions
from epochal.serving.bundle import Scorer
from epochal.serving.entries import SequenceEntry
from window_cohort import CLASSES, SFREQ, codes_of, make_cohort, options

STUDY = StudyOptions(name="rhythms", classes=CLASSES, recording_kind="rodent")


def cross_fitted(store, table: pd.DataFrame, **given) -> CrossFitted:
    asked = options(training={"max_epochs": 2}, **given)
    roster = deep.make_roster("net", asked, None)
    return cross_fit("net", asked, roster, table, STUDY, family="deep", store=store)


@pytest.fixture(scope="module")
def cohort():
    return make_cohort()


@pytest.fixture(scope="module", params=["cnn1d", "cnn_bilstm", "s4d", "crf"])
def fitted(request, cohort):
    """Return a cross-fitted network of each manner of context, with a side feature."""
    sequence = {"n_epochs": 1 if request.param == "cnn1d" else 5}
    head = {"params": {"head": "crf"}, "kind": "cnn_bigru"} if request.param == "crf" else {}
    asked = {"kind": request.param, "columns": ("is_rem",), "sequence": sequence} | head
    return cross_fitted(*cohort, **asked)


def scorer_of(fitted: CrossFitted) -> Scorer:
    """Return a scorer of this one model, without the rest of a bundle."""
    entry, content = export_models({"net": fitted.model}, {"deep": pd.DataFrame()}, parity_rows=0)[
        "net"
    ]

    class Manifest:
        models = [entry]
        classes = CLASSES
        smoothing: dict = {}
        headline = "net"
        adaptation = None

    scorer = Scorer.__new__(Scorer)
    scorer.manifest, scorer._files, scorer._n_threads = Manifest(), {entry.file: content}, 1
    scorer._provider, scorer.precision = "cpu", "float"
    return scorer


@pytest.mark.slow
def test_what_is_served_is_what_was_fitted(fitted, cohort):
    store, table = cohort
    scorer = scorer_of(fitted)
    for recording_id, inputs in store.items():
        rows = table[table["recording_id"] == recording_id]
        served = scorer.predict(rows, inputs=inputs)
        np.testing.assert_allclose(served, fitted.model.predict_proba(rows), atol=1e-5)


@pytest.mark.slow
def test_out_of_fold_predictions_speak_of_every_epoch_by_a_network_of_other_subjects(
    fitted, cohort
):
    _, table = cohort
    assert len(fitted.out_of_fold) == len(table)
    assert (fitted.out_of_fold["role"] == "oof").all()


@pytest.mark.slow
def test_a_network_over_windows_is_not_asked_without_them(fitted, cohort):
    _, table = cohort
    scorer = scorer_of(fitted)
    assert scorer.sees_windows()
    with pytest.raises(EpochalError, match="sees windows"):
        scorer.predict(table[table["recording_id"] == "r0"])


@pytest.mark.slow
def test_the_entry_says_how_to_ask(cohort):
    fitted = cross_fitted(*cohort, kind="s4d", columns=("is_rem",), sequence={"n_epochs": 4})
    described = export_network.describe_sequence(fitted.model)
    assert described == SequenceEntry(inputs=["signal", "features"], length=4, causal=True)
    assert fitted.model.causal


@pytest.mark.slow
def test_inputs_that_look_ahead_make_a_causal_network_look_ahead(cohort):
    store, table = cohort
    ahead = {name: replace(inputs, looks_ahead=True) for name, inputs in store.items()}
    assert not cross_fitted(ahead, table).model.causal
    assert cross_fitted(store, table).model.causal


@pytest.mark.slow
def test_an_epoch_with_nothing_to_see_is_neither_fitted_on_nor_predicted(cohort):
    store, table = cohort
    blind = {name: replace(inputs, known=inputs.epoch != 3) for name, inputs in store.items()}
    fitted = cross_fitted(blind, table)
    assert (fitted.out_of_fold["epoch"] != 3).all()
    assert len(fitted.out_of_fold) == len(table) - len(store)


@pytest.mark.slow
def test_an_export_that_says_something_else_is_refused(cohort, monkeypatch):
    fitted = cross_fitted(*cohort)
    other = cross_fitted(*cohort, params={"dropout": 0.0})
    wrong = export_network.export_network(other.model)
    monkeypatch.setattr(export_network, "write_network", lambda module, batch: wrong)
    with pytest.raises(EpochalError, match="its ONNX form differs"):
        export_network.export_network(fitted.model)


@pytest.mark.slow
def test_a_causal_network_says_the_same_in_a_stream(cohort):
    """With only the epochs so far, the last one gets what the whole recording gave it."""
    store, table = cohort
    fitted = cross_fitted(store, table, kind="s4d", sequence={"n_epochs": 5})
    scorer, inputs = scorer_of(fitted), store["r0"]
    rows = table[table["recording_id"] == "r0"]
    whole = scorer.predict(rows, inputs=inputs)
    for n_epochs in (1, 4, 5, 6, 13, 24):
        so_far = inputs.take(inputs.epoch < n_epochs)
        streamed = scorer.predict(rows.iloc[:n_epochs], inputs=so_far)
        np.testing.assert_allclose(streamed[-1], whole[n_epochs - 1], atol=1e-6)


def test_windows_know_the_class_that_they_were_made_of():
    """The cohort of these tests is no toy of chance: its labels follow from its windows."""
    inputs: EpochInputs = make_cohort(1)[0]["r0"]
    spectrum = np.abs(np.fft.rfft(inputs.arrays["signal"][:, 0]))
    peak_hz = np.fft.rfftfreq(100, 1 / SFREQ)[spectrum.argmax(axis=1)]
    expected = np.array([3.0, 8.0, 13.0])[codes_of(0)]
    assert (np.abs(peak_hz - expected) <= 0.5).mean() > 0.95
