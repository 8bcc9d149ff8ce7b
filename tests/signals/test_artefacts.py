import os
from pathlib import Path

import numpy as np
import pytest

from builders import make_channel
from epochal.errors import RecordingError
from epochal.options.artefacts import ArtefactOptions
from epochal.readers import irr
from epochal.recording import Recording
from epochal.signals.artefacts import remove_artefacts
from epochal.signals.filtering import filter_channel
from epochal.signals.montage import Montage, apply_to_recording

SFREQ, LENGTH_S = 200.0, 60.0
N = round(SFREQ * LENGTH_S)
NAMES = ("F3", "C3", "O1", "F4", "C4", "O2")
LEAKS = np.array([30.0, -20.0, 10.0, 25.0, 15.0, -12.0])  # µV of each channel at an R wave


def beats(seed=0):
    """Return an ECG of R waves 1 high and 20 ms wide, at about 70 a minute."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.normal(0.85, 0.04, 100))
    times = times[times < LENGTH_S - 1]
    return sum(np.exp(-0.5 * ((np.arange(N) / SFREQ - at) / 0.02) ** 2) for at in times)


def brain(seed=1):
    """Return EEG of alpha and noise, `(6, N)` in µV."""
    rng = np.random.default_rng(seed)
    alpha = 4 * np.sin(2 * np.pi * 10 * np.arange(N) / SFREQ)
    return rng.normal(0, 2, (len(NAMES), N)) + rng.normal(1, 0.3, (len(NAMES), 1)) * alpha


def recording_of(eeg, ekg, **fields):
    channels = [
        make_channel(name, data, sfreq=SFREQ) for name, data in zip(NAMES, eeg, strict=True)
    ]
    return Recording("icu", "patient", (*channels, make_channel("EKG", ekg, sfreq=SFREQ)), **fields)


def eeg_of(recording):
    return np.stack([np.asarray(channel.data, dtype=float) for channel in recording.channels[:-1]])


def heart_left(cleaned, eeg, ecg):
    """Return how much of the ECG each channel still holds, in µV at an R wave."""
    waves = ecg - ecg.mean()
    return np.abs((cleaned - eeg) @ waves / (waves @ waves))


@pytest.mark.parametrize("method", ["regression", "ica"])
def test_a_planted_heart_falls_by_more_than_20_db(method):
    eeg, ecg = brain(), beats()
    given = recording_of(eeg + np.outer(LEAKS, ecg), 300 * ecg)
    cleaned = eeg_of(remove_artefacts(given, ArtefactOptions(method=method, low_hz=0.5)))
    assert (heart_left(cleaned, eeg, ecg) < 0.1 * np.abs(LEAKS)).all()


def test_between_the_beats_the_eeg_is_unchanged():
    eeg, ecg = brain(), beats()
    given = recording_of(eeg + np.outer(LEAKS, ecg), 300 * ecg)
    cleaned = eeg_of(remove_artefacts(given, ArtefactOptions(low_hz=0.5)))
    between = ecg < 1e-6
    assert between.mean() > 0.3
    changed = (cleaned - eeg)[:, between]
    assert changed.std(axis=1).max() < 0.1 * eeg.std()


def test_an_artefact_that_arrives_later_needs_the_lags():
    eeg, ecg = brain(), beats()
    late = np.roll(ecg, 4)  # 20 ms
    given = recording_of(eeg + np.outer(LEAKS, late), 300 * ecg)
    options = {"low_hz": 0.5}
    with_lags = eeg_of(remove_artefacts(given, ArtefactOptions(lag_s=0.03, **options)))
    without = eeg_of(remove_artefacts(given, ArtefactOptions(lag_s=0.0, **options)))
    assert (heart_left(with_lags, eeg, late) < 0.1 * np.abs(LEAKS)).all()
    assert (heart_left(without, eeg, late) > 0.3 * np.abs(LEAKS)).all()


def test_an_unrelated_reference_takes_next_to_nothing():
    eeg = brain()
    cleaned = eeg_of(remove_artefacts(recording_of(eeg, 300 * beats()), ArtefactOptions()))
    assert (cleaned - eeg).var() < 0.005 * eeg.var()


def test_slow_drift_in_both_is_not_mistaken_for_heart():
    drift = 200 * np.sin(2 * np.pi * 0.05 * np.arange(N) / SFREQ)
    given = recording_of(brain() + drift, 300 * beats() + drift)
    cleaned = eeg_of(remove_artefacts(given, ArtefactOptions()))
    assert np.abs(cleaned - eeg_of(given)).max() < 3


def test_each_run_has_its_own_coefficients():
    eeg, ecg = brain(), beats()
    leaks = np.where(np.arange(N) < N // 2, 1.0, -2.0) * ecg
    given = recording_of(eeg + np.outer(LEAKS, leaks), 300 * ecg, runs=((0, 30), (30, 60)))
    cleaned = eeg_of(remove_artefacts(given, ArtefactOptions(low_hz=0.5)))
    for half in (slice(0, N // 2), slice(N // 2, N)):
        left = heart_left(cleaned[:, half], eeg[:, half], ecg[half])
        assert (left < 0.15 * np.abs(LEAKS)).all()


def test_missing_samples_stay_missing_and_do_not_spoil_the_others():
    eeg, ecg = brain(), beats()
    holed = (eeg + np.outer(LEAKS, ecg)).astype(np.float32)
    holed[0, 2000:4000] = np.nan
    cleaned = eeg_of(remove_artefacts(recording_of(holed, 300 * ecg), ArtefactOptions(low_hz=0.5)))
    np.testing.assert_array_equal(np.isnan(cleaned), np.isnan(holed))
    known = ~np.isnan(cleaned)
    for row, leak in enumerate(LEAKS):
        at = known[row]
        assert heart_left(cleaned[row, at], eeg[row, at], ecg[at]) < 0.1 * abs(leak)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["regression", "ica"])
def test_where_the_reference_is_missing_the_eeg_stays_as_it_was(method):
    eeg, ecg = brain(), beats()
    ekg = 300 * ecg
    ekg[5000:6000] = np.nan
    given = recording_of(eeg + np.outer(LEAKS, ecg), ekg)
    cleaned = eeg_of(remove_artefacts(given, ArtefactOptions(method=method, low_hz=0.5)))
    np.testing.assert_array_equal(cleaned[:, 5000:6000], eeg_of(given)[:, 5000:6000])
    assert np.abs(cleaned - eeg_of(given))[:, :5000].max() > 5


def test_a_reference_of_another_rate_and_start_is_brought_to_the_eegs():
    eeg, ecg = brain(), beats()
    given = recording_of(eeg + np.outer(LEAKS, ecg), ecg)
    fast = np.interp(np.arange(2 * N - 400) / 400 + 1.0, np.arange(N) / SFREQ, 300 * ecg)
    ekg = make_channel("ECG", fast, sfreq=400.0, start_s=1.0)
    recording = Recording("icu", "patient", (*given.channels[:-1], ekg), runs=((1.0, 60.0),))
    cleaned = eeg_of(remove_artefacts(recording, ArtefactOptions(low_hz=0.5)))[:, 200:]
    assert (heart_left(cleaned, eeg[:, 200:], ecg[200:]) < 0.1 * np.abs(LEAKS)).all()


def test_other_channels_and_the_given_recording_are_left_alone():
    eeg, ecg = brain(), beats()
    given = recording_of(eeg + np.outer(LEAKS, ecg), 300 * ecg)
    before = given.channels[0].data.copy()
    cleaned = remove_artefacts(given, ArtefactOptions())
    assert cleaned.channel("EKG").data is given.channel("EKG").data
    np.testing.assert_array_equal(given.channels[0].data, before)
    assert cleaned.channels[0].data.dtype == np.float32


def test_a_missing_reference_is_refused_by_name():
    given = recording_of(brain(), beats())
    with pytest.raises(RecordingError, match=r"icu: No channel 'HEOG'; it has: .*EKG"):
        remove_artefacts(given, ArtefactOptions(references=("EKG", "HEOG")))


def test_a_reference_that_is_not_required_is_done_without_and_it_says_so():
    given = Recording("icu", "patient", recording_of(brain(), beats()).channels[:-1])
    cleaned = remove_artefacts(given, ArtefactOptions(required=False))
    assert cleaned.problems == ("Artefacts were not removed by 'EKG': there is no such channel.",)
    np.testing.assert_array_equal(cleaned.channels[0].data, given.channels[0].data)


@pytest.mark.parametrize("ekg", [np.zeros(N), np.full(N, np.nan)], ids=["flat", "missing"])
def test_a_dead_reference_changes_nothing_and_it_says_so(ekg):
    given = recording_of(brain(), ekg)
    cleaned = remove_artefacts(given, ArtefactOptions())
    assert cleaned.problems == ("Artefacts were not removed by 'EKG': it is flat or missing.",)
    np.testing.assert_array_equal(eeg_of(cleaned), eeg_of(given))


@pytest.mark.slow
def test_components_say_how_many_were_taken_and_are_the_same_each_time():
    eeg, ecg = brain(), beats()
    given = recording_of(eeg + np.outer(LEAKS, ecg), 300 * ecg)
    first, second = (remove_artefacts(given, ArtefactOptions(method="ica")) for _ in range(2))
    assert first.problems[0].startswith("1 of 6 independent components followed EKG.")
    np.testing.assert_array_equal(eeg_of(first), eeg_of(second))


def test_too_few_samples_have_no_components():
    given = recording_of(np.full((6, N), np.nan), beats())
    cleaned = remove_artefacts(given, ArtefactOptions(method="ica"))
    assert cleaned.problems[0].startswith("No independent components were sought")


def below_20_hz(recording):
    """Leave out the mains, which EKG and EEG share and regression takes too."""
    channels = recording.channels[:18]
    return np.stack(
        [filter_channel(one, recording.runs, band_hz=(0.5, 20)).data for one in channels]
    )


@pytest.mark.slow
def test_on_real_eeg_regression_lowers_what_is_locked_to_the_heart():
    """LPD_sample1 has a clear EKG that leaks into some derivations."""
    if "EPOCHAL_DATA" not in os.environ:
        pytest.skip("EPOCHAL_DATA is not set")
    path = Path(os.environ["EPOCHAL_DATA"]) / "harmful_eeg" / "sparcnet" / "LPD_sample1.mat"
    if not path.is_file():
        pytest.skip(f"no {path}")
    recording = irr.read(irr.find(path, irr.Options())[0], irr.Options())
    recording = apply_to_recording(recording, Montage(bipolar="double banana"))
    cleaned = remove_artefacts(recording, ArtefactOptions())
    before, after = (below_20_hz(one) for one in (recording, cleaned))
    ekg = recording.channel("EKG").data - np.median(recording.channel("EKG").data)
    peaks = np.flatnonzero(np.abs(ekg) > 0.7 * np.abs(ekg).max())
    peaks = peaks[(peaks > 60) & (peaks < 9900)]
    locked = [
        np.stack([eeg[:, peak - 20 : peak + 20] for peak in peaks]).mean(axis=0).std(axis=1)
        for eeg in (before, after)
    ]
    assert (locked[1] / locked[0]).min() < 0.5
    assert (before - after).var() < 0.02 * before.var()
