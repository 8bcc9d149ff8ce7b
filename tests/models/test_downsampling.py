import numpy as np
import pytest

from epochal.models.downsampling import shorten


def test_shortening_takes_means_counted_from_the_end():
    assert shorten(np.arange(7.0), 3).tolist() == [2.0, 5.0]
    assert shorten(np.arange(7.0), 1).tolist() == list(range(7))


def test_only_the_last_axis_is_shortened():
    windows = np.arange(24.0).reshape(2, 3, 4)
    assert shorten(windows, 2).shape == (2, 3, 2)
    assert shorten(windows, 2)[1, 2].tolist() == [20.5, 22.5]


def test_what_is_too_fast_does_not_pass_for_something_slow():
    fast = np.tile([1.0, -1.0], 50)
    assert np.abs(shorten(fast, 10)).max() == 0


def test_a_missing_sample_makes_its_mean_missing_and_no_other():
    windows = np.array([1.0, np.nan, 3.0, 5.0, np.inf, -np.inf])
    assert shorten(windows, 2) == pytest.approx([np.nan, 4.0, np.nan], nan_ok=True)
