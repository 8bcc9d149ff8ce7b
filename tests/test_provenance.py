import pytest

from epochal.provenance import MARK, data_source_of, mark_as_simulated


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
def test_a_mark_up_to_three_folders_above_makes_a_file_simulated(tmp_path, levels):
    folder = tmp_path.joinpath(*"abc"[:levels])
    folder.mkdir(parents=True, exist_ok=True)
    assert data_source_of(folder / "night.edf") == "real"
    mark_as_simulated(tmp_path, "nights")
    assert data_source_of(folder / "night.edf") == "simulated"


def test_a_mark_further_above_belongs_to_something_else(tmp_path):
    mark_as_simulated(tmp_path, "nights")
    folder = tmp_path / "a/b/c/d"
    folder.mkdir(parents=True)
    assert data_source_of(folder / "night.edf") == "real"


def test_a_recording_that_is_a_folder_may_hold_the_mark_itself(tmp_path):
    mark_as_simulated(tmp_path, "wrists")
    assert data_source_of(tmp_path) == "simulated"


def test_the_mark_says_that_nobody_was_recorded(tmp_path):
    mark_as_simulated(tmp_path, "nights in a known layout")
    assert (tmp_path / MARK).read_text() == (
        "Simulated by Epochal, not recorded from anybody: nights in a known layout.\n"
    )


def test_a_relative_path_is_seen_from_where_it_is(tmp_path, monkeypatch):
    mark_as_simulated(tmp_path, "nights")
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert data_source_of("night.edf") == "simulated"
