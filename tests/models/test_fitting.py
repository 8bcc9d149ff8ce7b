import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.dummy import DummyClassifier

from epochal.errors import EpochalError
from epochal.models.classical import ROSTER, build_logistic_regression
from epochal.models.fitting import (
    _part_subjects,
    class_weights,
    fit_estimator,
    make_targets,
    target_shares,
)
from epochal.options.models import EarlyStoppingOptions, ModelOptions

CLASSES = ("W", "N2")


def make_rows(n_subjects=6, n_epochs=40, **columns):
    """Return a table in which `x` tells the class, with noise; every fifth epoch is N2."""
    n_rows = n_subjects * n_epochs
    codes = (np.arange(n_rows) % 5 == 0).astype(int)
    noise = np.random.default_rng(0).normal(0, 0.7, n_rows)
    table = {
        "subject_id": np.repeat([f"s{index}" for index in range(n_subjects)], n_epochs),
        "label": np.array(CLASSES, dtype=object)[codes],
        "x": codes + noise,
    }
    return pd.DataFrame(table | columns)


class Recorder:
    """An estimator that keeps what it was given."""

    def fit(self, X, y, sample_weight=None):
        self.X, self.y, self.sample_weight = X, y, sample_weight
        return self


def record(rows, **options):
    options = ModelOptions(kind="any", **options)
    return fit_estimator(Recorder(), rows, ["x"], CLASSES, options, seed=0)


def test_only_labelled_rows_are_fitted_on():
    rows = make_rows()
    rows.loc[:9, "label"] = None
    found = record(rows)
    assert len(found.y) == len(rows) - 10
    assert found.X["x"].tolist() == rows["x"][10:].tolist()
    assert found.sample_weight is None


def test_rows_that_the_split_does_not_keep_are_left_out():
    rows = make_rows(kept=np.arange(240) % 2 == 0)
    assert record(rows).X.index.tolist() == list(range(0, 240, 2))


def test_balanced_weights_give_every_class_the_same_total():
    found = record(make_rows(), class_weight="balanced")
    totals = [found.sample_weight[found.y == code].sum() for code in (0, 1)]
    assert totals[0] == pytest.approx(totals[1])
    assert found.sample_weight.mean() == pytest.approx(1)


def test_square_root_weights_go_half_the_way():
    codes = np.array([0] * 90 + [1] * 10)
    balanced, sqrt = class_weights(codes, "balanced"), class_weights(codes, "sqrt")
    assert balanced[-1] / balanced[0] == pytest.approx(9)
    assert sqrt[-1] / sqrt[0] == pytest.approx(3)


def test_the_weights_reach_the_last_step_of_a_pipeline():
    rows = make_rows()
    plain, weighted = (
        fit_estimator(
            build_logistic_regression(0), rows, ["x"], CLASSES,
            ModelOptions(kind="any", class_weight=weight), seed=0,
        )
        for weight in (None, "balanced")
    )  # fmt: skip
    assert weighted.predict_proba(rows[["x"]])[:, 1].mean() > 0.15 + (
        plain.predict_proba(rows[["x"]])[:, 1].mean()
    )


def test_a_row_with_votes_comes_once_for_each_class_by_its_share():
    rows = make_rows(n_subjects=1, n_epochs=3, vote_W=[3.0, 0, 0], vote_N2=[1.0, 2, 0])
    found = make_targets(rows, CLASSES, ModelOptions(kind="any", targets="votes"))
    assert found.places.tolist() == [0, 0, 1]
    assert found.codes.tolist() == [0, 1, 1]
    assert found.weights.tolist() == [0.75, 0.25, 1]


def test_shares_to_meet_are_of_the_votes_or_all_the_label_s():
    rows = make_rows(n_subjects=1, n_epochs=3, vote_W=[3.0, 0, np.nan], vote_N2=[1.0, 2, np.nan])
    voted = target_shares(rows, CLASSES, ModelOptions(kind="any", targets="votes"))
    assert voted.tolist() == [[0.75, 0.25], [0, 1], [0, 0]]
    rows["label"] = ["N2", None, "W"]
    labelled = target_shares(rows, CLASSES, ModelOptions(kind="any"))
    assert labelled.tolist() == [[0, 1], [0, 0], [1, 0]]


def test_a_model_of_votes_says_what_share_of_the_experts_would():
    rows = make_rows(vote_W=3.0, vote_N2=1.0)
    options = ModelOptions(kind="any", targets="votes")
    fitted = fit_estimator(DummyClassifier(), rows, ["x"], CLASSES, options, seed=0)
    assert fitted.predict_proba(rows[["x"]])[0] == pytest.approx([0.75, 0.25])


def test_votes_that_are_not_there_are_named():
    with pytest.raises(EpochalError, match="no column vote_W"):
        record(make_rows(), targets="votes")


def test_weights_for_classes_beside_votes_are_refused():
    with pytest.raises(ValueError, match="class_weight"):
        ModelOptions(kind="any", targets="votes", class_weight="balanced")


def test_nothing_labelled_is_nothing_to_fit_on():
    with pytest.raises(EpochalError, match="No labelled epoch"):
        record(make_rows(label=None))


def stop(kind, rows, **params):
    options = ModelOptions(kind=kind, early_stopping=EarlyStoppingOptions(rounds=5, share=0.34))
    estimator = ROSTER[kind](0, **params)
    return fit_estimator(estimator, rows, ["x"], CLASSES, options, seed=0)


def test_lightgbm_stops_when_the_left_out_subjects_stop_gaining():
    fitted = stop("lightgbm", make_rows(), n_estimators=500, min_child_samples=5)
    assert isinstance(fitted, LGBMClassifier)
    assert 0 < fitted.best_iteration_ < 200


def test_xgboost_stops_when_the_left_out_subjects_stop_gaining():
    fitted = stop("xgboost", make_rows(), n_estimators=500, min_child_weight=1)
    assert 0 < fitted.model_.best_iteration < 200


def test_hist_gradient_boosting_stops_when_the_left_out_subjects_stop_gaining():
    fitted = stop("hist_gradient_boosting", make_rows(), max_iter=500, min_samples_leaf=5)
    assert 0 < fitted.n_iter_ < 200


def test_whole_subjects_are_set_aside_for_stopping(monkeypatch):
    seen = {}

    def keep(estimator, training, validating, rounds):
        seen.update(training=training, validating=validating, rounds=rounds)
        return estimator

    monkeypatch.setitem(
        __import__("epochal.models.fitting", fromlist=["_"])._STOPPERS, "LGBMClassifier", keep
    )
    rows = make_rows()
    stop("lightgbm", rows)
    training, validating = (
        set(rows.loc[seen[part].X.index, "subject_id"]) for part in ("training", "validating")
    )
    assert training.isdisjoint(validating)
    assert len(training | validating) == 6
    assert seen["rounds"] == 5


def test_a_kind_that_knows_no_early_stopping_is_refused():
    with pytest.raises(EpochalError, match=r"Pipeline knows no early stopping.*LGBMClassifier"):
        stop("logistic_regression", make_rows())


def test_one_subject_cannot_be_parted():
    with pytest.raises(EpochalError, match="two training subjects"):
        stop("lightgbm", make_rows(n_subjects=1))


@pytest.mark.parametrize("kind", sorted(set(ROSTER) - {"majority"}))
@pytest.mark.parametrize("stopping", [None, {"rounds": 5, "share": 0.34}])
def test_epochs_of_one_class_are_refused_with_the_class(kind, stopping):
    options = ModelOptions(kind=kind, early_stopping=stopping)
    with pytest.raises(EpochalError, match=r"All \d+ epochs to fit on are N2: nothing to tell"):
        fit_estimator(ROSTER[kind](0), make_rows(label="N2"), ["x"], CLASSES, options, seed=0)


def test_the_majority_of_one_class_is_that_class():
    rows = make_rows(label="N2")
    options = ModelOptions(kind="majority")
    fitted = fit_estimator(ROSTER["majority"](0), rows, ["x"], CLASSES, options, seed=0)
    assert fitted.predict_proba(rows[["x"]])[0].tolist() == [1.0]


def weighed_forest(**options):
    rows = make_rows()
    options = ModelOptions(kind="random_forest", **options)
    forest = ROSTER["random_forest"](0, n_estimators=5)
    return fit_estimator(forest, rows, ["x"], CLASSES, options, seed=0).steps[-1][1]


def test_a_forests_own_class_weights_do_not_come_on_top_of_those_of_conf():
    assert weighed_forest().class_weight == "balanced_subsample"
    assert weighed_forest(class_weight="sqrt").class_weight is None


@pytest.mark.slow
def test_every_kind_can_be_weighed():
    rows = make_rows()
    for kind in sorted(set(ROSTER) - {"majority"}):
        options = ModelOptions(kind=kind, class_weight="balanced")
        fitted = fit_estimator(ROSTER[kind](0), rows, ["x"], CLASSES, options, seed=0)
        proba = fitted.predict_proba(rows[["x"]])[:, 1]
        assert proba.mean() > (rows["label"] == CLASSES[1]).mean() + 0.02, kind


def test_weights_for_a_kind_that_knows_none_are_refused_by_name():
    class Deaf(Recorder):
        def fit(self, X, y):
            return self

    options = ModelOptions(kind="any", class_weight="balanced")
    with pytest.raises(EpochalError, match=r"Deaf knows no weights"):
        fit_estimator(Deaf(), make_rows(), ["x"], CLASSES, options, seed=0)


def test_subjects_set_aside_that_have_no_trained_class_are_refused():
    rows, halt = make_rows(n_subjects=3), EarlyStoppingOptions(rounds=5, share=0.34)
    _, judged = _part_subjects(rows, halt, seed=0)
    rows.loc[judged.index, "label"] = "REM"
    options = ModelOptions(kind="lightgbm", early_stopping=halt)
    with pytest.raises(EpochalError, match="the subjects set aside have no class that is trained"):
        fit_estimator(ROSTER["lightgbm"](0), rows, ["x"], (*CLASSES, "REM"), options, seed=0)
