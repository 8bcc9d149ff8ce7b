import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from builders import make_channel
from epochal.signals.causal_filter import CausalFilter
from epochal.signals.filter_design import Filter
from epochal.signals.filtering import filter_channel, take_envelope

DESIGN = Filter(100.0, 0.3, 35.0, None)
NOISE = np.random.default_rng(0).normal(0, 20, 4000)


def feed(samples, *cuts):
    """Filter the samples in chunks that end at the cuts."""
    stream = CausalFilter(DESIGN)
    return np.concatenate([stream.process(chunk) for chunk in np.split(samples, cuts)])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 4000), max_size=8).map(sorted), hole=st.integers(0, 3900))
def test_the_result_does_not_depend_on_the_chunks(cuts, hole):
    samples = NOISE.copy()
    samples[hole : hole + 100] = np.nan
    assert np.array_equal(feed(samples, *cuts), feed(samples), equal_nan=True)


def test_it_is_scipys_forward_filter():
    sections = DESIGN.sections()
    start = signal.sosfilt_zi(sections) * NOISE[0]
    expected, _ = signal.sosfilt(sections, NOISE, zi=start)
    assert feed(NOISE) == pytest.approx(expected, abs=1e-4)


def test_nothing_that_comes_later_is_seen():
    changed = NOISE.copy()
    changed[2000:] += 500
    assert np.array_equal(feed(NOISE)[:2000], feed(changed)[:2000])


def test_an_offset_rings_no_bell():
    assert np.abs(feed(np.full(1000, 5000.0))).max() < 1e-3


def test_a_missing_sample_stays_missing_and_the_last_known_is_held():
    samples = np.full(1000, 7.0)
    samples[[0, 1, 500]] = np.nan
    found = feed(samples)
    assert np.flatnonzero(np.isnan(found)).tolist() == [0, 1, 500]
    assert np.abs(found[501:]).max() < 1e-4


def test_a_stream_of_nothing_known_is_missing_throughout():
    assert np.isnan(feed(np.full(50, np.nan), 20)).all()


def test_a_channel_filtered_causally_is_each_runs_stream():
    channel = make_channel(data=NOISE, sfreq=100.0)
    runs = ((0.0, 15.0), (20.0, 40.0))
    found = np.asarray(filter_channel(channel, runs, band_hz=(0.3, 35.0), causal=True).data)
    samples = NOISE.astype(np.float32)
    assert np.array_equal(found[:1500], feed(samples[:1500]))
    assert np.array_equal(found[2000:], feed(samples[2000:]))


def test_a_causal_envelope_does_not_see_what_comes():
    muscle = np.random.default_rng(1).normal(0, 5, 6000)
    louder = muscle.copy()
    louder[3000:] *= 50
    one, other = (
        np.asarray(take_envelope(make_channel(data=data), ((0.0, 60.0),), causal=True).data)
        for data in (muscle, louder)
    )
    assert np.array_equal(one[:30], other[:30])
    assert other[30:].mean() > 10 * one[30:].mean()
