import json
from pathlib import Path

import numpy as np
import pytest

from builders import make_bundle, make_channel, make_recording, sine, write_edf
from epochal.errors import EpochalError, RecordingError
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.serving import finding
from epochal.serving.bundle import MANIFEST, write_bundle
from epochal.serving.finding import (
    Candidate,
    NoChoiceError,
    Sight,
    choose_bundle,
    explain_mismatch,
    find_bundle,
    list_bundles,
    look,
    pick_default,
    tell_kinds,
)

NIGHT = ("EEG", "EOG horizontal")
E4 = ("ACC x", "ACC y", "ACC z", "BVP", "EDA", "TEMP")


def manifest(**changed):
    return make_bundle().manifest.model_copy(update=changed)


def needing(*channels, **signal):
    """Return a manifest whose only signal is of these channels."""
    one = SignalOptions(channels=channels, features=("statistics",), **signal)
    return manifest(feature_engineering=FeatureOptions(signals={"s": one}))


def quiet(bundle):
    """Return a bundle's way of reading, but that no channel's quality is watched."""
    quality = bundle.ingestion.quality.model_copy(update={"channels": ()})
    return bundle.ingestion.model_copy(update={"quality": quality})


def candidate(name, shipped=True, **changed):
    return Candidate(name, Path(name), manifest(**changed), shipped)


def sight(*names, sfreq=100.0, kinds=("polysomnogram",)):
    return Sight(kinds, make_recording(*(make_channel(name, sfreq=sfreq) for name in names)))


@pytest.fixture
def bundles(tmp_path, monkeypatch):
    """A folder with a study's bundle `demo`, beside one shipped, named `made`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(finding, "SHIPPED", tmp_path / "shipped")
    (tmp_path / "shipped").mkdir()
    write_bundle(tmp_path / "shipped/made", make_bundle())
    (tmp_path / "data/demo/07_model_output").mkdir(parents=True)
    write_bundle(tmp_path / "data/demo/07_model_output/bundle", make_bundle())
    return tmp_path


@pytest.fixture
def night(tmp_path):
    data = sine(10.0, length_s=60.0, amplitude=20.0)
    return write_edf(tmp_path / "night.edf", dict.fromkeys(NIGHT, data))


def test_shipped_bundles_come_first_and_go_by_their_folders_names(bundles):
    found = list_bundles()
    assert [(one.name, one.shipped) for one in found] == [("made", True), ("demo", False)]
    assert found[0].path == bundles / "shipped/made"
    assert found[1].path == Path("data/demo/07_model_output/bundle")


def test_a_bundle_that_cannot_be_read_is_passed_over_and_told(bundles):
    (bundles / "shipped/made" / MANIFEST).write_text("{")
    said = []
    assert [one.name for one in list_bundles(passed_over=said.append)] == ["demo"]
    assert len(said) == 1
    assert "not a manifest" in said[0]


def test_a_bundle_is_found_by_folder_and_by_name(bundles):
    assert find_bundle("made") == bundles / "shipped/made"
    assert find_bundle("demo") == Path("data/demo/07_model_output/bundle")
    assert find_bundle(bundles / "shipped/made") == bundles / "shipped/made"


def test_a_folder_with_a_manifest_comes_before_a_name(bundles):
    write_bundle(bundles / "demo", make_bundle())
    assert find_bundle("demo") == Path("demo")


def test_a_shipped_bundle_keeps_its_name_beside_a_study_of_that_name(bundles):
    (bundles / "data/demo").rename(bundles / "data/made")
    assert find_bundle("made") == bundles / "shipped/made"


def test_a_name_that_is_none_is_refused_with_those_that_are(bundles):
    with pytest.raises(EpochalError, match=r"No bundle 'mode': .* there are: made, demo$"):
        find_bundle("mode")


def test_a_folder_without_a_manifest_is_left_to_whoever_reads_it(bundles):
    assert find_bundle(".") == Path()


def test_who_has_no_recording_gets_the_demos_bundle_or_the_first(bundles):
    assert pick_default(list_bundles()).name == "demo"
    assert pick_default([candidate("sleep"), candidate("stress")]).name == "sleep"
    with pytest.raises(EpochalError, match="No bundle at hand"):
        pick_default([])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "EMG submental"), ("polysomnogram",)),
        (("C4-M1", "E1-M2", "E2-M2", "chin"), ("polysomnogram",)),
        (E4, ("wrist",)),
        (("ECG", "EDA", "Resp"), ("chest",)),
        (("EEG", "EMG"), ()),
        (("EEG Fpz-Cz", "EEG Pz-Oz"), ()),
        (("EOG horizontal",), ()),
        (
            (
                *(f"EEG {n}" for n in ["F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "Fz", "Cz"]),
                "EOG E1",
            ),
            (),
        ),
        ((), ()),
    ],
)
def test_channels_tell_what_a_recording_is_of_or_nothing(names, expected):
    assert tell_kinds(names) == expected


def test_a_match_needs_the_kind():
    assert explain_mismatch(sight("EEG"), manifest()) is None
    reason = explain_mismatch(sight("EEG", kinds=("rodent", "rat")), manifest())
    assert reason == "the recording is of rodent or rat"
    assert "a kind that nothing tells" in explain_mismatch(sight("EEG", kinds=()), manifest())


def test_a_match_needs_every_required_channel():
    assert explain_mismatch(sight("EOG"), manifest()) == "it lacks EEG"


def test_another_spelling_of_a_channel_matches():
    assert explain_mismatch(sight("C3-A2"), needing("EEG C3-M2")) is not None
    bare = needing("EEG C3-M2")
    bare = bare.model_copy(update={"ingestion": quiet(bare)})
    assert explain_mismatch(sight("C3-A2"), bare) is None


@pytest.mark.parametrize("signal", [{"sfreq": 100.0}, {"band_hz": (0.5, 50.0)}])
def test_a_match_needs_the_rate(signal):
    bundle = needing("EEG", **signal)
    assert explain_mismatch(sight("EEG", sfreq=256.0), bundle) is None
    assert explain_mismatch(sight("EEG", sfreq=100.0), bundle) is None
    slow = explain_mismatch(sight("EEG", sfreq=64.0), bundle)
    assert slow == "EEG has 64 Hz, 100 Hz are needed"


def test_a_table_matches_by_its_columns():
    bundle = manifest(recording_kind="feature_table", reference={"a": (0.0, 1.0), "b": (0.0, 1.0)})
    nothing = make_recording()
    assert explain_mismatch(Sight(("feature_table",), nothing, ("a", "b", "c")), bundle) is None
    reason = explain_mismatch(Sight(("feature_table",), nothing, ("a",)), bundle)
    assert reason == "it lacks the columns b"


def test_the_one_bundle_that_matches_is_chosen(night):
    bundles = [candidate("sleep"), candidate("stress", recording_kind="wrist")]
    assert choose_bundle([night], bundles).name == "sleep"


def test_a_shipped_bundle_comes_before_a_studys_own(night):
    bundles = [candidate("demo", shipped=False), candidate("sleep")]
    assert choose_bundle([night], bundles).name == "sleep"
    assert choose_bundle([night], bundles[:1]).name == "demo"


def test_two_that_match_leave_the_choice_to_the_caller(night):
    with pytest.raises(NoChoiceError, match=r"one \(polysomnogram\): matches; two .*: matches"):
        choose_bundle([night], [candidate("one"), candidate("two")])
    with pytest.raises(NoChoiceError):
        choose_bundle([night], [candidate("a", shipped=False), candidate("b", shipped=False)])


def test_what_nothing_matches_is_told_with_every_reason(tmp_path):
    path = write_edf(tmp_path / "rat.edf", {"EEG": sine(7.0), "EMG": sine(20.0)})
    bundles = [candidate("sleep"), candidate("stress", recording_kind="wrist")]
    with pytest.raises(NoChoiceError) as error:
        choose_bundle([path], bundles)
    said = str(error.value)
    assert said.startswith("No --bundle given, and not exactly one matches")
    assert "sleep (polysomnogram): the recording is of a kind that nothing tells" in said
    assert "stress (wrist)" in said
    assert "--bundle NAME or FOLDER" in said


def test_files_of_two_kinds_have_no_bundle_in_common(night, tmp_path):
    rat = write_edf(tmp_path / "rat.edf", {"EEG": sine(7.0), "EMG": sine(20.0)})
    with pytest.raises(NoChoiceError, match="all 2 recordings"):
        choose_bundle([night, rat], [candidate("sleep")])


def test_a_bad_file_among_good_ones_does_not_decide(night, tmp_path):
    bad = tmp_path / "bad.edf"
    bad.write_bytes(b"nonsense")
    assert choose_bundle([bad, night], [candidate("sleep")]).name == "sleep"
    with pytest.raises(RecordingError, match=r"bad\.edf"):
        choose_bundle([bad], [candidate("sleep")])
    with pytest.raises(RecordingError, match="no such file"):
        choose_bundle([tmp_path / "absent.edf"], [candidate("sleep")])


def test_of_an_edf_file_the_header_alone_is_read(night):
    found = look(night)
    assert found.kinds == ("polysomnogram",)
    assert found.recording.channel_names == list(NIGHT)
    assert [len(channel.data) for channel in found.recording.channels] == [0, 0]
    assert found.recording.channel("EEG").sfreq == 100.0


def test_a_side_file_says_that_an_edf_file_is_of_a_rodent(night):
    night.with_suffix(".json").write_text(json.dumps({}))
    assert look(night).kinds == ("rodent", "mouse", "rat")


def test_a_table_of_features_is_seen_by_its_columns(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("recording_id,label,eeg_level\na,W,1.0\n")
    assert look(path).kinds == ("feature_table",)
    assert "eeg_level" in look(path).columns


def test_a_folder_of_an_e4_is_of_a_wrist_with_its_channels(tmp_path):
    for name, sfreq, row in (
        ("ACC", 32, "0,0,64"),
        ("BVP", 64, "1"),
        ("EDA", 4, "2"),
        ("TEMP", 4, "33"),
    ):
        start = ", ".join(["1500000000.0"] * (row.count(",") + 1))
        rate = ", ".join([f"{sfreq}.0"] * (row.count(",") + 1))
        rows = "\n".join([start, rate, *[row] * (sfreq * 90)])
        (tmp_path / f"{name}.csv").write_text(rows + "\n")
    found = look(tmp_path)
    assert found.kinds == ("wrist",)
    assert set(E4) <= set(found.recording.channel_names)
    bundle = needing("BVP", sfreq=64.0)
    bundle = bundle.model_copy(update={"recording_kind": "wrist", "ingestion": quiet(bundle)})
    assert explain_mismatch(found, bundle) is None


def test_what_no_reader_knows_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("nothing")
    with pytest.raises(RecordingError):
        look(path)


def test_what_is_looked_at_holds_no_samples_but_right_units(night):
    channel = look(night).recording.channel("EEG")
    assert (channel.unit, np.asarray(channel.data).dtype) == ("uV", np.float32)
