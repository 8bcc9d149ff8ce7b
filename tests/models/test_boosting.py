import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting import binning

from epochal.errors import EpochalError
from epochal.models.boosting import EncodedXGBoost, HistGradientBoosting, make_xgboost


def draw(n_epochs=1200, seed=0):
    random = np.random.default_rng(seed)
    y = random.choice([0, 1, 2], n_epochs, p=[0.7, 0.2, 0.1])
    X = random.normal(size=(n_epochs, 4)) + y[:, None] * [1.0, 0.5, -0.5, 0.0]
    return pd.DataFrame(X.astype(np.float32), columns=list("abcd")), y


def test_weights_do_not_send_scikit_learn_through_every_quantile(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("one call for each quantile of each column takes minutes")

    monkeypatch.setattr(binning, "_weighted_percentile", refuse)
    X, y = draw()
    weights = np.where(y == 0, 0.5, 2.0)
    with pytest.raises(AssertionError):  # what scikit-learn does
        HistGradientBoostingClassifier(max_iter=1).fit(X, y, sample_weight=weights)
    HistGradientBoosting(max_iter=1).fit(X, y, sample_weight=weights)


@pytest.mark.slow
def test_edges_at_plain_quantiles_matter_no_more_than_the_number_of_bins_does():
    X, y = draw()
    rows, truth = draw(seed=1)
    weights = np.array([0.3, 2.0, 4.0])[y]

    def predict(kind, **params):
        model = kind(max_iter=30, random_state=0, **params).fit(X, y, sample_weight=weights)
        return model.predict_proba(rows)

    ours, theirs = predict(HistGradientBoosting), predict(HistGradientBoostingClassifier)
    fewer = predict(HistGradientBoostingClassifier, max_bins=200)
    assert np.abs(ours - theirs).mean() < 1.3 * np.abs(fewer - theirs).mean()
    one, other = (-np.log(p[np.arange(len(truth)), truth]).mean() for p in (ours, theirs))
    assert one == pytest.approx(other, abs=0.03)


@pytest.mark.slow
def test_without_weights_nothing_differs_from_scikit_learn():
    X, y = draw()
    ours, theirs = (
        kind(max_iter=10, random_state=0).fit(X, y).predict_proba(X)
        for kind in (HistGradientBoosting, HistGradientBoostingClassifier)
    )
    assert np.array_equal(ours, theirs)


def test_a_column_of_nothing_is_binned_and_never_asked():
    X, y = draw()
    with_empty = X.assign(empty=np.float32("nan"))
    fitted = HistGradientBoosting(max_iter=5, random_state=0).fit(with_empty, y)
    filled = with_empty.assign(empty=np.float32(3))
    assert np.array_equal(fitted.predict_proba(with_empty), fitted.predict_proba(filled))
    assert with_empty["empty"].isna().all()  # the caller's table is as it was


def test_early_stopping_keeps_the_trees_of_the_best_loss():
    X, y = draw()
    X_val, y_val = draw(300, seed=1)
    fitted = HistGradientBoosting(
        max_iter=300, learning_rate=0.3, early_stopping=True, n_iter_no_change=4, random_state=0
    ).fit(X, y, X_val=X_val, y_val=y_val)
    proba = fitted.predict_proba(X_val)
    loss = -np.log(proba[np.arange(len(y_val)), y_val]).mean()
    assert loss == pytest.approx(-max(fitted.validation_score_), rel=1e-6)


def test_xgboost_takes_classes_with_holes_and_gives_them_back():
    X, y = draw()
    fitted = EncodedXGBoost(params={"n_estimators": 10}).fit(X, 3 * y + 1)
    assert fitted.classes_.tolist() == [1, 4, 7]
    assert set(fitted.predict(X)) <= {1, 4, 7}
    assert fitted.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(len(X)))
    assert clone(fitted).params == {"n_estimators": 10}


def test_weights_reach_xgboost():
    X, y = draw()
    plain, weighted = (
        EncodedXGBoost(params={"n_estimators": 20}).fit(X, y, sample_weight=weights)
        for weights in (None, np.where(y == 2, 20.0, 1.0))
    )
    assert weighted.predict_proba(X)[:, 2].mean() > 1.5 * plain.predict_proba(X)[:, 2].mean()


def test_an_unknown_parameter_of_xgboost_is_refused_before_anything_is_fitted():
    with pytest.raises(EpochalError, match="no parameter 'depth'; did you mean 'max_depth'"):
        make_xgboost(0, {"depth": 3})


def test_xgboost_runs_on_one_thread_with_the_seed_of_the_study():
    model = make_xgboost(7, {"max_depth": 2})
    assert (model.n_jobs, model.random_state, model.max_depth) == (1, 7, 2)
