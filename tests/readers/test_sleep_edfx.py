import os
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edf_files import build, noise, save, signal
from epochal.errors import RecordingError
from epochal.readers.sleep_edfx import Options, find, read

STAGES = (
    "+0\x1530\x14Sleep stage W\x14\0+30\x1530\x14Sleep stage 1\x14\0"
    "+60\x1530\x14Sleep stage 2\x14\0+90\x1530\x14Sleep stage 3\x14\0"
    "+120\x1530\x14Sleep stage 4\x14\0+150\x1530\x14Movement time\x14\0"
    "+180\x1530\x14Sleep stage R\x14\0+210\x15600\x14Sleep stage ?\x14\0"
)
N_RECORDS = 8  # of 30 s, as in the data set


def cassette(**fields):
    """Write the layout of the cassette nights: 100 Hz, and an EMG envelope at 1 Hz."""
    seconds = 30 * N_RECORDS
    fast = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
    slow = {"Resp oro-nasal": "", "EMG submental": "uV", "Temp rectal": "DegC", "Event marker": ""}
    signals = [signal(name, noise(100, seconds, seed=i)) for i, name in enumerate(fast)]
    signals += [signal(name, noise(1, seconds), dimension=unit) for name, unit in slow.items()]
    header = {"patient": "X F X Female_33yr", "recording": "Startdate 24-APR-1989 X X X"}
    return build(signals, n_records=N_RECORDS, duration="30", **(header | fields))


def hypnogram(**fields):
    return build([], n_records=1, texts={0: STAGES}, duration="0", reserved="EDF+C", **fields)


@pytest.fixture
def folder(tmp_path):
    for part, nights in {"sleep-cassette": ("SC4001E0", "SC4002E0", "SC4012E0"),
                         "sleep-telemetry": ("ST7011J0",)}.items():  # fmt: skip
        (tmp_path / part).mkdir()
        for night in nights:
            save(tmp_path / part / f"{night}-PSG.edf", cassette())
    save(tmp_path / "sleep-cassette/SC4001EC-Hypnogram.edf", hypnogram())
    save(tmp_path / "sleep-cassette/SC4002EC-Hypnogram.edf", hypnogram())
    save(tmp_path / "sleep-telemetry/ST7011JP-Hypnogram.edf", hypnogram())
    (tmp_path / "RECORDS").write_text("sleep-cassette/SC4001E0-PSG.edf\n")
    return tmp_path


def names(sources):
    return [source.recording_id for source in sources]


def test_nights_are_listed_in_order_of_both_subsets(folder):
    assert names(find(folder, Options())) == ["SC4001E0", "SC4002E0", "SC4012E0", "ST7011J0"]


def test_a_subset_can_be_chosen(folder):
    assert names(find(folder, Options(subset="telemetry"))) == ["ST7011J0"]
    assert names(find(folder, Options(subset="cassette"))) == ["SC4001E0", "SC4002E0", "SC4012E0"]


def test_subjects_can_be_chosen(folder):
    assert names(find(folder, Options(subjects=("SC400", "ST701")))) == [
        "SC4001E0", "SC4002E0", "ST7011J0",
    ]  # fmt: skip


def test_a_subject_that_is_missing_is_named(folder):
    with pytest.raises(RecordingError, match="of SC499"):
        find(folder, Options(subjects=("SC400", "SC499")))


def test_files_pair_on_the_first_six_characters(folder):
    paired = [
        Path(source.companions[0]).name if source.companions else None
        for source in find(folder, Options())
    ]
    assert paired == [
        "SC4001EC-Hypnogram.edf", "SC4002EC-Hypnogram.edf", None, "ST7011JP-Hypnogram.edf",
    ]  # fmt: skip


def test_a_missing_hypnogram_is_refused_when_it_is_required(folder):
    with pytest.raises(RecordingError, match=r"SC4012E0-PSG\.edf: no hypnogram SC4012\?\?-Hypno"):
        find(folder, Options(require_hypnogram=True))


def test_a_night_without_a_hypnogram_has_no_annotations(folder):
    recording = read(find(folder, Options())[2], Options())
    assert len(recording.annotations) == 0
    assert recording.problems == ()


def test_two_hypnograms_of_one_night_are_refused(folder):
    save(folder / "sleep-cassette/SC4001EH-Hypnogram.edf", hypnogram())
    with pytest.raises(RecordingError, match="a second file of the same night"):
        find(folder, Options())


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"no SC4ssN\?\?-PSG\.edf or ST7ssN\?\?-PSG\.edf"):
        find(tmp_path, Options())


def test_a_night_is_read_with_native_rates_and_units(folder):
    recording = read(find(folder, Options())[0], Options())
    assert (recording.recording_id, recording.subject_id) == ("SC4001E0", "SC400")
    assert recording.start == datetime(1989, 4, 24, 16, 13)
    forms = {channel.name: (channel.sfreq, channel.unit) for channel in recording.channels}
    assert forms == {
        "EEG Fpz-Cz": (100.0, "uV"),
        "EEG Pz-Oz": (100.0, "uV"),
        "EOG horizontal": (100.0, "uV"),
        "Resp oro-nasal": (1.0, ""),
        "EMG submental": (1.0, "uV"),
        "Temp rectal": (1.0, "degC"),
        "Event marker": (1.0, ""),
    }


def test_stages_3_and_4_merge_and_movement_and_unknown_are_unscored(folder):
    recording = read(find(folder, Options())[0], Options())
    expected = pd.DataFrame(
        {
            "onset_s": [0.0, 30.0, 60.0, 90.0, 120.0, 180.0],
            "duration_s": [30.0] * 6,
            "label": ["W", "N1", "N2", "N3", "N3", "REM"],
        }
    )
    pd.testing.assert_frame_equal(recording.annotations, expected, check_dtype=False)
    assert recording.metadata["unscored_s"] == 630.0
    assert recording.problems == ()


def test_age_sex_and_night_come_from_header_and_name(folder):
    metadata = read(find(folder, Options())[1], Options()).metadata
    assert metadata == {
        "age": 33.0, "sex": "F", "night": 2, "subset": "cassette", "unscored_s": 630.0,
    }  # fmt: skip


def test_an_unknown_stage_is_refused_by_name(folder):
    raw = hypnogram().replace(b"Sleep stage 4", b"Sleep stage 7")
    save(folder / "sleep-cassette/SC4001EC-Hypnogram.edf", raw)
    with pytest.raises(RecordingError, match=r"SC4001EC-Hypnogram\.edf: unknown stage 'Sleep st"):
        read(find(folder, Options())[0], Options())


def test_a_hypnogram_that_starts_early_is_shifted_and_reported(folder):
    save(folder / "sleep-cassette/SC4001EC-Hypnogram.edf", hypnogram(starttime="16.12.30"))
    recording = read(find(folder, Options())[0], Options())
    assert recording.annotations["label"].tolist() == ["N1", "N2", "N3", "N3", "REM"]
    assert recording.annotations["onset_s"].tolist() == [0.0, 30.0, 60.0, 90.0, 150.0]
    assert recording.problems == (
        "the hypnogram's clock starts 30 s before the signal's; it was shifted",
        "stages 30 s before the signal begins were cut off",
    )


def lights_table(folder, rows):
    table = folder / "recordings.csv"
    table.write_text("filename,LightsOff,age\n" + "\n".join(rows))
    return Options(lights_off_table=table)


@pytest.mark.parametrize(
    ("written", "seconds"), [("00:38:00", 30300.0), ("16:13:30", 30.0), ("16:12:30", -30.0)]
)
def test_lights_off_comes_from_the_table_across_midnight(folder, written, seconds):
    options = lights_table(folder, [f"SC4001E0-PSG,{written},33"])
    recording = read(find(folder, options)[0], options)
    assert recording.metadata["lights_off_s"] == seconds


def test_a_night_that_the_table_does_not_have_has_no_lights_off(folder):
    options = lights_table(folder, ["SC4002E0-PSG,23:00:00,33", "SC4001E0-PSG,,33"])
    assert "lights_off_s" not in read(find(folder, options)[0], options).metadata


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "lacks 'filename' or 'LightsOff'"),
        ("filename,LightsOff\nSC4001E0-PSG,soon\n", "'LightsOff' holds 'soon'"),
        ("", "not a readable table"),
    ],
)
def test_a_table_without_the_times_is_refused(folder, text, reason):
    table = folder / "lights.csv"
    table.write_text(text)
    options = Options(lights_off_table=table)
    with pytest.raises(RecordingError, match=rf"lights\.csv: .*{reason}"):
        read(find(folder, options)[0], options)


def test_the_table_goes_with_each_night_whether_it_has_a_hypnogram_or_not(folder):
    options = lights_table(folder, ["SC4012E0-PSG,23:00:00,33"])
    *_, unscored, _ = find(folder, options)
    assert unscored.companions == (str(options.lights_off_table),)
    recording = read(unscored, options)
    assert "lights_off_s" in recording.metadata
    assert recording.annotations.empty


def test_only_some_channels_can_be_read(folder):
    options = Options(channels=("EEG Pz-Oz",))
    recording = read(find(folder, options)[0], options)
    assert recording.channel_names == ["EEG Pz-Oz"]
    assert np.isfinite(recording.channels[0].data).all()


def test_a_folder_marked_simulated_marks_its_recordings(folder):
    save(folder / "SIMULATED.txt", b"made")
    assert read(find(folder, Options())[0], Options()).data_source == "simulated"


def test_real_hypnograms_pair_and_fit(tmp_path):
    data = Path(os.environ.get("EPOCHAL_DATA", ""))
    real = data / "sleep_edf_hypnograms/SC4001EC-Hypnogram.edf"
    if not real.is_file():
        pytest.skip("EPOCHAL_DATA names no folder with sleep_edf_hypnograms")
    shutil.copy(real, tmp_path / real.name)
    minutes = 22 * 60 + 5  # as the real night
    eeg = signal("EEG Fpz-Cz", noise(1, 60 * minutes), dimension="uV")
    raw = build([eeg], n_records=minutes, duration="60", patient="X F X Female_33yr")
    save(tmp_path / "SC4001E0-PSG.edf", raw)
    options = Options(lights_off_table=data / "sleep_edf_features/recordings.csv")
    recording = read(find(tmp_path, options)[0], options)
    assert recording.problems == ()
    assert recording.metadata["lights_off_s"] == 30300.0
    epochs = recording.annotations.groupby("label")["duration_s"].sum() / 30
    # The counts of this night in MNE-Python's tutorial on Sleep-EDFx.
    assert epochs.drop("W").to_dict() == {"N1": 58, "N2": 250, "N3": 220, "REM": 125}
