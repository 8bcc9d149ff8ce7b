import numpy as np
import pandas as pd
import pytest

from epochal.models.blending import WeightedMean, fit_weights


def make_columns(n_epochs=3000, seed=0):
    """Return a good base model, one that guesses, and the truth; two classes."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, n_epochs)
    good = np.where(random.random(n_epochs) < 0.8, 0.8, 0.2)
    truth = np.where(random.random(n_epochs) < good, 1, 0)
    guess = random.uniform(0.05, 0.95, n_epochs)
    columns = {"good__a": 1 - good, "good__b": good, "guess__a": 1 - guess, "guess__b": guess}
    return np.log(pd.DataFrame(columns)), truth


def test_an_average_is_the_mean_of_the_probabilities():
    X, y = make_columns()
    found = WeightedMean().fit(X, y).predict_proba(X)
    expected = (np.exp(X["good__b"]) + np.exp(X["guess__b"])) / 2
    assert found[:, 1] == pytest.approx(expected.to_numpy())


def test_a_blend_finds_the_model_that_is_worth_listening_to():
    X, y = make_columns()
    fitted = WeightedMean(blend=True).fit(X, y)
    assert fitted.weights_[0] > 0.9
    assert fitted.weights_.sum() == pytest.approx(1)


def test_a_blend_is_never_worse_than_its_models_where_it_was_fitted():
    X, y = make_columns()
    blended = WeightedMean(blend=True).fit(X, y).predict_proba(X)
    rows = np.arange(len(y))
    loss = -np.log(blended[rows, y]).mean()
    for model in ("good", "guess"):
        own = np.exp(X[[f"{model}__a", f"{model}__b"]].to_numpy())
        assert loss <= -np.log(own[rows, y]).mean() + 1e-4


def test_equal_models_keep_equal_weights():
    assert fit_weights(np.full((10, 4), 0.3)).tolist() == [0.25] * 4


def test_a_class_that_training_lacks_is_still_predicted():
    X, y = make_columns()
    fitted = WeightedMean(blend=True).fit(X, np.zeros_like(y))
    assert fitted.classes_.tolist() == [0, 1]
    assert fitted.predict_proba(X).shape == (len(X), 2)


def test_probabilities_sum_to_one_though_their_logarithms_were_floored():
    X, y = make_columns()
    floored = X.clip(lower=np.log(0.1))
    assert WeightedMean().fit(floored, y).predict_proba(floored).sum(axis=1) == pytest.approx(1)
