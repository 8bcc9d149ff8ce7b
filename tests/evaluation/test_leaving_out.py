import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from made_scored import draw_calibrated, make_scored

from epochal.evaluation.leaving_out import (
    N_POINTS,
    NOBODY,
    accumulate,
    first_point,
    make_grid,
    pair_with_out_of_fold,
    sum_others,
)

many = st.lists(st.floats(0, 1), min_size=1, max_size=50)


@pytest.mark.slow
@given(many)
def test_a_grid_rises_and_holds_the_ends(values):
    grid = make_grid(np.array(values))
    assert (np.diff(grid) > 0).all()
    assert (grid[0], grid[-1]) == (min(values), max(values))
    assert set(grid) <= set(values)


def test_a_grid_has_hardly_an_epoch_in_a_thousand_between_its_points():
    values = np.random.default_rng(0).random(50_000)
    grid = make_grid(values)
    assert len(grid) == N_POINTS
    assert np.bincount(np.searchsorted(grid, values)).max() <= 51


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=40))
def test_the_sum_over_others_is_counted_without_the_judged_one(rows):
    values, subjects = np.array(rows, dtype=float).T
    subjects = subjects.astype(int)
    grid = make_grid(values)
    found = sum_others(accumulate(values, subjects, grid), np.arange(4))
    for judged in range(4):
        others = values[subjects != judged]
        assert found[judged].tolist() == [(others <= point).sum() for point in grid]


def test_nobody_and_a_stranger_leave_nobody_out():
    table = accumulate(np.array([0.1, 0.2]), np.array([0, 1]), np.array([0.1, 0.2]))
    assert sum_others(table, np.array([NOBODY, 7])).tolist() == [[1, 2], [1, 2]]


def test_weights_are_summed_instead_of_counted():
    table = accumulate(
        np.array([0.1, 0.2, 0.2]),
        np.array([0, 0, 1]),
        np.array([0.1, 0.2]),
        weights=np.array([1.0, 0.0, 1.0]),
    )
    assert table.tolist() == [[1.0, 1.0], [0.0, 1.0]]


def test_the_first_point_is_the_first_that_holds_and_otherwise_what_is_said():
    grid = np.array([1.0, 2.0, 3.0])
    fulfilled = np.array([[False, True, True], [False, False, False]])
    assert first_point(grid, fulfilled, otherwise=np.inf).tolist() == [2.0, np.inf]


def test_each_role_is_paired_with_the_models_own_out_of_fold_rows():
    proba, truth = draw_calibrated(40)
    rows = [
        make_scored(proba, truth, model=model, role=role)
        for model in ("a", "b")
        for role in ("oof", "test")
    ]
    pairs = [(one.model, one.role, known.model, known.role) for one, known in
             pair_with_out_of_fold(rows)]  # fmt: skip
    assert pairs == [(m, r, m, "oof") for m in ("a", "b") for r in ("oof", "test")]


@pytest.mark.parametrize(
    "changed",
    [{"family": "baseline"}, {"role": "test"}, {"subjects": np.zeros(40, int)}],
    ids=["a baseline", "no out-of-fold rows", "one subject"],
)
def test_what_nothing_can_be_fitted_for_is_passed_over(changed):
    proba, truth = draw_calibrated(40)
    assert list(pair_with_out_of_fold([make_scored(proba, truth)._replace(**changed)])) == []
