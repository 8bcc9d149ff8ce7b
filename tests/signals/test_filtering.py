import numpy as np
import pytest
from scipy import signal

from builders import make_channel, sine
from epochal.errors import EpochalError
from epochal.signals import filtering
from epochal.signals.filter_design import Filter
from epochal.signals.filtering import filter_channel, take_envelope

LENGTH_S = 60.0
WHOLE = ((0.0, LENGTH_S),)
MIDDLE = slice(1000, 5000)  # away from the edges


def mixed(*frequencies_hz):
    parts = [sine(frequency, length_s=LENGTH_S) for frequency in frequencies_hz]
    return make_channel(data=np.sum(parts, axis=0))


def amplitude_at(channel, frequency_hz):
    """Return the amplitude of one frequency in the middle of a channel."""
    data = np.asarray(channel.data, dtype=float)[MIDDLE]
    time_s = np.arange(len(data)) / channel.sfreq
    return 2 * abs(np.mean(data * np.exp(-2j * np.pi * frequency_hz * time_s)))


def test_a_notch_removes_the_mains_and_keeps_alpha():
    channel = make_channel(
        data=sine(10, length_s=LENGTH_S, sfreq=256) + sine(50, length_s=LENGTH_S, sfreq=256),
        sfreq=256.0,
    )
    filtered = filter_channel(channel, WHOLE, notch_hz=50)
    assert amplitude_at(filtered, 50) < 0.01
    assert amplitude_at(filtered, 10) == pytest.approx(1.0, abs=0.01)


def test_a_notch_takes_the_harmonics_too():
    sfreq = 256.0
    parts = [sine(hz, length_s=LENGTH_S, sfreq=sfreq) for hz in (20, 50, 100)]
    filtered = filter_channel(make_channel(data=sum(parts), sfreq=sfreq), WHOLE, notch_hz=50)
    assert amplitude_at(filtered, 100) < 0.01
    assert amplitude_at(filtered, 20) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("band_hz", "kept", "removed"),
    [
        ((0.3, 35.0), [5, 10], [0.05, 48]),
        ((8.0, 12.0), [10], [2, 30]),
        ((5.0, None), [10, 30], [1]),
        ((None, 5.0), [1, 2], [30]),
    ],
    ids=["band", "narrow", "high-pass", "low-pass"],
)
def test_a_band_keeps_what_lies_in_it_and_removes_the_rest(band_hz, kept, removed):
    filtered = filter_channel(mixed(*kept, *removed), WHOLE, band_hz=band_hz)
    for frequency_hz in kept:
        assert amplitude_at(filtered, frequency_hz) == pytest.approx(1.0, abs=0.05)
    for frequency_hz in removed:
        assert amplitude_at(filtered, frequency_hz) < 0.05


def test_the_filter_moves_nothing_in_time():
    channel = mixed(10)
    filtered = filter_channel(channel, WHOLE, band_hz=(1.0, 30.0))
    assert np.allclose(filtered.data[MIDDLE], channel.data[MIDDLE], atol=0.01)


def test_without_a_band_or_a_notch_the_channel_is_left_as_it_is():
    channel = mixed(10)
    assert filter_channel(channel, WHOLE) is channel
    assert filter_channel(channel, WHOLE, band_hz=(None, None)) is channel


def test_the_given_channel_is_not_changed():
    channel = mixed(10, 30)
    before = channel.data.copy()
    filtered = filter_channel(channel, WHOLE, band_hz=(None, 15.0))
    assert np.array_equal(channel.data, before)
    assert (filtered.name, filtered.unit, filtered.sfreq) == ("EEG", "uV", 100.0)
    assert filtered.data.dtype == np.float32


def test_each_run_is_filtered_by_itself():
    channel = mixed(10, 40)
    loud = channel.data.copy()
    loud[3000:] *= 1000
    options = {"band_hz": (1.0, 20.0)}
    runs = ((0.0, 30.0), (30.0, 60.0))
    quiet, disturbed = (
        filter_channel(make_channel(data=data), runs, **options) for data in (channel.data, loud)
    )
    assert np.array_equal(quiet.data[:3000], disturbed.data[:3000])
    through = filter_channel(make_channel(data=loud), WHOLE, **options)
    assert not np.allclose(through.data[2950:3000], quiet.data[2950:3000], atol=1)


def test_samples_between_the_runs_are_left_alone():
    channel = mixed(40)
    filtered = filter_channel(channel, ((0.0, 20.0), (40.0, 60.0)), band_hz=(None, 10.0))
    assert np.array_equal(filtered.data[2000:4000], channel.data[2000:4000])
    assert abs(filtered.data[500:1500]).max() < 0.01


def test_a_channel_that_starts_late_is_filtered_where_it_is():
    whole = mixed(10, 40)
    late = make_channel(data=whole.data[1500:], start_s=15.0)
    runs = ((0.0, 10.0), (20.0, 60.0))
    filtered = filter_channel(late, runs, band_hz=(None, 20.0))
    assert np.array_equal(filtered.data[:500], late.data[:500])  # 15 to 20 s: no run
    expected = filter_channel(whole, ((20.0, 60.0),), band_hz=(None, 20.0)).data[2000:]
    assert np.allclose(filtered.data[500:], expected, atol=1e-5)


def test_a_run_beyond_the_end_of_the_channel_is_none():
    filtered = filter_channel(mixed(40), ((0.0, 60.0), (100.0, 200.0)), band_hz=(None, 10.0))
    assert len(filtered.data) == 6000


def test_missing_samples_stay_missing_and_leave_the_rest_as_it_was():
    channel = mixed(10)
    holed = channel.data.copy()
    holed[2000:2050] = np.nan
    options = {"band_hz": (1.0, 30.0)}
    whole = filter_channel(channel, WHOLE, **options)
    found = filter_channel(make_channel(data=holed), WHOLE, **options)
    assert np.array_equal(np.isnan(found.data), np.isnan(holed))
    far = np.r_[0:1500, 2600:6000]  # 5 s away from the hole
    assert np.allclose(found.data[far], whole.data[far], atol=0.02)


def test_a_run_of_nothing_but_missing_samples_stays_missing():
    channel = make_channel(data=np.full(6000, np.nan))
    assert np.isnan(filter_channel(channel, WHOLE, band_hz=(1.0, 30.0)).data).all()


@pytest.mark.parametrize("n_samples", [0, 1, 2, 10])
def test_a_run_of_hardly_any_samples_is_filtered_without_complaint(n_samples):
    channel = make_channel(data=np.ones(n_samples))
    filtered = filter_channel(channel, ((0.0, n_samples / 100),), band_hz=(None, 30.0))
    assert filtered.data == pytest.approx(np.ones(n_samples), abs=0.01)


@pytest.mark.parametrize(
    "options",
    [{"band_hz": (0.3, 50.0)}, {"band_hz": (60.0, None)}, {"notch_hz": 50.0}],
    ids=["high edge", "low edge", "notch"],
)
def test_an_edge_at_or_above_nyquist_is_refused_with_the_rate_that_it_needs(options):
    edge_hz = max(options.get("band_hz", (50.0,))[0], 50.0)
    with pytest.raises(
        EpochalError, match=f"Channel 'EEG': .* above {2 * edge_hz:g} Hz; it has 100 Hz"
    ):
        filter_channel(mixed(10), WHOLE, **options)


def muscle(active_s=(20.0, 40.0), *, sfreq=200.0, hz=30.0):
    """Return a tone of 30 Hz that is ten times as loud for a while, with a slow drift under it."""
    time_s = np.arange(round(LENGTH_S * sfreq)) / sfreq
    size = np.where((time_s >= active_s[0]) & (time_s < active_s[1]), 10.0, 1.0)
    data = size * np.sin(2 * np.pi * hz * time_s) + 50 * np.sin(2 * np.pi * 0.2 * time_s)
    return make_channel("EMG", data, sfreq=sfreq)


def test_an_envelope_is_the_mean_rectified_amplitude_second_by_second():
    envelope = take_envelope(muscle(), WHOLE)
    assert (envelope.sfreq, envelope.name, envelope.unit) == (1.0, "EMG", "uV")
    assert len(envelope.data) == 60
    assert envelope.data[2:19] == pytest.approx(np.full(17, 2 / np.pi), rel=0.05)
    assert envelope.data[22:39] == pytest.approx(np.full(17, 20 / np.pi), rel=0.05)


def test_an_envelope_of_1_hz_is_one_already():
    channel = make_channel("EMG", np.arange(60), sfreq=1.0)
    assert take_envelope(channel, WHOLE) is channel


def test_a_last_second_that_is_not_whole_is_left_out_of_the_envelope():
    channel = make_channel("EMG", muscle().data[:-50], sfreq=200.0, start_s=3.0)
    envelope = take_envelope(channel, ((3.0, 62.75),))
    assert len(envelope.data) == 59
    assert envelope.start_s == 3.0


def test_a_gap_in_a_muscle_channel_is_a_gap_in_its_envelope():
    channel = muscle()
    channel.data[2000:3000] = np.nan
    envelope = take_envelope(channel, ((0.0, 10.0), (15.0, 60.0)))
    assert np.flatnonzero(np.isnan(envelope.data)).tolist() == [10, 11, 12, 13, 14]


def test_a_channel_too_slow_for_muscle_has_no_envelope():
    with pytest.raises(EpochalError, match=r"'EMG': a filter edge at 10 Hz needs .* above 20 Hz"):
        take_envelope(make_channel("EMG", np.zeros(600), sfreq=10.0), WHOLE)


def drifting(n_samples, seed=0):
    """Return noise on a walk and an offset: what an amplifier with a long time constant gives."""
    random = np.random.default_rng(seed)
    walk = random.normal(size=n_samples).cumsum()
    return (walk + random.normal(0, 10, n_samples) + 300).astype(np.float32)


def long_filtered(data, sfreq, **options):
    channel = make_channel(data=data, sfreq=sfreq)
    return filter_channel(channel, ((0.0, len(data) / sfreq),), **options).data


def sections_of(band_hz, sfreq):
    kinds = {(True, True): "bandpass", (True, False): "highpass", (False, True): "lowpass"}
    edges = [edge for edge in band_hz if edge]
    kind = kinds[(band_hz[0] is not None, band_hz[1] is not None)]
    return signal.butter(4, edges if len(edges) == 2 else edges[0], kind, fs=sfreq, output="sos")


@pytest.mark.parametrize(
    ("band_hz", "sfreq"),
    [
        ((0.3, 35.0), 100.0),
        ((0.5, 100.0), 512.0),
        ((10.0, None), 100.0),
        ((None, 20.0), 100.0),
        ((0.05, 1.0), 4.0),
    ],
)
@pytest.mark.parametrize("n_samples", [120_000, 33_333])
def test_transforms_filter_as_filtering_forwards_and_backwards_does(band_hz, sfreq, n_samples):
    data, sections = drifting(n_samples), sections_of(band_hz, sfreq)
    n_settling = Filter(sfreq, *band_hz).n_settling
    assert n_samples >= filtering.SHORT_RUN * n_settling
    found = long_filtered(data, sfreq, band_hz=band_hz)
    exact = signal.sosfiltfilt(sections, data.astype(float), padlen=n_settling)
    assert np.abs(found - exact).max() < 5e-5 * exact.std()


def test_transforms_notch_as_filtering_forwards_and_backwards_does():
    data = drifting(60_000)
    found = long_filtered(data, 256.0, notch_hz=50.0)
    exact = data.astype(float)
    for hz in (50.0, 100.0):
        notch = signal.tf2sos(*signal.iirnotch(hz, 30.0, fs=256.0))
        exact = signal.sosfiltfilt(notch, exact, padlen=2000)
    assert np.abs(found - exact).max() < 5e-5 * exact.std()


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_run_is_filtered_alike_on_either_side_of_what_counts_as_short(more):
    sections = sections_of((1.0, 20.0), 100.0)
    n_samples = filtering.SHORT_RUN * Filter(100.0, 1.0, 20.0).n_settling + more
    found = long_filtered(drifting(n_samples), 100.0, band_hz=(1.0, 20.0))
    exact = signal.sosfiltfilt(sections, drifting(n_samples).astype(float), padlen=n_samples // 4)
    middle = slice(n_samples // 4, -n_samples // 4)
    assert np.abs(found - exact)[middle].max() < 1e-4 * exact.std()


@pytest.mark.parametrize("n_samples", [8192, 40_000, 40_001, 65_536])
def test_the_blocks_leave_no_seams(n_samples):
    length_s = n_samples / 100
    found = long_filtered(sine(10.0, length_s=length_s), 100.0, band_hz=(2.0, 30.0))
    expected = sine(10.0, length_s=length_s)
    assert np.abs(found - expected)[200:-200].max() < 1e-3


@pytest.mark.slow
def test_a_low_pass_keeps_the_offset():
    found = long_filtered(np.full(20_000, 1234.5), 100.0, band_hz=(None, 10.0))
    assert found == pytest.approx(np.full(20_000, 1234.5), rel=1e-6)


def test_a_high_pass_of_a_constant_is_nothing():
    found = long_filtered(np.full(20_000, 1234.5), 100.0, band_hz=(1.0, None))
    assert np.abs(found).max() < 1e-3
