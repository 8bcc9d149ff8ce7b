from dataclasses import replace

import numpy as np
import pytest

import epochal
from builders import make_bundle, make_channel, make_recording
from epochal.serving.bundle import Scorer, read_bundle
from epochal.serving.doubts import LEAST_SHARE, SAME_SIGNAL, SHORT_SESSION, doubts_of
from epochal.serving.scoring import score_recording

SLEEP = epochal.__path__[0] + "/bundles/sleep"
CHANNELS = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
N_EPOCHS_TRAINED = 15  # of each of the builders' nights


def noise(seed, hours=1.0, deviation=20.0):
    return np.random.default_rng(seed).normal(0, deviation, round(hours * 360_000))


def recording_of(*signals, names=CHANNELS):
    channels = [
        make_channel(name, data, sfreq=100.0) for name, data in zip(names, signals, strict=False)
    ]
    return make_recording(*channels)


def scorer_of(*, columns=("eeg_log_delta__session",), channels=()):
    """Return a scorer whose headline looks at these columns, of a bundle that reads channels."""
    bundle = make_bundle()
    manifest = bundle.manifest
    (headline,) = [one for one in manifest.models if one.name == manifest.headline]
    more = [manifest.channels[0].model_copy(update={"name": name}) for name in channels]
    changed = {
        "models": [headline.model_copy(update={"columns": list(columns)})],
        "channels": [*manifest.channels, *more],
    }
    return Scorer(replace(bundle, manifest=manifest.model_copy(update=changed)))


@pytest.fixture(scope="module")
def sleep():
    return Scorer(read_bundle(SLEEP))


def test_a_session_shorter_than_half_of_trainings_is_doubted_where_the_model_looks_at_it():
    least = round(LEAST_SHARE * N_EPOCHS_TRAINED + 0.5)
    one = recording_of(noise(0), names=["EEG"])
    assert doubts_of(one, least, scorer_of()) == {}
    told = doubts_of(one, least - 1, scorer_of())
    assert list(told) == [SHORT_SESSION]
    assert f"{least - 1} epochs" in told[SHORT_SESSION]
    assert f"had {N_EPOCHS_TRAINED}:" in told[SHORT_SESSION]


def test_a_short_session_is_none_to_a_model_of_single_epochs():
    one = recording_of(noise(0), names=["EEG"])
    assert doubts_of(one, 1, scorer_of(columns=["eeg_log_delta"])) == {}


def test_one_signal_under_two_names_is_doubted_and_both_are_named():
    scorer = scorer_of(channels=CHANNELS)
    twins = recording_of(noise(0), noise(1), noise(0))
    told = doubts_of(twins, N_EPOCHS_TRAINED, scorer)
    assert told == {SAME_SIGNAL: "the channels EEG Fpz-Cz and EOG horizontal hold the same samples"}
    almost = noise(0)
    almost[-1] += 1
    assert doubts_of(recording_of(noise(0), noise(1), almost), N_EPOCHS_TRAINED, scorer) == {}


def test_one_signal_with_gaps_under_two_names_is_still_one():
    gapped = noise(0)
    gapped[: 2 * 997 + 1] = np.nan
    twins = recording_of(gapped, noise(1), gapped)
    assert list(doubts_of(twins, N_EPOCHS_TRAINED, scorer_of(channels=CHANNELS))) == [SAME_SIGNAL]


def test_two_flat_channels_are_flat_and_not_one_signal():
    flat = recording_of(np.zeros(360_000), np.zeros(360_000))
    assert doubts_of(flat, N_EPOCHS_TRAINED, scorer_of(channels=CHANNELS)) == {}


def test_channels_that_the_bundle_does_not_read_may_be_what_they_like():
    twins = recording_of(noise(0), noise(0))
    assert doubts_of(twins, N_EPOCHS_TRAINED, scorer_of()) == {}


@pytest.mark.slow
def test_an_hour_of_noise_is_flagged_on_every_epoch_by_the_shipped_bundle(sleep):
    scored = score_recording(recording_of(noise(0), noise(1), noise(2)), sleep)
    assert len(scored.epochs) == 120
    assert scored.epochs["flags"].str.contains(SHORT_SESSION).all()
    assert scored.summary["n_flagged"] == 120
    assert any("120 epochs" in problem for problem in scored.summary["problems"])


@pytest.mark.slow
def test_one_channel_under_all_names_is_flagged_by_the_shipped_bundle(sleep):
    scored = score_recording(recording_of(*[noise(0)] * 3), sleep)
    assert scored.epochs["flags"].str.contains(SAME_SIGNAL).all()
