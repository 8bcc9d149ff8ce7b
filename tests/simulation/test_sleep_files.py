from datetime import datetime

import edfio
import numpy as np
import pytest

from epochal.simulation.sleep_files import DAY_S, LAYOUT, write_hypnogram, write_psg
from epochal.simulation.sleep_person import draw_person

START = datetime(1989, 4, 24, 16, 13)
PERSON = draw_person(0, age_range=(33, 33), sex="F", rng=np.random.default_rng(0))


def write_and_read_hypnogram(folder, scored):
    write_hypnogram(folder / "h.edf", np.array(list(scored)), person=PERSON, start=START)
    return edfio.read_edf(folder / "h.edf")


def write_and_read_psg(folder, channels):
    write_psg(folder / "p.edf", channels, person=PERSON, start=START)
    return edfio.read_edf(folder / "p.edf")


def test_bouts_become_annotations_in_the_original_words(tmp_path):
    notes = write_and_read_hypnogram(tmp_path, "WW1234RM?").annotations
    words = [(note.onset, note.duration, note.text) for note in notes]
    assert words[:3] == [
        (0, 60, "Sleep stage W"),
        (60, 30, "Sleep stage 1"),
        (90, 30, "Sleep stage 2"),
    ]
    assert [text for *_, text in words[5:8]] == ["Sleep stage R", "Movement time", "Sleep stage ?"]


def test_the_rest_of_the_day_is_unscored_as_in_the_original_files(tmp_path):
    last = write_and_read_hypnogram(tmp_path, "W2").annotations[-1]
    assert (last.onset, last.text) == (60, "Sleep stage ?")
    assert last.onset + last.duration == DAY_S


@pytest.mark.parametrize("write", ["psg", "hypnogram"])
def test_the_header_says_who_when_and_that_it_is_simulated(tmp_path, write):
    if write == "psg":
        edf = write_and_read_psg(tmp_path, [("EEG Fpz-Cz", 100, np.zeros(3000))])
    else:
        edf = write_and_read_hypnogram(tmp_path, "W2")
    assert edf.local_patient_identification == "X F X Female_33yr"
    assert edf.local_recording_identification == "Startdate 24-APR-1989 X X simulated"
    assert edf.startdatetime == START


def test_the_hypnogram_is_edf_plus(tmp_path):
    write_and_read_hypnogram(tmp_path, "W2")
    assert (tmp_path / "h.edf").read_bytes()[192:197] == b"EDF+C"


def test_the_psg_is_plain_edf_with_records_of_30_s(tmp_path):
    edf = write_and_read_psg(tmp_path, [("EEG Fpz-Cz", 100, np.zeros(6000))])
    assert (tmp_path / "p.edf").read_bytes()[192:197].strip() == b""
    assert edf.data_record_duration == 30
    assert edf.num_data_records == 2


def test_a_signal_comes_back_within_a_step_of_its_resolution(tmp_path):
    data = 150 * np.sin(np.arange(3000) / 7)
    edf = write_and_read_psg(tmp_path, [("EEG Fpz-Cz", 100, data)])
    assert edf.signals[0].data == pytest.approx(data, abs=384 / 4095)


def test_what_exceeds_the_recorder_range_is_clipped_as_the_recorder_does(tmp_path):
    data = np.linspace(-400, 400, 3000)
    recorded = write_and_read_psg(tmp_path, [("EEG Fpz-Cz", 100, data)]).signals[0].data
    assert recorded.min() == pytest.approx(-192)
    assert recorded.max() == pytest.approx(192)


@pytest.mark.parametrize("label", LAYOUT)
def test_every_channel_has_its_original_header(tmp_path, label):
    sfreq = 100 if label.startswith("E") and label not in ("EMG submental", "Event marker") else 1
    data = np.full(30 * sfreq, sum(LAYOUT[label][1]) / 2)
    signal = write_and_read_psg(tmp_path, [(label, sfreq, data)]).signals[0]
    unit, physical, digital, transducer, prefiltering = LAYOUT[label]
    assert signal.label == label
    assert signal.sampling_frequency == sfreq
    assert signal.physical_dimension == unit
    assert tuple(signal.physical_range) == physical
    assert tuple(signal.digital_range) == digital
    assert (signal.transducer_type, signal.prefiltering) == (transducer, prefiltering)


def test_a_telemetry_emg_has_room_for_an_unrectified_signal(tmp_path):
    data = 100 * np.sin(np.arange(3000))
    signal = write_and_read_psg(tmp_path, [("EMG submental", 100, data)]).signals[0]
    assert signal.data.max() == pytest.approx(100, abs=1)


def test_nothing_temporary_is_left_behind(tmp_path):
    write_and_read_hypnogram(tmp_path, "W2")
    assert [path.name for path in tmp_path.iterdir()] == ["h.edf"]
