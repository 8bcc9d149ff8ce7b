import time

import numpy as np
import pytest
from sklearn.utils.validation import has_fit_parameter

from epochal.models.classical import build_naive_bayes
from epochal.run_directory.timing import Clock, NotFitted


class Slow:
    classes_ = (0, 1)

    def fit(self, X, y, sample_weight=None):
        time.sleep(0.02)
        return self

    def predict_proba(self, X):
        return X


def use(build, n_builds):
    for _ in range(n_builds):
        estimator = build(0)
        estimator.fit(np.zeros((2, 1)), [0, 1])
        if not isinstance(estimator, NotFitted):
            estimator.predict_proba(np.zeros(2))


def test_every_fold_and_the_final_fit_are_timed():
    clock = Clock(n_folds=2, final=True)
    use(clock.watch("a", lambda seed: Slow()), 3)
    assert [record["fold"] for record in clock.records] == ["1/2", "2/2", "final"]
    assert all(record["fit_s"] >= 0.02 for record in clock.records)
    assert [record["predict_s"] is None for record in clock.records] == [False, False, True]


def test_no_final_fit_is_made_where_none_is_wanted():
    clock = Clock(n_folds=2, final=False)
    build = clock.watch("a", lambda seed: pytest.fail("built") if seed else Slow())
    use(build, 2)
    assert isinstance(build(1), NotFitted)
    assert len(clock.records) == 2


def test_models_are_told_apart():
    clock = Clock(n_folds=1, final=False)
    for name in ("a", "b"):
        use(clock.watch(name, lambda seed: Slow()), 1)
    assert [record["model"] for record in clock.records] == ["a", "b"]


def test_a_watched_estimator_still_says_what_its_fit_takes():
    clock = Clock(n_folds=1, final=False)
    assert has_fit_parameter(clock.watch("a", lambda seed: Slow())(0), "sample_weight")


def test_a_watched_pipeline_is_still_a_pipeline():
    model = Clock(n_folds=1, final=True).watch("a", build_naive_bayes)(0)
    X = np.array([[0.0], [0.1], [5.0], [5.1]])
    model.fit(X, [0, 0, 1, 1])
    assert model.predict(X).tolist() == [0, 0, 1, 1]
