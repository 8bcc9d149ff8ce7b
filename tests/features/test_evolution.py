import numpy as np
import pytest
from made_chains import LEFT_SIDE, RIGHT_SIDE, SFREQ, make_sine, make_windows, one, times_s

from epochal.features.evolution import chain_evolution

BOTH = LEFT_SIDE + RIGHT_SIDE


def features_of(course, electrodes=BOTH, **options):
    return one(chain_evolution(make_windows(course, electrodes, **options), SFREQ))


def test_a_steady_rhythm_does_not_evolve():
    found = features_of(make_sine(2.0, length_s=50), noise_uv=0.1)
    for name in ("log_power", "mobility_hz", "lateralisation", "rhythm_hz"):
        assert abs(found[f"{name}_trend"]) < 0.02
        assert found[f"{name}_range"] < 0.05
        assert abs(found[f"{name}_middle"]) < 0.05


def test_a_rhythm_that_grows_has_a_trend_in_its_power():
    fifth = np.minimum(times_s(50) // 10, 4)
    found = features_of(make_sine(2.0, length_s=50) * np.exp(0.5 * fifth), noise_uv=0.1)
    assert found["log_power_trend"] == pytest.approx(1.0, rel=0.02)  # twice, being a square
    assert found["log_power_range"] == pytest.approx(4.0, rel=0.02)


def test_a_rhythm_that_slows_down_has_a_falling_frequency():
    frequency_hz = 4.0 - 2.0 * times_s(50) / 50
    found = features_of(50 * np.sin(2 * np.pi * np.cumsum(frequency_hz) / SFREQ), noise_uv=0.1)
    assert found["rhythm_hz_trend"] == pytest.approx(-0.4, abs=0.1)
    assert found["mobility_hz_trend"] < -0.3


def test_what_happens_in_the_middle_ten_seconds_alone_stands_out():
    inside = (times_s(50) >= 20) & (times_s(50) < 30)
    found = features_of(make_sine(2.0, length_s=50) * inside)
    assert found["log_power_middle"] > 3
    assert found["rhythm_height_middle"] > 0.6
    assert abs(found["log_power_trend"]) < 0.05


def test_what_moves_from_left_to_right_changes_its_side():
    late = times_s(50) >= 25
    course = make_sine(2.0, length_s=50)
    left = make_windows(course * ~late, LEFT_SIDE, noise_uv=0.1)
    windows = left + make_windows(course * late, RIGHT_SIDE, noise_uv=0.1)
    found = one(chain_evolution(windows, SFREQ))
    assert found["lateralisation_trend"] < -0.3
    assert found["lateralisation_range"] > 1.5


def test_a_flat_window_has_no_shape():
    found = chain_evolution(np.zeros((2, 18, 10000), np.float32), SFREQ)
    for values in found.values():
        assert np.isnan(values).all()


def test_no_epochs_at_all_still_have_names():
    found = chain_evolution(np.zeros((0, 18, 10000), np.float32), SFREQ)
    assert len(found) == 18
    assert all(values.shape == (0,) for values in found.values())
