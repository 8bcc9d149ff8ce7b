import numpy as np
import pytest

from epochal.readers.hms_spectrogram import FREQUENCIES_HZ
from epochal.simulation.harmful_eeg_patterns import ELECTRODES
from epochal.simulation.harmful_eeg_spectrogram import compute_spectrogram


def sine(frequency_hz, *, name="F3", amplitude_uv=10.0, seconds=20):
    eeg = np.zeros((20, 200 * seconds))
    course = amplitude_uv * np.sin(2 * np.pi * frequency_hz * np.arange(200 * seconds) / 200)
    eeg[list(ELECTRODES).index(name)] = course
    return eeg


def test_a_sine_peaks_at_its_frequency_with_its_power():
    power = compute_spectrogram(sine(10.0), n_frames=10)
    left_parasagittal = power[3, 2]
    assert FREQUENCIES_HZ[left_parasagittal.argmax()] == pytest.approx(10.0, abs=0.4)
    # F3 is in two of the chain's four derivations; a sine's power is a²/4 on this side of zero.
    total = left_parasagittal.sum() * 200 / 1024
    assert total == pytest.approx(2 / 4 * 10.0**2 / 4, rel=0.02)


def test_only_the_regions_with_the_electrode_see_it():
    seen = compute_spectrogram(sine(6.0, name="T4"), n_frames=5)[2].sum(axis=1) > 1e-9
    assert seen.tolist() == [False, True, False, False]
    seen = compute_spectrogram(sine(6.0, name="O1"), n_frames=5)[2].sum(axis=1) > 1e-9
    assert seen.tolist() == [True, False, True, False]


@pytest.mark.parametrize(("sample", "frames"), [(980, [1, 2]), (1010, [2, 3])])
def test_frame_k_covers_2k_minus_1_to_2k_plus_3_seconds(sample, frames):
    eeg = np.zeros((20, 4000))
    eeg[list(ELECTRODES).index("F3"), sample : sample + 10] = 1000.0  # before, or after, 5 s
    seen = compute_spectrogram(eeg, n_frames=10)[:, 2].sum(axis=1) > 1e-3
    assert np.flatnonzero(seen).tolist() == frames


def test_a_nan_makes_the_frames_it_touches_nan_in_its_regions_alone():
    eeg = sine(5.0)
    eeg[list(ELECTRODES).index("C3"), 2000] = np.nan  # at 10 s: frames 4 and 5
    missing = np.isnan(compute_spectrogram(eeg, n_frames=10)).all(axis=2)
    assert np.argwhere(missing).tolist() == [[4, 2], [5, 2]]


def test_offset_drift_and_the_common_reference_vanish():
    eeg = np.linspace(-500, 500, 4000) * np.ones((20, 1))
    assert compute_spectrogram(eeg, n_frames=10).max() < 1e-12
    eeg = np.linspace(-500, 500, 4000) * np.linspace(0, 1, 20)[:, None]
    assert compute_spectrogram(eeg, n_frames=9)[1:].max() < 1e-12
