import sys

import numpy as np
import pytest

pytest.importorskip("mne", reason="BrainVision and EEGLAB are read by MNE")

from brain_files import SFREQ, sine, write_brainvision, write_eeglab

from epochal.errors import EpochalError, RecordingError
from epochal.readers import mne_files

WRITERS = {".vhdr": write_brainvision, ".set": write_eeglab}
SIGNALS = {"EEG Cz": sine(), "EMG": sine(uv=20, hz=30)}


def read_one(folder, **options):
    chosen = mne_files.Options(**options)
    (source,) = mne_files.find(folder, chosen)
    return mne_files.read(source, chosen)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", list(WRITERS))
def test_channels_come_out_in_microvolts(tmp_path, suffix):
    WRITERS[suffix](tmp_path / f"night{suffix}", SIGNALS)
    recording = read_one(tmp_path)
    assert recording.recording_id == "night"
    assert recording.channel_names == ["EEG Cz", "EMG"]
    assert recording.channel("EEG Cz").unit == "uV"
    assert recording.channel("EEG Cz").sfreq == SFREQ
    np.testing.assert_allclose(recording.channel("EEG Cz").data, SIGNALS["EEG Cz"], atol=1e-3)
    assert recording.runs == ((0.0, 60.0),)
    assert recording.problems == ()


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_only_the_wanted_channels_are_read(tmp_path, suffix):
    WRITERS[suffix](tmp_path / f"night{suffix}", SIGNALS)
    assert read_one(tmp_path, channels=("EMG",)).channel_names == ["EMG"]


def test_a_wanted_channel_that_is_missing_is_named_with_what_there_is(tmp_path):
    write_brainvision(tmp_path / "night.vhdr", SIGNALS)
    with pytest.raises(RecordingError, match="no channel 'EOG'; it has: EEG Cz, EMG"):
        read_one(tmp_path, channels=("EOG",))


def test_a_later_new_segment_splits_the_run(tmp_path):
    write_brainvision(tmp_path / "night.vhdr", SIGNALS, marks=[(2001, "New Segment", "")])
    assert read_one(tmp_path).runs == ((0.0, 20.0), (20.0, 60.0))


def test_an_eeglab_boundary_splits_the_run(tmp_path):
    write_eeglab(tmp_path / "night.set", SIGNALS, events=[(2001, "boundary"), (3001, "x")])
    assert read_one(tmp_path).runs == ((0.0, 20.0), (20.0, 60.0))


def test_stages_among_the_marks_become_annotations(tmp_path):
    marks = [(1, "Comment", "Sleep stage W"), (3001, "Comment", "Sleep stage 2")]
    write_brainvision(tmp_path / "night.vhdr", SIGNALS, marks=marks)
    assert list(read_one(tmp_path).annotations.label) == ["W", "N2"]


def test_amplitudes_that_can_only_be_another_unit_are_converted_and_reported(tmp_path):
    write_brainvision(tmp_path / "night.vhdr", {"EEG Cz": sine(uv=5e-5)})
    recording = read_one(tmp_path)
    np.testing.assert_allclose(recording.channel("EEG Cz").data, sine(), atol=1e-2)
    assert "can only be volts" in recording.problems[0]


def test_no_file_of_these_formats_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"no file here ends in \.vhdr"):
        mne_files.find(tmp_path, mne_files.Options())


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="no such file"):
        mne_files.read_mne(tmp_path / "x.vhdr", recording_id="x", subject_id="x")


@pytest.mark.parametrize("suffix", [".vhdr", ".set", ".fif"])
def test_a_broken_file_is_refused_by_name(tmp_path, suffix):
    (tmp_path / f"night{suffix}").write_text("this is no recording\n" * 20)
    with pytest.raises(RecordingError, match=rf"night\{suffix}: MNE cannot read it"):
        read_one(tmp_path)


def test_a_header_without_its_data_is_refused(tmp_path):
    write_brainvision(tmp_path / "night.vhdr", SIGNALS)
    (tmp_path / "night.eeg").unlink()
    with pytest.raises(RecordingError, match=r"night\.vhdr"):
        read_one(tmp_path)


def test_without_mne_the_extra_to_install_is_named(tmp_path, monkeypatch):
    write_brainvision(tmp_path / "night.vhdr", SIGNALS)
    monkeypatch.setitem(sys.modules, "mne", None)
    with pytest.raises(EpochalError, match=r"pip install 'epochal\[formats\]'"):
        read_one(tmp_path)


def test_infinite_samples_become_missing_and_are_reported(tmp_path):
    broken = sine()
    broken[10:12] = np.inf
    write_brainvision(tmp_path / "night.vhdr", {"EEG Cz": broken})
    recording = read_one(tmp_path)
    assert np.isnan(recording.channel("EEG Cz").data).sum() == 2
    assert recording.problems == ("channel 'EEG Cz': 2 infinite samples are now missing",)


def test_a_stage_that_the_map_does_not_hold_is_refused_by_name(tmp_path):
    marks = [(1, "Comment", "Sleep stage 7")]
    write_brainvision(tmp_path / "night.vhdr", SIGNALS, marks=marks)
    with pytest.raises(RecordingError, match="unknown stage 'Sleep stage 7'"):
        read_one(tmp_path)


def test_other_marks_are_passed_over(tmp_path):
    write_brainvision(tmp_path / "night.vhdr", SIGNALS, marks=[(50, "Stimulus", "S  1")])
    assert read_one(tmp_path).annotations.empty


def test_a_file_of_no_samples_is_refused(tmp_path):
    write_brainvision(tmp_path / "night.vhdr", {"EEG Cz": np.zeros(0)})
    with pytest.raises(RecordingError, match=r"night\.vhdr"):
        read_one(tmp_path)


def test_names_that_repeat_carry_their_folder(tmp_path):
    for day in ("day1", "day2"):
        write_brainvision(tmp_path / day / "night.vhdr", SIGNALS)
    sources = mne_files.find(tmp_path, mne_files.Options())
    assert [source.recording_id for source in sources] == ["day1__night", "day2__night"]


def test_simulated_folders_mark_their_recordings(tmp_path):
    write_brainvision(tmp_path / "night.vhdr", SIGNALS)
    assert read_one(tmp_path).data_source == "real"
    (tmp_path / "SIMULATED.txt").write_text("yes")
    assert read_one(tmp_path).data_source == "simulated"
