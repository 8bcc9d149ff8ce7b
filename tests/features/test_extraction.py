import numpy as np
import pandas as pd
import pytest

from builders import make_channel, make_ingestion, make_recording, sine
from epochal.errors import EpochalError, RecordingError
from epochal.features import FEATURE_SETS, extract_features
from epochal.features.roster import compute_features, feature_function
from epochal.options.features import ContextOptions, FeatureOptions, SignalOptions
from epochal.options.ingestion import TrimOptions
from epochal.recording import Recording
from epochal.signals.epoching import index_epochs


def extract(recording, *, epoch_options=None, **options):
    epochs = index_epochs(recording, make_ingestion(**(epoch_options or {})))
    return extract_features(recording, epochs, FeatureOptions(**options))


def signal(*channels, features=("level",), **options):
    return SignalOptions(channels=channels, features=features, **options)


def levels(recording, **options):
    return extract(recording, signals={"a": signal("EEG", **options)})["a_mean"].tolist()


STEPS = np.repeat([1.0, 2.0, 3.0, 4.0], 3000)


def test_a_column_is_named_by_its_signal_and_its_feature():
    found = extract(make_recording(), signals={"fpz": signal("EEG", features=("level", "hjorth"))})
    assert list(found) == [
        "recording_id", "epoch", "fpz_mean", "fpz_min", "fpz_max", "fpz_hjorth_mobility",
        "fpz_hjorth_complexity",
    ]  # fmt: skip
    assert found["recording_id"].tolist() == ["r1"] * 4
    assert found["epoch"].tolist() == [0, 1, 2, 3]
    assert set(found.dtypes[2:]) == {np.dtype(np.float32)}


def test_each_epoch_has_the_features_of_its_own_samples():
    assert levels(make_recording(make_channel(data=STEPS))) == [1, 2, 3, 4]


def test_alpha_through_the_whole_way_is_alpha():
    found = extract(make_recording(), signals={"eeg": signal("EEG", features=("band_power",))})
    assert (found["eeg_relative_alpha"] > 0.97).all()


def test_the_band_is_filtered_before_the_features():
    data = sine(10.0, length_s=120.0) + 5.0
    options = {"features": ("statistics",), "band_hz": (0.5, 5.0)}
    found = extract(
        make_recording(make_channel(data=data)), signals={"a": signal("EEG", **options)}
    )
    assert (found["a_sd"][1:3] < 0.05).all()


def test_the_mains_are_notched_before_the_features():
    data = sine(50.0, length_s=120.0, sfreq=256.0, amplitude=20.0)
    recording = make_recording(make_channel(data=data, sfreq=256.0))
    found = extract(recording, signals={"a": signal("EEG", features=("statistics",), notch_hz=50)})
    assert (found["a_sd"][1:3] < 0.1).all()


def test_an_epoch_with_missing_samples_has_missing_features():
    holed = STEPS.copy()
    holed[3500] = np.nan
    assert np.array_equal(
        levels(make_recording(make_channel(data=holed))), [1, np.nan, 3, 4], equal_nan=True
    )


def test_a_recording_without_any_usable_epoch_has_all_columns_missing():
    recording = make_recording(make_channel(data=np.full(12000, np.nan)))
    found = extract(recording, signals={"a": signal("EEG", features=("band_power",))})
    assert found.filter(like="a_").isna().all(axis=None)
    assert "a_log_delta" in found


def column(recording, name, **options):
    return extract(recording, signals={"a": signal("EEG", **options)})[name].tolist()


def test_a_wider_window_is_centred_on_the_epoch():
    steps = np.repeat([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2000)  # 20 s each
    recording = make_recording(make_channel(data=steps))
    # the second epoch is 30 to 60 s: 2, 2, 3; in 90 s around it, 0 to 90 s: 1, 2, 3, 4, half of 5
    found = column(recording, "a_mean__centred90s", window_s=90.0)
    assert found[1] == pytest.approx((20 * (1 + 2 + 3 + 4) + 10 * 5) / 90)


def test_a_centred_window_is_moved_inside_its_run():
    recording = make_recording(make_channel(data=STEPS))
    # 90 s around the first epoch would begin at -30 s: it begins at 0, like the second's
    found = column(recording, "a_mean__centred90s", window_s=90.0)
    assert found == pytest.approx([2, 2, 3, 3])


def test_a_trailing_window_waits_until_enough_has_passed():
    recording = make_recording(make_channel(data=STEPS))
    found = column(recording, "a_mean__past60s", window_s=60.0, trailing=True)
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([1.5, 2.5, 3.5])


def test_no_window_reaches_across_a_gap():
    data = STEPS.copy()
    data[3000:6000] = np.nan  # a reader leaves a gap empty
    recording = make_recording(make_channel(data=data), runs=((0.0, 30.0), (60.0, 120.0)))
    centred = column(recording, "a_mean__centred60s", window_s=60.0)
    trailing = column(recording, "a_mean__past60s", window_s=60.0, trailing=True)
    assert np.isnan(centred[0])  # its run is shorter than the window
    assert centred[1:] == pytest.approx([3.5, 3.5])
    assert np.isnan(trailing).tolist() == [True, True, False]
    assert trailing[2] == pytest.approx(3.5)
    assert levels(recording) == [1, 3, 4]


def array_recording(**given):
    """Return three given epochs of 4 s, one channel at 25 Hz: levels 1, 2, 3."""
    windows = np.repeat([1.0, 2.0, 3.0], 100).reshape(3, 1, 100).astype(np.float32)
    table = pd.DataFrame({"onset_s": [0.0, 4.0, 8.0], "length_s": 4.0, "label": ["W", "N1", "W"]})
    return Recording(
        "r1", "s1", arrays={"windows": windows, **given}, table=table, metadata={"sfreq": 25.0}
    )


def test_given_windows_are_taken_by_the_epochs_that_were_kept():
    recording = array_recording()
    epochs = index_epochs(recording, make_ingestion(epoch_length_s=4.0)).iloc[[0, 2]]
    options = FeatureOptions(signals={"eeg": SignalOptions(array="windows", features=("level",))})
    found = extract_features(recording, epochs, options)
    assert found["eeg_mean"].tolist() == [1, 3]


def test_an_array_that_is_not_there_is_named():
    options = {"eeg": SignalOptions(array="spectrum", features=("level",))}
    with pytest.raises(RecordingError, match="no array 'spectrum'; it has: windows"):
        extract(array_recording(), epoch_options={"epoch_length_s": 4.0}, signals=options)


def test_an_optional_array_that_is_not_there_gives_missing_columns():
    options = {"eeg": SignalOptions(array="other", features=("level",), required=False)}
    found = extract(array_recording(), epoch_options={"epoch_length_s": 4.0}, signals=options)
    assert found[["eeg_mean", "eeg_min", "eeg_max"]].isna().all(axis=None)


def test_the_montage_is_made_before_the_signals_are_taken():
    left = make_channel("EEG F3-M2", np.full(3000, 5.0))
    right = make_channel("EEG C3-M2", np.full(3000, 2.0))
    found = extract(
        make_recording(left, right),
        montage={"bipolar": ("F3-C3",)},
        signals={"a": signal("EEG F3-C3")},
    )
    assert found["a_mean"].tolist() == [3.0]


def test_covariates_come_only_where_they_are_asked_for():
    recording = make_recording(make_channel(data=STEPS))
    signals = {"a": signal("EEG")}
    plain = set(extract(recording, signals=signals))
    asked = set(extract(recording, signals=signals, clock=True, light=True, demographics=True))
    assert asked - plain == {
        "clock_recording_h", "clock_day_sin", "clock_day_cos", "light_on",
        "demographics_age_years", "demographics_sex",
    }  # fmt: skip


def test_several_channels_are_taken_together():
    axes = [make_channel(f"ACC {axis}", np.zeros(3840) + value, sfreq=32.0, unit="g")
            for axis, value in zip("xyz", (0.0, 0.0, 1.0), strict=True)]  # fmt: skip
    found = extract(
        make_recording(*axes),
        signals={"acc": signal("ACC x", "ACC y", "ACC z", features=("motion",))},
    )
    assert found["acc_tilt_z"].tolist() == [1.0] * 4
    assert found["acc_still"].tolist() == [1.0] * 4


def test_channels_of_different_rates_are_not_taken_together():
    recording = make_recording(make_channel("a"), make_channel("b", sfreq=50.0))
    with pytest.raises(RecordingError, match=r"r1: channels \['a', 'b'\] have different rates"):
        extract(recording, signals={"x": signal("a", "b")})


def test_a_missing_required_channel_is_refused_by_name():
    with pytest.raises(RecordingError, match="no channel 'EOG'; it has: EEG"):
        extract(make_recording(), signals={"eog": signal("EOG")})


def test_a_missing_optional_channel_gives_the_same_columns_all_missing():
    options = {"signals": {"a": signal("EOG", features=("band_power", "hjorth"), required=False)}}
    absent = extract(make_recording(), **options)
    present = extract(make_recording(make_channel("EOG")), **options)
    assert list(absent) == list(present)
    assert absent.filter(like="a_").isna().all(axis=None)
    assert absent.dtypes.equals(present.dtypes)


def test_one_missing_channel_of_several_makes_an_optional_signal_missing():
    axes = signal("ACC x", "ACC y", "ACC z", features=("motion",), required=False)
    found = extract(make_recording(make_channel("ACC x")), signals={"acc": axes})
    assert found.filter(like="acc_").isna().all(axis=None)
    assert "acc_still" in found


@pytest.mark.parametrize(
    ("metadata", "age", "sex"),
    [
        ({"age": 33, "sex": "F"}, 33.0, 0.0),
        ({"age": 40.5, "sex": "M"}, 40.5, 1.0),
        ({"age": None, "sex": "X"}, np.nan, np.nan),
        ({}, np.nan, np.nan),
    ],
)
def test_age_and_sex_are_columns_where_they_are_known(metadata, age, sex):
    found = extract(make_recording(metadata=metadata), demographics=True)
    given = found[["demographics_age_years", "demographics_sex"]].to_numpy()
    assert np.array_equal(given, [[age, sex]] * 4, equal_nan=True)


def test_context_is_added_and_patterns_are_dropped():
    found = extract(
        make_recording(),
        signals={"a": signal("EEG")},
        context=ContextOptions(causal_epochs=(2,)),
        drop=("*_min*", "a_max"),
    )
    assert list(found)[2:] == ["a_mean", "a_mean__past2", "a_max__past2"]


def given_table(**columns):
    table = {
        "onset_s": 30.0 * np.arange(5), "length_s": 30.0, "label": ["W", "W", "N2", "N2", "W"],
        "run": 0, "vote_a": 1.0, "age": [1.0, 2, 3, 4, 5], "site": list("abcde"),
    }  # fmt: skip
    return Recording("r", "s", table=pd.DataFrame(table | columns))


def test_a_tables_own_numbers_pass_through_without_index_labels_and_votes():
    found = extract(given_table())
    assert list(found) == ["recording_id", "epoch", "age"]
    assert found["age"].tolist() == [1, 2, 3, 4, 5]


def test_a_tables_numbers_stay_with_their_epochs_when_the_ends_are_trimmed():
    trim = TrimOptions(label="W", margin_s=0.0)
    found = extract(given_table(), epoch_options={"trim": trim})
    assert found["epoch"].tolist() == [2, 3]
    assert found["age"].tolist() == [3, 4]


def test_a_recording_without_epochs_has_no_rows_of_the_right_columns():
    found = extract(make_recording(make_channel(length_s=10.0)), signals={"a": signal("EEG")})
    assert len(found) == 0
    assert "a_mean" in found


def test_a_channel_of_another_spelling_is_the_same_channel():
    data = np.repeat([1.0, 2.0, 3.0, 4.0], 3000)
    recording = make_recording(make_channel("EEG FPZ-CZ", data))
    found = extract(recording, signals={"a": signal("EEG Fpz-Cz")})
    assert found["a_mean"].tolist() == [1, 2, 3, 4]


def test_a_fast_muscle_channel_has_the_level_of_its_envelope():
    tone = sine(30.0, length_s=120.0, sfreq=200.0, amplitude=10.0)
    fast = make_channel("EMG", tone, sfreq=200.0)
    slow = make_channel("EMG", np.full(120, 20 / np.pi), sfreq=1.0)
    options = {"signals": {"emg": signal("EMG", envelope=True)}}
    for channel in (fast, slow):
        found = extract(make_recording(channel), **options)
        assert found["emg_mean"][1:3].tolist() == pytest.approx([20 / np.pi] * 2, rel=0.05)


def test_an_unknown_feature_set_is_refused_with_the_near_miss():
    with pytest.raises(EpochalError, match="No feature set 'band_powr'; did you mean 'band_power'"):
        feature_function("band_powr")


SHAPES = {
    "motion": (2, 3, 3840),
    "spectrogram_regions": (2, 4, 100, 300),
    **dict.fromkeys(
        ("chain_power", "discharges", "chain_synchrony", "chain_evolution"), (2, 18, 3840)
    ),
}


@pytest.mark.parametrize("name", FEATURE_SETS)
def test_every_feature_set_gives_one_finite_or_missing_number_per_epoch(name):
    random = np.random.default_rng(0)
    windows = np.abs(random.normal(0, 1, SHAPES.get(name, (2, 3840)))).astype(np.float32)
    columns = compute_features(windows, 64.0, [name])
    assert columns
    for column in columns.values():
        assert column.shape == (2,)
        assert column.dtype == np.float32
        assert not np.isinf(column).any()
    empty = compute_features(windows[:0], 64.0, [name])
    assert list(empty) == list(columns)


def test_with_causal_filters_no_epoch_sees_the_next():
    random = np.random.default_rng(0).normal(0, 10, 12_000)
    louder = random.copy()
    louder[6000:] *= 30
    options = {"a": signal("EEG", features=("statistics",), band_hz=(0.5, 35.0))}

    def first_two(data, filters):
        recording = make_recording(make_channel(data=data))
        return extract(recording, signals=options, filters=filters)[:2].drop(columns="recording_id")

    assert first_two(random, "causal").equals(first_two(louder, "causal"))
    assert not first_two(random, "zero_phase").equals(first_two(louder, "zero_phase"))


def test_a_study_says_whether_its_filters_look_ahead():
    options = {"a": signal("EEG", band_hz=(0.5, 35.0))}
    assert FeatureOptions(signals=options).looks_ahead
    assert not FeatureOptions(signals=options, filters="causal").looks_ahead
    assert not FeatureOptions(signals={"a": signal("EEG")}).looks_ahead


def test_a_rate_brings_a_faster_channel_down_before_the_features():
    """At 256 Hz and at 100 Hz a sine of 5 Hz crosses zero 10 times a second."""
    columns = {}
    for sfreq in (100.0, 256.0):
        data = sine(5.0, length_s=60.0, sfreq=sfreq, amplitude=20.0)
        recording = make_recording(make_channel("EEG", data, sfreq=sfreq))
        one = signal("EEG", features=("sleep_edf_table_time",), sfreq=100.0)
        columns[sfreq] = extract(recording, signals={"a": one})
    slow, fast = columns[100.0], columns[256.0]
    assert slow["a_hjorth_mobility"].iloc[0] == pytest.approx(2 * np.pi * 5 / 100, rel=0.01)
    for name in ("a_hjorth_mobility", "a_std_uv", "a_zero_crossings"):
        assert fast[name].iloc[0] == pytest.approx(slow[name].iloc[0], rel=0.01), name


def test_a_channel_slower_than_the_rate_that_is_asked_for_is_refused():
    recording = make_recording(make_channel("EEG", sfreq=64.0))
    with pytest.raises(RecordingError, match="'EEG' has 64 Hz; at least 100 Hz are needed"):
        levels(recording, sfreq=100.0)


@pytest.mark.parametrize(
    ("name", "sfreq", "needed"),
    [("ecg", 16.0, "more than 17.8"), ("band_power", 1.0, "more than 1")],
)
def test_a_rate_too_low_for_a_feature_set_is_refused_with_the_signals_name(name, sfreq, needed):
    recording = make_recording(make_channel("EEG", sfreq=sfreq))
    said = f"r1: signal 'a': .* needs {needed} Hz; this is {sfreq:g} Hz"
    with pytest.raises(RecordingError, match=said):
        levels(recording, features=(name,))


@pytest.mark.parametrize("filters", ["zero_phase", "causal"])
def test_what_a_lower_rate_cannot_hold_is_gone_not_folded(filters):
    data = sine(90.0, length_s=120.0, sfreq=200.0, amplitude=40.0)  # at 100 Hz it would be 10 Hz
    one = signal("EEG", features=("statistics",), sfreq=100.0, band_hz=(0.3, 35.0))
    recording = make_recording(make_channel("EEG", data, sfreq=200.0))
    found = extract(recording, signals={"a": one}, filters=filters)
    assert (found["a_sd"][1:3] < 0.05).all()


@pytest.mark.parametrize("band_hz", [None, (0.3, None), (0.3, 50.0)])
def test_causal_filters_and_a_rate_want_a_band_that_ends_below_half_of_it(band_hz):
    eeg = {"channels": ("EEG",), "band_hz": band_hz, "sfreq": 100.0}
    signals = {"a": {**eeg, "features": ("level",)}}
    with pytest.raises(ValueError, match=r"signals\.a: .* `band_hz` must end below 50 Hz"):
        FeatureOptions(signals=signals, filters="causal")
    with pytest.raises(ValueError, match=r"network_inputs\.signal, channel 'EEG': .* below 50 Hz"):
        FeatureOptions(network_inputs={"signal": eeg}, filters="causal")
    assert FeatureOptions(signals=signals, network_inputs={"signal": eeg}).looks_ahead


def test_a_rate_looks_ahead_as_its_filter_does():
    assert FeatureOptions(signals={"a": signal("EEG", sfreq=100.0)}).looks_ahead
    assert not FeatureOptions(signals={"a": signal("EEG")}).looks_ahead
    with pytest.raises(ValueError, match="no filter, rate, window"):
        SignalOptions(array="windows", features=("level",), sfreq=100.0)
