from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from builders import (
    CLASSES,
    SFREQ,
    make_bundle,
    make_channel,
    make_night,
    make_recording,
    write_edf,
)
from epochal import __version__
from epochal.errors import RecordingError
from epochal.features import extract_features
from epochal.models.smoothing import forward_backward
from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import Scorer
from epochal.serving.reading import read_raw
from epochal.serving.scoring import outside_reference, score_recording
from epochal.signals.epoching import index_epochs

LABELS = ["W"] * 6 + ["N2"] * 6 + ["REM"] * 6


def night(labels=LABELS, **given):
    return make_night(labels, seed=100, metadata={"age": 32.0, "sex": "F"}, **given)


def with_data(recording, data):
    (channel,) = recording.channels
    return replace(recording, channels=(replace(channel, data=np.float32(data)),))


def score(recording, headline="logistic_regression"):
    return score_recording(recording, Scorer(make_bundle(headline)))


@pytest.mark.slow
def test_a_night_of_known_rhythms_is_scored_as_what_it_is():
    scored = score(night())
    assert scored.epochs["label"].tolist() == LABELS
    assert list(scored.epochs) == [
        "epoch", "onset_s", "label", "confidence", "flags", "proba_W", "proba_N2", "proba_REM",
    ]  # fmt: skip
    assert scored.epochs["onset_s"].tolist() == [30.0 * index for index in range(18)]
    assert set(scored.epochs["flags"]) == {""}


def test_the_confidence_is_the_probability_of_the_label():
    table = score(night()).epochs
    proba = table[[f"proba_{name}" for name in CLASSES]]
    assert table["confidence"].equals(proba.max(axis=1))
    assert proba.sum(axis=1).to_numpy() == pytest.approx(np.ones(18), abs=1e-5)


def test_serving_computes_what_training_computed():
    recording, scorer = night(), Scorer(make_bundle())
    epochs = index_epochs(recording, scorer.manifest.ingestion)
    features = extract_features(recording, epochs, scorer.manifest.feature_engineering)
    expected = scorer.predict(features)
    found = score(recording).epochs[[f"proba_{name}" for name in CLASSES]]
    assert found.to_numpy() == pytest.approx(expected, abs=1e-6)


def test_the_summary_says_what_must_be_said_of_every_epoch():
    summary = score(night(problems=("the sign was turned",))).summary
    assert summary["recording_id"] == "r1"
    assert (summary["study"], summary["model"]) == ("made", "logistic_regression")
    assert (summary["n_epochs"], summary["n_flagged"]) == (18, 0)
    assert summary["epochs_per_class"] == {"W": 6, "N2": 6, "REM": 6}
    assert 0.5 < summary["mean_confidence"] <= 1
    assert summary["problems"] == ["the sign was turned"]
    assert summary["caveats"] == ["Made up."]
    assert (summary["epoch_length_s"], summary["epoch_step_s"]) == (30, 30)
    assert summary["notice"] == RESEARCH_USE
    assert summary["epochal_version"] == __version__
    assert summary["causal"] is True


def test_a_real_recording_scored_by_simulated_training_is_called_simulated():
    summary = score(night(data_source="real")).summary
    assert summary["data_source"] == "simulated"
    assert summary["recording_data_source"] == "real"
    assert summary["training_data_source"] == "simulated"


def test_a_long_wake_at_the_ends_is_scored_too():
    bundle = make_bundle()
    ingestion = bundle.manifest.ingestion.model_copy(
        update={"trim": {"label": "W", "margin_s": 0.0}}
    )
    manifest = bundle.manifest.model_copy(update={"ingestion": ingestion})
    scorer = Scorer(replace(bundle, manifest=manifest))
    assert len(score_recording(night(), scorer).epochs) == 18


def test_a_missing_channel_is_refused_by_name_with_what_there_is():
    recording = make_recording(make_channel("EMG"), make_channel("Resp"))
    with pytest.raises(RecordingError, match=r"^r1: no channel 'EEG'; it has: EMG, Resp$"):
        score(recording)


def test_ten_seconds_are_no_epoch():
    with pytest.raises(RecordingError, match="r1: 10 s long; an epoch needs 30 s"):
        score(make_recording(make_channel(length_s=10.0)))


@pytest.mark.parametrize("factor", [1e3, 1e-3], ids=["mV as uV", "V as mV"])
def test_a_recording_in_another_unit_is_a_stranger(factor):
    recording = night()
    strange = with_data(recording, recording.channel("EEG").data * factor)
    with pytest.raises(
        RecordingError, match=r"100% of its epochs are unlike .*wrong unit, species"
    ):
        score(strange)


def test_a_few_strange_epochs_are_scored_and_flagged():
    recording = night()
    data = recording.channel("EEG").data.copy()
    data[6000:9000] *= 1000
    table = score(with_data(recording, data)).epochs
    flagged = [index for index, flags in enumerate(table["flags"]) if flags]
    assert flagged == [2]
    assert "outside_reference" in table["flags"][2].split(";")
    assert table["label"][2] in CLASSES


def test_flat_and_missing_epochs_are_flagged():
    recording = night()
    data = recording.channel("EEG").data.copy()
    data[3000:6000] = 7.5
    data[9000:12000] = np.nan
    scored = score(with_data(recording, data))
    flags = scored.epochs["flags"].tolist()
    assert "flat" in flags[1].split(";")
    assert "missing" in flags[3].split(";")
    assert [bool(flag) for flag in flags[4:]] == [False] * 14
    assert scored.summary["n_flagged"] == 2


def test_an_epoch_without_any_signal_has_no_label_however_old_the_subject_is():
    bundle = make_bundle()  # trailing means reach over one missing epoch, not over two
    recording = night()
    data = recording.channel("EEG").data.copy()
    data[9000:15000] = np.nan
    table = score_recording(with_data(recording, data), Scorer(bundle)).epochs
    assert table["label"][3] in CLASSES  # from the mean over this epoch and the one before
    assert table["label"][4] == ""
    assert table["flags"][4] == "missing;not_scored"
    assert np.isnan(table["confidence"][4])
    assert table.filter(like="proba_").loc[4].isna().all()


def test_a_recording_without_any_usable_signal_is_refused():
    recording = with_data(night(), np.full(18 * 3000, np.nan))
    with pytest.raises(RecordingError, match="no epoch has a usable signal"):
        score(recording)


def test_an_unlabelled_epoch_counts_in_no_class():
    recording = night()
    data = recording.channel("EEG").data.copy()
    data[9000:15000] = np.nan
    summary = score(with_data(recording, data)).summary
    assert sum(summary["epochs_per_class"].values()) == 17
    assert 0.5 < summary["mean_confidence"] <= 1


def test_smoothing_stays_within_a_run_as_in_training():
    recording = replace(night(), runs=((0.0, 270.0), (270.0, 540.0)))
    scorer = Scorer(make_bundle("stack_forward_backward"))
    table = score_recording(recording, scorer).epochs
    features = extract_features(
        recording, index_epochs(recording, scorer.manifest.ingestion),
        scorer.manifest.feature_engineering,
    )  # fmt: skip
    stack, smoothing = scorer.predict(features, "stack"), scorer.manifest.smoothing
    given = smoothing["stack_forward_backward"]
    parts = [
        forward_backward(part, np.array(given.transitions), np.array(given.prior))
        for part in (stack[:9], stack[9:])
    ]
    assert table.filter(like="proba_").to_numpy() == pytest.approx(np.concatenate(parts), abs=1e-6)


def test_the_share_outside_the_reference_is_of_the_known_features():
    manifest = make_bundle().manifest
    names = list(manifest.reference)
    middle = {name: np.float32(np.mean(manifest.reference[name])) for name in names}
    features = extract_features(
        night(), index_epochs(night(), manifest.ingestion), manifest.feature_engineering
    )[:4].assign(**middle)
    features.loc[1, names[0]] = 1e9
    features.loc[2, names[1:]] = np.nan
    features.loc[2, names[0]] = -1e9
    features.loc[3, names] = np.nan
    assert outside_reference(features, manifest) == pytest.approx([0, 1 / len(names), 1, 0])


def test_without_a_reference_nothing_is_outside_it():
    manifest = make_bundle().manifest.model_copy(update={"reference": {}})
    features = extract_features(
        night(), index_epochs(night(), manifest.ingestion), manifest.feature_engineering
    )
    assert outside_reference(features, manifest).tolist() == [0.0] * 18


def test_a_raw_file_is_read_under_its_own_name(tmp_path):
    data = night().channel("EEG").data
    path = write_edf(tmp_path / "my night.edf", {"EEG": data})
    recording = read_raw(path, make_bundle().manifest)
    assert recording.recording_id == "my night"
    assert recording.channel("EEG").sfreq == SFREQ
    assert score(recording).epochs["label"].tolist() == LABELS


def test_a_raw_file_is_read_with_the_options_of_the_bundles_own_reader(tmp_path):
    data = night().channel("EEG").data
    path = write_edf(tmp_path / "night.edf", {"EEG": data, "EMG": data})
    manifest = make_bundle().manifest
    for reader, names in (("edf", ["EEG"]), ("sleep_edfx", ["EEG", "EMG"])):
        options = {"channels": ("EEG",)} if reader == "edf" else {}
        ingestion = manifest.ingestion.model_copy(
            update={"reader": reader, "reader_options": options}
        )
        found = read_raw(path, manifest.model_copy(update={"ingestion": ingestion}))
        assert found.channel_names == names


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="no such file"):
        read_raw(tmp_path / "absent.edf", make_bundle().manifest)


def test_a_file_of_an_unknown_kind_is_refused_with_what_can_be_read(tmp_path):
    (tmp_path / "night.docx").touch()
    with pytest.raises(RecordingError, match=r"no reader for '\.docx'; there are .*\.edf"):
        read_raw(Path(tmp_path / "night.docx"), make_bundle().manifest)


# Substitution


def scorer_with_substitutes(**changed):
    bundle = make_bundle()
    ingestion = bundle.manifest.ingestion.model_copy(
        update={"substitutes": {"EEG": ("EEG C4-M1", "EEG O2-M1")}, **changed}
    )
    return Scorer(
        replace(bundle, manifest=bundle.manifest.model_copy(update={"ingestion": ingestion}))
    )


def renamed(name):
    recording = night()
    return replace(recording, channels=(replace(recording.channels[0], name=name),))


def test_a_stand_in_is_used_when_the_user_allows_it_and_flagged_on_every_epoch():
    scored = score_recording(
        renamed("EEG O2-M1"), scorer_with_substitutes(), allow_substitution=True
    )
    assert set(scored.epochs["flags"]) == {"substituted"}
    assert scored.epochs["label"].tolist() == LABELS
    assert scored.summary["substitutions"] == {"EEG": "EEG O2-M1"}
    assert "'EEG O2-M1' stands in for 'EEG'" in scored.summary["problems"][0]
    assert scored.summary["n_flagged"] == 18


def test_a_bundle_may_allow_it_itself():
    scorer = scorer_with_substitutes(allow_substitution=True)
    assert set(score_recording(renamed("EEG C4-M1"), scorer).epochs["flags"]) == {"substituted"}


def test_without_leave_the_channel_and_what_could_stand_in_are_named():
    with pytest.raises(RecordingError, match=r"r1: No channel 'EEG'; 'EEG C4-M1' could stand in"):
        score_recording(renamed("EEG C4-M1"), scorer_with_substitutes())


def test_leave_changes_nothing_where_nothing_is_missing():
    scored = score_recording(night(), scorer_with_substitutes(), allow_substitution=True)
    assert set(scored.epochs["flags"]) == {""}
    assert scored.summary["substitutions"] == {}


def test_a_missing_channel_that_is_not_required_needs_no_stand_in():
    bundle = make_bundle()
    signal = bundle.manifest.feature_engineering.signals["eeg"]
    optional = signal.model_copy(update={"channels": ("EMG",), "required": False})
    signals = {"eeg": signal, "emg": optional}
    manifest = bundle.manifest.model_copy(
        update={
            "ingestion": bundle.manifest.ingestion.model_copy(
                update={"substitutes": {"EMG": ("EMG leg",)}}
            ),
            "feature_engineering": bundle.manifest.feature_engineering.model_copy(
                update={"signals": signals}
            ),
        }
    )
    assert manifest.required_channels == ["EEG"]
    recording = night()
    leg = make_channel("EMG leg", recording.channels[0].data)
    recording = replace(recording, channels=(*recording.channels, leg))
    scored = score_recording(recording, Scorer(replace(bundle, manifest=manifest)))
    assert set(scored.epochs["flags"]) == {""}
