"""A cell is fitted on train and judged on animals that it never saw."""

from dataclasses import replace

import numpy as np
import pytest

from epochal.errors import EpochalError, LeakageError
from epochal.experiments import cells
from epochal.experiments.cells import baseline_key, cell_key, run_baseline, run_cell
from epochal.experiments.options import Cell
from epochal.models.smoothing import SMOOTHERS
from experiment_material import make_material, make_options

CELL = Cell(backbone="cnn1d")
OPTIONS = make_options()


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return make_material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def judged(material):
    return run_cell(CELL, OPTIONS, material, key="k")


def accuracy(judged, smoothing="none"):
    table = np.sum(list(judged.tables[smoothing].values()), axis=0)
    return np.trace(table) / table.sum()


@pytest.mark.slow
def test_a_cell_is_judged_on_the_held_out_animals_alone(judged):
    assert set(judged.tables["none"]) == {"s5", "s6"}
    assert all(np.sum(table) == 24 for table in judged.tables["none"].values())


@pytest.mark.slow
def test_a_network_learns_the_rhythms_that_tell_the_class(judged):
    assert accuracy(judged) > 0.9


def test_every_smoothing_is_a_row_of_the_same_fit(judged):
    assert set(judged.tables) == {"none", *SMOOTHERS}
    assert judged.causal["none"]
    assert judged.causal["forward"]
    assert not judged.causal["viterbi"]


def test_the_result_says_what_it_is_of(judged):
    assert judged.described == CELL.model_dump()
    assert judged.data_source == "simulated"
    assert judged.classes == ("W", "NREM", "REM")
    assert judged.n_parameters > 1000
    assert judged.seconds > 0


@pytest.mark.slow
def test_the_channel_without_a_rhythm_tells_nothing(material):
    blind = run_cell(CELL.model_copy(update={"emg": "alone"}), OPTIONS, material, key="k")
    assert accuracy(blind) < 0.7


@pytest.mark.slow
def test_the_test_animals_labels_are_never_spoilt(material):
    noisy = run_cell(CELL.model_copy(update={"label_noise": 0.9}), OPTIONS, material, key="k")
    of_class = np.sum(list(noisy.tables["none"].values()), axis=0).sum(axis=1)
    assert of_class.tolist() == [16, 16, 16]
    assert accuracy(noisy) < 0.5


@pytest.mark.slow
def test_a_baseline_sees_features_and_stands_beside(material):
    base = run_baseline("one_column", material, key="k")
    assert base.described == {"backbone": "one_column"}
    assert base.n_parameters is None
    assert accuracy(base) == pytest.approx(2 / 3)  # it tells REM from the others, and no more


def test_an_unknown_baseline_is_refused_with_a_suggestion(material):
    with pytest.raises(EpochalError, match="did you mean 'one_column'"):
        baseline_key("one_colum", material, "m")


def test_a_key_follows_from_the_cell_its_options_and_the_tables(material):
    key = cell_key(CELL, OPTIONS, material.key())
    others = [
        cell_key(CELL.model_copy(update={"loss": "focal"}), OPTIONS, material.key()),
        cell_key(CELL, make_options(model={"class_weight": "sqrt"}), material.key()),
        cell_key(CELL, make_options(channels={"channel": ("EEG",)}), material.key()),
        cell_key(CELL, OPTIONS, replace(material, splits=material.splits.iloc[1:]).key()),
    ]
    assert len({key, *others}) == 5
    assert key == cell_key(CELL, make_options(baselines=("one_column",)), material.key())


def test_other_votes_are_other_material(material):
    voted = material.epochs.assign(vote_W=1.0, vote_NREM=2.0)
    keys = [
        replace(material, epochs=epochs).key()
        for epochs in (material.epochs, voted, voted.assign(vote_W=9.0))
    ]
    assert len(set(keys)) == 3


def test_a_key_does_not_change_by_what_only_the_report_asks(material):
    more = make_options(smoothing=("viterbi",), reference="x")
    assert cell_key(CELL, OPTIONS, "m") == cell_key(CELL, more, "m")


def test_a_split_that_holds_nobody_out_is_refused(material):
    with pytest.raises(EpochalError, match="holds nobody out"):
        replace(material, splits=material.splits.assign(role="train", fold=0)).check()


def test_a_subject_on_both_sides_is_refused(material):
    splits = material.splits.assign(subject_id="s0")
    with pytest.raises(LeakageError):
        replace(material, splits=splits).check()


def test_rows_that_the_network_has_seen_are_refused_as_figures(material, monkeypatch):
    def peek(fitted, table):
        described = describe_rows(table)
        return cells_predict(fitted, table, described[described["role"] == "train"], role="test")

    from epochal.models.fitted_model import predict as cells_predict
    from epochal.models.training_table import describe_rows

    monkeypatch.setattr(cells, "predict_held_out", peek)
    with pytest.raises(LeakageError, match="may have seen"):
        run_baseline("one_column", material, key="k")
