"""The comparison, against figures by hand."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from epochal.errors import EpochalError
from epochal.evaluation.paired import correct_holm
from epochal.experiments.options import ExperimentOptions
from epochal.experiments.table import class_f1, compare, macro_f1
from epochal.intervals import two_sided_p
from experiment_material import make_judged

GOOD = {"s1": [[9, 1], [0, 10]], "s2": [[8, 2], [1, 9]], "s3": [[10, 0], [1, 9]]}
POOR = {"s1": [[5, 5], [4, 6]], "s2": [[6, 4], [5, 5]], "s3": [[6, 4], [4, 6]]}
MIDDLING = {"s1": [[7, 3], [3, 7]], "s2": [[5, 5], [5, 5]], "s3": [[7, 3], [4, 6]]}


def table(*judged, **options):
    made = compare(judged, ExperimentOptions(**options), n_bootstrap=200, seed=0)
    return made.set_index("row")


def labels_of(counts):
    pairs = [
        (row, column)
        for row, line in enumerate(counts)
        for column, n in enumerate(line)
        for _ in range(int(n))
    ]
    return np.array(pairs).T


def test_figures_are_those_of_all_held_out_epochs():
    row = table(make_judged(GOOD, name="good")).loc["good"]
    truth, guess = labels_of(np.sum(list(GOOD.values()), axis=0))
    assert row["macro_f1"] == pytest.approx(f1_score(truth, guess, average="macro"))
    assert row["kappa"] == pytest.approx(cohen_kappa_score(truth, guess))
    assert row["f1_NREM"] == pytest.approx(f1_score(truth, guess))
    assert (row["n_subjects"], row["n_epochs"]) == (3, 60)


def test_an_interval_holds_the_figure():
    row = table(make_judged(GOOD, name="good")).loc["good"]
    assert row["kappa_low"] < row["kappa"] < row["kappa_high"]
    assert row["macro_f1_low"] < row["macro_f1"] < row["macro_f1_high"]


def test_a_single_animal_gives_no_interval():
    row = table(make_judged({"s1": GOOD["s1"]}, name="good")).loc["good"]
    assert np.isnan(row["kappa_low"])
    assert row["kappa"] == pytest.approx(0.9)


def test_a_difference_is_taken_on_the_same_animals():
    made = table(make_judged(POOR, name="poor"), make_judged(GOOD, name="good"))
    row = made.loc["good"]
    assert row["reference"] == "poor"
    assert row["d_kappa"] == pytest.approx(row["kappa"] - made.loc["poor", "kappa"])
    assert 0 < row["d_kappa_low"] < row["d_kappa"] < row["d_kappa_high"]
    assert np.isnan(made.loc["poor", "d_kappa"])


def test_p_values_are_corrected_for_all_rows_that_are_compared():
    others = [make_judged(counts, name=name) for name, counts in (("a", GOOD), ("b", MIDDLING))]
    made = table(make_judged(POOR, name="poor"), *others, make_judged(POOR, name="same"))
    for figure in ("macro_f1", "kappa"):
        p, corrected = made[f"d_{figure}_p"], made[f"d_{figure}_p_holm"]
        assert p["a"] == pytest.approx(two_sided_p(1 / 201, made.loc["a", "n_subjects"]))
        assert corrected["a"] == pytest.approx(3 * p["a"])
        assert corrected["same"] == p["same"] == 1.0
        np.testing.assert_allclose(corrected, correct_holm(p.to_numpy()))
        assert np.isnan(corrected["poor"])


def test_a_row_alone_has_no_p_value():
    row = table(make_judged(GOOD, name="good")).loc["good"]
    assert np.isnan(row[["d_kappa_low", "d_kappa_p", "d_kappa_p_holm"]].astype(float)).all()


def test_animals_that_only_one_was_judged_by_do_not_enter_a_difference():
    more = {**GOOD, "s9": [[0, 10], [10, 0]]}
    row = table(make_judged(POOR, name="poor"), make_judged(more, name="good")).loc["good"]
    alone = table(make_judged(POOR, name="poor"), make_judged(GOOD, name="good")).loc["good"]
    assert row["d_kappa"] == pytest.approx(alone["d_kappa"])


def test_the_same_result_differs_by_nothing():
    row = table(make_judged(GOOD, name="a"), make_judged(GOOD, name="b")).loc["b"]
    assert (row["d_kappa"], row["d_kappa_low"], row["d_kappa_high"]) == (0, 0, 0)


def test_every_smoothing_asked_for_is_a_row():
    judged = make_judged(
        POOR, name="cell", tables={"none": POOR, "viterbi": GOOD},
        causal={"none": True, "viterbi": False},
    )  # fmt: skip
    made = table(judged, smoothing=("none", "viterbi"))
    assert list(made.index) == ["cell", "cell+viterbi"]
    assert list(made["causal"]) == [True, False]
    assert made.loc["cell+viterbi", "d_kappa"] > 0
    assert list(table(judged, smoothing=("viterbi",)).index) == ["cell+viterbi"]


def test_the_reference_may_be_named():
    made = table(make_judged(POOR, name="poor"), make_judged(GOOD, name="good"), reference="good")
    assert made.loc["poor", "d_kappa"] < 0


def test_an_unknown_reference_is_refused_with_a_suggestion():
    with pytest.raises(EpochalError, match="did you mean 'good'"):
        table(make_judged(GOOD, name="good"), reference="goood")


def test_nothing_to_compare_is_said():
    with pytest.raises(EpochalError, match="nothing was fitted"):
        table()


def test_a_class_that_is_neither_there_nor_predicted_has_an_f1_of_0():
    counts = np.array([[4, 0, 0], [0, 5, 0], [0, 0, 0]])
    assert class_f1(counts).tolist() == [1, 1, 0]
    assert macro_f1(counts) == pytest.approx(2 / 3)


def test_figures_of_many_tables_are_those_of_each():
    several = np.array([GOOD["s1"], POOR["s1"]])
    assert macro_f1(several).tolist() == [macro_f1(several[0]), macro_f1(several[1])]
