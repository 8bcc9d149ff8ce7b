import numpy as np
import pytest
from made_chains import (
    LEFT_SIDE,
    RIGHT_SIDE,
    SFREQ,
    make_discharges,
    make_sine,
    make_windows,
    one,
)

from epochal.features.discharges import discharge_features

BOTH = LEFT_SIDE + RIGHT_SIDE


def features_of(course, electrodes, **options):
    return one(discharge_features(make_windows(course, electrodes, **options), SFREQ))


def test_discharges_on_the_left_every_second_are_periodic_and_left():
    found = features_of(make_discharges(1.0), LEFT_SIDE, noise_uv=0.3)
    assert found["more_discharge_hz"] == pytest.approx(1.0, abs=0.05)
    assert found["more_discharge_height"] > 0.8
    assert found["more_discharge_rate_hz"] == pytest.approx(1.0, abs=0.15)
    assert found["lateralisation"] > 0.9
    assert found["discharge_lateralisation"] > 0.9


def test_the_same_on_the_right_differs_in_nothing_but_the_side():
    left = features_of(make_discharges(1.0), LEFT_SIDE, noise_uv=0.01)
    right = features_of(make_discharges(1.0), RIGHT_SIDE, noise_uv=0.01)
    for name in ("lateralisation", "rhythm_lateralisation", "discharge_lateralisation"):
        assert right[name] == pytest.approx(-left[name], abs=0.01)
        assert right[f"abs_{name}"] == pytest.approx(left[f"abs_{name}"], abs=0.01)
    for name in ("more_discharge_height", "more_log_crest", "more_mobility_hz", "head_rhythm_hz"):
        assert right[name] == pytest.approx(left[name], rel=0.02)


def test_a_sine_on_both_sides_is_rhythmic_and_symmetric():
    found = features_of(make_sine(2.0), BOTH)
    assert found["head_rhythm_hz"] == pytest.approx(2.0, abs=0.05)
    assert found["head_rhythm_height"] > 0.9
    assert found["less_rhythm_height"] > 0.9
    assert found["head_concentration"] > 0.6
    assert abs(found["lateralisation"]) < 0.05
    assert abs(found["rhythm_lateralisation"]) < 0.05


def test_discharges_have_harmonics_and_silence_between_them_and_a_rhythm_has_not():
    periodic = features_of(make_discharges(1.0), BOTH)
    rhythmic = features_of(make_sine(1.0), BOTH, noise_uv=0.1)
    assert periodic["head_log_harmonics"] > rhythmic["head_log_harmonics"] + 3
    assert periodic["head_quiet_share"] > 0.4
    assert rhythmic["head_quiet_share"] < 0.2
    assert periodic["head_log_kurtosis"] > rhythmic["head_log_kurtosis"] + 1
    assert periodic["head_log_crest"] > rhythmic["head_log_crest"] + 1


def test_a_sine_has_the_kurtosis_and_the_mean_frequency_of_a_sine():
    found = features_of(make_sine(3.0), BOTH, noise_uv=0.0)
    assert np.exp(found["head_log_kurtosis"]) == pytest.approx(1.5, rel=0.01)
    assert found["head_mobility_hz"] == pytest.approx(3.0, rel=0.01)


def test_intervals_of_a_clock_do_not_vary_and_those_of_chance_do():
    clock = features_of(make_discharges(1.0, length_s=30), BOTH)
    wandering = features_of(make_discharges(1.0, length_s=30, jitter=0.8), BOTH)
    assert clock["head_interval_cv"] < 0.05
    assert wandering["head_interval_cv"] > 0.2
    assert wandering["head_discharge_height"] < clock["head_discharge_height"] - 0.2


def test_noise_has_neither_rhythm_nor_discharges():
    found = features_of(np.zeros(2000), BOTH)
    assert found["head_rhythm_height"] < 0.3
    assert found["head_discharge_rate_hz"] < 0.3
    assert found["head_interval_cv"] == 1.0
    assert found["abs_lateralisation"] < 0.1


def test_twice_the_voltage_changes_nothing():
    windows = make_windows(make_discharges(1.3), LEFT_SIDE)
    single, double = (one(discharge_features(size * windows, SFREQ)) for size in (1.0, 2.0))
    assert double == pytest.approx(single, rel=1e-6, abs=1e-6)


@pytest.mark.slow
def test_an_epochs_features_do_not_depend_on_the_others():
    windows = np.concatenate(
        [make_windows(make_discharges(0.5 + n / 10), LEFT_SIDE, seed=n) for n in range(20)]
    )
    together = discharge_features(windows, SFREQ)
    alone = one(discharge_features(windows[17:18], SFREQ))
    assert {name: float(values[17]) for name, values in together.items()} == pytest.approx(alone)


def test_a_flat_window_has_no_shape():
    found = discharge_features(np.zeros((2, 18, 2000), np.float32), SFREQ)
    for values in found.values():
        assert np.isnan(values).all()


def test_no_epochs_at_all_still_have_names():
    found = discharge_features(np.zeros((0, 18, 2000), np.float32), SFREQ)
    assert len(found) == 42
    assert all(values.shape == (0,) for values in found.values())
