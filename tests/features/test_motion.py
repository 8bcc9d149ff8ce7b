import numpy as np
import pytest

from epochal.errors import EpochalError
from epochal.features.motion import motion_features, per_second, persistence

SFREQ = 32.0
TIME_S = np.arange(1920) / SFREQ


def window(x=0.0, y=0.0, z=1.0):
    return np.stack([np.broadcast_to(axis, 1920) for axis in (x, y, z)]).astype(np.float32)


def measure(*windows):
    columns = motion_features(np.stack(windows), SFREQ)
    return {
        name: column if len(windows) > 1 else float(column[0]) for name, column in columns.items()
    }


def test_a_wrist_at_rest_is_still_and_feels_gravity():
    found = measure(window())
    assert found["still"] == 1.0
    assert (found["tilt_x"], found["tilt_y"], found["tilt_z"]) == pytest.approx((0, 0, 1))
    assert found["gesture"] == found["fast"] == found["slow"] == pytest.approx(np.log(1e-3))


@pytest.mark.parametrize(
    ("frequency_hz", "band"), [(0.25, "slow"), (1.5, "gesture"), (6.0, "fast")]
)
def test_a_sine_is_activity_of_its_own_band(frequency_hz, band):
    found = measure(window(x=0.2 * np.sin(2 * np.pi * frequency_hz * TIME_S)))
    assert np.exp(found[band]) == pytest.approx(0.2 / np.sqrt(2), rel=0.15)
    assert all(found[other] < found[band] - 1 for other in {"slow", "gesture", "fast"} - {band})


def test_direction_does_not_matter_to_activity():
    sine = 0.2 * np.sin(2 * np.pi * 1.5 * TIME_S)
    found = measure(window(x=sine), window(y=sine), window(z=1 + sine))
    assert found["gesture"] == pytest.approx(np.full(3, found["gesture"][0]), abs=1e-3)


def test_one_gesture_in_a_still_minute_is_a_burst():
    gesture = 0.5 * np.sin(2 * np.pi * 2 * TIME_S) * ((TIME_S >= 30) & (TIME_S < 36))
    found, steady = measure(window(x=gesture)), measure(window(x=0.5 * np.sin(4 * np.pi * TIME_S)))
    assert 0.8 < found["still"] < 0.95
    assert found["burst"] > 3 > steady["burst"] + 2.5
    assert steady["still"] == 0.0


def test_jerk_quantiles_rise_and_follow_the_movement():
    slow, quick = (
        measure(window(x=0.1 * np.sin(TIME_S))),
        measure(window(x=0.1 * np.sin(9 * TIME_S))),
    )
    quantiles = [quick[f"jerk_{q}"] for q in (5, 25, 50, 75, 95)]
    assert quantiles == sorted(quantiles)
    # |d/dt 0.1 sin 9t| has the mean 0.9 * 2/pi g/s
    assert np.exp(quick["jerk_50"]) == pytest.approx(0.9 * 2 / np.pi, rel=0.1)
    assert quick["jerk_50"] - slow["jerk_50"] == pytest.approx(np.log(9), abs=0.25)


def test_stretches_of_movement_persist_and_noise_does_not():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, size=1920)
    stretch = noise * np.where(TIME_S < 30, 1, 10)
    found = measure(window(x=noise), window(x=stretch))
    assert abs(found["jerk_persistence"][0]) < 0.3
    assert found["jerk_persistence"][1] > 0.8


def test_turning_the_wrist_changes_posture():
    turned = window(x=np.where(TIME_S < 30, 0.0, 1.0), z=np.where(TIME_S < 30, 1.0, 0.0))
    found = measure(window(), turned)
    assert found["posture_change"][1] == pytest.approx(0.0, abs=0.01)  # log of 1 g in all
    assert found["posture_change"][0] == pytest.approx(np.log(1e-3))


def test_seconds_are_averaged_and_the_rest_left_out():
    assert per_second(np.array([[1.0, 3.0, 5.0, 7.0, 100.0]]), 2.0).tolist() == [[2.0, 6.0]]


def test_a_constant_row_does_not_persist():
    assert persistence(np.ones((2, 10))).tolist() == [0.0, 0.0]
    assert persistence(np.arange(10.0)[None])[0] == pytest.approx(1.0)


def test_no_windows_have_the_same_columns():
    empty = motion_features(np.empty((0, 3, 1920), np.float32), SFREQ)
    assert list(empty) == list(measure(window()))
    assert all(len(column) == 0 for column in empty.values())


def test_turning_is_in_degrees_a_second():
    # gravity swings about the y axis by 3 degrees every second
    angle = np.radians(3.0) * TIME_S
    found = measure(window(x=np.sin(angle), z=np.cos(angle)))
    assert np.exp(found["turning"]) == pytest.approx(3.0, rel=0.02)
    assert measure(window())["turning"] == pytest.approx(np.log(0.1))


def test_a_rhythm_has_its_frequency_and_little_entropy():
    rng = np.random.default_rng(0)
    rhythm = measure(window(x=0.2 * np.sin(2 * np.pi * 2.5 * TIME_S)))
    erratic = measure(window(x=rng.normal(0, 0.2, 1920)))
    assert rhythm["mean_hz"] == pytest.approx(2.5, abs=0.05)
    assert rhythm["entropy"] < 0.25
    assert erratic["entropy"] > 0.85
    assert erratic["mean_hz"] == pytest.approx(5.1, abs=0.4)  # white between 0.2 and 10 Hz


def test_the_mean_amplitude_deviation_of_a_sine():
    found = measure(window(z=1 + 0.3 * np.sin(2 * np.pi * 2 * TIME_S)))
    assert np.exp(found["mad"]) == pytest.approx(0.3 * 2 / np.pi, rel=0.02)


def test_a_band_that_the_rate_cuts_carries_its_true_edge_in_its_name():
    columns = {
        sfreq: set(motion_features(np.zeros((1, 3, 60 * sfreq)), sfreq)) for sfreq in (16, 32)
    }
    assert columns[16] ^ columns[32] == {"fast", "fast_to_7p2hz"}


def test_a_rate_that_cuts_gestures_is_refused():
    with pytest.raises(EpochalError, match=r"'motion' needs 6\.7 Hz or more; this is 4 Hz"):
        motion_features(np.zeros((1, 3, 240)), 4.0)
