import numpy as np
import pytest
from scipy import stats

from builders import sine
from epochal.features.time_domain import hjorth, level, statistics

SFREQ = 100.0
NOISE = np.random.default_rng(0).normal(3.0, 2.0, (5, 30_000))


def test_statistics_of_noise_are_those_of_scipy():
    found = statistics(NOISE, SFREQ)
    assert found["sd"] == pytest.approx(NOISE.std(axis=1))
    assert found["iqr"] == pytest.approx(stats.iqr(NOISE, axis=1))
    assert found["skewness"] == pytest.approx(stats.skew(NOISE, axis=1))
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(NOISE, axis=1))


def test_a_sine_has_the_statistics_of_a_sine():
    found = statistics(sine(10.25, amplitude=20.0)[None], SFREQ)
    assert found["sd"][0] == pytest.approx(20 / np.sqrt(2), rel=0.01)
    assert found["skewness"][0] == pytest.approx(0.0, abs=0.01)
    assert found["kurtosis"][0] == pytest.approx(-1.5, abs=0.01)


@pytest.mark.parametrize("frequency_hz", [1.25, 10.25])
def test_a_sine_crosses_zero_twice_a_period_at_any_offset(frequency_hz):
    wave = sine(frequency_hz)
    found = statistics(np.stack([wave, wave + 100]), SFREQ)
    assert found["zero_crossings_hz"] == pytest.approx([2 * frequency_hz] * 2, abs=0.2)


@pytest.mark.parametrize("frequency_hz", [1.0, 5.0])
def test_the_mobility_of_a_sine_is_its_angular_frequency_and_its_complexity_is_1(frequency_hz):
    found = hjorth(sine(frequency_hz, amplitude=20.0)[None].astype(float), SFREQ)
    assert found["hjorth_mobility"][0] == pytest.approx(2 * np.pi * frequency_hz, rel=0.01)
    assert found["hjorth_complexity"][0] == pytest.approx(1.0, abs=0.01)


def test_noise_is_more_mobile_and_more_complex_than_a_sine():
    tone, noise = hjorth(sine(1.0)[None], SFREQ), hjorth(NOISE, SFREQ)
    assert noise["hjorth_mobility"].min() > 10 * tone["hjorth_mobility"][0]
    assert noise["hjorth_complexity"].min() > tone["hjorth_complexity"][0] + 0.1


def test_mobility_does_not_depend_on_amplitude_or_level():
    one, other = hjorth(NOISE, SFREQ), hjorth(NOISE * 7 + 100, SFREQ)
    for name in one:
        assert one[name] == pytest.approx(other[name])


def test_the_level_is_all_that_a_slow_envelope_allows():
    found = level(np.array([[1.0, 2.0, 6.0]]), 1.0)
    assert {name: column.tolist() for name, column in found.items()} == {
        "mean": [3.0],
        "min": [1.0],
        "max": [6.0],
    }


@pytest.mark.parametrize("features", [statistics, hjorth, level])
def test_a_constant_window_is_finite(features):
    columns = features(np.full((1, 100), 5.0), SFREQ)
    assert all(np.isfinite(column).all() for column in columns.values())


@pytest.mark.parametrize("features", [statistics, hjorth, level])
def test_no_windows_have_the_same_columns(features):
    empty = features(np.empty((0, 100), np.float32), SFREQ)
    assert list(empty) == list(features(NOISE, SFREQ))
    assert all(len(column) == 0 for column in empty.values())
