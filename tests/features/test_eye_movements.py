import numpy as np
import pytest

from epochal.features.eye_movements import eye_movement_features

SFREQ = 100.0
LENGTH_S = 30.0


def eyes(*onsets_s, size_uv=150.0, rise_s=0.08, sfreq=SFREQ, drift_uv=0.0):
    """Return an EOG with a saccade at each onset, to one side and back by turns."""
    time_s = np.arange(round(LENGTH_S * sfreq)) / sfreq
    eog = drift_uv * np.sin(2 * np.pi * 0.3 * time_s)
    for index, onset_s in enumerate(onsets_s):
        side = 1 if index % 2 == 0 else -1
        eog += side * size_uv * np.clip((time_s - onset_s) / rise_s, 0, 1)
    return eog[None].astype(np.float32)


@pytest.mark.parametrize("sfreq", [100.0, 256.0])
@pytest.mark.parametrize("onsets_s", [(), (5,), (3, 5, 12, 20.3)])
def test_rapid_movements_are_counted_by_the_minute(onsets_s, sfreq):
    found = eye_movement_features(eyes(*onsets_s, sfreq=sfreq), sfreq)
    assert found["rapid_rate"][0] == pytest.approx(2 * len(onsets_s))


def test_density_is_the_share_of_two_second_pieces_that_hold_one():
    # 3 and 3.5 s lie in one piece, 12 and 20.3 s in two more, of fifteen
    found = eye_movement_features(eyes(2.5, 3.2, 12, 20.3), SFREQ)
    assert found["rapid_density"][0] == pytest.approx(3 / 15)


def test_the_size_is_that_of_the_deflection():
    small, large = (
        eye_movement_features(eyes(5, 10, size_uv=size), SFREQ)["rapid_size"][0]
        for size in (100.0, 300.0)
    )
    assert small == pytest.approx(2.0, abs=0.01)
    assert large - small == pytest.approx(np.log10(3), abs=0.01)


def test_slow_rolling_is_no_rapid_movement():
    rolling = eyes(drift_uv=100.0)
    found = eye_movement_features(rolling, SFREQ)
    assert found["rapid_rate"][0] == 0
    assert found["slow_share"][0] > 0.6


def test_small_jitter_is_no_movement_and_is_not_slow():
    noise = np.random.default_rng(0).normal(0, 10, (3, 3000))
    found = eye_movement_features(noise, SFREQ)
    assert (found["rapid_rate"] == 0).all()
    assert (found["slow_share"] < 0.05).all()


def test_of_two_channels_what_is_opposite_counts_and_what_is_common_does_not():
    eog = eyes(5, 10, 15, size_uv=60.0)
    brain = eyes(2, 8, 20, 25, size_uv=300.0)
    pair = np.stack([brain + eog, brain - eog], axis=1)
    assert eye_movement_features(pair, SFREQ)["rapid_rate"][0] == pytest.approx(6.0)


def test_an_overshoot_is_one_movement():
    eog = eyes(5.0, 5.2, size_uv=200.0)
    assert eye_movement_features(eog, SFREQ)["rapid_rate"][0] == pytest.approx(2.0)


def test_a_flat_window_has_no_movements_and_no_shares():
    found = eye_movement_features(np.full((1, 3000), 4.0), SFREQ)
    assert (found["rapid_rate"][0], found["rapid_density"][0]) == (0, 0)
    assert np.isnan(found["slow_share"][0])


@pytest.mark.parametrize("shape", [(0, 3000), (0, 2, 3000)])
def test_no_windows_have_the_same_columns(shape):
    empty = eye_movement_features(np.empty(shape, np.float32), SFREQ)
    assert list(empty) == ["rapid_rate", "rapid_density", "rapid_size", "slow_share"]
    assert all(len(column) == 0 for column in empty.values())
