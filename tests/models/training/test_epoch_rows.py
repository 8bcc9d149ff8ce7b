from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epochal.models.training.epoch_rows import ABSENT, Sequences
from window_cohort import make_cohort, rows_of


@pytest.fixture
def cohort():
    return make_cohort(2)


def sequences(rows, *, length: int = 5, step: int = 5, only=None) -> Sequences:
    wanted = np.ones(len(rows), dtype=bool) if only is None else only
    return Sequences(rows, ("signal",), length=length, step=step, only=wanted)


def test_a_row_finds_its_own_window_whatever_the_order_of_rows(cohort):
    store, table = cohort
    rows = rows_of(store, table.sample(frac=1.0, random_state=3))
    made = sequences(rows)
    batch = made.__getitems__(list(range(len(made))))
    for signal, places in zip(batch["signal"], batch["rows"], strict=True):
        for window, place in zip(signal, places, strict=True):
            key = rows.keys.iloc[place]
            np.testing.assert_array_equal(
                window, store[key["recording_id"]].arrays["signal"][key["epoch"]]
            )


def test_sequences_cover_every_row(cohort):
    store, table = cohort
    made = sequences(rows_of(store, table))
    assert sorted(set(made.rows.ravel()) - {ABSENT}) == list(range(len(table)))


def test_a_recording_shorter_than_a_sequence_is_filled_with_what_is_missing(cohort):
    store, table = cohort
    made = sequences(rows_of(store, table), length=30, step=30)
    batch = made.__getitems__([0])
    assert (batch["rows"][0, 24:] == ABSENT).all()
    assert np.isnan(batch["signal"][0, 24:]).all()
    assert np.isfinite(batch["signal"][0, :24]).all()


def test_an_epoch_without_a_row_is_still_seen_as_context(cohort):
    store, table = cohort
    rows = rows_of(store, table[table["epoch"] != 2])
    batch = sequences(rows).__getitems__([0])
    assert batch["rows"][0].tolist()[2] == ABSENT
    np.testing.assert_array_equal(batch["signal"][0, 2], store["r0"].arrays["signal"][2])


def test_only_sequences_with_a_wanted_row_are_kept(cohort):
    store, table = cohort
    rows = rows_of(store, table)
    of_second = (table["subject_id"] == "s1").to_numpy()
    made = sequences(rows, only=of_second)
    assert of_second[made.rows[made.rows != ABSENT]].all()
    assert made.sites == ["lab1"] * len(made)


def test_no_sequence_crosses_into_another_run(cohort):
    store, table = cohort
    run = np.repeat([0, 1], 12)
    store = {name: replace(inputs, run=run) for name, inputs in store.items()}
    made = sequences(rows_of(store, table), length=7, step=7)
    for places in made.rows:
        runs = run[table["epoch"].to_numpy()[places[places != ABSENT]]]
        assert len(set(runs)) == 1


def test_side_features_lie_beside_their_windows_and_are_unknown_where_no_row_is(cohort):
    store, table = cohort
    numbered = table.assign(number=np.arange(len(table), dtype=float))
    made = sequences(rows_of(store, numbered, ("number",)), length=30, step=30)
    batch = made.__getitems__([1])
    np.testing.assert_array_equal(batch["features"][0, :24, 0], np.arange(24, 48))
    assert np.isnan(batch["features"][0, 24:]).all()


def test_rows_with_nothing_to_see_are_not_known(cohort):
    store, table = cohort
    known = np.arange(24) != 5
    store["r1"] = replace(store["r1"], known=known)
    assert rows_of(store, table).known().sum() == len(table) - 1
