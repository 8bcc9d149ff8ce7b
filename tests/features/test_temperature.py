import numpy as np
import pytest

from epochal.features.temperature import temperature_features

TIME_MIN = np.arange(240) / 4.0 / 60


def test_a_line_has_its_mean_and_slope_and_no_spread():
    found = temperature_features((32 + 0.3 * TIME_MIN)[None], 4.0)
    assert found["mean"][0] == pytest.approx(32.15, abs=1e-3)
    assert found["slope"][0] == pytest.approx(0.3)
    assert found["sd"][0] == pytest.approx(0.0, abs=1e-9)


def test_the_spread_is_that_around_the_slope():
    ripple = 0.1 * np.sin(2 * np.pi * 8 * TIME_MIN)
    found = temperature_features((30 - 0.5 * TIME_MIN + ripple)[None], 4.0)
    assert found["sd"][0] == pytest.approx(0.1 / np.sqrt(2), rel=0.1)


def test_windows_are_measured_one_by_one():
    found = temperature_features(np.stack([np.full(240, 30.0), np.full(240, 34.0)]), 4.0)
    assert found["mean"].tolist() == [30, 34]
    assert found["slope"] == pytest.approx([0, 0], abs=1e-9)


def test_no_windows_have_the_same_columns():
    assert list(temperature_features(np.empty((0, 240)), 4.0)) == ["mean", "slope", "sd"]
