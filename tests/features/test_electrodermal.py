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


def test_a_detached_electrode_has_no_response_to_time_and_is_finite_else():
    found = measure(np.zeros(240), np.full(240, -0.01))
    timed = {name for name, column in found.items() if np.isnan(column).all()}
    assert timed == {"scr_rise_s", "scr_recovery_s"}
    assert all(np.isfinite(column).all() for name, column in found.items() if name not in timed)


@pytest.mark.parametrize(("rise_s", "recovery_s"), [(0.4, 3.0), (1.0, 4.0)])
def test_responses_are_timed_from_trough_to_peak_and_to_half_recovery(rise_s, recovery_s):
    time_s = np.arange(480) / 8.0
    since = time_s - 20.0
    wave = np.where(since < 0, np.exp(-0.5 * (since / rise_s) ** 2), 0.5 ** (since / recovery_s))
    found = find_responses(wave, 8.0)
    # a Gaussian passes a tenth of its height 2.15 standard deviations before its top
    assert found.scr_rise_s == pytest.approx(2.15 * rise_s, abs=0.15)
    assert found.scr_recovery_s == pytest.approx(recovery_s, rel=0.05)


def test_a_size_is_the_rise_before_the_peak_whatever_comes_after():
    shallow = np.r_[np.linspace(0, 0.5, 12), np.linspace(0.5, 0.3, 60), np.full(60, 0.3)]
    found = find_responses(np.r_[np.zeros(60), shallow], SFREQ)
    assert np.exp(found.scr_amplitude) - 0.01 == pytest.approx(0.5)


def test_a_window_says_nothing_of_its_neighbours():
    first, second = 1 + response(20.0, 0.3), 5 + 0.01 * TIME_S
    together, alone = measure(first, second), measure(second)
    for name, value in alone.items():
        assert together[name][1] == pytest.approx(value, nan_ok=True), name


def test_no_windows_have_the_same_columns():
    empty = electrodermal_features(np.empty((0, 240), np.float32), SFREQ)
    assert list(empty) == list(measure(np.ones(240)))
    assert all(len(column) == 0 for column in empty.values())
