import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from builders import CLASSES, make_epochs, make_features
from epochal.errors import EpochalError
from epochal.labels import encode
from epochal.models.classical import ROSTER, build_lightgbm, prepare_columns

EPOCHS = make_epochs(n_subjects=6, n_epochs=60)
X = make_features(EPOCHS).drop(columns=["recording_id", "epoch"])
Y = encode(EPOCHS["label"], CLASSES)
QUICK = {"lightgbm": {"n_estimators": 20}}


def fit(name, x=X, y=Y, seed=0):
    return ROSTER[name](seed, **QUICK.get(name, {})).fit(x, y)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROSTER)
def test_every_model_gives_probabilities_of_the_classes_that_it_saw(name):
    proba = fit(name).predict_proba(X)
    assert proba.shape == (360, 3)
    assert proba.sum(axis=1) == pytest.approx(np.ones(360))
    only_two = Y != 1
    model = fit(name, X[only_two], Y[only_two])
    assert model.classes_.tolist() == [0, 2]
    assert model.predict_proba(X).shape == (360, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(ROSTER) - {"majority"}))
def test_every_real_model_learns_what_the_columns_tell(name):
    first = EPOCHS["subject_id"] < "s4"
    model = fit(name, X[first], Y[first])
    assert (model.predict(X[~first]) == Y[~first]).mean() > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("name", ROSTER)
def test_every_model_is_the_same_for_the_same_seed(name):
    one, other = fit(name, seed=3), fit(name, seed=3)
    assert np.array_equal(one.predict_proba(X), other.predict_proba(X))


@pytest.mark.slow
@pytest.mark.parametrize("name", ROSTER)
def test_every_model_takes_missing_values_and_columns_of_nothing_else(name):
    holed = X.mask(np.random.default_rng(0).random(X.shape) < 0.3).assign(empty=np.nan)
    proba = fit(name, holed).predict_proba(holed)
    assert np.isfinite(proba).all()


def test_the_majority_model_says_the_classes_shares_and_nothing_else():
    y = np.array([0] * 6 + [1] * 3 + [2])
    model = ROSTER["majority"](0).fit(X[:10], y)
    assert model.predict_proba(X[:2]).tolist() == [[0.6, 0.3, 0.1]] * 2


def test_a_column_is_centred_by_its_own_scale_with_medians_for_gaps():
    steps = make_pipeline(*prepare_columns())
    columns = np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, np.nan], [300.0, np.nan]])
    found = steps.fit_transform(columns)
    assert found.mean(axis=0) == pytest.approx([0, 0])
    assert found[1, 0] == found[2, 0]  # the gap was filled with the median, 2
    assert found[:, 1].tolist() == [0.0] * 4


def test_logistic_regression_takes_its_hyper_parameters():
    loose, tight = (ROSTER["logistic_regression"](0, C=C).fit(X, Y)[-1].coef_ for C in (10.0, 1e-3))
    assert np.abs(loose).sum() > 5 * np.abs(tight).sum()


def test_lightgbm_takes_its_hyper_parameters_and_one_thread():
    model = ROSTER["lightgbm"](5, n_estimators=7, num_leaves=4)
    assert (model.n_estimators, model.num_leaves) == (7, 4)
    assert (model.n_jobs, model.random_state) == (1, 5)


@pytest.mark.parametrize("kind", ["random_forest", "hist_gradient_boosting", "lightgbm", "xgboost"])
def test_what_the_study_decides_is_no_hyper_parameter_and_not_taken_in_silence(kind):
    with pytest.raises(EpochalError, match="no parameter 'random_state'"):
        ROSTER[kind](0, random_state=3)


def test_a_misspelt_hyper_parameter_of_lightgbm_is_refused_by_name():
    with pytest.raises(EpochalError, match="'n_estimator'; did you mean 'n_estimators'"):
        build_lightgbm(0, n_estimator=5)


def test_a_parameter_of_the_booster_itself_is_taken_and_one_of_nobody_refused():
    assert ROSTER["lightgbm"](0, max_bin=63).get_params()["max_bin"] == 63
    with pytest.raises(EpochalError, match="no parameter 'max_bins'; did you mean 'max_bin'"):
        ROSTER["lightgbm"](0, max_bins=63)
