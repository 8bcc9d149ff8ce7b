"""Weighted sums of neighbouring epochs are what `scipy.ndimage` gives, which is slow to import."""

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from epochal.features.neighbourhood import _correlate


@pytest.mark.parametrize("mode", ["constant", "reflect"])
@pytest.mark.parametrize("n_weights", [1, 2, 3, 4, 5, 15, 60])
@pytest.mark.parametrize("n_epochs", [1, 2, 7, 50])
def test_sums_are_scipys(n_epochs, n_weights, mode):
    random = np.random.default_rng(n_epochs)
    values, weights = random.normal(size=(n_epochs, 3)), random.random(n_weights)
    for origin in {0, (n_weights - 1) // 2, -(1 - n_weights % 2)}:
        found = _correlate(values, weights=weights, mode=mode, origin=origin)
        expected = correlate1d(values, weights, axis=0, mode=mode, origin=origin)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_trailing_sum_sees_no_epoch_after_its_own():
    values = np.array([[1.0], [10.0], [100.0], [1000.0]])
    found = _correlate(values, weights=np.ones(3), mode="constant", origin=1)
    assert found[:, 0].tolist() == [1.0, 11.0, 111.0, 1110.0]


def test_nothing_sums_to_nothing():
    assert _correlate(np.empty((0, 2)), weights=np.ones(3), mode="reflect", origin=0).size == 0
