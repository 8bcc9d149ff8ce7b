"""Contributions of columns: they add up, a planted column ranks first, deletion beats chance."""

import numpy as np
import pandas as pd
import pytest

from epochal.errors import EpochalError
from epochal.evaluation.explanation import models as explanation
from epochal.evaluation.explanation.figures import draw_importances
from epochal.evaluation.explanation.groups import OTHER, OWN, split_column
from epochal.evaluation.explanation.models import can_explain, explain_model, missing_library
from epochal.evaluation.explanation.study import (
    IN_SAMPLE,
    choose_explained,
    describe_explanation,
    nothing_explained,
)
from epochal.evaluation.explanation.tables import (
    COLUMNS,
    area_under_deletion,
    measure_deletion,
    tabulate,
)
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import CrossFitted
from epochal.models.fitted_model import FittedModel
from epochal.options.results import ExplanationOptions

CLASSES = ("W", "N2", "REM")
NAMES = ["eeg_planted", *(f"eeg_noise_{k}" for k in range(8)), "eog_noise__past5"]
RANDOM = np.random.default_rng(0)


def make_rows(n_rows=300, *, n_classes=3, seed=0):
    """Return rows whose label only `eeg_planted` tells."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, n_classes, n_rows)
    values = random.normal(0, 1, (n_rows, len(NAMES)))
    values[:, 0] = codes + random.normal(0, 0.2, n_rows)
    table = pd.DataFrame(values.astype(np.float32), columns=NAMES)
    table["eeg_noise_3"] = table["eeg_noise_3"].mask(random.random(n_rows) < 0.2)
    return table.assign(
        recording_id=[f"r{k % 6}" for k in range(n_rows)], epoch=np.arange(n_rows),
        subject_id=[f"s{k % 6}" for k in range(n_rows)], role="test",
    ), codes  # fmt: skip


KINDS = {
    "lightgbm": {"n_estimators": 20}, "xgboost": {"n_estimators": 20},
    "random_forest": {"n_estimators": 20}, "hist_gradient_boosting": {"max_iter": 20},
    "logistic_regression": {},
}  # fmt: skip


def fitted(kind, *, n_classes=3, classes=CLASSES):
    rows, codes = make_rows(n_classes=n_classes)
    estimator = ROSTER[kind](0, **KINDS[kind]).fit(rows[NAMES], codes)
    return FittedModel(kind, "classical", estimator, NAMES, classes, causal=True)


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    if request.param == "xgboost":
        pytest.importorskip("xgboost")
    if request.param in ("random_forest", "hist_gradient_boosting"):
        pytest.importorskip("shap")
    return fitted(request.param)


UNSEEN, _ = make_rows(60, seed=1)


def test_contributions_and_their_mean_add_up_to_what_the_model_says(model):
    explained = explain_model(model, UNSEEN)
    assert explained.values.shape == (60, len(NAMES), 3)
    total = explained.values.sum(axis=1) + explained.expected
    proba = model.estimator.predict_proba(UNSEEN[NAMES])
    if explained.unit == explanation.LOG_ODDS:
        total = np.exp(total) / np.exp(total).sum(axis=1, keepdims=True)
    assert total == pytest.approx(proba, abs=1e-4)


def test_a_planted_column_ranks_first(model):
    table = tabulate(explain_model(model, UNSEEN), UNSEEN, ("eeg", "eog"))
    columns = table[table["level"] == "column"].set_index(["class", "name"])
    for name in ("W", "REM"):  # of the class between them a line through the planted column is flat
        assert columns.loc[name, "mean_abs"].idxmax() == "eeg_planted"
    assert columns.groupby("name")["mean_abs"].sum().idxmax() == "eeg_planted"
    assert columns.loc[("REM", "eeg_planted"), "direction"] > 0.3  # more of it: the last class
    assert columns.loc[("W", "eeg_planted"), "direction"] < -0.3


@pytest.mark.slow
def test_deleting_the_ranked_columns_first_beats_any_order(model):
    explained = explain_model(model, UNSEEN)
    curve = measure_deletion(model.predict_proba, UNSEEN, explained)
    assert area_under_deletion(curve) < area_under_deletion(curve, "random") - 0.1
    assert curve["ranked"].iloc[0] == curve["random"].iloc[0]
    assert curve["ranked"].iloc[-1] == pytest.approx(curve["random"].iloc[-1])
    assert curve["n_deleted"].iloc[[0, -1]].tolist() == [0, len(NAMES)]


@pytest.mark.parametrize("kind", ["lightgbm", "logistic_regression"])
def test_two_classes_are_explained_by_halves_of_one_log_odds(kind):
    model = fitted(kind, n_classes=2, classes=("rest", "stress"))
    rows, _ = make_rows(20, n_classes=2, seed=2)
    explained = explain_model(model, rows)
    assert explained.values[:, :, 0] == pytest.approx(-explained.values[:, :, 1])
    gap = explained.values.sum(axis=1) + explained.expected
    proba = 1 / (1 + np.exp(gap[:, 0] - gap[:, 1]))
    assert proba == pytest.approx(model.estimator.predict_proba(rows[NAMES])[:, 1], abs=1e-4)


def test_a_class_that_training_lacked_gets_nothing():
    model = fitted("lightgbm", n_classes=2, classes=("W", "N2", "REM"))
    assert not explain_model(model, UNSEEN).values[:, :, 2].any()


def test_lightgbms_own_code_says_what_the_library_shap_says():
    shap = pytest.importorskip("shap")
    model = fitted("lightgbm")
    expected = shap.TreeExplainer(model.estimator.booster_).shap_values(UNSEEN[NAMES])
    assert explain_model(model, UNSEEN).values == pytest.approx(np.asarray(expected), abs=1e-6)


@pytest.mark.slow
def test_a_network_over_columns_is_explained_by_integrated_gradients():
    pytest.importorskip("captum")
    from epochal.models.deep import build_residual_mlp

    rows, codes = make_rows()
    estimator = build_residual_mlp(0, n_epochs=6, width=16).fit(rows[NAMES], codes)
    model = FittedModel("mlp", "deep", estimator, NAMES, CLASSES, causal=True)
    explained = explain_model(model, UNSEEN)
    table = tabulate(explained, UNSEEN, ())
    columns = table[table["level"] == "column"]
    assert columns.groupby("name")["mean_abs"].sum().idxmax() == "eeg_planted"
    total = explained.values.sum(axis=1) + explained.expected
    proba = np.exp(total) / np.exp(total).sum(axis=1, keepdims=True)
    assert np.abs(proba - model.predict_proba(UNSEEN)).mean() < 0.02


def test_what_cannot_be_explained_is_refused_by_name():
    rows, codes = make_rows()
    estimator = ROSTER["naive_bayes"](0).fit(rows[NAMES], codes)
    model = FittedModel("bayes", "classical", estimator, NAMES, CLASSES, causal=True)
    assert not can_explain(model)
    with pytest.raises(EpochalError, match="Model 'bayes': nothing explains GaussianNB"):
        explain_model(model, rows)


# Groups


def test_a_columns_name_says_its_signal_its_feature_and_how_it_was_seen():
    signals = ("fpz", "fpz_cz")
    assert split_column("fpz_cz_log_delta__session__past5", signals) == (
        "fpz_cz", "fpz_cz_log_delta", "session past5",
    )  # fmt: skip
    assert split_column("demographics_age_years", signals) == (OTHER, "demographics_age_years", OWN)


def test_columns_that_gainsay_each_other_say_nothing_together():
    values = np.zeros((4, 2, 1))
    values[:, 0, 0], values[:, 1, 0] = 1.0, -1.0
    explained = explanation.Explained(values, np.zeros(1), ["eeg_a", "eeg_b"], ("W",), "log-odds")
    rows = pd.DataFrame({"eeg_a": range(4), "eeg_b": range(4)})
    table = tabulate(explained, rows, ("eeg",)).set_index(["level", "name"])["mean_abs"]
    assert table["column", "eeg_a"] == table["column", "eeg_b"] == 1.0
    assert table["signal", "eeg"] == 0.0


# Of a study


def board(*rows):
    return pd.DataFrame(rows, columns=["model", "family", "role", "kappa"])


BOARD = board(
    ("stack", "stack", "oof", 0.9), ("logistic_regression", "classical", "oof", 0.8),
    ("lightgbm", "classical", "oof", 0.7), ("lightgbm", "classical", "test", 0.99),
    ("majority", "baseline", "oof", 1.0),
)  # fmt: skip


def loads(*kinds):
    return {kind: (lambda kind=kind: CrossFitted(fitted(kind), pd.DataFrame())) for kind in kinds}


def test_the_best_that_can_be_explained_is_chosen_and_what_was_passed_over_is_said():
    model, reason = choose_explained(
        loads("lightgbm", "logistic_regression"), BOARD, ExplanationOptions()
    )
    assert model.name == "logistic_regression"
    assert reason == "logistic_regression; not stack"


def test_a_named_model_is_taken_and_a_misspelt_one_refused():
    given = loads("lightgbm", "logistic_regression")
    assert choose_explained(given, BOARD, ExplanationOptions(model="lightgbm"))[0].name == (
        "lightgbm"
    )
    with pytest.raises(EpochalError, match=r"No model 'lightgmb'.*did you mean 'lightgbm'"):
        choose_explained(given, BOARD, ExplanationOptions(model="lightgmb"))


def test_without_the_extra_the_reason_names_it(monkeypatch):
    monkeypatch.setattr(explanation, "find_spec", lambda name: None)
    rows, codes = make_rows(40)
    forest = ROSTER["random_forest"](0, n_estimators=2).fit(rows[NAMES], codes)
    model = FittedModel("forest", "classical", forest, NAMES, CLASSES, causal=True)
    assert missing_library(model) == "shap"
    chosen, reason = choose_explained(
        {"forest": lambda: CrossFitted(model, pd.DataFrame())},
        board(("forest", "classical", "oof", 0.5)),
        ExplanationOptions(),
    )
    assert chosen is None
    assert "forest needs 'shap': pip install 'epochal[explain]'" in reason


def test_none_are_explained_where_none_are_asked_for():
    chosen, reason = choose_explained({}, BOARD, ExplanationOptions(n_epochs=0))
    assert chosen is None
    assert "n_epochs is 0" in reason
    figure = draw_importances(*nothing_explained())
    assert figure.texts[0].get_text().startswith("Nothing was explained")


EPOCHS = UNSEEN[["recording_id", "epoch"]].assign(data_source="simulated")


def describe(rows, n_epochs=24):
    return describe_explanation(
        fitted("lightgbm"), rows, EPOCHS, signals=("eeg", "eog"), n_epochs=n_epochs, seed=0
    )


@pytest.mark.slow
def test_only_epochs_that_the_refit_has_not_seen_are_explained():
    rows = UNSEEN.assign(role=["train", "test", "val"] * 20)
    table, deletion = describe(rows, n_epochs=10)
    assert list(table) == COLUMNS
    assert set(table["role"]) == set(deletion["role"]) == {"test"}
    assert table["n_epochs"].unique().tolist() == [10]
    assert table["n_subjects"].unique().tolist() == [2]  # s1 and s4 are test subjects
    assert set(describe(rows[rows["role"] != "test"])[0]["role"]) == {"val"}


@pytest.mark.slow
def test_epochs_that_were_fitted_on_are_said_to_be():
    assert set(describe(UNSEEN.assign(role="train"))[0]["role"]) == {IN_SAMPLE}


@pytest.mark.slow
def test_the_figure_says_model_unit_role_and_source():
    table, deletion = describe(UNSEEN)
    figure = draw_importances(table, deletion)
    assert (
        figure.get_suptitle() == "lightgbm: mean |contribution| by class, in log-odds (test epochs)"
    )
    assert "Data: simulated" in figure.get_supxlabel()
    assert [axes.get_title() for axes in figure.axes][:3] == list(CLASSES)
