import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from made_scored import make_scored
from scipy.stats import false_discovery_control
from sklearn.metrics import accuracy_score, cohen_kappa_score, log_loss

from epochal.evaluation.paired import (
    COLUMNS,
    FIGURES,
    bootstrap_difference,
    choose_reference,
    compare_with_best_single,
    correct_holm,
)
from epochal.intervals import two_sided_p

N_SUBJECTS, N_EACH = 12, 60
TRUTH = np.random.default_rng(0).integers(0, 3, N_SUBJECTS * N_EACH)
SUBJECTS = np.repeat(np.arange(N_SUBJECTS), N_EACH)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def model(name, right, *, seed=1, family="classical", **changed):
    """Return a model that is right in a share of epochs, by subject if there are several."""
    random = np.random.default_rng(seed)
    hit = random.random(len(TRUTH)) < np.broadcast_to(right, N_SUBJECTS)[SUBJECTS]
    guess = np.where(hit, TRUTH, (TRUTH + 1) % 3)
    proba = np.eye(3)[guess] * 0.7 + 0.1
    return make_scored(proba, TRUTH, SUBJECTS, model=name, family=family, **changed)


def board(*rows):
    return pd.DataFrame(rows, columns=["model", "family", "role", "kappa"])


BOARD = board(
    ("best", "classical", "oof", 0.6),
    ("other", "deep", "oof", 0.5),
    ("other", "deep", "test", 0.9),
    ("stack", "stack", "oof", 0.8),
    ("schedule_only", "baseline", "oof", 0.95),
)


def compare(*scored, leaderboard=BOARD, n_bootstrap=500):
    table = compare_with_best_single(list(scored), leaderboard, n_bootstrap=n_bootstrap, seed=0)
    assert list(table) == COLUMNS
    return table


def test_the_reference_is_the_best_single_model_out_of_fold():
    assert choose_reference(BOARD) == "best"
    assert choose_reference(BOARD[2:]) is None


def test_a_model_that_is_better_in_every_subject_is_found_better():
    table = compare(model("best", 0.6), model("stack", 0.75, family="stack")).set_index("figure")
    assert table.loc["kappa", "difference"] == pytest.approx(0.225, abs=0.08)
    assert table.loc["accuracy", "difference"] == pytest.approx(0.15, abs=0.05)
    assert table.loc["log_loss", "difference"] < 0
    assert (table["p_holm"] < 0.05).all()
    assert table.loc["accuracy", "low"] > 0
    assert table.loc["log_loss", "high"] < 0


def test_a_model_that_is_as_good_is_not_found_better():
    table = compare(model("best", 0.6), model("stack", 0.6, seed=2, family="stack"))
    assert (table["p"] > 0.05).all()
    assert (table["low"] < 0).all()
    assert (table["high"] > 0).all()


def test_the_same_predictions_differ_by_nothing():
    best = model("best", 0.6)
    table = compare(best, best._replace(model="twin"))
    assert table[["difference", "low", "high"]].to_numpy() == pytest.approx(0)
    assert (table["p"] == 1).all()


def test_pairing_sees_what_the_subjects_hide():
    """Skill varies far more between subjects than the models differ: unpaired, nothing shows."""
    skill = np.linspace(0.35, 0.85, N_SUBJECTS)
    table = compare(model("best", skill), model("other", skill + 0.1, family="deep"))
    found = table.set_index("figure").loc["accuracy"]
    assert found["p"] < 0.05
    assert found["high"] - found["low"] < np.ptp(skill) / 4


def test_the_values_are_those_of_sklearn():
    best, other = model("best", 0.6), model("other", 0.5)
    table = compare(best, other).set_index("figure")
    for column, rows in (("value", other), ("reference_value", best)):
        guess = rows.proba.argmax(axis=1)
        found = table[column]
        assert found["kappa"] == pytest.approx(cohen_kappa_score(TRUTH, guess))
        assert found["accuracy"] == pytest.approx(accuracy_score(TRUTH, guess))
        assert found["log_loss"] == pytest.approx(log_loss(TRUTH, rows.proba))
    expected = table["value"] - table["reference_value"]
    assert table["difference"].to_numpy() == pytest.approx(expected)


def test_models_are_compared_on_the_epochs_that_both_predict():
    best, other = model("best", 0.6), model("other", 0.9)
    late = np.arange(300, len(TRUTH))[::-1]  # in another order, too
    other = other._replace(
        subjects=SUBJECTS[late], epochs=late, truth=TRUTH[late], proba=other.proba[late]
    )
    table = compare(best, other).set_index("figure")
    assert set(table["n_epochs"]) == {420}
    assert set(table["n_subjects"]) == {7}
    expected = np.mean(best.proba[late].argmax(axis=1) == TRUTH[late])
    assert table.loc["accuracy", "reference_value"] == pytest.approx(expected)


def test_models_without_an_epoch_in_common_are_not_compared():
    best, other = model("best", 0.6), model("other", 0.6)
    assert len(compare(best, other._replace(epochs=other.epochs + 10_000))) == 0


def test_each_role_has_its_own_rows_and_the_same_reference():
    table = compare(
        model("best", 0.6), model("other", 0.5),
        model("best", 0.6, role="test"), model("other", 0.9, role="test"),
    )  # fmt: skip
    assert set(table["reference"]) == {"best"}
    assert table.groupby("role")["model"].unique().map(list).to_dict() == {
        "oof": ["other"], "test": ["other"],
    }  # fmt: skip
    assert table["figure"].tolist() == [*FIGURES, *FIGURES]


def test_baselines_stand_beside_the_models():
    table = compare(model("best", 0.6), model("majority", 0.3, family="baseline"))
    assert set(table["model"]) == {"majority"}
    assert (table.set_index("figure").loc["accuracy", ["low", "high"]] < 0).all()


def test_the_p_values_are_corrected_for_the_number_of_models():
    others = [model(f"m{i}", 0.6 + 0.02 * i, seed=i + 2) for i in range(4)]
    table = compare(model("best", 0.6), *others)
    for _, rows in table.groupby("figure"):
        assert rows["p_holm"].to_numpy() == pytest.approx(correct_holm(rows["p"].to_numpy()))
        assert (rows["p_holm"] >= rows["p"]).all()


def test_holm_corrects_as_in_his_paper():
    assert correct_holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert correct_holm(np.array([0.5, np.nan, 0.02]))[[0, 2]] == pytest.approx([0.5, 0.04])
    assert np.isnan(correct_holm(np.array([np.nan]))).all()


@pytest.mark.slow
@given(p_values)
def test_holm_keeps_the_order_stays_within_bounds_and_is_no_laxer_than_a_weaker_one(values):
    p = np.array(values)
    corrected = correct_holm(p)
    assert (corrected >= p).all()
    assert (corrected <= np.minimum(p * len(p), 1) + 1e-12).all()  # nor stricter than Bonferroni
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= 0).all()
    assert (corrected >= false_discovery_control(p) - 1e-12).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_that_every_resample_shows_has_the_least_p(sign):
    draws = sign * np.ones(999)
    low, high, p = bootstrap_difference(draws, np.zeros(999), sign, n_subjects=12)
    assert (low, high) == (sign, sign)
    assert p == pytest.approx(two_sided_p(1 / 1000, 12))


@pytest.mark.parametrize(
    ("subjects", "n_bootstrap"), [(np.zeros_like(SUBJECTS), 100), (SUBJECTS, 0)],
    ids=["one subject", "no resamples"],
)  # fmt: skip
def test_without_subjects_to_resample_there_is_a_difference_and_no_p(subjects, n_bootstrap):
    rows = [model(name, 0.6, seed=seed)._replace(subjects=subjects)
            for seed, name in enumerate(["best", "other"])]  # fmt: skip
    table = compare(*rows, n_bootstrap=n_bootstrap)
    assert table["difference"].notna().all()
    assert table[["low", "high", "p", "p_holm"]].isna().all(axis=None)


def test_without_a_single_model_the_table_is_empty():
    assert len(compare(model("majority", 0.3, family="baseline"), leaderboard=BOARD[4:])) == 0
    assert len(compare(model("best", 0.6))) == 0
