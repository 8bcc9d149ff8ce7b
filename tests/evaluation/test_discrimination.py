import numpy as np
import pytest
from made_scored import CLASSES, draw_calibrated, make_scored

from epochal.evaluation.discrimination import COLUMNS, measure_classes, measure_ranking


def of(table, name):
    return table[table["class"] == name].iloc[0]


def test_a_model_that_knows_ranks_every_epoch_of_a_class_first():
    truth = np.repeat([0, 1, 2], 20)
    found = measure_classes([make_scored(np.eye(3)[truth] * 0.7 + 0.1, truth)])
    assert list(found) == COLUMNS
    assert found["class"].tolist() == list(CLASSES)
    for figure in ("precision", "recall", "f1", "kappa", "auroc", "auprc"):
        assert found[figure].tolist() == pytest.approx([1, 1, 1]), figure
    assert found["prevalence"].tolist() == pytest.approx([1 / 3] * 3)


def test_a_model_that_says_the_same_of_all_epochs_ranks_none():
    truth = np.array([0] * 10 + [1] * 30 + [2] * 60)
    found = measure_classes([make_scored(np.tile([0.1, 0.3, 0.6], (100, 1)), truth)])
    assert found["auroc"].tolist() == pytest.approx([0.5] * 3)
    assert found["auprc"].tolist() == pytest.approx([0.1, 0.3, 0.6])  # the prevalence
    assert found["recall"].tolist() == [0, 0, 1]
    assert np.isnan(found["precision"][:2]).all()  # never said


def test_auroc_is_the_share_of_pairs_in_the_right_order_and_ties_count_half():
    came = np.array([True, True, False, False, False])
    proba = np.array([0.9, 0.4, 0.5, 0.4, 0.1])
    # (.9 beats three) + (.4 beats one, ties one) of six pairs
    assert measure_ranking(came, proba)["auroc"] == pytest.approx((3 + 1.5) / 6)


def test_auprc_is_the_mean_precision_at_each_hit():
    came = np.array([True, False, True, False])
    found = measure_ranking(came, np.array([0.9, 0.8, 0.7, 0.1]))
    assert found["auprc"] == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_a_class_that_never_occurs_has_no_curve_and_no_recall():
    proba, truth = draw_calibrated(200)
    found = measure_classes([make_scored(proba[truth < 2], truth[truth < 2])])
    rem = of(found, "REM")
    assert (rem["n_epochs"], rem["prevalence"]) == (0, 0)
    assert np.isnan(rem[["recall", "auroc", "auprc"]].astype(float)).all()
    assert found["n_predicted"].sum() == (truth < 2).sum()


@pytest.mark.parametrize("came", [np.ones(3, bool), np.zeros(3, bool)])
def test_what_always_or_never_comes_cannot_be_ranked(came):
    assert np.isnan(list(measure_ranking(came, np.arange(3) / 3).values())).all()


def test_every_model_and_role_has_its_rows():
    proba, truth = draw_calibrated(50)
    scored = [make_scored(proba, truth, model=m, role=r) for m in "ab" for r in ("oof", "test")]
    found = measure_classes(scored)
    assert len(found) == 4 * 3
    assert set(found["data_source"]) == {"simulated"}
    assert measure_classes([]).empty
