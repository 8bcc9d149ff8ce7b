"""What a network learns of a table, who validates, its folder, its curves, its earlier weights."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from epochal.errors import EpochalError, LeakageError
from epochal.models import deep, window_network
from epochal.models.training.batches import Order, SequenceData, load_batches
from epochal.models.training.curves import CURVES, LISTENERS, CurvePoint, note_point
from epochal.models.training.epoch_rows import Sequences
from epochal.models.training.pretrained import PROVENANCE, WEIGHTS, read_provenance
from epochal.models.training.targets import make_row_targets, part_subjects
from epochal.models.training.workplace import open_workplace
from window_cohort import (
    CLASSES,
    accuracy,
    fit,
    give_votes,
    make_cohort,
    make_network,
    options,
    rows_of,
)


@pytest.fixture(scope="module")
def cohort():
    return make_cohort()


def data_of(store, table: pd.DataFrame, *, length: int = 5, **given) -> SequenceData:
    rows = rows_of(store, table)
    everything = np.ones(len(rows), dtype=bool)
    sequences = Sequences(rows, ("signal",), length=length, step=length, only=everything)
    targets = make_row_targets(table, CLASSES, options(**given))
    return SequenceData(sequences, targets, np.zeros(len(sequences), dtype=int))


def test_targets_are_codes_and_an_unlabelled_row_is_minus_one(cohort):
    _, table = cohort
    hidden = table.assign(label=table["label"].where(table["epoch"] != 0))
    targets = make_row_targets(hidden, CLASSES, options())
    assert (targets.targets[table["epoch"] == 0] == -1).all()
    assert targets.known.sum() == len(table) - 4


def test_rows_that_the_split_does_not_keep_teach_nothing(cohort):
    _, table = cohort
    kept = table.assign(kept=table["epoch"] < 12)
    assert make_row_targets(kept, CLASSES, options()).known.sum() == len(table) // 2


def test_rare_classes_weigh_more_where_conf_says_so(cohort):
    _, table = cohort
    rare = table[(table["label"] != "REM") | (table["epoch"] % 4 == 0)]
    targets = make_row_targets(rare, CLASSES, options(class_weight="balanced"))
    weights = pd.Series(targets.weights).groupby(rare["label"].to_numpy()).mean()
    assert weights["REM"] > 2 * weights["W"]


@pytest.mark.parametrize(
    ("labels", "message"), [(None, "No labelled epoch"), ("W", "are W: nothing to tell apart")]
)
def test_nothing_to_learn_is_refused(cohort, labels, message):
    _, table = cohort
    with pytest.raises(EpochalError, match=message):
        make_row_targets(table.assign(label=labels), CLASSES, options())


def test_votes_need_their_columns(cohort):
    _, table = cohort
    with pytest.raises(EpochalError, match="no column vote_W"):
        make_row_targets(table, CLASSES, options(targets="votes"))


def test_whole_subjects_validate(cohort):
    _, table = cohort
    targets = make_row_targets(table, CLASSES, options())
    training, validating = part_subjects(targets, 0.25, seed=0)
    subjects = table["subject_id"].to_numpy()
    assert len(set(subjects[validating])) == 1
    assert not set(subjects[training]) & set(subjects[validating])
    assert (training ^ validating).all()


def test_a_single_subject_trains_without_validation(cohort):
    _, table = cohort
    targets = make_row_targets(table[table["subject_id"] == "s0"], CLASSES, options())
    training, validating = part_subjects(targets, 0.25, seed=0)
    assert training.all()
    assert not validating.any()


def test_a_batch_holds_windows_targets_weights_and_places(cohort):
    batch = data_of(*cohort).__getitems__([0, 4])
    assert batch["signal"].shape == (2, 5, 2, 100)
    assert batch["targets"].shape == batch["weights"].shape == (2, 5)
    assert batch["places"].tolist() == [0, 4]


def test_an_absent_epoch_has_no_target_and_no_weight(cohort):
    batch = data_of(*cohort, length=30).__getitems__([0])
    assert (batch["targets"][0, 24:] == -1).all()
    assert (batch["weights"][0, 24:] == 0).all()
    assert (batch["weights"][0, :24] == 1).all()


def test_an_absent_epoch_has_no_votes(cohort):
    store, table = cohort
    batch = data_of(store, give_votes(table), length=30, targets="votes").__getitems__([0])
    assert batch["targets"][0, :24].any()
    assert not batch["targets"][0, 24:].any()


def test_the_order_is_drawn_anew_at_each_pass(cohort):
    data = data_of(*cohort)
    order = Order(lambda number: np.roll(np.arange(len(data)), number))
    loader = load_batches(data, 4, order=order)
    first, again = (torch.cat([batch["places"] for batch in loader]) for _ in range(2))
    assert first.tolist() == again.tolist() == list(range(len(data)))
    order.set_epoch(1)
    second = torch.cat([batch["places"] for batch in loader])
    assert second.tolist() == np.roll(np.arange(len(data)), 1).tolist()


def test_an_order_counts_the_batches_of_every_pass():
    order = Order(lambda number: np.arange(10 - 4 * (number > 0)))
    assert order.count_batches(3, batch_size=4) == (3, 2, 2)
    assert order.count_batches(3, batch_size=2, n_processes=2) == (3, 2, 2)
    order.set_epoch(1)
    assert len(order) == 6


def test_curves_are_a_table_and_whoever_listens_hears_them(tmp_path):
    heard: list[CurvePoint] = []
    LISTENERS.append(heard.append)
    try:
        for epoch in (1, 2):
            note_point(CurvePoint("net", "refit", epoch, 0.5, 1e-3, 1.0, val_kappa=0.6), tmp_path)
    finally:
        LISTENERS.remove(heard.append)
    table = pd.read_csv(tmp_path / CURVES)
    assert table["epoch"].tolist() == [1, 2]
    assert table["val_loss"].isna().all()
    assert [point.epoch for point in heard] == [1, 2]


def test_a_workplace_is_kept_for_the_same_fit_and_emptied_for_another(tmp_path):
    place = tmp_path / "net" / "refit"
    with open_workplace(place, {"seed": 1}) as folder:
        (folder / "state").touch()
    with open_workplace(place, {"seed": 1}) as folder:
        assert (folder / "state").exists()
    with open_workplace(place, {"seed": 2}) as folder:
        assert not (folder / "state").exists()


def test_a_second_fit_in_the_folder_of_one_at_work_is_refused(tmp_path):
    place = tmp_path / "net" / "refit"
    with open_workplace(place, {"seed": 1}) as folder:
        (folder / "state").touch()
        with (
            pytest.raises(EpochalError, match=r"refit: another fit is at work here"),
            open_workplace(place, {"seed": 2}),
        ):
            pass
        assert (folder / "state").exists()
    with open_workplace(place, {"seed": 2}) as folder:
        assert not (folder / "state").exists()


def test_a_passing_workplace_leaves_nothing():
    with open_workplace(None, {}) as folder:
        assert folder.is_dir()
    assert not folder.exists()


class TestWeightsOfAnEarlierFit:
    @pytest.fixture(scope="class")
    def earlier(self, cohort, tmp_path_factory):
        made = tmp_path_factory.mktemp("earlier")
        fit(make_network(made, training={"max_epochs": 12}), *cohort)
        return made / "net" / "fold_0"

    @pytest.fixture
    def folder(self, earlier, tmp_path):
        return shutil.copytree(earlier, tmp_path / "fold_0")

    @pytest.mark.slow
    def test_they_are_where_training_begins(self, cohort, folder):
        store, table = cohort
        barely = {"max_epochs": 1, "learning_rate": 1e-7}
        begun = fit(make_network(pretrained=str(folder), training=barely), store, table)
        fresh = fit(make_network(training=barely), store, table)
        assert accuracy(begun, store, table) > 0.9 > accuracy(fresh, store, table)

    @pytest.mark.slow
    def test_another_head_is_left_out(self, cohort, folder):
        store, table = cohort
        two = table[table["label"] != "REM"]
        network = fit(make_network(pretrained=str(folder)), store, two)
        assert network.classes_.tolist() == [0, 1]

    def test_another_kind_is_refused(self, cohort, folder):
        with pytest.raises(EpochalError, match="weights of a cnn1d, not of a lstm"):
            fit(make_network(kind="lstm", pretrained=str(folder)), *cohort)

    def test_another_parameter_is_refused_though_no_shape_tells_it(self, cohort, tmp_path):
        barely = {"kind": "conformer", "training": {"max_epochs": 1}}
        fit(make_network(tmp_path, params={"n_heads": 2}, **barely), *cohort)
        known = {"pretrained": str(tmp_path / "net" / "fold_0"), **barely}
        fit(make_network(params={"n_heads": 2, "dropout": 0.3}, **known), *cohort)
        with pytest.raises(EpochalError, match="a conformer with n_heads 2, not 4"):
            fit(make_network(**known), *cohort)

    def test_a_subject_that_they_know_may_not_be_judged(self, cohort, folder):
        _, table = cohort
        epochs = table.assign(onset_s=table["epoch"] * 2.0, length_s=2.0)
        asked = options(pretrained=str(folder))
        with pytest.raises(LeakageError, match="has seen subjects"):
            deep.refuse_leaks("net", asked, epochs, table)
        strangers = table.assign(subject_id="x" + table["subject_id"])
        deep.refuse_leaks("net", asked, epochs, strangers)

    @pytest.mark.slow
    def test_whoever_they_knew_is_known_to_what_began_from_them(self, cohort, tmp_path):
        store, table = cohort
        earlier, later = (
            table[table["subject_id"].isin(of)] for of in (["s0", "s1"], ["s2", "s3"])
        )
        first, second, third = (tmp_path / name / "net" / "fold_0" for name in "abc")
        fit(make_network(tmp_path / "a", training={"max_epochs": 1}), store, earlier)
        for name, given in (("b", first), ("c", second)):
            asked = make_network(tmp_path / name, pretrained=str(given), training={"max_epochs": 1})
            fit(asked, store, later)
        assert read_provenance(third)["subjects"] == ["s0", "s1", "s2", "s3"]
        epochs = earlier.assign(onset_s=earlier["epoch"] * 2.0, length_s=2.0)
        with pytest.raises(LeakageError, match=r"has seen subjects.*s0"):
            deep.refuse_leaks("net", options(pretrained=str(third)), epochs, earlier)

    @pytest.mark.slow
    def test_a_fit_follows_from_their_content_and_not_from_where_they_lie(
        self, cohort, folder, tmp_path, monkeypatch
    ):
        place = tmp_path / "b"
        shutil.copytree(folder, tmp_path / "moved")
        barely = {"max_epochs": 1}
        fit(make_network(place, pretrained=str(folder), training=barely), *cohort)
        fit(make_network(tmp_path / "c", seed=1, training=barely), *cohort)
        shutil.copy(tmp_path / "c" / "net" / "fold_0" / WEIGHTS, folder / WEIGHTS)
        begun = []
        monkeypatch.setattr(window_network, "train", lambda *_, **__: begun.append(1))
        fit(make_network(place, pretrained=str(tmp_path / "moved"), training=barely), *cohort)
        assert begun == []
        fit(make_network(place, pretrained=str(folder), training=barely), *cohort)
        assert begun == [1]

    @pytest.mark.slow
    @pytest.mark.parametrize("missing", [WEIGHTS, PROVENANCE])
    def test_without_their_provenance_they_are_refused(self, folder, missing):
        (folder / missing).unlink()
        with pytest.raises(EpochalError, match=f"no {missing} here"):
            read_provenance(folder)

    def test_a_damaged_provenance_is_refused(self, folder):
        (folder / PROVENANCE).write_text(json.dumps(["s0"]))
        with pytest.raises(EpochalError, match="not a provenance"):
            read_provenance(folder)


def test_sequences_that_reach_into_another_fold_are_refused(cohort):
    _, table = cohort
    epochs = table.assign(onset_s=table["epoch"] * 2.0, length_s=2.0)
    halves = table.assign(fold=(table["epoch"] >= 12).astype(int))
    deep.refuse_leaks("net", options(), epochs, halves)
    with pytest.raises(LeakageError, match=r"overlap|see"):
        deep.refuse_leaks("net", options(sequence={"n_epochs": 5}), epochs, halves)
