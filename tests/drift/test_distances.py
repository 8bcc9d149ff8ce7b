import numpy as np
import pytest
from scipy.stats import ks_2samp

from epochal.drift.distances import (
    N_EDGES,
    count_below,
    ks_distances,
    list_edges,
    population_stability,
)

RANDOM = np.random.default_rng(0)
TRAINING = RANDOM.normal(0, 1, (4000, 3))
EDGES = list_edges(TRAINING)


def counts(values):
    return count_below(values, EDGES)


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0, 5.0])
def test_d_is_that_of_scipy_but_for_the_grid(shift):
    window = RANDOM.normal(shift, 1.2, (300, 3))
    found = ks_distances(counts(window), counts(TRAINING))
    expected = [ks_2samp(window[:, k], TRAINING[:, k]).statistic for k in range(3)]
    assert found == pytest.approx(expected, abs=0.012)


def test_a_window_of_the_training_itself_is_no_distance_away():
    assert ks_distances(counts(TRAINING), counts(TRAINING)) == pytest.approx(np.zeros(3))
    assert population_stability(counts(TRAINING), counts(TRAINING)) == pytest.approx(np.zeros(3))


def test_a_window_beyond_all_that_training_held_is_at_distance_one():
    assert ks_distances(counts(TRAINING + 100), counts(TRAINING)) == pytest.approx(np.ones(3))


def test_the_stability_index_of_two_tenths_that_changed_is_worked_out_by_hand():
    """A tenth each, but for .15 in the lowest and .05 in the highest: ∑ (a − e) ln(a / e)."""
    shares = np.full(10, 0.1)
    shares[0], shares[-1] = 0.15, 0.05
    values = np.repeat(np.arange(10) + 0.5, (shares * 100_000).astype(int))[:, None]
    edges = np.linspace(0, 10, N_EDGES)[:, None]
    even = np.repeat(np.arange(10) + 0.5, 10_000)[:, None]
    found = population_stability(count_below(values, edges), count_below(even, edges))
    expected = 0.05 * np.log(1.5) - 0.05 * np.log(0.5)
    assert found == pytest.approx([expected], rel=1e-3)


def test_what_is_missing_does_not_count_and_what_is_never_known_is_nan():
    window = TRAINING[:500].copy()
    window[::2, 0] = np.nan
    window[:, 1] = np.nan
    distances = ks_distances(counts(window), counts(TRAINING))
    assert distances[0] < 0.1
    assert np.isnan(distances[1])
    assert np.isnan(population_stability(counts(window), counts(TRAINING))[1])


def test_tied_values_are_no_distance_from_themselves():
    values = np.repeat([0.0, 0.0, 0.0, 1.0], 100)[:, None]
    edges = list_edges(values)
    assert ks_distances(count_below(values, edges), count_below(values, edges)) == [0.0]
