import pickle
from pathlib import Path

import numpy as np
import pytest

from epochal.errors import RecordingError
from epochal.readers import Source
from epochal.readers.wesad import LABEL_HZ, Options, find, read
from epochal.readers.wesad_notes import read_quest, read_readme
from epochal.recording import read_recording, write_recording

LENGTH_S = 60
LABELS = np.repeat([0, 1, 2, 4, 3, 7], LENGTH_S * 700 // 6).astype(np.int32)


def content(**changes):
    rng = np.random.default_rng(0)

    def signal(sfreq, n_columns=1):
        return rng.normal(size=(LENGTH_S * sfreq, n_columns))

    chest = {name: signal(700) for name in ("ECG", "EMG", "EDA", "Resp")}
    chest |= {"ACC": signal(700, 3), "Temp": signal(700).astype(np.float32)}
    wrist = {"ACC": signal(32, 3) * 64, "BVP": signal(64), "EDA": signal(4), "TEMP": signal(4)}
    whole = {"subject": "S2", "signal": {"chest": chest, "wrist": wrist}, "label": LABELS}
    return whole | changes


@pytest.fixture
def subject(tmp_path):
    def write(**changes):
        folder = tmp_path / "S2"
        folder.mkdir(exist_ok=True)
        (folder / "S2.pkl").write_bytes(pickle.dumps(content(**changes), 2))
        (source,) = find(tmp_path, Options())
        return source

    return write


def test_the_chest_has_its_channels_in_canonical_units(subject):
    recording = read(subject(), Options())
    assert {c.name: (c.unit, c.sfreq) for c in recording.channels} == {
        "ACC x": ("g", 700.0), "ACC y": ("g", 700.0), "ACC z": ("g", 700.0),
        "ECG": ("uV", 700.0), "EMG": ("uV", 700.0), "EDA": ("uS", 700.0),
        "TEMP": ("degC", 700.0), "RESP": ("%", 700.0),
    }  # fmt: skip
    chest = content()["signal"]["chest"]
    np.testing.assert_allclose(recording.channel("ECG").data, 1000 * chest["ECG"][:, 0], rtol=1e-5)
    np.testing.assert_allclose(recording.channel("ACC y").data, chest["ACC"][:, 1], rtol=1e-5)
    assert recording.duration_s == LENGTH_S


def test_the_wrist_has_native_rates_and_acceleration_in_g(subject):
    recording = read(subject(), Options(device="wrist"))
    assert {c.name: (c.unit, c.sfreq) for c in recording.channels} == {
        "ACC x": ("g", 32.0), "ACC y": ("g", 32.0), "ACC z": ("g", 32.0),
        "BVP": ("a.u.", 64.0), "EDA": ("uS", 4.0), "TEMP": ("degC", 4.0),
    }  # fmt: skip
    counts = content()["signal"]["wrist"]["ACC"][:, 2]
    np.testing.assert_allclose(recording.channel("ACC z").data, counts / 64, rtol=1e-5)


def test_conditions_become_labels_and_the_rest_is_noted(subject):
    recording = read(subject(), Options())
    assert recording.annotations.to_dict("list") == {
        "onset_s": [10.0, 20.0, 30.0, 40.0],
        "duration_s": [10.0] * 4,
        "label": ["baseline", "stress", "meditation", "amusement"],
        "task": ["baseline", "stress", "meditation", "amusement"],
    }
    assert recording.metadata["unlabelled_s"] == {"ignored": 10.0, "transient": 10.0}


def test_classes_are_chosen_by_option(subject):
    chosen = Options(classes={1: "calm", 2: "stress", 3: "calm"})
    annotations = read(subject(), chosen).annotations
    assert annotations["label"].tolist() == ["calm", "stress", "calm"]
    assert annotations["task"].tolist() == ["baseline", "stress", "amusement"]


def test_side_files_give_age_sex_and_order(subject):
    source = subject()
    folder = (find_folder := source.path.rsplit("/", 1)[0])
    readme = "### Personal information ###\nAge: 27\nHeight (cm): 175\nGender: male\n"
    for name, text in {
        "S2_readme.txt": readme,
        "S2_quest.csv": "# Subj;S2;;\n# ORDER;Base;TSST;Medi 1;Fun;;\n# START;7.08;39.55;;\n",
    }.items():
        Path(f"{folder}/{name}").write_text(text)
    (source,) = find(find_folder, Options())
    metadata = read(source, Options()).metadata
    assert (metadata["age"], metadata["sex"]) == (27.0, "M")
    assert metadata["condition_order"] == ["Base", "TSST", "Medi 1", "Fun"]
    assert "175" not in str(metadata)


def test_notes_take_only_what_they_know():
    assert read_readme("Age: unknown\nGender: prefer not to say") == {}
    assert read_readme("gender: female") == {"sex": "F"}
    assert read_quest("# Subj;S2") == {}


def test_subjects_are_found_in_their_order(tmp_path):
    for name in ("S10/S10.pkl", "S2/S2.pkl", "S2/other.pkl", "S3/SX.pkl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [source.recording_id for source in find(tmp_path, Options())] == ["S2", "S10"]


def test_a_folder_without_pickles_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"no S2\.pkl"):
        find(tmp_path, Options())


def test_it_survives_storage(subject, tmp_path):
    recording = read(subject(), Options(device="wrist"))
    write_recording(tmp_path / "r.h5", recording)
    back = read_recording(tmp_path / "r.h5")
    assert back.channel_names == recording.channel_names
    assert back.annotations.equals(recording.annotations)
    assert back.metadata == recording.metadata


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subject": "S3"}, "of subject 'S3'"),
        ({"label": np.full(42000, 9)}, "unknown label 9"),
        ({"label": LABELS[:21000]}, r"ACC x lasts 60\.0 s, its labels 30\.0 s"),
        ({"label": "none"}, r"'label' has shape \(0,\)"),
        ({"signal": {"wrist": {}}}, "no entry 'chest'"),
        ({"signal": [1, 2]}, "no dictionary holds 'chest'"),
        ({"signal": {"chest": {"ACC": np.zeros((42000, 2))}}}, r"'ACC' has shape \(42000, 2\)"),
        ({"signal": {"chest": {"ACC": np.zeros((42000, 3))}}}, "no entry 'ECG'"),
    ],
)
def test_another_layout_is_refused_by_what_is_wrong(subject, changes, reason):
    with pytest.raises(RecordingError, match=reason) as caught:
        read(subject(**changes), Options())
    assert "S2.pkl" in str(caught.value)


def test_a_list_is_not_wesad(tmp_path):
    (tmp_path / "S2.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(RecordingError, match="no dictionary holds 'signal'"):
        read(Source("S2", str(tmp_path / "S2.pkl")), Options())


def test_signals_without_the_spare_axis_are_read_too(subject):
    flat = content()["signal"]
    flat["wrist"]["BVP"] = flat["wrist"]["BVP"][:, 0]
    recording = read(subject(signal=flat), Options(device="wrist"))
    assert len(recording.channel("BVP").data) == LENGTH_S * 64


def test_labels_are_those_of_the_samples(subject):
    recording = read(subject(), Options())
    for onset_s, label in recording.annotations[["onset_s", "label"]].itertuples(index=False):
        code = {"baseline": 1, "stress": 2, "amusement": 3, "meditation": 4}[label]
        assert LABELS[round(onset_s * LABEL_HZ)] == code
        assert LABELS[round(onset_s * LABEL_HZ) - 1] != code
