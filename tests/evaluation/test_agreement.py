import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score

from epochal.errors import EpochalError
from epochal.evaluation.agreement import (
    accuracy,
    bland_altman,
    compare_statistics,
    describe_agreement,
    encode_scored,
    f1,
    kappa_per_class,
    macro_f1,
    resample,
    tabulate_blocks,
    tabulate_pair,
)
from epochal.metrics import kappa

CLASSES = ("W", "N2", "REM")
CODES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=40)


def table_of(reference, guess, n_classes=3):
    return tabulate_pair(np.asarray(reference), np.asarray(guess), n_classes)


def some_nights(n=12, n_epochs=200, error=0.2, seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, (n, n_epochs))
    guess = np.where(random.random(truth.shape) < error, random.integers(0, 3, truth.shape), truth)
    return truth, guess


def test_only_epochs_that_both_scored_are_counted():
    assert table_of([0, -1, 1, 2, 2], [0, 0, -1, 2, 1]).tolist() == [
        [1, 0, 0],
        [0, 0, 0],
        [0, 1, 1],
    ]


def test_scorings_of_unequal_length_are_refused():
    with pytest.raises(EpochalError, match="3 epochs against 2"):
        table_of([0, 1], [0, 1, 2])


def test_labels_become_codes_and_null_is_unscored():
    assert encode_scored(["W", None, "REM", np.nan], CLASSES).tolist() == [0, -1, 2, -1]


def test_an_unknown_label_is_refused_by_name():
    with pytest.raises(EpochalError, match="'NREM' is none of the classes W, N2, REM"):
        encode_scored(["W", "NREM"], CLASSES)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(CODES)
def test_figures_are_those_of_scikit_learn(pairs):
    truth, guess = np.array(pairs).T
    table = table_of(truth, guess)
    present = sorted({*truth, *guess})
    assert accuracy(table) == pytest.approx(np.mean(truth == guess))
    theirs = f1_score(truth, guess, labels=present, average=None, zero_division=0)
    assert f1(table)[present] == pytest.approx(theirs)
    assert macro_f1(table) == pytest.approx(theirs.mean())
    if len(present) > 1:
        assert kappa(table) == pytest.approx(cohen_kappa_score(truth, guess))
        expected = [cohen_kappa_score(truth == code, guess == code) for code in present]
        assert kappa_per_class(table)[present] == pytest.approx(expected)


def test_a_class_that_neither_has_is_no_figure_and_not_in_the_mean():
    table = table_of([0, 0, 1, 1], [0, 0, 1, 0])
    assert np.isnan(f1(table)[2])
    assert np.isnan(kappa_per_class(table)[2])
    assert macro_f1(table) == pytest.approx((0.8 + 2 / 3) / 2)


def test_a_class_that_only_one_has_agrees_no_better_than_chance():
    table = table_of([0, 0, 1, 2], [0, 0, 1, 1])
    assert kappa_per_class(table)[2] == 0.0
    assert f1(table)[2] == 0.0


def test_many_tables_at_once_give_the_figures_of_each():
    tables = np.stack([table_of(*night) for night in zip(*some_nights(), strict=True)])
    assert kappa_per_class(tables).shape == (12, 3)
    assert macro_f1(tables)[3] == pytest.approx(macro_f1(tables[3]))
    assert f1(tables)[5] == pytest.approx(f1(tables[5]))


def test_a_description_names_the_classes_and_can_be_written_as_json():
    found = describe_agreement(table_of([0, 0, 1, 1], [0, 0, 1, 0]), CLASSES)
    assert found["n_epochs"] == 4
    assert found["f1_per_class"]["REM"] is None
    assert found["confusion"]["N2"] == {"W": 1, "N2": 1, "REM": 0}
    assert found["kappa"] == pytest.approx(0.5)


def test_nothing_scored_by_both_is_refused():
    with pytest.raises(EpochalError, match="No epoch is scored by both"):
        describe_agreement(table_of([-1, 0], [0, -1]), CLASSES)


def test_the_interval_holds_the_value_and_narrows_with_more_recordings():
    few, many = (
        resample(np.stack([table_of(*night) for night in zip(*some_nights(n), strict=True)]), kappa)
        for n in (6, 60)
    )
    assert few.low < few.value < few.high
    assert many.high - many.low < few.high - few.low


@pytest.mark.slow
def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    population = some_nights(2000, n_epochs=50, seed=1)
    whole = kappa(table_of(population[0].ravel(), population[1].ravel()))
    tables = np.stack([table_of(*night) for night in zip(*population, strict=True)])
    random = np.random.default_rng(2)
    draws = [resample(tables[random.integers(0, 2000, 25)], kappa, seed=k) for k in range(100)]
    assert 85 <= sum(draw.low <= whole <= draw.high for draw in draws) <= 100


def test_one_recording_has_no_interval():
    found = resample(table_of([0, 1], [0, 1])[None], kappa)
    assert found.value == 1.0
    assert np.isnan([found.low, found.high]).all()


def test_the_same_seed_gives_the_same_interval():
    tables = np.stack([table_of(*night) for night in zip(*some_nights(), strict=True)])
    assert resample(tables, kappa, seed=3) == resample(tables, kappa, seed=3)


def test_blocks_hold_neighbouring_epochs_and_lose_none():
    truth, guess = some_nights(1, n_epochs=250)
    blocks = tabulate_blocks(truth[0], guess[0], 3, block_epochs=60)
    assert blocks.shape == (5, 3, 3)
    assert (blocks.sum(axis=0) == table_of(truth[0], guess[0])).all()


def test_blocks_that_nobody_scored_are_left_out():
    truth = np.array([-1] * 10 + [0] * 10)
    assert len(tabulate_blocks(truth, truth, 3, block_epochs=10)) == 1
    assert tabulate_blocks(truth[:10], truth[:10], 3, block_epochs=10).shape == (0, 3, 3)


def test_errors_in_one_piece_give_a_wider_interval_by_blocks_than_by_epochs():
    truth = np.tile([0, 1, 2], 100)
    guess = truth.copy()
    guess[60:120] = 0
    by_epoch = resample(tabulate_blocks(truth, guess, 3, block_epochs=1), kappa)
    by_block = resample(tabulate_blocks(truth, guess, 3, block_epochs=30), kappa)
    assert by_block.high - by_block.low > 1.5 * (by_epoch.high - by_epoch.low)


def test_bland_altman_of_known_differences():
    differences = np.array([1.0, 2.0, 3.0, 4.0])
    found = bland_altman(np.zeros(4), differences)
    assert found["bias"] == 2.5
    sd = differences.std(ddof=1)
    assert found["lower"] == pytest.approx(2.5 - 1.96 * sd)
    assert found["upper"] == pytest.approx(2.5 + 1.96 * sd)
    assert found["bias_low"] < 2.5 < found["bias_high"]
    assert (found["n_pairs"], found["n_recordings"]) == (4, 4)


@pytest.mark.slow
def test_the_limits_hold_about_95_of_100_normal_differences():
    random = np.random.default_rng(0)
    reference = random.normal(400, 60, 500)
    guess = reference + random.normal(5, 10, 500)
    found = bland_altman(reference, guess)
    inside = (guess - reference > found["lower"]) & (guess - reference < found["upper"])
    assert found["bias"] == pytest.approx(5, abs=1.5)
    assert inside.mean() == pytest.approx(0.95, abs=0.02)


def test_pairs_of_one_recording_are_drawn_together():
    random = np.random.default_rng(1)
    of_night = np.repeat(random.normal(0, 10, 10), 10)
    units = np.repeat([f"night {i}" for i in range(10)], 10)
    alone = bland_altman(np.zeros(100), of_night)
    together = bland_altman(np.zeros(100), of_night, units)
    assert together["n_recordings"] == 10
    assert together["bias"] == pytest.approx(alone["bias"])
    width, narrow = (f["bias_high"] - f["bias_low"] for f in (together, alone))
    assert width > 2 * narrow


def test_pairs_with_a_missing_value_are_counted_and_left_out():
    found = bland_altman([1.0, np.nan, 3.0], [2.0, 2.0, np.nan])
    assert (found["bias"], found["n_pairs"], found["n_missing"]) == (1.0, 1, 2)
    assert np.isnan(found["lower"])
    assert np.isnan(bland_altman([np.nan], [1.0])["bias"])


def test_statistics_of_recordings_are_compared_one_by_one():
    reference = {"a": {"tst_min": 400.0, "sol_min": None}, "b": {"tst_min": 380.0, "sol_min": None}}
    guess = {"a": {"tst_min": 410.0, "sol_min": 5.0}, "b": {"tst_min": 386.0, "sol_min": 4.0}}
    table = compare_statistics(reference, guess)
    assert isinstance(table, pd.DataFrame)
    assert table["statistic"].tolist() == ["tst_min"]  # nobody's onset is known in the reference
    assert table.loc[0, "bias"] == 8.0


def test_statistics_without_a_common_recording_are_refused():
    with pytest.raises(EpochalError, match="No recording has the statistics of both"):
        compare_statistics({"a": {}}, {"b": {}})


def test_a_figure_that_no_resample_defines_has_no_interval():
    tables = np.stack([table_of([0, 0], [0, 0])] * 3)
    found = resample(tables, lambda given: f1(given)[..., 2])
    assert np.isnan([found.value, found.low, found.high]).all()
