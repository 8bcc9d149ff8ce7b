"""One contract for readers of several files: whatever `read` opens, a change of it is noticed."""

import builtins
import io
import os
from functools import partial
from pathlib import Path

import pytest
from brain_files import sine, write_brainvision, write_eeglab
from made_e4 import write_folder as write_e4
from made_e4 import write_table
from rodent_folders import voltage, write_epoch_csv, write_json, write_mat

from builders import make_ingestion, write_edf
from edf_files import build, noise, save, signal
from epochal.ingestion import find_sources
from epochal.readers import Source, reader

SIGNALS = {"EEG Cz": sine()}
WRITERS = {".vhdr": write_brainvision, ".set": partial(write_eeglab, apart=True)}
PARTS = {".vhdr": (".vhdr", ".eeg", ".vmrk"), ".set": (".set", ".fdt")}
STAGE = "+0\x1560\x14Sleep stage W\x14\0"


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """The files of the test that were opened, in any way of Python's."""
    found = set()

    def note(file, *args, _open=io.open, **options):
        if isinstance(file, (str, Path)) and Path(file).is_relative_to(tmp_path):
            found.add(Path(file))
        return _open(file, *args, **options)

    monkeypatch.setattr(builtins, "open", note)
    monkeypatch.setattr(io, "open", note)
    return found


def assert_changes_are_noticed(ingestion, opened):
    """Read the one recording, and return what it opened once each of that was seen to count."""
    row = find_sources(ingestion).iloc[0]
    opened.clear()
    source = Source(row.recording_id, row.path, tuple(row.companions))
    reader(ingestion.reader).read(source, ingestion.reader_settings())
    read = set(opened)
    for path in read:
        before = find_sources(ingestion)["state"][0]
        os.utime(path, ns=(1, 1))
        assert find_sources(ingestion)["state"][0] != before, path.name
    return {path.name for path in read}


def parts(stem, suffix):
    return {f"{stem}{part}" for part in PARTS[suffix]}


@pytest.fixture(params=list(WRITERS))
def suffix(request):
    pytest.importorskip("mne", reason="BrainVision and EEGLAB are read by MNE")
    return request.param


def test_headers_data_and_markers_that_mne_reads(tmp_path, opened, suffix):
    WRITERS[suffix](tmp_path / f"night{suffix}", SIGNALS)
    ingestion = make_ingestion(path=str(tmp_path), reader="mne")
    assert assert_changes_are_noticed(ingestion, opened) == parts("night", suffix)


def test_a_bids_recording_and_its_tables(tmp_path, opened, suffix):
    stem = tmp_path / "sub-01/eeg/sub-01_task-x"
    WRITERS[suffix](stem.with_name(f"{stem.name}_eeg{suffix}"), SIGNALS)
    stem.with_name(f"{stem.name}_channels.tsv").write_text("name\ttype\nEEG Cz\tEEG\n")
    ingestion = make_ingestion(path=str(tmp_path), reader="bids")
    assert assert_changes_are_noticed(ingestion, opened) == {
        *parts(f"{stem.name}_eeg", suffix), f"{stem.name}_channels.tsv",
    }  # fmt: skip


def test_a_recording_of_a_table_and_its_labels(tmp_path, opened, suffix):
    WRITERS[suffix](tmp_path / f"night{suffix}", SIGNALS)
    write_epoch_csv(tmp_path / "night.txt", ["W"] * 6)
    text = f"recording,path,labels\nr1,night{suffix},night.txt\n"
    (tmp_path / "recordings.csv").write_text(text)
    options = {"epoch_s": 10}
    ingestion = make_ingestion(path=str(tmp_path), reader="file_table", reader_options=options)
    assert assert_changes_are_noticed(ingestion, opened) == {
        *parts("night", suffix), "recordings.csv", "night.txt",
    }  # fmt: skip


def test_a_night_its_hypnogram_and_the_table_of_lights_off(tmp_path, opened):
    eeg = signal("EEG Fpz-Cz", noise(1, 60), dimension="uV")
    (tmp_path / "raw").mkdir()
    save(tmp_path / "raw/SC4001E0-PSG.edf", build([eeg], n_records=1, duration="60"))
    scored = build([], n_records=1, texts={0: STAGE}, duration="0", reserved="EDF+C")
    save(tmp_path / "raw/SC4001EC-Hypnogram.edf", scored)
    table = tmp_path / "lights.csv"
    table.write_text("filename,LightsOff\nSC4001E0-PSG,23:00:00\n")
    options = {"lights_off_table": str(table)}
    ingestion = make_ingestion(
        path=str(tmp_path / "raw"), reader="sleep_edfx", reader_options=options
    )
    assert assert_changes_are_noticed(ingestion, opened) == {
        "SC4001E0-PSG.edf", "SC4001EC-Hypnogram.edf", "lights.csv",
    }  # fmt: skip


def test_an_edf_and_its_hypnogram(tmp_path, opened):
    write_edf(tmp_path / "night.edf", {"EEG": sine()})
    (tmp_path / "night_stages.txt").write_text("W\nW\n")
    options = {"hypnogram": "{stem}_stages.txt"}
    ingestion = make_ingestion(path=str(tmp_path), reader_options=options)
    assert assert_changes_are_noticed(ingestion, opened) == {"night.edf", "night_stages.txt"}


def test_the_files_of_an_e4_and_the_table_of_labels(tmp_path, opened):
    write_e4(tmp_path / "S02")
    table = write_table(tmp_path)
    ingestion = make_ingestion(path=str(tmp_path), reader="e4")
    assert assert_changes_are_noticed(ingestion, opened) >= {"ACC.csv", "BVP.csv", table.name}


def test_the_signals_of_a_rodent_and_what_lies_beside_them(tmp_path, opened):
    for name in ("EEG", "EMG"):
        write_mat(tmp_path / f"m1/{name}.mat", {name: voltage()})
    write_json(tmp_path / "m1/m1.json", sfreq=128, epoch_s=10)
    write_epoch_csv(tmp_path / "m1/m1_labels.csv")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nm1\t0.3\n")
    ingestion = make_ingestion(path=str(tmp_path), reader="rodent", reader_options={"sfreq": 128})
    assert assert_changes_are_noticed(ingestion, opened) == {
        "EEG.mat", "EMG.mat", "m1.json", "m1_labels.csv", "participants.tsv",
    }  # fmt: skip
