from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from builders import make_bundle, make_channel, make_night, make_recording, sine, write_edf
from epochal.errors import RecordingError
from epochal.features import extract_features
from epochal.options.features import FeatureOptions
from epochal.recording import Recording
from epochal.serving.bundle import Scorer
from epochal.serving.reading import read_all
from epochal.serving.scoring import score_recording
from epochal.serving.trial import crop, explain_refusal, missing_channels
from epochal.signals.epoching import index_epochs

LABELS = ["W"] * 6 + ["N2"] * 6 + ["REM"] * 6
MANIFEST = make_bundle().manifest


def night(**given):
    return make_night(LABELS, seed=100, metadata={"age": 32.0, "sex": "F"}, **given)


def manifest_with(**ingestion):
    changed = MANIFEST.ingestion.model_copy(update=ingestion)
    return MANIFEST.model_copy(update={"ingestion": changed})


def test_a_recording_that_is_like_the_training_data_is_not_refused():
    assert explain_refusal(night(), MANIFEST) is None


def test_missing_channels_are_all_named():
    recording = make_recording(make_channel("EMG"))
    assert explain_refusal(recording, MANIFEST) == "it lacks EEG"


def test_another_spelling_is_not_missing():
    recording = make_recording(make_channel("EEG C3-M2"))
    manifest = manifest_with(quality=MANIFEST.ingestion.quality.model_copy(
        update={"channels": ("C3-A2", "EMG")}))  # fmt: skip
    assert missing_channels(recording, manifest) == ["EEG", "EMG"]


def test_what_could_stand_in_is_said():
    (channel,) = night().channels
    recording = replace(night(), channels=(replace(channel, name="EEG O2-M1"),))
    manifest = manifest_with(substitutes={"EEG": ("EEG O2-M1",)})
    assert "'EEG O2-M1' could stand in" in explain_refusal(recording, manifest)
    allowed = manifest_with(substitutes={"EEG": ("EEG O2-M1",)}, allow_substitution=True)
    assert explain_refusal(recording, allowed) is None


def test_another_unit_is_unlike_the_training_data():
    (channel,) = night().channels
    strange = replace(night(), channels=(replace(channel, data=channel.data * 1000),))
    assert "are unlike the data that it was trained on" in explain_refusal(strange, MANIFEST)


def test_a_recording_shorter_than_an_epoch_is_refused():
    reason = explain_refusal(make_recording(make_channel(length_s=29.0)), MANIFEST)
    assert reason is not None


def test_a_rate_too_low_for_the_filter_is_said():
    signal = MANIFEST.feature_engineering.signals["eeg"]
    filtered = signal.model_copy(update={"band_hz": (0.3, 35.0)})
    manifest = MANIFEST.model_copy(
        update={
            "feature_engineering": MANIFEST.feature_engineering.model_copy(
                update={"signals": {"eeg": filtered}}
            )
        }
    )
    slow = make_recording(make_channel(data=sine(5.0, length_s=600, sfreq=50.0), sfreq=50.0))
    assert "35 Hz" in explain_refusal(slow, manifest)


def test_only_the_middle_is_tried_and_keeps_its_times():
    recording = make_recording(make_channel(length_s=3600))
    part = crop(recording, MANIFEST)
    assert part.runs == ((1500.0, 2100.0),)
    assert part.channels[0].start_s == 1500.0
    assert len(part.channels[0].data) == 60_000
    expected = recording.channels[0].data[150_000:210_000]
    np.testing.assert_array_equal(part.channels[0].data, expected)


def test_of_rows_the_middle_is_tried_with_its_arrays():
    table = pd.DataFrame({"onset_s": np.arange(100.0), "length_s": 1.0, "label": None})
    rows = Recording("t", "t", table=table, arrays={"windows": np.arange(100)[:, None, None]})
    part = crop(rows, MANIFEST)
    assert part.table["onset_s"].tolist() == list(range(40, 60))
    assert part.arrays["windows"].ravel().tolist() == list(range(40, 60))


# Bundles that were trained on tables


def table_scorer():
    """The made bundle, its features given in a table instead of computed."""
    bundle = make_bundle()
    features = bundle.manifest.feature_engineering
    ingestion = bundle.manifest.ingestion.model_copy(
        update={
            "reader": "feature_table",
            "reader_options": {"table": "train.parquet", "recording": "night", "subject": "who",
                               "facts": "people.csv"},
            "quality": bundle.manifest.ingestion.quality.model_copy(update={"channels": ()}),
        }
    )  # fmt: skip
    manifest = bundle.manifest.model_copy(
        update={
            "ingestion": ingestion,
            "feature_engineering": features.model_copy(update={"signals": {}}),
        }
    )
    return Scorer(replace(bundle, manifest=manifest))


def given_table(*names):
    """Return the features of made-up nights as a laboratory would hand them over."""
    signals = FeatureOptions(signals=MANIFEST.feature_engineering.signals)
    parts = []
    for name in names:
        recording = night(recording_id=name)
        rows = extract_features(recording, index_epochs(recording, MANIFEST.ingestion), signals)
        parts.append(rows.drop(columns=["recording_id", "epoch"]).assign(night=name, who="Ada"))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(params=[".csv", ".parquet"])
def table_path(tmp_path, request):
    path = tmp_path / f"mine{request.param}"
    table = given_table("n1", "n2")
    table.to_csv(path, index=False) if request.param == ".csv" else table.to_parquet(path)
    return path


def test_a_table_without_labels_is_scored_night_by_night(table_path):
    scorer = table_scorer()
    recordings = list(read_all(table_path, scorer.manifest))
    assert [recording.recording_id for recording in recordings] == ["n1", "n2"]
    for recording in recordings:
        assert score_recording(recording, scorer).epochs["label"].tolist() == LABELS


@pytest.mark.slow
def test_a_bundle_of_tables_could_score_it_and_no_signals(table_path):
    manifest = table_scorer().manifest
    (recording, _) = read_all(table_path, manifest)
    assert explain_refusal(recording, manifest) is None
    assert explain_refusal(night(), manifest) == (
        "it was trained on tables of features, not on signals"
    )


def test_columns_that_a_table_lacks_are_named(tmp_path):
    table = given_table("n1")
    table.drop(columns=[name for name in table if "delta" in name]).to_csv(
        tmp_path / "t.csv", index=False
    )
    manifest = table_scorer().manifest
    (recording,) = read_all(tmp_path / "t.csv", manifest)
    assert "it lacks the features" in explain_refusal(recording, manifest)


def test_a_table_without_the_bundles_columns_is_refused_by_name(tmp_path):
    given_table("n1").rename(columns={"night": "nicht"}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(RecordingError, match="no column 'night'; did you mean 'nicht'"):
        list(read_all(tmp_path / "t.csv", table_scorer().manifest))


def test_an_absent_table_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="no such file"):
        list(read_all(tmp_path / "t.csv", table_scorer().manifest))


def test_other_files_are_read_as_one_recording(tmp_path):
    path = write_edf(tmp_path / "n.edf", {"EEG": night().channels[0].data})
    (recording,) = read_all(path, MANIFEST)
    assert recording.recording_id == "n"


@pytest.mark.parametrize(("reader", "reason"), [
    ("edf", "it is a table; the bundle was trained on signals"),
    ("slow_oscillation", r"reader 'slow_oscillation' takes \.csv and \.h5 files"),
])  # fmt: skip
def test_a_table_that_is_not_the_bundles_kind_is_refused_clearly(tmp_path, reader, reason):
    given_table("n1").to_parquet(tmp_path / "t.parquet")
    manifest = manifest_with(reader=reader, reader_options={})
    with pytest.raises(RecordingError, match=reason):
        list(read_all(tmp_path / "t.parquet", manifest))
