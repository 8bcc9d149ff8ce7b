from __future__ import annotations

import numpy as np
import pytest

from builders import make_channel, sine
from epochal.errors import EpochalError
from epochal.signals.resampling import resample_channel

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


def test_causal_refuses_a_rate_that_does_not_divide():
    with pytest.raises(EpochalError, match="without looking ahead"):
        resample_channel(make_channel(), RUN, 35, causal=True)
