import numpy as np
import pytest

from epochal.features.muscle import muscle_tone

SFREQ = 200.0
TONE = np.random.default_rng(0).normal(0, 5, (4, 6000))


def test_the_size_of_even_tone_is_its_standard_deviation():
    found = muscle_tone(TONE, SFREQ)
    for name in ("emg_rms", "emg_envelope"):
        assert found[name] == pytest.approx(np.full(4, np.log10(5)), abs=0.02)
    assert (found["emg_tonic"] < found["emg_envelope"]).all()
    assert found["emg_tonic"] == pytest.approx(np.full(4, np.log10(4.5)), abs=0.05)
    assert (found["emg_burst_share"] == 0).all()


def test_ten_times_the_tone_is_1_more_and_no_other_shape():
    one, ten = muscle_tone(TONE, SFREQ), muscle_tone(10 * TONE, SFREQ)
    for name in ("emg_rms", "emg_envelope", "emg_tonic"):
        assert ten[name] - one[name] == pytest.approx(np.ones(4))
    assert ten["emg_cv"] == pytest.approx(one["emg_cv"])


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_bursts_are_the_share_of_time_that_they_take_and_leave_the_tonic_level(share):
    twitching = TONE.copy()
    twitching[:, : round(6000 * share)] *= 10
    found, quiet = muscle_tone(twitching, SFREQ), muscle_tone(TONE, SFREQ)
    assert found["emg_burst_share"] == pytest.approx(np.full(4, share))
    assert found["emg_tonic"] == pytest.approx(quiet["emg_tonic"], abs=0.05)
    assert (found["emg_cv"] > 5 * quiet["emg_cv"]).all()


def test_an_offset_is_no_tone():
    one, other = muscle_tone(TONE, SFREQ), muscle_tone(TONE + 1000, SFREQ)
    assert other["emg_rms"] == pytest.approx(one["emg_rms"])


def test_a_flat_window_has_the_least_size_and_no_spread():
    found = muscle_tone(np.full((1, 6000), 3.0), SFREQ)
    assert found["emg_rms"][0] == found["emg_tonic"][0] == -3
    assert found["emg_burst_share"][0] == 0
    assert np.isnan(found["emg_cv"][0])


def test_no_windows_have_the_same_columns():
    empty = muscle_tone(np.empty((0, 600), np.float32), SFREQ)
    assert list(empty) == list(muscle_tone(TONE, SFREQ))
    assert all(len(column) == 0 for column in empty.values())
