import numpy as np
import pytest
from scipy.signal import welch

from epochal.simulation.noise import block_freqs, shaped_noise, white_spectra

SFREQ, HOP = 100.0, 200


def make(psd_of, n_blocks=400, seed=0):
    freqs = block_freqs(HOP, SFREQ)
    white = white_spectra(n_blocks, HOP, np.random.default_rng(seed))
    return shaped_noise(white, np.stack([psd_of(freqs)] * n_blocks), sfreq=SFREQ)


def test_the_noise_has_the_asked_power_density():
    signal = make(lambda f: np.full_like(f, 2.0))
    freqs, psd = welch(signal, SFREQ, nperseg=400)
    assert psd[(freqs > 2) & (freqs < 48)].mean() == pytest.approx(2.0, rel=0.03)
    assert signal.var() == pytest.approx(2.0 * SFREQ / 2, rel=0.03)


def test_power_stays_in_its_band():
    signal = make(lambda f: np.where((f >= 8) & (f <= 12), 5.0, 0.0))
    freqs, psd = welch(signal, SFREQ, nperseg=400)
    assert psd[(freqs > 8.5) & (freqs < 11.5)].mean() == pytest.approx(5.0, rel=0.06)
    assert psd[(freqs < 6) | (freqs > 14)].max() < 0.01


def test_power_changes_from_block_to_block():
    freqs = block_freqs(HOP, SFREQ)
    psd = np.ones((401, len(freqs)))
    psd[200:] = 100.0
    signal = shaped_noise(white_spectra(401, HOP, np.random.default_rng(0)), psd, sfreq=SFREQ)
    half = 200 * HOP
    assert signal[half + HOP :].std() / signal[: half - HOP].std() == pytest.approx(10, rel=0.05)


def test_power_is_even_within_and_between_blocks():
    signal = make(np.ones_like, n_blocks=2001)
    by_position = signal.reshape(-1, HOP).std(axis=0)
    assert by_position.max() / by_position.min() < 1.25


def test_n_blocks_make_one_hop_less():
    assert len(make(np.ones_like, n_blocks=11)) == 10 * HOP


@pytest.mark.slow
def test_two_channels_of_one_white_spectrum_are_alike():
    white = white_spectra(50, HOP, np.random.default_rng(0))
    psd = np.ones(white.shape)
    first, second = (shaped_noise(white, factor * psd, sfreq=SFREQ) for factor in (1.0, 4.0))
    assert second == pytest.approx(2 * first, rel=1e-4, abs=1e-4)
