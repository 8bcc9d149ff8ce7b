"""Intervals over few units, and the p-values that go with them."""

import numpy as np
import pytest
from scipy.stats import norm, t

from epochal.intervals import bounds, two_sided_p


def resample_means(values, *, n_draws=2000, seed=0):
    shares = np.full(len(values), 1 / len(values))
    drawn = np.random.default_rng(seed).multinomial(len(values), shares, n_draws)
    return drawn @ values / len(values)


def cover(n_units, quantiles, *, n_studies=600):
    """Return how often the interval of a mean holds the true one."""
    random = np.random.default_rng(1)
    held = 0
    for _ in range(n_studies):
        low, high = quantiles(resample_means(random.standard_normal(n_units), n_draws=400))
        held += low <= 0 <= high
    return held / n_studies


@pytest.mark.slow
@pytest.mark.parametrize("n_units", [5, 8, 27])
def test_an_interval_holds_what_it_says_where_plain_quantiles_hold_less(n_units):
    plain = cover(n_units, lambda draws: np.quantile(draws, [0.025, 0.975]))
    ours = cover(n_units, lambda draws: bounds(draws, n_units))
    assert ours >= 0.92
    assert ours > plain


def test_of_many_units_the_plain_quantiles_are_taken():
    draws = np.random.default_rng(0).standard_normal(10_000)
    assert bounds(draws, 10_000) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.01)


def test_draws_of_several_figures_have_an_interval_each():
    draws = np.random.default_rng(0).standard_normal((500, 3))
    found = bounds(draws, 12)
    assert found.shape == (2, 3)
    assert found[:, 1] == pytest.approx(bounds(draws[:, 1], 12))


@pytest.mark.parametrize("n_units", [5, 12, 65])
def test_a_p_value_is_students_where_draws_are_normal(n_units):
    """A mean so many standard errors from 0: its draws spread by the biased standard deviation."""
    statistic = 2.3
    share = norm.sf(statistic * np.sqrt(n_units / (n_units - 1)))
    assert two_sided_p(share, n_units) == pytest.approx(2 * t.sf(statistic, n_units - 1))


@pytest.mark.parametrize("n_units", [4, 9, 40])
def test_it_is_below_5_percent_where_the_interval_leaves_0_out(n_units):
    level = norm.cdf(t.ppf(0.025, n_units - 1) * np.sqrt(n_units / (n_units - 1)))
    assert two_sided_p(level * 0.99, n_units) < 0.05 < two_sided_p(level * 1.01, n_units)


def test_a_share_of_more_than_half_is_no_evidence_at_all():
    assert two_sided_p(0.7, 10) == 1.0
