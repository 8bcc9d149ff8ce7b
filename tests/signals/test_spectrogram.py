import os
from pathlib import Path

import numpy as np
import pytest

from builders import make_channel
from epochal.errors import RecordingError
from epochal.readers import irr
from epochal.readers.hms import CHANNELS
from epochal.readers.hms_spectrogram import FREQUENCIES_HZ
from epochal.recording import Recording
from epochal.signals.spectrogram import compute_spectrogram, fill_missing, spectrogram_around


def sine(frequency_hz, *, name="F3", amplitude_uv=10.0, seconds=20.0, sfreq=200.0):
    n_samples = round(sfreq * seconds)
    eeg = np.zeros((20, n_samples))
    course = amplitude_uv * np.sin(2 * np.pi * frequency_hz * np.arange(n_samples) / sfreq)
    eeg[CHANNELS.index(name)] = course
    return eeg


def noise(seconds, *, sfreq=200.0, seed=0):
    return np.random.default_rng(seed).normal(0, 10, (20, round(seconds * sfreq)))


def recording_of(eeg, *, names=CHANNELS, sfreq=200.0, start_s=0.0, **fields):
    channels = [
        make_channel(name, data, sfreq=sfreq, start_s=start_s)
        for name, data in zip(names, eeg, strict=True)
    ]
    return Recording("icu", "patient", tuple(channels), **fields)


# In the data set's own layout


def test_a_sine_peaks_at_its_frequency_with_its_power():
    power = compute_spectrogram(sine(10.0), n_frames=10)
    left_parasagittal = power[3, 2]
    assert FREQUENCIES_HZ[left_parasagittal.argmax()] == pytest.approx(10.0, abs=0.4)
    # F3 is in two of the chain's four derivations; a sine's power is a²/4 on this side of zero.
    total = left_parasagittal.sum() * 200 / 1024
    assert total == pytest.approx(2 / 4 * 10.0**2 / 4, rel=0.02)


def test_only_the_regions_with_the_electrode_see_it():
    seen = compute_spectrogram(sine(6.0, name="T4"), n_frames=5)[2].sum(axis=1) > 1e-9
    assert seen.tolist() == [False, True, False, False]
    seen = compute_spectrogram(sine(6.0, name="O1"), n_frames=5)[2].sum(axis=1) > 1e-9
    assert seen.tolist() == [True, False, True, False]


@pytest.mark.parametrize(("sample", "frames"), [(980, [1, 2]), (1010, [2, 3])])
def test_frame_k_covers_2k_minus_1_to_2k_plus_3_seconds(sample, frames):
    eeg = np.zeros((20, 4000))
    eeg[CHANNELS.index("F3"), sample : sample + 10] = 1000.0  # before, or after, 5 s
    seen = compute_spectrogram(eeg, n_frames=10)[:, 2].sum(axis=1) > 1e-3
    assert np.flatnonzero(seen).tolist() == frames


def test_a_nan_makes_the_frames_it_touches_nan_in_its_regions_alone():
    eeg = sine(5.0)
    eeg[CHANNELS.index("C3"), 2000] = np.nan  # at 10 s: frames 4 and 5
    missing = np.isnan(compute_spectrogram(eeg, n_frames=10)).all(axis=2)
    assert np.argwhere(missing).tolist() == [[4, 2], [5, 2]]


def test_offset_drift_and_the_common_reference_vanish():
    eeg = np.linspace(-500, 500, 4000) * np.ones((20, 1))
    assert compute_spectrogram(eeg, n_frames=10).max() < 1e-12
    eeg = np.linspace(-500, 500, 4000) * np.linspace(0, 1, 20)[:, None]
    assert compute_spectrogram(eeg, n_frames=9)[1:].max() < 1e-12


# Around the epochs of a recording


@pytest.mark.slow
def test_the_ten_minutes_around_an_epoch_are_those_of_the_data_sets_layout():
    eeg = noise(700).astype(np.float32)
    expected = compute_spectrogram(eeg, n_frames=300).transpose(1, 2, 0)
    found = spectrogram_around(recording_of(eeg), np.array([275.0]))
    assert found.shape == (1, 4, 100, 300)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, ..., 1:], expected[..., 1:], rtol=1e-3)
    assert np.isnan(found[0, ..., 0]).all()  # its first second lies before the recording


@pytest.mark.slow
def test_sliding_windows_move_the_frames():
    found = spectrogram_around(recording_of(noise(700)), np.array([275.0, 285.0]))
    np.testing.assert_array_equal(found[0, ..., 5:], found[1, ..., :-5])


@pytest.mark.slow
def test_onsets_off_the_two_second_grid_have_frames_of_their_own():
    eeg = noise(640)
    found = spectrogram_around(recording_of(eeg), np.array([300.5]))
    later = spectrogram_around(recording_of(eeg[:, 5100:]), np.array([275.0]))
    np.testing.assert_array_equal(found[..., 1:], later[..., 1:])


def test_a_short_recording_has_its_frames_in_the_middle_and_nan_around():
    found = spectrogram_around(recording_of(noise(50)), np.array([0.0]))
    known = np.isfinite(found[0]).all(axis=(0, 1))
    assert np.flatnonzero(known).tolist() == list(range(138, 162))  # 275 to 325 s
    assert not np.isfinite(found[0][..., ~known]).any()


def test_an_epoch_of_ten_seconds_lies_in_the_middle_too():
    found = spectrogram_around(recording_of(noise(10)), np.array([0.0]), length_s=10.0)
    assert np.flatnonzero(np.isfinite(found[0, 0, 0])).tolist() == [148, 149, 150, 151]


@pytest.mark.slow
def test_no_frame_reaches_across_a_gap():
    runs = ((0.0, 300.0), (310.0, 700.0))
    found = spectrogram_around(recording_of(noise(700), runs=runs), np.array([275.0]))
    missing = np.flatnonzero(np.isnan(found[0, 0, 0]))
    # Frame k covers 2k − 1 to 2k + 3 s: 149 would end at 301 s, 155 begins at 309 s.
    assert missing.tolist() == [0, *range(149, 156)]


@pytest.mark.slow
def test_a_missing_sample_takes_the_frames_of_its_own_chains():
    eeg = noise(700)
    eeg[CHANNELS.index("C3"), 60_000] = np.nan
    found = spectrogram_around(recording_of(eeg), np.array([275.0]))
    missing = np.isnan(found[0, :, :, 1:]).all(axis=1)
    assert np.argwhere(missing).tolist() == [[2, 148], [2, 149]]


@pytest.mark.parametrize("sfreq", [256.0, 500.0])
def test_another_rate_is_brought_to_200_hz(sfreq):
    slow = spectrogram_around(recording_of(sine(6.0, seconds=60)), np.array([5.0]))
    eeg = sine(6.0, seconds=60, sfreq=sfreq)
    fast = spectrogram_around(recording_of(eeg, sfreq=sfreq), np.array([5.0]))
    known = np.isfinite(slow) & (slow > 1e-3)
    assert known.any()
    np.testing.assert_allclose(fast[known], slow[known], rtol=0.02)


def test_after_an_hour_of_an_odd_rate_the_frames_are_where_they_were():
    sfreq = 199.92  # taken for 200 Hz, it would be 1.3 s off
    eeg = np.zeros((20, round(3600 * sfreq)), dtype=np.float32)
    time_s = np.arange(eeg.shape[1]) / sfreq
    heard = (time_s >= 3200) & (time_s < 3204)
    eeg[CHANNELS.index("F3"), heard] = 100 * np.sin(2 * np.pi * 5 * time_s[heard])
    made = spectrogram_around(recording_of(eeg, sfreq=sfreq), np.array([3177.0]))
    power = made[0, 2].sum(axis=0)  # frame k is centred on 2903 + 2k s: 3201 and 3203 s are alike
    assert power[149] == pytest.approx(power[150], rel=0.05)
    assert np.nanmax(power) == pytest.approx(power[149], rel=0.05)


def test_missing_samples_of_another_rate_stay_missing():
    eeg = noise(60, sfreq=250.0)
    eeg[CHANNELS.index("F3"), 7500] = np.nan  # at 30 s
    found = spectrogram_around(recording_of(eeg, sfreq=250.0), np.array([5.0]))
    assert np.flatnonzero(np.isnan(found[0, 2, 0, 136:164])).tolist() == [13, 14]
    assert np.isfinite(found[0, 0, 0, 136:164]).all()


def test_newer_names_references_and_a_late_start_are_understood():
    newer = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
    names = [f"EEG {newer.get(name, name)}-REF" for name in CHANNELS[:-1]]
    eeg = noise(60)
    plain = spectrogram_around(recording_of(eeg), np.array([5.0]))
    late = recording_of(eeg[:-1], names=names, start_s=3.0)
    np.testing.assert_array_equal(spectrogram_around(late, np.array([8.0])), plain)


def test_a_missing_electrode_is_refused_by_name():
    without = [row for row, name in enumerate(CHANNELS) if name != "P3"]
    recording = recording_of(noise(60)[without], names=[CHANNELS[row] for row in without])
    with pytest.raises(RecordingError, match="icu: No channel records from 'P3'"):
        spectrogram_around(recording, np.array([5.0]))


def test_no_epochs_at_all_have_no_spectrograms():
    assert spectrogram_around(recording_of(noise(60)), np.empty(0)).shape == (0, 4, 100, 300)


# Missing frames


def test_what_is_missing_is_filled_between_its_neighbours_and_marked():
    spectrogram = np.exp(np.arange(300.0) / 30) * np.ones((1, 4, 100, 1))
    holed = spectrogram.copy()
    holed[..., 150:160] = np.nan
    filled, missing = fill_missing(holed)
    np.testing.assert_allclose(filled, spectrogram, rtol=1e-4)
    assert missing[..., 150:160].all()
    assert missing.mean() == pytest.approx(10 / 300)


def test_the_ends_take_their_only_neighbour():
    spectrogram = np.full((1, 4, 100, 300), 2.0)
    spectrogram[..., 100:] = 5.0
    spectrogram[..., :50] = np.nan
    spectrogram[..., 250:] = 2.2e-16  # never computed, as in the data set
    filled, missing = fill_missing(spectrogram)
    assert filled[..., :50] == pytest.approx(2.0)
    assert filled[..., 250:] == pytest.approx(5.0)
    assert missing.mean() == pytest.approx(100 / 300)


@pytest.mark.slow
def test_a_region_without_any_takes_the_mean_of_the_others_and_nothing_is_one():
    spectrogram = np.full((2, 4, 100, 300), np.nan)
    spectrogram[0, [0, 1, 3]] = np.exp([1.0, 2.0, 3.0])[:, None, None]
    filled, missing = fill_missing(spectrogram)
    assert filled[0, 2] == pytest.approx(np.exp(2.0))
    assert filled[1] == pytest.approx(1.0)
    assert missing[0, 2].all()
    assert missing[1].all()


def test_a_whole_spectrogram_is_left_as_it_is():
    spectrogram = np.random.default_rng(0).lognormal(size=(2, 4, 100, 300)).astype(np.float32)
    filled, missing = fill_missing(spectrogram)
    np.testing.assert_allclose(filled, spectrogram, rtol=1e-5)
    assert not missing.any()


@pytest.mark.slow
def test_real_spectrograms_are_those_of_their_own_eeg():
    """Five IRR samples have all regions at 300 frames; their 10 s of EEG lie in the middle."""
    if "EPOCHAL_DATA" not in os.environ:
        pytest.skip("EPOCHAL_DATA is not set")
    folder = Path(os.environ["EPOCHAL_DATA"]) / "harmful_eeg" / "irr"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    compared = 0
    for source in irr.find(folder, irr.Options()):
        recording = irr.read(source, irr.Options())
        if recording.problems:  # the file's own frames were averaged from others
            continue
        ours = spectrogram_around(recording, np.array([0.0]), length_s=10.0)[..., 148:152]
        theirs = recording.arrays["spectrogram"][..., 148:152]
        np.testing.assert_allclose(np.log(ours), np.log(theirs), atol=2e-3)
        compared += 1
    assert compared == 5
