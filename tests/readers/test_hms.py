import numpy as np
import pandas as pd
import pytest
from hms_files import eeg, row, save, spectrogram

from epochal.errors import EpochalError, RecordingError
from epochal.provenance import mark_as_simulated
from epochal.readers.hms import CHANNELS, Options, find, read
from epochal.readers.hms_spectrogram import FREQUENCIES_HZ, column_names
from epochal.recording import read_recording, write_recording

VOTES = ["vote_Seizure", "vote_LPD", "vote_GPD", "vote_LRDA", "vote_GRDA", "vote_Other"]


def read_first(folder, **options):
    chosen = Options(**options)
    return read(find(folder, chosen)[0], chosen)


def refuse(folder, match, **options):
    with pytest.raises(RecordingError, match=match):
        read_first(folder, **options)


@pytest.mark.slow
def test_an_eeg_is_read_as_twenty_channels_in_microvolts(tmp_path):
    recording = read_first(save(tmp_path, [row()]))
    assert recording.recording_id == "7"
    assert recording.subject_id == "42"
    assert recording.channel_names == list(CHANNELS)
    assert {(c.unit, c.sfreq, c.data.dtype.str) for c in recording.channels} == {
        ("uV", 200.0, "<f4")
    }
    np.testing.assert_array_equal(recording.channel("C3").data[:3], [2000, 2001, 2002])
    assert recording.duration_s == 50.0
    assert recording.problems == ()
    assert recording.data_source == "real"


@pytest.mark.slow
def test_each_labelled_window_is_a_row_with_its_votes(tmp_path):
    rows = [
        row(eeg_label_offset_seconds=6.0, label_id=701, expert_consensus="Other", other_vote=9),
        row(),
    ]
    recording = read_first(save(tmp_path, rows, eegs={7: eeg(12_000)}))
    table = recording.table
    assert list(table.columns) == ["onset_s", "length_s", "label", "label_id", *VOTES]
    assert table["onset_s"].tolist() == [0.0, 6.0]
    assert table["length_s"].tolist() == [50.0, 50.0]
    assert table["label"].tolist() == ["LPD", "Other"]
    assert table["label_id"].tolist() == ["700", "701"]
    assert table[VOTES].to_numpy().tolist() == [[1, 5, 0, 2, 0, 4], [1, 5, 0, 2, 0, 9]]


@pytest.mark.slow
def test_no_number_of_the_table_could_pass_for_a_feature(tmp_path):
    numbers = set(read_first(save(tmp_path, [row()])).table.select_dtypes("number"))
    assert numbers == {"onset_s", "length_s", *VOTES}


@pytest.mark.slow
def test_the_spectrogram_window_starts_at_half_its_offset(tmp_path):
    rows = [row(), row(eeg_label_offset_seconds=4.0, spectrogram_label_offset_seconds=24.0)]
    files = {"eegs": {7: eeg(10_800)}, "spectrograms": {70: spectrogram(320)}}
    recording = read_first(save(tmp_path, rows, **files))
    power = recording.arrays["spectrogram"]
    assert power.shape == (2, 4, 100, 300)
    assert power.dtype == np.float32
    assert power[0, 2, 5, 0] == 2005
    assert power[1, 2, 5, 0] == 12 * 10_000 + 2005
    assert power[1, 3, 99, 299] == 311 * 10_000 + 3099
    assert recording.metadata["spectrogram_offsets_s"] == [0.0, 24.0]


@pytest.mark.slow
def test_an_odd_offset_means_the_frame_before(tmp_path):
    rows = [row(spectrogram_label_offset_seconds=25.0)]
    power = read_first(save(tmp_path, rows, spectrograms={70: spectrogram(320)})).arrays
    assert power["spectrogram"][0, 0, 0, 0] == 12 * 10_000


def test_the_columns_are_named_as_in_the_data_set():
    names = column_names("LL")
    assert names[:3] == ["LL_0.59", "LL_0.78", "LL_0.98"]
    assert {"LL_4.1", "LL_10.16", "LL_19.92"} <= set(names)
    assert len(set(names)) == 100
    np.testing.assert_allclose(np.diff(FREQUENCIES_HZ), 200 / 1024)


@pytest.mark.slow
def test_nan_in_eeg_and_spectrogram_stays_nan(tmp_path):
    samples, power = eeg(), spectrogram()
    samples.loc[100:199, "O1"] = np.nan
    power.loc[7, power.columns != "time"] = np.nan
    recording = read_first(save(tmp_path, [row()], eegs={7: samples}, spectrograms={70: power}))
    assert np.flatnonzero(np.isnan(recording.channel("O1").data)).tolist() == list(range(100, 200))
    missing = np.isnan(recording.arrays["spectrogram"][0])
    assert missing.all(axis=(0, 1)).nonzero()[0].tolist() == [7]
    assert missing.sum() == 400


@pytest.mark.slow
def test_missing_frames_are_nan_and_reported(tmp_path):
    power = spectrogram().drop(index=[10, 11])
    recording = read_first(save(tmp_path, [row()], spectrograms={70: power}))
    assert recording.problems == (
        "The spectrogram of the window at 0 s lacks 2 of 300 frames; they are NaN.",
    )
    window = recording.arrays["spectrogram"][0, 0, 0]
    assert np.flatnonzero(np.isnan(window)).tolist() == [10, 11]
    assert window[12] == 120_000


@pytest.mark.slow
def test_times_of_a_test_file_are_int16_and_mean_the_same(tmp_path):
    power = spectrogram().astype({"time": np.int16})
    recording = read_first(save(tmp_path, [row()], spectrograms={70: power}))
    assert recording.arrays["spectrogram"][0, 0, 0, 5] == 50_000


@pytest.mark.slow
def test_one_eeg_may_span_two_spectrogram_files(tmp_path):
    rows = [row(), row(eeg_label_offset_seconds=2.0, spectrogram_id=71)]
    other = spectrogram() * 1.0
    other.loc[:, other.columns != "time"] += 0.5
    recording = read_first(save(tmp_path, rows, eegs={7: eeg(10_400)}, spectrograms={71: other}))
    assert recording.arrays["spectrogram"][:, 0, 0, 0].tolist() == [0.0, 0.5]
    assert recording.metadata["spectrogram_ids"] == ["70", "71"]


@pytest.mark.slow
def test_the_spectrogram_can_be_left_out(tmp_path):
    assert read_first(save(tmp_path, [row()]), spectrogram=False).arrays == {}


@pytest.mark.slow
def test_test_csv_gives_one_unlabelled_window(tmp_path):
    rows = [{"spectrogram_id": 70, "eeg_id": 7, "patient_id": 42}]
    recording = read_first(save(tmp_path, rows, part="test"), part="test")
    assert recording.table[["onset_s", "length_s"]].to_numpy().tolist() == [[0.0, 50.0]]
    assert recording.table["label"].isna().all()
    assert not set(VOTES) & set(recording.table)
    assert recording.arrays["spectrogram"].shape == (1, 4, 100, 300)


@pytest.mark.slow
def test_windows_per_eeg_keeps_the_ends_and_says_how_many_it_left_out(tmp_path):
    rows = [row(eeg_label_offset_seconds=2.0 * k) for k in range(9)]
    folder = save(tmp_path, rows, eegs={7: eeg(14_000)})
    recording = read_first(folder, windows_per_eeg=3)
    assert recording.table["onset_s"].tolist() == [0.0, 8.0, 16.0]
    assert recording.metadata["windows_left_out"] == 6
    assert read_first(folder).metadata["windows_left_out"] == 0


@pytest.mark.slow
def test_a_consensus_against_the_votes_is_kept_and_reported(tmp_path):
    recording = read_first(save(tmp_path, [row(expert_consensus="GPD"), row()]))
    assert recording.problems == ("In 1 rows another class has more votes than the consensus.",)
    assert recording.table["label"].tolist() == ["GPD", "LPD"]


@pytest.mark.slow
def test_eegs_are_found_in_order_with_their_files_and_table(tmp_path):
    rows = [row(eeg_id=9, patient_id=1), row(), row(eeg_label_offset_seconds=0.0)]
    sources = find(save(tmp_path, rows), Options())
    assert [source.recording_id for source in sources] == ["7", "9"]
    assert sources[0].path.endswith("train_eegs/7.parquet")
    assert [name.rsplit("/", 1)[1] for name in sources[0].companions] == ["70.parquet", "train.csv"]


@pytest.mark.slow
def test_the_folder_may_be_nested_in_another(tmp_path):
    save(tmp_path / "hms", [row()])
    assert len(find(tmp_path, Options())) == 1
    save(tmp_path / "copy", [row()])
    with pytest.raises(RecordingError, match=r"train.csv is here 2 times"):
        find(tmp_path, Options())


@pytest.mark.slow
def test_a_mark_makes_the_recording_simulated(tmp_path):
    save(tmp_path, [row()])
    mark_as_simulated(tmp_path, "a test")
    assert read_first(tmp_path).data_source == "simulated"


@pytest.mark.slow
def test_a_labelled_recording_survives_storage(tmp_path):
    recording = read_first(save(tmp_path, [row()]))
    write_recording(tmp_path / "one.h5", recording)
    again = read_recording(tmp_path / "one.h5")
    pd.testing.assert_frame_equal(
        again.table.astype({"label": object, "label_id": object}),
        recording.table.astype({"label": object, "label_id": object}),
    )
    np.testing.assert_array_equal(again.arrays["spectrogram"], recording.arrays["spectrogram"])


@pytest.mark.slow
def test_a_recording_without_labels_survives_storage(tmp_path):
    rows = [{"spectrogram_id": 70, "eeg_id": 7, "patient_id": 42}]
    recording = read_first(save(tmp_path, rows, part="test"), part="test")
    write_recording(tmp_path / "one.h5", recording)
    assert read_recording(tmp_path / "one.h5").table["label"].isna().all()


@pytest.mark.slow
def test_a_changed_table_is_read_again(tmp_path):
    save(tmp_path, [row()])
    assert read_first(tmp_path).table["label"].tolist() == ["LPD"]
    pd.DataFrame([row(expert_consensus="Seizure")]).to_csv(tmp_path / "train.csv", index=False)
    assert read_first(tmp_path).table["label"].tolist() == ["Seizure"]


# What is refused


def test_an_absent_table_is_named(tmp_path):
    refuse(tmp_path, r"no train\.csv here")
    refuse(tmp_path, r"no test\.csv here", part="test")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["eegs", "spectrograms"])
def test_an_absent_file_is_named_unless_it_may_be_missing(tmp_path, kind):
    name = {"eegs": 9, "spectrograms": 90}[kind]
    rows = [row(), row(eeg_id=9, spectrogram_id=90)]
    folder = save(tmp_path, rows, **{kind: {name: None}})
    refuse(folder, rf"{name}\.parquet: train\.csv names it but there is no such file")
    sources = find(folder, Options(allow_missing=True))
    assert [source.recording_id for source in sources] == ["7"]


def test_a_folder_without_any_file_is_refused(tmp_path):
    folder = save(tmp_path, [row()], eegs={7: None})
    refuse(folder, "none of the 1 EEGs of train.csv is here", allow_missing=True)


@pytest.mark.slow
@pytest.mark.parametrize("column", ["eeg_id", "patient_id", "spectrogram_id", "grda_vote",
                                    "eeg_label_offset_seconds", "expert_consensus"])  # fmt: skip
def test_a_missing_column_of_the_table_is_named(tmp_path, column):
    frame = pd.DataFrame([row()]).drop(columns=column)
    save(tmp_path, [row()])
    frame.to_csv(tmp_path / "train.csv", index=False)
    refuse(tmp_path, rf"train\.csv: no column '{column}'")


def test_a_misspelt_column_is_suggested(tmp_path):
    save(tmp_path, [row()])
    frame = pd.DataFrame([row()]).rename(columns={"grda_vote": "grda_votes"})
    frame.to_csv(tmp_path / "train.csv", index=False)
    refuse(tmp_path, r"no column 'grda_vote'; did you mean 'grda_votes'\?")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"expert_consensus": "BIRD"}, "line 3: expert_consensus 'BIRD' is none of Seizure, LPD"),
        ({"expert_consensus": None}, "line 3: expert_consensus 'nan' is none of"),
        ({"lpd_vote": -1}, "line 3: lpd_vote '-1' is not a count"),
        ({"lpd_vote": 1.5}, "line 3: lpd_vote '1.5' is not a count"),
        ({"lpd_vote": "many"}, "line 3: lpd_vote 'many' is not a count"),
        ({"eeg_label_offset_seconds": -2.0}, "line 3: eeg_label_offset_seconds '-2.0' is not"),
        ({"eeg_label_offset_seconds": "inf"}, "line 3: eeg_label_offset_seconds 'inf' is not"),
        ({"spectrogram_label_offset_seconds": "x"}, "line 3: spectrogram_label_offset_seconds 'x'"),
        ({"eeg_id": 7.5}, "column 'eeg_id' must hold whole numbers"),
        ({"patient_id": "Jane"}, "column 'patient_id' must hold whole numbers"),
        ({"patient_id": 43}, "eeg_id 7 belongs to several patients: 42, 43"),
    ],
)
def test_a_bad_value_is_named_with_its_line(tmp_path, changes, match):
    refuse(save(tmp_path, [row(), row(**changes)]), match)


@pytest.mark.slow
def test_a_row_without_votes_is_refused(tmp_path):
    nobody = {name: 0 for name in row() if name.endswith("_vote")}
    refuse(save(tmp_path, [row(), row(**nobody)]), "line 3: .* nobody voted")


@pytest.mark.slow
def test_a_window_beyond_the_eeg_is_refused(tmp_path):
    folder = save(tmp_path, [row(eeg_label_offset_seconds=6.0)])
    refuse(folder, r"7\.parquet: the window at 6 s needs 11200 rows; the file has 10000")


@pytest.mark.slow
def test_a_window_without_any_frame_is_refused(tmp_path):
    folder = save(tmp_path, [row(spectrogram_label_offset_seconds=800.0)])
    refuse(folder, r"70\.parquet: no frame in the window at 800 s: the file holds 300 .* 599 s")


@pytest.mark.slow
def test_a_missing_channel_is_named(tmp_path):
    folder = save(tmp_path, [row()], eegs={7: eeg().drop(columns="T5")})
    refuse(folder, r"7\.parquet: no column 'T5'")


@pytest.mark.slow
def test_a_channel_of_text_is_refused(tmp_path):
    folder = save(tmp_path, [row()], eegs={7: eeg().assign(Cz="flat")})
    refuse(folder, "column 'Cz' holds something else than numbers")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda frame: frame.drop(columns="time"), "no column 'time'"),
        (lambda frame: frame.drop(columns=["RP_4.1", "RP_4.3"]), r"'RP_4\.1' \(2 of RP's 100"),
        (lambda frame: frame.assign(time=frame["time"] * 2), "not ascending in steps of 2 s"),
        (lambda frame: frame[::-1], "not ascending in steps of 2 s"),
        (lambda frame: frame[:0], "it has no rows"),
        (lambda frame: frame.assign(**{"LL_0.59": "loud"}), "something else than numbers"),
    ],
)
def test_a_broken_spectrogram_is_named(tmp_path, change, match):
    folder = save(tmp_path, [row()], spectrograms={70: change(spectrogram())})
    refuse(folder, rf"70\.parquet: .*{match}")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all", b"PAR1" + bytes(64)])
def test_a_file_that_is_not_parquet_is_named(tmp_path, content):
    save(tmp_path, [row()])
    (tmp_path / "train_eegs/7.parquet").write_bytes(content)
    refuse(tmp_path, r"7\.parquet: not a readable parquet file")


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_truncated_parquet_is_named(tmp_path, share):
    save(tmp_path, [row()])
    path = tmp_path / "train_eegs/7.parquet"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refuse(tmp_path, r"7\.parquet: not a readable parquet file")


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"a,b\n1,2\n"])
def test_a_broken_table_is_named(tmp_path, content):
    (tmp_path / "train.csv").write_bytes(content)
    refuse(tmp_path, r"train\.csv: (not a readable CSV file|no column 'eeg_id')")


@pytest.mark.slow
def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    save(tmp_path, [row()])

    def import_fails(path):
        raise ImportError("Unable to find a usable engine; tried using: 'pyarrow', 'fastparquet'.")

    monkeypatch.setattr(pd, "read_parquet", import_fails)
    with pytest.raises(EpochalError, match=r"pip install 'epochal\[train\]'"):
        read_first(tmp_path)


def test_an_unknown_option_is_refused():
    with pytest.raises(ValueError, match="spectrograms"):
        Options(spectrograms=False)
