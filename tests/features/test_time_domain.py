import numpy as np
import pytest
from scipy import stats

from builders import sine
from epochal.features.time_domain import amplitude, hjorth, level, quantiles, statistics

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


def test_the_size_of_a_sine():
    found = amplitude(sine(5.0, amplitude=20.0).astype(float)[None] + 3, SFREQ)
    assert found["mean"][0] == pytest.approx(3.0, abs=1e-6)
    assert found["rms"][0] == pytest.approx(np.sqrt(200 + 9))
    assert found["peak_to_peak"][0] == pytest.approx(40.0)
    assert found["line_length"][0] == pytest.approx(4 * 20 * 5.0, rel=0.01)  # 4 amplitudes a cycle


def test_quantiles_are_those_of_numpy():
    found = quantiles(NOISE, SFREQ)
    expected = np.quantile(NOISE, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1)
    assert np.allclose(list(found.values()), expected, rtol=1e-12)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 7])
def test_quantiles_of_hardly_any_samples_are_those_of_numpy(n_samples):
    found = quantiles(NOISE[:, :n_samples], SFREQ)
    expected = np.quantile(NOISE[:, :n_samples], [0.05, 0.25, 0.5, 0.75, 0.95], axis=1)
    assert np.allclose(list(found.values()), expected)


SIZES = {
    "sd", "iqr", "zero_crossings_hz", "mean", "min", "max", "rms", "peak_to_peak", "line_length",
    "q05", "q25", "median", "q75", "q95",
}  # fmt: skip


@pytest.mark.parametrize("features", [statistics, amplitude, quantiles, hjorth, level])
def test_a_flat_window_has_sizes_and_no_shape(features):
    for name, column in features(np.full((1, 100), 5.0), SFREQ).items():
        assert np.isfinite(column[0]) == (name in SIZES), name


@pytest.mark.parametrize("features", [statistics, amplitude, quantiles, hjorth])
def test_single_precision_is_good_to_one_in_ten_thousand(features):
    windows = NOISE.cumsum(axis=1)[:, :3000] - 500
    exact, found = features(windows, SFREQ), features(windows.astype(np.float32), SFREQ)
    for name, column in exact.items():
        assert found[name] == pytest.approx(column, rel=1e-4, abs=1e-4), name
        assert found[name].dtype == (np.float64 if "crossings" in name else np.float32)


@pytest.mark.parametrize("features", [statistics, amplitude, quantiles, hjorth, level])
def test_no_windows_have_the_same_columns(features):
    empty = features(np.empty((0, 100), np.float32), SFREQ)
    assert list(empty) == list(features(NOISE, SFREQ))
    assert all(len(column) == 0 for column in empty.values())


def test_windows_of_whole_numbers_are_taken_as_they_are():
    whole = np.arange(100, dtype=np.int16)[None]
    assert amplitude(whole, SFREQ)["mean"][0] == 49.5
