import numpy as np
import pytest
from made_pulses import beat_times

from epochal.features.beats import Beats, believable
from epochal.features.variability import Variability, measure_pairs, measure_variability


def beats(intervals_s, *, valid=None):
    times_s, intervals_s = beat_times(intervals_s), np.asarray(intervals_s)
    nothing = np.zeros(len(times_s))
    valid = believable(intervals_s) if valid is None else valid
    return Beats(times_s, nothing, nothing, intervals_s, valid)


def test_alternating_intervals_lie_across_the_line_of_identity():
    # 800, 900, 800 ms: every pair sums to the same, every difference is 100 ms one way or the other
    across, along, _ = measure_pairs(beats(np.tile([0.8, 0.9], 35)))
    assert across == pytest.approx(100 / np.sqrt(2), rel=0.01)
    assert along == pytest.approx(0, abs=1e-9)


def test_a_slow_drift_lies_along_the_line_of_identity():
    across, along, ratio = measure_pairs(beats(np.linspace(0.7, 0.9, 60)))
    # sums of neighbours rise evenly by twice the step of 200/59 ms
    assert along == pytest.approx(np.sqrt(2) * 200 / 59 * np.arange(59).std(ddof=1))
    assert across == pytest.approx(0, abs=1e-6)
    assert ratio == pytest.approx(0, abs=1e-6)


def test_sd1_is_rmssd_over_the_root_of_two_where_there_is_no_trend():
    intervals_s = 0.8 + 0.03 * np.random.default_rng(0).normal(size=2000)
    found = measure_variability(beats(intervals_s, valid=np.ones(2000, bool)), 60.0)
    assert found.sd1 == pytest.approx(found.rmssd / np.sqrt(2), rel=1e-3)
    assert found.sdnn**2 == pytest.approx((found.sd1**2 + found.sd2**2) / 2, rel=1e-2)
    assert found.ln_rmssd == pytest.approx(np.log(found.rmssd))


def test_no_pair_reaches_over_an_interval_that_is_not_believed():
    intervals_s = np.full(40, 0.8)
    intervals_s[20] = 1.6
    found = measure_variability(beats(intervals_s), 60.0)
    assert (found.sdnn, found.rmssd, found.pnn50) == pytest.approx((0, 0, 0), abs=1e-9)
    assert found.sd1 == pytest.approx(0, abs=1e-9)


def test_a_metronome_is_finite():
    found = measure_variability(beats(np.full(200, 0.8)), 180.0)
    assert np.isfinite(found[:7]).all()
    assert found.ln_rmssd == pytest.approx(np.log(0.1))


@pytest.mark.parametrize("n_beats", [0, 1, 5])
def test_few_beats_say_nothing(n_beats):
    assert np.isnan(measure_variability(beats(np.full(n_beats, 0.8)), 60.0)).all()


@pytest.mark.parametrize(("length_s", "known"), [(119.0, False), (120.0, True)])
def test_lf_and_hf_need_two_minutes(length_s, known):
    intervals_s = 0.8 + 0.02 * np.sin(np.arange(int(length_s / 0.8) - 1))
    found = measure_variability(beats(intervals_s), length_s)
    assert np.isfinite([found.lf, found.hf, found.lf_hf]).all() == known


def test_powers_add_up_to_the_variance_of_the_waves():
    times_s = [0.4]
    while times_s[-1] < 298:
        slow, fast = (np.sin(2 * np.pi * f * times_s[-1]) for f in (0.1, 0.3))
        times_s.append(times_s[-1] + 0.8 + 0.03 * slow + 0.02 * fast)
    found = measure_variability(beats(np.diff(times_s)), 300.0)
    assert found.lf == pytest.approx(30**2 / 2, rel=0.15)
    assert found.hf == pytest.approx(20**2 / 2, rel=0.25)
    assert found.lf_hf == pytest.approx(found.lf / found.hf)


def test_the_fields_are_named_by_the_literature():
    assert Variability._fields[:4] == ("sdnn", "rmssd", "ln_rmssd", "pnn50")
    assert Variability._fields[4:7] == ("sd1", "sd2", "sd1_sd2")
