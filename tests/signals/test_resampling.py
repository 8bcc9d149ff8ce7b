from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from builders import make_channel, sine
from epochal.errors import EpochalError
from epochal.signals.resampling import find_ratio, resample_channel

RUN = ((0.0, 60.0),)


@pytest.mark.parametrize(("given_hz", "wanted_hz"), [(64, 35), (4, 35), (32, 35), (200, 100)])
def test_a_slow_sine_is_the_same_sine_at_another_rate(given_hz, wanted_hz):
    channel = make_channel(data=sine(0.5, length_s=60, sfreq=given_hz), sfreq=given_hz)
    made = resample_channel(channel, RUN, wanted_hz)
    assert made.sfreq == wanted_hz
    assert abs(len(made.data) - 60 * wanted_hz) <= 1
    expected = sine(0.5, length_s=61, sfreq=wanted_hz)[: len(made.data)]
    inner = slice(5 * wanted_hz, -5 * wanted_hz)
    np.testing.assert_allclose(made.data[inner], expected[inner], atol=0.02)


def test_what_the_new_rate_cannot_hold_is_gone_not_folded():
    channel = make_channel(data=sine(40, length_s=60), sfreq=100)
    made = resample_channel(channel, RUN, 50)
    assert np.abs(made.data[100:-100]).max() < 0.05


# What is no simple fraction of the new rate, and one that no denominator up to 100,000 holds
ODD_HZ = [199.96, 100.02, 249.9, 1017.2526041667, 199.9996]


@pytest.mark.parametrize(
    ("given_hz", "wanted_hz"),
    [(199.96, 100), (100.02, 100), (199.9996, 100), (24.99, 10), (101.72526041667, 10)],
)
def test_after_eight_hours_a_step_is_where_it_was(given_hz, wanted_hz):
    length_s, step_s = 8 * 3600.0, 28_500.0
    data = np.zeros(round(length_s * given_hz), dtype=np.float32)
    data[round(step_s * given_hz) :] = 1.0
    made = resample_channel(make_channel(data=data, sfreq=given_hz), ((0.0, length_s),), wanted_hz)
    assert len(made.data) == pytest.approx(length_s * wanted_hz, abs=1)
    assert np.flatnonzero(made.data > 0.5)[0] == pytest.approx(step_s * wanted_hz, abs=1)


@pytest.mark.parametrize("given_hz", ODD_HZ)
def test_a_slow_sine_of_an_odd_rate_stays_in_phase(given_hz):
    channel = make_channel(data=sine(0.5, length_s=600, sfreq=given_hz), sfreq=given_hz)
    made = resample_channel(channel, ((0.0, 600.0),), 100)
    expected = sine(0.5, length_s=601, sfreq=100)[: len(made.data)]
    # half a sample of 0.5 Hz is 0.016 of it
    np.testing.assert_allclose(made.data[500:-500], expected[500:-500], atol=0.02)


def test_a_run_late_in_the_night_keeps_its_place():
    data = np.zeros(round(3600 * 19.996), dtype=np.float32)
    data[round(3000 * 19.996) :] = 1.0
    runs = ((0.0, 60.0), (3000.0, 3600.0))
    made = resample_channel(make_channel(data=data, sfreq=19.996), runs, 10)
    assert np.flatnonzero(made.data > 0.5)[0] == pytest.approx(30_000, abs=1)


@pytest.mark.parametrize(
    ("given_hz", "wanted_hz", "ratio"),
    [(200, 100, (1, 2)), (256, 100, (25, 64)), (512, 35, (35, 512)), (99.6, 100, (250, 249)),
     (128 / 3, 100, (75, 32)), (199.96, 100, (2500, 4999)), (24414.0625 / 24, 100, (1536, 15625)),
     (4096, 1, (1, 4096))],
)  # fmt: skip
def test_the_simplest_ratio_that_keeps_time_is_taken(given_hz, wanted_hz, ratio):
    assert find_ratio(given_hz, wanted_hz) == Fraction(*ratio)


def test_a_short_recording_needs_no_finer_ratio():
    assert find_ratio(199.96, 100, length_s=20.0) == Fraction(1, 2)


def test_the_same_rate_gives_the_very_channel():
    channel = make_channel()
    assert resample_channel(channel, RUN, channel.sfreq) is channel


def test_an_offset_survives_at_the_ends():
    channel = make_channel(data=np.full(6000, 1000.0), sfreq=100)
    made = resample_channel(channel, RUN, 35)
    np.testing.assert_allclose(made.data, 1000.0, rtol=1e-4)


def test_missing_samples_are_missing_again():
    data = sine(1, length_s=60)
    data[2000:3000] = np.nan
    made = resample_channel(make_channel(data=data), RUN, 50)
    missing = np.flatnonzero(np.isnan(made.data))
    assert missing[0] == pytest.approx(1000, abs=2)
    assert missing[-1] == pytest.approx(1499, abs=2)


def test_runs_do_not_reach_into_each_other_and_gaps_are_missing():
    data = np.concatenate([np.zeros(2000), np.full(1000, np.nan), np.full(3000, 500.0)])
    runs = ((0.0, 20.0), (30.0, 60.0))
    made = resample_channel(make_channel(data=data), runs, 50)
    assert np.abs(made.data[:1000]).max() < 1e-3
    assert np.isnan(made.data[1000:1500]).all()
    np.testing.assert_allclose(made.data[1500:], 500.0, rtol=1e-3)


def test_causal_takes_every_second_sample():
    data = np.arange(6000, dtype=np.float32)
    made = resample_channel(make_channel(data=data), RUN, 50, causal=True)
    np.testing.assert_array_equal(made.data, data[::2])


@pytest.mark.parametrize(("given_hz", "wanted_hz"), [(100, 35), (199.96, 100), (199.9996, 100)])
def test_causal_refuses_a_rate_that_does_not_divide(given_hz, wanted_hz):
    with pytest.raises(EpochalError, match=rf"{given_hz} Hz cannot .* without looking ahead"):
        resample_channel(make_channel(sfreq=given_hz), RUN, wanted_hz, causal=True)
