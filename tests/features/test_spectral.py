import numpy as np
import pytest
from scipy import signal
from scipy.signal.windows import dpss

from builders import sine
from epochal.errors import EpochalError
from epochal.features.bands import RODENT
from epochal.features.block import Block
from epochal.features.spectral import (
    BANDS_HZ,
    aperiodic,
    band_power,
    line_noise,
    multitaper_power,
    power_density,
    rodent_band_power,
    spectral_shape,
)
from epochal.features.spectrum import WELCH_S

SFREQ = 100.0


def windows(*signals):
    return np.stack(signals)


def noise(n_epochs=20, seed=0, sd=10.0):
    return np.random.default_rng(seed).normal(0, sd, (n_epochs, 3000))


def coloured(exponent, n_epochs=30, n_samples=3000, seed=0):
    """Return noise whose density falls as 1 / f^exponent, with 1 µV²/Hz at 1 Hz."""
    random = np.random.default_rng(seed)
    frequencies = np.fft.rfftfreq(n_samples, 1 / SFREQ)
    size = np.zeros(len(frequencies))
    size[1:] = frequencies[1:] ** (-exponent / 2)
    parts = random.normal(size=(2, n_epochs, len(frequencies))) * size
    spectrum = (parts[0] + 1j * parts[1]) * np.sqrt(SFREQ * n_samples / 4)
    return np.fft.irfft(spectrum, n_samples, axis=1)


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


def test_a_silent_window_has_no_power_and_no_shape():
    columns = {
        **band_power(np.zeros((1, 3000)), SFREQ),
        **spectral_shape(np.zeros((1, 3000)), SFREQ),
    }
    for name, column in columns.items():
        if name in [f"log_{band}" for band in BANDS_HZ]:
            assert column[0] == -12
        else:
            assert np.isnan(column[0]), name


def test_a_band_that_the_nyquist_frequency_cuts_carries_its_true_edge():
    found = band_power(noise()[:, :1500], 50.0)
    assert "log_sigma" in found
    assert [name for name in found if "beta" in name] == [
        "log_beta_to_25hz",
        "relative_beta_to_25hz",
    ]
    shares = [column for name, column in found.items() if name.startswith("relative_")]
    assert sum(shares) == pytest.approx(1.0)


def test_a_band_beyond_the_nyquist_frequency_is_left_out():
    found = band_power(noise()[:, :600], 20.0)
    assert not [name for name in found if "sigma" in name or "beta" in name]
    assert "log_alpha_to_10hz" in found


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


ALL = [
    band_power, rodent_band_power, multitaper_power, spectral_shape, aperiodic, line_noise,
]  # fmt: skip


@pytest.mark.parametrize("features", ALL)
def test_no_windows_have_the_same_columns(features):
    empty = features(np.empty((0, 3000), np.float32), SFREQ)
    assert list(empty) == list(features(noise(2), SFREQ))
    assert all(len(column) == 0 for column in empty.values())


def test_a_window_shorter_than_a_segment_is_one_segment():
    frequencies, density = power_density(noise()[:, :100], SFREQ)
    assert frequencies[1] == pytest.approx(1.0)
    assert density.shape == (20, 51)


@pytest.mark.parametrize("n_samples", [3000, 2999, 400, 399, 130])
@pytest.mark.parametrize("sfreq", [100.0, 64.0])
def test_the_density_is_that_of_scipy(n_samples, sfreq):
    windows = noise(5)[:, :n_samples] + 50.0
    frequencies, density = power_density(windows, sfreq)
    expected = signal.welch(windows, sfreq, nperseg=min(round(WELCH_S * sfreq), n_samples))
    assert frequencies == pytest.approx(expected[0])
    assert np.allclose(density, expected[1], rtol=1e-9, atol=1e-9)


def test_the_multitaper_density_is_the_mean_of_tapered_periodograms_of_scipy():
    windows = noise(3)
    found = Block(windows, SFREQ).multitaper
    tapers = dpss(3000, 4.0, 7)
    each = [
        signal.periodogram(windows - windows.mean(axis=1, keepdims=True), SFREQ, window=taper,
                           detrend=False)[1]
        for taper in tapers
    ]  # fmt: skip
    assert np.allclose(found.density, np.mean(each, axis=0), rtol=1e-9)
    assert found.step_hz == pytest.approx(1 / 30)


def test_multitaper_power_of_a_sine_is_its_power():
    found = multitaper_power(windows(sine(10.0, amplitude=20.0).astype(float)), SFREQ)
    assert found["multitaper_log_alpha"][0] == pytest.approx(np.log10(200.0), abs=0.001)
    assert found["multitaper_relative_alpha"][0] > 0.999


def test_multitaper_power_varies_less_than_that_of_one_taper():
    narrow = [Block(noise(200), SFREQ).multitaper.density, signal.periodogram(noise(200), SFREQ)[1]]
    spread, single = (density[:, 300:600].std() / density[:, 300:600].mean() for density in narrow)
    assert spread == pytest.approx(1 / np.sqrt(7), rel=0.1)
    assert single == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    ("frequency_hz", "band"),
    [(2, "delta"), (7.5, "theta"), (12, "sigma"), (22, "beta"), (40, "gamma")],
)
def test_a_rodent_band_is_where_rodents_have_it(frequency_hz, band):
    wave = sine(frequency_hz, sfreq=256.0, amplitude=20.0)
    found = rodent_band_power(windows(wave), 256.0)
    assert found[f"relative_{band}"][0] > 0.97


def test_theta_over_delta_tells_rem_from_nrem_in_rodents():
    rem, nrem = (windows(sine(hz, sfreq=256.0, amplitude=20.0)) for hz in (7.5, 2.0))
    assert rodent_band_power(rem, 256.0)["log_theta_delta"][0] > 2
    assert rodent_band_power(nrem, 256.0)["log_theta_delta"][0] < -2


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_gamma_of_rodents_leaves_the_mains_out(mains_hz):
    quiet = noise(3)
    loud = quiet + 100 * sine(mains_hz, sfreq=256.0, length_s=3000 / 256)
    one, other = (rodent_band_power(signal, 256.0)["log_gamma"] for signal in (quiet, loud))
    assert one == pytest.approx(other, abs=0.01)
    assert RODENT.without_mains


def test_rodent_gamma_that_the_rate_cuts_says_so():
    found = rodent_band_power(noise(2), 128.0)
    assert "log_gamma_to_64hz" in found
    assert "log_gamma_delta" not in found


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_the_exponent_of_coloured_noise_is_its_own(exponent):
    found = aperiodic(coloured(exponent), SFREQ)
    assert found["aperiodic_exponent"].mean() == pytest.approx(exponent, abs=0.05)
    assert found["aperiodic_offset"].mean() == pytest.approx(0.0, abs=0.06)


def test_ten_times_the_amplitude_is_an_offset_larger_by_two_and_the_same_exponent():
    one, ten = aperiodic(coloured(1.5), SFREQ), aperiodic(10 * coloured(1.5), SFREQ)
    assert ten["aperiodic_offset"] - one["aperiodic_offset"] == pytest.approx(np.full(30, 2.0))
    assert ten["aperiodic_exponent"] == pytest.approx(one["aperiodic_exponent"])


def test_hum_stands_out_at_its_own_mains_only():
    hum = noise(3) + 20 * sine(50.0, sfreq=256.0, length_s=3000 / 256)
    found = line_noise(hum, 256.0)
    assert (found["line_noise_50hz"] > 1).all()
    assert (abs(found["line_noise_60hz"]) < 0.3).all()


def test_line_noise_beyond_the_rate_is_unknown():
    found = line_noise(noise(2), 110.0)
    assert np.isfinite(found["line_noise_50hz"]).all()
    assert np.isnan(found["line_noise_60hz"]).all()


@pytest.mark.parametrize("features", ALL)
def test_single_precision_is_good_to_one_in_ten_thousand(features):
    windows = coloured(1.5, n_epochs=20) * 10
    exact, found = features(windows, SFREQ), features(windows.astype(np.float32), SFREQ)
    for name, column in exact.items():
        if not name.endswith("_hz"):  # a step of the frequency axis may go either way
            assert np.allclose(found[name], column, rtol=1e-4, atol=1e-4, equal_nan=True), name


@pytest.mark.parametrize("features", ALL)
def test_an_offset_of_a_thousand_changes_nothing_in_single_precision(features):
    windows = coloured(1.0, n_epochs=10) * 10
    one = features(windows.astype(np.float32), SFREQ)
    other = features((windows + 1000).astype(np.float32), SFREQ)
    for name, column in one.items():
        assert np.allclose(other[name], column, atol=2e-3, equal_nan=True), name


@pytest.mark.parametrize("powers", [band_power, rodent_band_power, multitaper_power])
def test_a_rate_too_low_for_any_band_is_refused_with_the_one_that_it_needs(powers):
    with pytest.raises(EpochalError, match="needs more than 1 Hz; this is 1 Hz"):
        powers(np.random.default_rng(0).normal(size=(2, 30)), 1.0)
