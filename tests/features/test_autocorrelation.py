import numpy as np
import pytest
from made_chains import SFREQ, make_discharges, make_sine, times_s

from epochal.features.autocorrelation import find_repetition, slow_autocorrelation


def find(*courses):
    found = find_repetition(np.stack(courses)[None], SFREQ)
    return float(found.height[0]), float(found.frequency_hz[0])


@pytest.mark.parametrize("frequency_hz", [0.6, 1.0, 2.0, 3.3])
def test_a_sine_repeats_itself_at_its_frequency(frequency_hz):
    height, found_hz = find(make_sine(frequency_hz))
    assert height > 0.95
    assert found_hz == pytest.approx(frequency_hz, rel=0.03)


@pytest.mark.parametrize("frequency_hz", [0.7, 1.0, 1.9])
def test_discharges_repeat_themselves_at_their_rate_and_not_at_half_of_it(frequency_hz):
    height, found_hz = find(make_discharges(frequency_hz))
    assert height > 0.85
    assert found_hz == pytest.approx(frequency_hz, rel=0.03)


def test_traces_of_opposite_phase_do_not_cancel():
    assert find(make_sine(2.0), -make_sine(2.0)) == pytest.approx(find(make_sine(2.0)))


def test_a_loud_trace_counts_for_more():
    _, found_hz = find(make_sine(2.0, amplitude_uv=100), make_sine(0.9, amplitude_uv=10))
    assert found_hz == pytest.approx(2.0, rel=0.03)


def test_noise_hardly_repeats_itself():
    noise = np.random.default_rng(0).standard_normal((50, 8, 2000))
    assert find_repetition(noise, SFREQ).height.max() < 0.3


@pytest.mark.parametrize("frequency_hz", [10.0, 20.0])
def test_a_fast_rhythm_is_no_slow_one(frequency_hz):
    assert find(make_sine(frequency_hz))[0] < 0.25


@pytest.mark.parametrize("course", [np.zeros(2000), np.full(2000, 7.0)], ids=["silent", "offset"])
def test_a_flat_trace_does_not_repeat_itself(course):
    assert find(course) == (0.0, 0.0)


def test_the_autocorrelation_is_that_of_the_definition():
    # All power well below the roll-off, so that nothing is taken away.
    rng = np.random.default_rng(1)
    phases = rng.uniform(0, 2 * np.pi, 4)
    course = sum(
        np.sin(2 * np.pi * hz * times_s(10) + phase)
        for hz, phase in zip((0.5, 1.1, 2.3, 3.1), phases, strict=True)
    )
    centred = course - course.mean()
    expected = [
        centred[: 2000 - lag] @ centred[lag:] / (2000 - lag) / (centred @ centred / 2000)
        for lag in range(400)
    ]
    found = slow_autocorrelation(course[None, None], SFREQ, n_lags=400)[0]
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_lags_beyond_half_the_trace_count_as_nothing():
    found = slow_autocorrelation(make_sine(2.0, length_s=2)[None, None], SFREQ, n_lags=402)[0]
    assert (found[200:] == 0).all()
    assert found[100] > 0.9


def test_no_epochs_at_all_have_no_repetitions():
    assert find_repetition(np.empty((0, 3, 2000)), SFREQ).height.shape == (0,)
