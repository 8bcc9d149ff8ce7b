"""Networks over sequences of columns alone: cross-fitted, exported and served like any other."""

import numpy as np
import pandas as pd
import pytest

from epochal.errors import EpochalError
from epochal.models import deep
from epochal.models.bundling import export_models
from epochal.models.cross_fitting import cross_fit
from epochal.models.outlines import outline_recordings
from epochal.options.study import StudyOptions
from epochal.serving.bundle import Scorer
from window_cohort import CLASSES, codes_of, make_cohort, options

pytestmark = pytest.mark.slow  # a network is cross-fitted

COLUMNS = ("tells", "tells_little")
STUDY = StudyOptions(name="columns", classes=CLASSES, recording_kind="feature_table")


def make_table() -> pd.DataFrame:
    """Return epochs whose class one column tells in noise; one epoch has no column at all."""
    _, table = make_cohort(6)
    generator = np.random.default_rng(0)
    codes = np.concatenate([codes_of(seed) for seed in range(6)])
    table["tells"] = codes + 0.3 * generator.standard_normal(len(table))
    table["tells_little"] = codes + 3.0 * generator.standard_normal(len(table))
    table["fold"] = table["recording_id"].str[1:].astype(int) % 3
    table.loc[5, list(COLUMNS)] = np.nan
    return table.assign(run=0)


def asked(**given):
    training = {"max_epochs": 30, "learning_rate": 0.02, "validation_share": 0.0}
    small = {"width": 16, "units": 16, "dropout": 0.1} | given.pop("params", {})
    return options(kind="column_gru", columns=COLUMNS, training=training, params=small,
                   **{"sequence": {"n_epochs": 12, "stride": 6}} | given)  # fmt: skip


def fit(table, **given):
    wanted = asked(**given)
    store = deep.choose_store("column_gru", None, table)
    roster = deep.make_roster("net", wanted, None)
    return cross_fit("net", wanted, roster, table, STUDY, family="deep", store=store)


@pytest.fixture(scope="module")
def table():
    return make_table()


@pytest.fixture(scope="module")
def fitted(table):
    return fit(table)


def scorer_of(fitted) -> Scorer:
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


def test_subjects_that_it_has_not_seen_are_told_by_their_columns(fitted, table):
    found = fitted.out_of_fold.merge(table, on=["recording_id", "epoch"])
    guess = found[[f"proba_{name}" for name in CLASSES]].to_numpy().argmax(axis=1)
    assert (np.array(CLASSES)[guess] == found["label"]).mean() > 0.8


def test_of_an_epoch_without_columns_nothing_is_said(fitted, table):
    said = fitted.out_of_fold[fitted.out_of_fold["recording_id"] == "r0"]
    assert 5 not in set(said["epoch"])
    assert len(fitted.out_of_fold) == len(table) - 1


def test_it_looks_ahead_in_both_directions_and_not_in_one(fitted, table):
    assert not fitted.model.causal
    assert fit(table, params={"bidirectional": False}).model.causal


def test_what_is_served_is_what_was_fitted(fitted, table):
    scorer, outlines = scorer_of(fitted), outline_recordings(table)
    assert scorer.models["net"].sequence.inputs == ["features"]
    for recording_id, rows in table.groupby("recording_id"):
        served = scorer.predict(rows, inputs=outlines[recording_id])
        known = fitted.model.knows(rows)
        np.testing.assert_allclose(
            served[known], fitted.model.predict_proba(rows)[known], atol=1e-5
        )


def test_served_it_speaks_of_the_same_epochs_as_in_training(fitted, table):
    scorer, rows = scorer_of(fitted), table[table["recording_id"] == "r0"]
    known = scorer.known_rows(rows, inputs=outline_recordings(rows)["r0"])
    np.testing.assert_array_equal(known, fitted.model.knows(rows))
    assert known.sum() == len(rows) - 1


def test_changes_of_samples_are_refused(table):
    with pytest.raises(EpochalError, match="column_gru sees columns alone: no `augmentations`"):
        fit(table, augmentations=[{"kind": "noise"}])


def test_pretraining_on_signals_is_refused(table):
    with pytest.raises(EpochalError, match="looks at columns; only networks of the signal"):
        fit(table, pretraining={"task": "masked"})


def test_a_network_over_one_epochs_columns_needs_no_outline(table):
    assert deep.choose_store("residual_mlp", {}, table) is None


def test_a_network_over_windows_keeps_its_store(table):
    store, _ = make_cohort(1)
    assert deep.choose_store("cnn_bigru", store, table) is store
