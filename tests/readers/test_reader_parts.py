import pytest
from brain_files import sine, write_brainvision, write_eeglab

from epochal.readers import signal_checksum
from epochal.readers.parts import data_file_of, parts_of

SIGNALS = {"EEG Cz": sine(1)}


def names(paths):
    return [path.name for path in paths]


@pytest.fixture
def header(tmp_path):
    return write_brainvision(tmp_path / "night.vhdr", SIGNALS)


def rename_in(header, before, after, *, encoding="utf-8"):
    header.write_text(header.read_text("utf-8").replace(before, after), encoding)


def test_a_brainvision_header_goes_with_its_data_and_its_markers(header):
    assert names(parts_of(header)) == ["night.eeg", "night.vmrk"]
    assert data_file_of(header).name == "night.eeg"


def test_the_files_are_those_that_the_header_names(header):
    rename_in(header, "DataFile=night.eeg", "datafile = parts/a.dat \r")
    rename_in(header, "MarkerFile=night.vmrk", "MarkerFile: parts/a.mrk")
    (header.parent / "parts").mkdir()
    header.with_suffix(".eeg").rename(header.parent / "parts/a.dat")
    header.with_suffix(".vmrk").rename(header.parent / "parts/a.mrk")
    assert names(parts_of(header)) == ["a.dat", "a.mrk"]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_name_is_in_the_codepage_of_the_header(header, encoding):
    header.with_suffix(".eeg").rename(header.parent / "nächste.eeg")
    rename_in(header, "DataFile=night.eeg", "DataFile=nächste.eeg", encoding=encoding)
    assert data_file_of(header).name == "nächste.eeg"


def test_markers_of_the_same_name_stand_in_for_those_that_are_not_there(header):
    rename_in(header, "MarkerFile=night.vmrk", "MarkerFile=before.vmrk")
    assert names(parts_of(header)) == ["night.eeg", "night.vmrk"]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b"DataFile=", b"DataFile=gone.eeg", b"DataFile=" + b"x" * 5000,
                b"DataFile=a\0b", b"DataFile=night.vhdr"],
)  # fmt: skip
def test_an_odd_header_has_no_parts_and_is_for_the_reader_to_refuse(tmp_path, content):
    path = tmp_path / "night.vhdr"
    path.write_bytes(content)
    assert parts_of(path) == ()
    assert data_file_of(path) == path


def test_a_file_that_is_not_there_has_no_parts(tmp_path):
    assert parts_of(tmp_path / "night.vhdr") == ()


@pytest.mark.parametrize(("apart", "expected"), [(True, ["night.fdt"]), (False, [])])
def test_an_eeglab_header_goes_with_its_data_where_they_are_apart(tmp_path, apart, expected):
    path = write_eeglab(tmp_path / "night.set", SIGNALS, apart=apart)
    assert names(parts_of(path)) == expected


def test_a_file_of_another_format_is_whole(tmp_path):
    (tmp_path / "night.fdt").write_bytes(b"")
    assert parts_of(tmp_path / "night.edf") == ()


@pytest.mark.parametrize("write", [write_brainvision, write_eeglab])
def test_a_recording_is_known_by_its_samples_whatever_its_header_says(tmp_path, write):
    apart = {"apart": True} if write is write_eeglab else {}
    path = tmp_path / ("night.set" if apart else "night.vhdr")
    write(path, SIGNALS, **apart)
    before = signal_checksum(path)
    path.write_bytes(path.read_bytes() + b"\n")
    assert signal_checksum(path) == before
    write(path, {"EEG Cz": sine(1, uv=5000)}, **apart)
    assert signal_checksum(path) != before
