import numpy as np
import pytest
from made_chains import LEFT_SIDE, RIGHT_SIDE, SFREQ, make_sine, make_windows, one

from epochal.features.synchrony import chain_synchrony


def features_of(course, electrodes, **options):
    return one(chain_synchrony(make_windows(course, electrodes, **options), SFREQ))


def test_independent_noise_is_hardly_synchronous():
    noise = np.random.default_rng(0).standard_normal((1, 18, 4000))
    found = one(chain_synchrony(noise, SFREQ))
    assert found["within_more"] < 0.05
    assert found["across_abs"] < 0.05
    assert found["main_share"] < 0.1


def test_one_course_everywhere_is_wholly_synchronous():
    windows = np.ones((1, 18, 1)) * make_sine(2.0)
    found = one(chain_synchrony(windows, SFREQ))
    for name in ("within_more", "within_less", "mirrored", "across_abs", "main_share"):
        assert found[name] == pytest.approx(1.0)
    assert found["main_spread"] == pytest.approx(18)
    assert found["main_lateralisation"] == pytest.approx(0.0, abs=1e-9)


def test_opposite_phases_of_the_sides_are_mirrored_negatively():
    windows = np.ones((1, 18, 1)) * make_sine(2.0)
    windows[:, 4:8] *= -1
    windows[:, 12:16] *= -1
    found = one(chain_synchrony(windows, SFREQ))
    assert found["mirrored"] == pytest.approx(-1.0)
    assert found["mirrored_abs"] == pytest.approx(1.0)


def test_a_pattern_of_one_side_is_lateralised_and_of_both_is_not():
    left = features_of(make_sine(2.0), LEFT_SIDE)
    right = features_of(make_sine(2.0), RIGHT_SIDE)
    both = features_of(make_sine(2.0), LEFT_SIDE + RIGHT_SIDE)
    assert left["main_lateralisation"] > 0.9
    assert right["main_lateralisation"] < -0.9
    assert right["main_abs_lateralisation"] > 0.9
    assert abs(both["main_lateralisation"]) < 0.1
    assert both["mirrored"] > left["mirrored"] + 0.4
    assert left["within_more"] > left["within_less"] + 0.2


def test_correlations_are_those_of_numpy():
    windows = make_windows(make_sine(2.0), LEFT_SIDE)
    expected = np.corrcoef(windows[0])
    mirrored = [expected[row, row + 4] for row in (0, 1, 2, 3, 8, 9, 10, 11)]
    found = one(chain_synchrony(windows, SFREQ))
    assert found["mirrored"] == pytest.approx(np.mean(mirrored), rel=1e-6)


def test_a_flat_window_has_no_shape():
    found = chain_synchrony(np.zeros((2, 18, 2000), np.float32), SFREQ)
    for values in found.values():
        assert np.isnan(values).all()


def test_no_epochs_at_all_still_have_names():
    found = chain_synchrony(np.zeros((0, 18, 2000), np.float32), SFREQ)
    assert len(found) == 9
    assert all(values.shape == (0,) for values in found.values())
