"""What comes out of a chain is what the functions for whole recordings give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import make_channel
from epochal.errors import EpochalError
from epochal.serving.stream.chains import Chain
from epochal.serving.stream.tails import Tail, find_period
from epochal.signals.filtering import filter_channel, take_envelope
from epochal.signals.resampling import resample_channel

NOISE = np.random.default_rng(0).normal(0, 20, 5000)
RUNS = ((1.237, 20.0), (30.51, 50.0))


def feed(channel, cuts, runs=((0.0, 50.0),), **steps):
    """Feed a channel in chunks through a chain, taken up by another after each, its runs told."""
    chain = Chain(channel, **steps)
    data = np.asarray(channel.data)
    for number, (start_s, end_s) in enumerate(runs):
        if number:
            chain.skip_to(start_s)
        chain.begin_run(start_s)
        first = round(start_s * channel.sfreq) if number else 0
        last = round(end_s * channel.sfreq)
        inside = [cut for cut in sorted(cuts) if first < cut < last]
        for begin, end in zip([first, *inside], [*inside, last], strict=True):
            chain.feed(data[begin:end])
            fresh = Chain(channel, **steps)
            fresh.unpack(chain.pack())
            chain = fresh
        chain.end_run(end_s)
    return chain


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 4999), max_size=6, unique=True))
def test_a_filter_forgets_the_run_before(cuts):
    channel = make_channel(data=NOISE, sfreq=100.0)
    chain = feed(channel, cuts, RUNS, band_hz=(0.5, 35.0))
    whole = np.asarray(filter_channel(channel, RUNS, band_hz=(0.5, 35.0), causal=True).data)
    first = chain.tail.first
    assert chain.tail.end == 5000
    assert np.array_equal(chain.tail.samples()[3051 - first :], whole[3051:])


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 4999), max_size=6, unique=True),
    sfreq=st.sampled_from([100.0, 51.2]),
)
def test_an_envelope_is_that_of_the_whole_channel(cuts, sfreq):
    channel = make_channel(data=NOISE[: round(50 * sfreq)], sfreq=sfreq)
    runs = ((0.0, len(channel.data) / sfreq),)
    chain = feed(channel, cuts, runs, envelope=True, band_hz=(None, 0.2))
    whole = take_envelope(channel, runs, causal=True)
    whole = filter_channel(whole, runs, band_hz=(None, 0.2), causal=True)
    assert chain.sfreq == whole.sfreq
    assert np.array_equal(chain.tail.samples(), np.asarray(whole.data))


@pytest.mark.parametrize("cuts", [[], [1, 2, 3], [777, 4001]])
def test_every_nth_sample_is_counted_from_its_run(cuts):
    channel = make_channel(data=NOISE, sfreq=100.0)
    chain = feed(channel, cuts, RUNS, sfreq=25.0)
    whole = np.asarray(resample_channel(channel, RUNS, 25.0, causal=True).data)
    first = chain.tail.first
    came = chain.tail.samples()[763 - first : len(whole) - first]  # 30.51 s is rounded to 763
    assert chain.sfreq == 25.0
    assert np.array_equal(came, whole[763:])
    assert len(came) == 487


@pytest.mark.parametrize(("given_hz", "wanted_hz"), [(100, 35), (199.96, 100), (50, 100)])
def test_a_rate_that_does_not_divide_is_refused(given_hz, wanted_hz):
    with pytest.raises(EpochalError, match=rf"'EEG': {given_hz} Hz cannot become {wanted_hz} Hz"):
        Chain(make_channel(sfreq=given_hz), sfreq=wanted_hz)


def test_a_chain_without_steps_is_the_channel():
    chain = feed(make_channel(data=NOISE, sfreq=100.0), [10])
    assert chain.steps == []
    assert np.array_equal(chain.tail.samples(), NOISE.astype(np.float32))


def test_a_window_is_covered_once_its_last_sample_is_there():
    chain = Chain(make_channel(data=NOISE, sfreq=35.0))
    chain.feed(np.zeros(175))
    assert chain.covers(0.0, 5.0)
    assert not chain.covers(2.5, 2.5)  # its first sample is rounded from 87.5 to 88
    chain.feed(np.zeros(1))
    assert chain.covers(2.5, 2.5)


class TestTails:
    def test_it_forgets_by_whole_periods(self):
        tail = Tail(period=10)
        tail.append(np.arange(47))
        tail.forget_before(29)
        assert (tail.first, tail.end) == (20, 47)
        assert tail.samples()[0] == 20

    def test_it_never_forgets_what_did_not_come(self):
        tail = Tail(period=10)
        tail.append(np.arange(15))
        tail.forget_before(900)
        assert (tail.first, tail.end) == (10, 15)

    def test_beyond_a_gap_all_before_is_missing(self):
        tail = Tail(period=10)
        tail.append(np.arange(15))
        tail.skip_to(1_000_003)
        tail.append(np.array([7.0]))
        assert (tail.first, tail.end) == (1_000_000, 1_000_004)
        assert np.isnan(tail.samples()[:3]).all()
        assert tail.samples()[3] == 7

    def test_it_is_taken_up_where_it_was(self):
        tail, other = Tail(period=10), Tail(period=10)
        tail.append(np.arange(47))
        tail.forget_before(29)
        other.unpack(tail.pack())
        assert (other.first, other.end) == (tail.first, tail.end)
        assert np.array_equal(other.samples(), tail.samples())

    @pytest.mark.parametrize(
        ("sfreqs", "period_s"), [([100, 1], 2), ([35.5], 4), ([128 / 3, 62.5], 12), ([99.937], 2)]
    )
    def test_a_period_holds_an_even_number_of_samples_of_every_rate(self, sfreqs, period_s):
        assert find_period(sfreqs) == period_s
