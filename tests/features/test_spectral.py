import numpy as np
import pytest

from builders import sine
from epochal.features.spectral import (
    BANDS_HZ,
    WELCH_S,
    band_power,
    power_density,
    spectral_shape,
)

SFREQ = 100.0


def windows(*signals):
    return np.stack(signals)


def noise(n_epochs=20, seed=0, sd=10.0):
    return np.random.default_rng(seed).normal(0, sd, (n_epochs, 3000))


@pytest.mark.parametrize(
    ("frequency_hz", "band"),
    [(2, "delta"), (6, "theta"), (10, "alpha"), (13, "sigma"), (22, "beta")],
)
def test_a_sine_is_power_of_its_own_band(frequency_hz, band):
    found = band_power(windows(sine(frequency_hz, amplitude=20.0)), SFREQ)
    assert found[f"relative_{band}"][0] > 0.97
    assert found[f"log_{band}"][0] == pytest.approx(np.log10(20.0**2 / 2), abs=0.02)


def test_relative_powers_sum_to_one():
    found = band_power(noise(), SFREQ)
    total = sum(found[f"relative_{band}"] for band in BANDS_HZ)
    assert total == pytest.approx(np.ones(20))


def test_white_noise_has_power_in_proportion_to_the_width_of_the_band():
    found = band_power(noise(200), SFREQ)
    widths = {band: high - low for band, (low, high) in BANDS_HZ.items()}
    for band, width in widths.items():
        assert found[f"relative_{band}"].mean() == pytest.approx(width / 29.5, rel=0.05)


def test_twice_the_amplitude_is_four_times_the_power_and_the_same_shares():
    one, two = band_power(noise(), SFREQ), band_power(2 * noise(), SFREQ)
    for band in BANDS_HZ:
        assert two[f"log_{band}"] - one[f"log_{band}"] == pytest.approx(np.full(20, np.log10(4)))
        assert two[f"relative_{band}"] == pytest.approx(one[f"relative_{band}"])


def test_a_ratio_is_the_difference_of_two_logarithms():
    found = band_power(noise(), SFREQ)
    for over, under in [("delta", "theta"), ("theta", "alpha"), ("alpha", "beta")]:
        expected = found[f"log_{over}"] - found[f"log_{under}"]
        assert found[f"log_{over}_{under}"] == pytest.approx(expected)


def test_a_silent_window_is_finite():
    silent = np.zeros((1, 3000))
    columns = {**band_power(silent, SFREQ), **spectral_shape(silent, SFREQ)}
    assert all(np.isfinite(column).all() for column in columns.values())


def test_a_band_that_the_nyquist_frequency_cuts_is_left_out():
    found = band_power(noise()[:, :1500], 50.0)
    assert "log_sigma" in found
    assert not [name for name in found if "beta" in name]
    assert sum(found[f"relative_{b}"] for b in BANDS_HZ if b != "beta") == pytest.approx(1.0)


def test_the_peak_of_a_sine_is_its_frequency():
    found = spectral_shape(windows(sine(10.0), sine(6.5)), SFREQ)
    assert found["peak_frequency_hz"].tolist() == [10.0, 6.5]
    assert found["median_frequency_hz"] == pytest.approx([10.0, 6.5], abs=0.25)
    assert found["spectral_edge_hz"] == pytest.approx([10.0, 6.5], abs=0.5)


def test_entropy_is_near_1_for_white_noise_and_low_for_a_sine():
    white, tone = (
        spectral_shape(signal, SFREQ)["spectral_entropy"]
        for signal in (noise(), windows(sine(10.0)))
    )
    assert (white > 0.95).all()
    assert (white <= 1).all()
    assert 0 < tone[0] < 0.4


def test_the_edge_of_white_noise_is_at_95_percent_of_the_range():
    found = spectral_shape(noise(100), SFREQ)
    assert found["spectral_edge_hz"].mean() == pytest.approx(0.5 + 0.95 * 29.5, abs=0.5)
    assert found["median_frequency_hz"].mean() == pytest.approx(0.5 + 0.5 * 29.5, abs=1)


def test_the_shape_stops_at_the_nyquist_frequency():
    found = spectral_shape(noise()[:, :300], 20.0)
    assert found["spectral_edge_hz"].max() <= 10.0


def test_the_density_of_noise_integrates_to_its_variance():
    frequencies, density = power_density(noise(50), SFREQ)
    variance = density.sum(axis=1) * (frequencies[1] - frequencies[0])
    assert variance.mean() == pytest.approx(100.0, rel=0.05)
    assert frequencies[1] == pytest.approx(1 / WELCH_S)


def test_an_offset_carries_no_power():
    one, other = (power_density(noise() + offset, SFREQ)[1] for offset in (0.0, 1000.0))
    assert np.allclose(one[:, 2:], other[:, 2:])


@pytest.mark.parametrize("features", [band_power, spectral_shape])
def test_no_windows_have_the_same_columns(features):
    empty = features(np.empty((0, 3000), np.float32), SFREQ)
    assert list(empty) == list(features(noise(2), SFREQ))
    assert all(len(column) == 0 for column in empty.values())


def test_a_window_shorter_than_a_segment_is_one_segment():
    frequencies, density = power_density(noise()[:, :100], SFREQ)
    assert frequencies[1] == pytest.approx(1.0)
    assert density.shape == (20, 51)
