import numpy as np
import pytest

from epochal.features.electrodermal import electrodermal_features, find_responses, split

SFREQ = 4.0
TIME_S = np.arange(240) / SFREQ


def response(onset_s, amplitude_us):
    """Rise in about a second, recovery in several: the form of Lim et al. 1997."""
    since = np.clip(TIME_S - onset_s, 0, None)
    shape = np.exp(-since / 4.0) - np.exp(-since / 0.7)
    peak_s = np.log(4.0 / 0.7) / (1 / 0.7 - 1 / 4.0)
    return amplitude_us * shape / (np.exp(-peak_s / 4.0) - np.exp(-peak_s / 0.7))


def measure(*windows):
    columns = electrodermal_features(np.stack(windows).astype(np.float32), SFREQ)
    return {
        name: column if len(windows) > 1 else float(column[0]) for name, column in columns.items()
    }


def test_a_steady_level_has_its_logarithm_and_nothing_else():
    found = measure(np.full(240, 2.0))
    assert found["level"] == pytest.approx(np.log(2.0), abs=1e-3)
    assert found["slope"] == pytest.approx(0.0, abs=1e-6)
    assert found["scr_rate"] == 0.0
    assert found["range"] == pytest.approx(np.log(1e-3))


@pytest.mark.parametrize("n_responses", [1, 3, 5])
def test_responses_are_counted_per_minute(n_responses):
    onsets = np.linspace(6, 50, n_responses) if n_responses > 1 else [30.0]
    found = measure(1.0 + sum(response(onset, 0.3) for onset in onsets))
    assert found["scr_rate"] == n_responses


def test_responses_below_the_threshold_are_none():
    found = measure(1.0 + response(20.0, 0.015))
    assert found["scr_rate"] == 0.0
    assert found["scr_amplitude"] == pytest.approx(np.log(0.01))


def test_amplitude_is_proportional_to_the_response():
    small, large = measure(1 + response(20.0, 0.1)), measure(1 + response(20.0, 0.5))
    sizes = [np.exp(found["scr_amplitude"]) - 0.01 for found in (small, large)]
    assert sizes[1] == pytest.approx(5 * sizes[0], rel=0.01)


def test_sizes_are_the_rises_of_the_phasic_part():
    bump = np.exp(-0.5 * ((TIME_S[:, None] - [15.0, 40.0]) / 2) ** 2)
    found = find_responses(bump @ [0.3, 0.5], SFREQ)
    assert found.scr_rate == 2
    assert np.exp(found.scr_amplitude) - 0.01 == pytest.approx(0.4, rel=0.01)
    assert np.exp(found.scr_sum) - 0.01 == pytest.approx(0.8, rel=0.01)


def test_the_slope_is_that_of_the_window():
    found = measure(1.0 + 0.004 * TIME_S)
    assert found["slope"] == pytest.approx(0.004, rel=0.05)
    assert found["slope_relative"] == pytest.approx(0.004 / 1.12, rel=0.05)


def test_the_parts_sum_to_the_signal_and_the_slow_one_is_tonic():
    signal = (2 + 0.002 * TIME_S + response(30.0, 0.4))[None]
    tonic, phasic = split(signal, SFREQ)
    assert tonic + phasic == pytest.approx(signal)
    assert phasic[0].max() > 0.15
    assert abs(phasic.mean()) < 0.02


def test_a_detached_electrode_is_finite():
    found = measure(np.zeros(240), np.full(240, -0.01))
    assert all(np.isfinite(column).all() for column in found.values())


def test_a_window_says_nothing_of_its_neighbours():
    first, second = 1 + response(20.0, 0.3), 5 + 0.01 * TIME_S
    together, alone = measure(first, second), measure(second)
    assert all(together[name][1] == pytest.approx(alone[name]) for name in alone)


def test_no_windows_have_the_same_columns():
    empty = electrodermal_features(np.empty((0, 240), np.float32), SFREQ)
    assert list(empty) == list(measure(np.ones(240)))
    assert all(len(column) == 0 for column in empty.values())
