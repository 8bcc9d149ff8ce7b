"""A stream says what the whole recording says."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from builders import make_bundle, make_channel
from epochal.errors import EpochalError, RecordingError
from epochal.models.smoothing import Smoothing
from epochal.options.features import ContextOptions, SignalOptions
from epochal.serving.bundle import Scorer
from epochal.serving.stream import StreamScorer
from serving.stream.stream_material import (
    FEATURES,
    assert_same,
    causal_bundle,
    change_bundle,
    filtered,
    make_raw,
    make_signal,
    stream_all,
)

NO_SHRINKING = [phase for phase in Phase if phase is not Phase.shrink]
EEG = {"channels": {"EEG": {"sfreq": 100}}}


@pytest.fixture(scope="module")
def scorer():
    return Scorer(causal_bundle())


def changed(headline="stack_forward", **given):
    return Scorer(change_bundle(make_bundle(headline), **given))


def push_all(stream, data, n_samples):
    """Push a channel in equal chunks and return all epochs."""
    chunks = [data[at : at + n_samples] for at in range(0, len(data), n_samples)]
    return [epoch for chunk in chunks for epoch in stream.push({"EEG": chunk})]


class TestEquality:
    @pytest.mark.slow
    @settings(max_examples=8, deadline=None, phases=NO_SHRINKING)
    @given(piece_s=st.floats(3, 200), resume_every=st.integers(0, 20))
    def test_whatever_the_chunks_and_reconnections(self, scorer, piece_s, resume_every):
        recording = make_raw(200)
        streamed = stream_all(recording, scorer, piece_s=piece_s, resume_every=resume_every)
        assert_same(streamed, recording, scorer)

    @pytest.mark.slow
    def test_sample_by_sample(self, scorer):
        recording = make_raw(95)
        stream = StreamScorer(scorer, EEG | {"age": 30, "sex": "F", "data_source": "simulated"})
        rows = push_all(stream, np.asarray(recording.channels[0].data), 1)
        assert_same(_table(rows), recording, scorer)

    @pytest.mark.slow
    def test_across_a_gap(self, scorer):
        data = make_signal(500)
        data[14_030:20_000] = np.nan
        channels = (make_channel(data=data, sfreq=100.0),)
        recording = make_raw(channels=channels, runs=((0.0, 140.3), (200.0, 500.0)))
        assert_same(stream_all(recording, scorer, resume_every=3), recording, scorer)

    @pytest.mark.slow
    def test_with_missing_samples_that_are_flagged(self, scorer):
        data = make_signal(300)
        data[4000:4050], data[-10:] = np.nan, np.inf
        recording = make_raw(channels=(make_channel(data=data, sfreq=100.0),))
        streamed = stream_all(recording, scorer)
        assert_same(streamed, recording, scorer)
        assert streamed.loc[1, "flags"].startswith("missing")
        assert streamed.loc[9, "flags"].startswith("missing")

    @pytest.mark.slow
    def test_of_overlapping_epochs_between_samples(self):
        cut = {"epoch_length_s": 10.0, "epoch_step_s": 2.5}
        for sfreq in (35.0, 64.0):
            scorer = changed(
                ingestion=cut, signals={"eeg": filtered(band_hz=(0.5, 15.0), notch_hz=None)}
            )
            data = make_signal(120, sfreq=sfreq)
            recording = make_raw(channels=(make_channel(data=data, sfreq=sfreq),))
            try:
                assert_same(stream_all(recording, scorer, piece_s=3.1), recording, scorer)
            except RecordingError as error:
                assert "cannot give the model's features" in str(error)  # of 35 Hz

    @pytest.mark.slow
    @pytest.mark.parametrize("normalise", ["running", "calibration"])
    def test_of_what_just_passed_and_of_the_start(self, normalise):
        context = ContextOptions(
            normalise=(normalise,),
            causal_epochs=(2, 5),
            causal_statistics=("mean", "sd", "max"),
            lags=(1, 3),
            running_s=240.0,
            calibration_s=90.0,
        )
        scorer = changed(context=context)
        recording = make_raw(600)
        assert_same(stream_all(recording, scorer, piece_s=31, resume_every=9), recording, scorer)

    @pytest.mark.slow
    def test_of_every_column_and_not_only_those_that_the_model_sees(self):
        """Features outside the training range are counted, so that every column shows."""
        context = ContextOptions(
            normalise=("running", "calibration"), causal_epochs=(2, 5),
            causal_statistics=("mean", "sd", "max"), running_s=240.0, calibration_s=90.0,
        )  # fmt: skip
        bundle = change_bundle(make_bundle("stack_forward"), context=context)
        streams = _features_of(bundle, make_raw(600))
        for name, (one, other) in streams.items():
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7, err_msg=name)

    @pytest.mark.slow
    def test_of_a_signal_that_is_brought_to_a_lower_rate(self):
        """The runs begin on odd samples, and the stream forgets what it has scored."""
        slower = filtered(sfreq=100.0, band_hz=(0.3, 35.0), notch_hz=None)
        long = filtered(sfreq=50.0, band_hz=(0.5, 20.0), notch_hz=None, window_s=60, trailing=True)
        bundle = change_bundle(
            make_bundle("stack_forward"),
            signals={"eeg": filtered(), "slower": slower, "long": long},
        )
        data = np.random.default_rng(0).normal(0, 20, 80_000).astype(np.float32)
        data[28_061:40_001] = np.nan
        channels = (make_channel(data=data, sfreq=200.0),)
        recording = make_raw(channels=channels, runs=((0.0, 140.305), (200.005, 400.0)))
        for name, (one, other) in _features_of(bundle, recording).items():
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7, err_msg=name)

    @pytest.mark.slow
    def test_of_several_rates_an_envelope_and_a_long_window(self):
        signals = {
            "eeg": filtered(),
            "long": filtered(window_s=60.0, trailing=True, notch_hz=None),
            "emg": SignalOptions(channels=("EMG",), features=("level",), envelope=True),
            "slow": SignalOptions(channels=("RESP",), features=("statistics",), required=False),
            "none": SignalOptions(channels=("TEMP",), features=("level",), required=False),
        }
        scorer = changed(signals=signals)
        channels = (
            make_channel(data=make_signal(400), sfreq=100.0),
            make_channel("EMG", data=make_signal(400, seed=1, sfreq=256.0), sfreq=256.0),
            make_channel("RESP", data=make_signal(400, seed=2, sfreq=10.0), sfreq=10.0),
        )
        recording = make_raw(channels=channels)
        assert_same(stream_all(recording, scorer, resume_every=5), recording, scorer)

    @pytest.mark.slow
    def test_of_channels_that_begin_and_end_at_different_times(self):
        signals = {"eeg": filtered(), "slow": SignalOptions(channels=("S",), features=("level",))}
        scorer = changed(signals=signals)
        channels = (
            make_channel(data=make_signal(300), sfreq=100.0, start_s=2.0),
            make_channel("S", data=make_signal(310, sfreq=4.0), sfreq=4.0, start_s=0.5),
        )
        recording = make_raw(channels=channels)
        assert_same(stream_all(recording, scorer), recording, scorer)

    @pytest.mark.slow
    def test_of_a_montage(self):
        scorer = changed(
            montage={"bipolar": ("C3-O1",), "keep": "all"},
            signals={"eeg": filtered(channels=("EEG C3-O1",))},
            ingestion={"quality": {"channels": ("C3",)}},
        )
        channels = tuple(
            make_channel(name, data=make_signal(200, seed=seed), sfreq=100.0)
            for seed, name in enumerate(("C3", "O1"))
        )
        recording = make_raw(channels=channels)
        assert_same(stream_all(recording, scorer), recording, scorer)

    @pytest.mark.slow
    def test_of_a_model_without_smoothing(self):
        scorer = Scorer(causal_bundle("logistic_regression"))
        recording = make_raw()
        assert_same(stream_all(recording, scorer), recording, scorer)


class TestRefusals:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("bundle", "said"),
        [
            (lambda: make_bundle("stack_forward_backward"), "look ahead"),
            (lambda: change_bundle(make_bundle("stack_forward"), filters="zero_phase"), "whole"),
            (lambda: _with_reference_of_the_recording(), "quality flags"),
            (lambda: _with_later_smoothing(), "smoothed by viterbi"),
            (lambda: _of_given_windows(), "not computed from channels"),
        ],
    )
    def test_a_bundle_that_looks_ahead(self, bundle, said):
        with pytest.raises(EpochalError, match=said) as caught:
            StreamScorer(Scorer(bundle()), EEG)
        assert "causal: true" in str(caught.value)

    def test_a_missing_channel_is_named_before_any_sample(self, scorer):
        with pytest.raises(RecordingError, match="no channel 'EEG'; it has: EMG"):
            StreamScorer(scorer, {"channels": {"EMG": {"sfreq": 100}}})

    def test_a_rate_at_which_a_filter_or_a_feature_cannot_be(self, scorer):
        with pytest.raises(EpochalError, match="needs a sampling rate above 70"):
            StreamScorer(scorer, {"channels": {"EEG": {"sfreq": 50}}})

    def test_what_the_start_may_say(self, scorer):
        with pytest.raises(EpochalError, match=r"channels\.EEG\.sfreq"):
            StreamScorer(scorer, {"channels": {"EEG": {"sfreq": -1}}})
        with pytest.raises(EpochalError, match="recording_id"):
            StreamScorer(scorer, EEG | {"recording_id": "../up"})

    def test_a_gap_that_ends_before_what_came(self, scorer):
        stream = StreamScorer(scorer, EEG)
        stream.push({"EEG": np.zeros(1000)})
        for at_s in (9.0, np.nan, np.inf):
            with pytest.raises(EpochalError, match="up to 10 s"):
                stream.skip_to(at_s)
        assert stream.received == {"EEG": 1000}

    def test_samples_after_the_end(self, scorer):
        stream = StreamScorer(scorer, EEG)
        assert stream.finish() == stream.finish() == []
        with pytest.raises(EpochalError, match="finished"):
            stream.push({"EEG": [1.0]})


class TestGaps:
    def test_the_time_that_lies_in_no_epoch_is_counted(self, scorer):
        stream = StreamScorer(scorer, EEG)
        stream.push({"EEG": make_signal(47)})
        stream.skip_to(60.0)
        assert stream.unscored_s == pytest.approx(17.0)
        assert stream.received == {"EEG": 6000}

    @pytest.mark.slow
    def test_an_epoch_after_a_gap_begins_with_it(self, scorer):
        stream = StreamScorer(scorer, EEG)
        stream.push({"EEG": make_signal(47)})
        stream.skip_to(63.21)
        (epoch,) = stream.push({"EEG": make_signal(31)})
        assert (epoch["epoch"], epoch["onset_s"]) == (1, 63.21)

    def test_a_gap_of_years_takes_no_memory(self, scorer):
        stream = StreamScorer(scorer, EEG)
        stream.skip_to(1e8)
        assert len(stream.push({"EEG": make_signal(30)})) == 1
        assert len(stream.state()) < 1_000_000


class TestResults:
    def test_an_epoch_comes_with_its_last_sample(self, scorer):
        stream, data = StreamScorer(scorer, EEG), make_signal(30)
        assert stream.push({"EEG": data[:-1]}) == []
        (epoch,) = stream.push({"EEG": data[-1:]})
        assert epoch["epoch"] == 0
        assert epoch["onset_s"] == 0.0

    @pytest.mark.slow
    def test_millivolts_become_microvolts(self, scorer):
        one, other = (
            StreamScorer(scorer, {"channels": {"EEG": {"sfreq": 100, "unit": unit}}})
            for unit in ("uV", "mV")
        )
        data = make_signal(60)
        found, same = one.push({"EEG": data}), other.push({"EEG": data / 1000})
        assert [epoch["label"] for epoch in found] == [epoch["label"] for epoch in same]
        assert found[1]["confidence"] == pytest.approx(same[1]["confidence"], abs=1e-4)

    def test_a_substitute_is_flagged_on_every_epoch(self):
        cut = {"substitutes": {"EEG": ("EEG Cz-Oz",)}, "quality": {"channels": ("EEG",)}}
        scorer = changed(ingestion=cut)
        given = {"channels": {"EEG Cz-Oz": {"sfreq": 100}}}
        with pytest.raises(RecordingError, match="could stand in"):
            StreamScorer(scorer, given)
        stream = StreamScorer(scorer, given | {"allow_substitution": True})
        epochs = stream.push({"EEG Cz-Oz": make_signal(60)})
        assert all("substituted" in epoch["flags"] for epoch in epochs)
        assert stream.describe()["substitutions"] == {"EEG": "EEG Cz-Oz"}

    def test_what_is_said_of_all_of_it(self, scorer):
        said = StreamScorer(scorer, EEG | {"data_source": "simulated"}).describe()
        assert said["data_source"] == "simulated"
        assert said["causal"] is True
        assert "not a medical device" in said["notice"]


@pytest.mark.slow
class TestMemory:
    def test_neither_it_nor_the_state_grows_with_the_stream(self):
        scorer = changed(context=ContextOptions(normalise=("calibration",), causal_epochs=(2,)))
        stream, hour = StreamScorer(scorer, EEG), make_signal(3600)
        push_all(stream, hour, 60_000)
        size = len(stream.state())
        tracemalloc.start()
        push_all(stream, hour, 60_000)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(3):
            push_all(stream, hour, 60_000)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert after - before < 200_000
        assert abs(len(stream.state()) - size) < 2000

    def test_a_state_of_another_bundle_is_refused(self, scorer):
        state = StreamScorer(scorer, EEG).state()
        other = changed(context=ContextOptions(causal_epochs=(2, 3)))
        with pytest.raises(EpochalError, match="of another bundle"):
            StreamScorer.resume(state, other)


def _table(rows):
    import pandas as pd

    return pd.DataFrame(rows)


def _features_of(bundle, recording):
    """Return each feature column, streamed and of the whole recording."""
    from epochal.features import extract_features
    from epochal.serving.stream.history import FeatureHistory
    from epochal.signals.epoching import index_epochs

    kept = []
    finish = FeatureHistory.finish

    def spy(self, own, epochs):
        kept.append(finish(self, own, epochs))
        return kept[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureHistory, "finish", spy)
        stream_all(recording, Scorer(bundle), piece_s=47, resume_every=4)
    manifest = bundle.manifest
    epochs = index_epochs(recording, manifest.ingestion)
    whole = extract_features(recording, epochs, manifest.feature_engineering)
    names = [name for name in whole if name not in ("recording_id", "epoch")]
    assert set(kept[0]) == set(whole)
    return {
        name: (np.concatenate([part[name] for part in kept]), whole[name].to_numpy())
        for name in names
    }


def _with_reference_of_the_recording():
    quality = {"channels": ("EEG",), "reference": "recording"}
    return change_bundle(make_bundle("stack_forward"), ingestion={"quality": quality})


def _with_later_smoothing():
    bundle = causal_bundle()
    smoothing = bundle.manifest.smoothing["stack_forward"]
    later: dict[str, Smoothing] = {
        "stack_forward": smoothing.model_copy(update={"kind": "viterbi"})
    }
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"smoothing": later}))


def _of_given_windows():
    windows = SignalOptions(array="windows", features=FEATURES)
    return change_bundle(make_bundle("stack_forward"), signals={"eeg": windows})
