import os
import time

import pytest

from epochal.errors import EpochalError
from epochal.places import sweep, writing


def test_a_file_never_takes_the_place_of_somebodys_folder(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(EpochalError, match="results is a folder; a file was"), writing(folder) as p:
        p.write_text("new")
    assert (folder / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_folder_takes_the_place_of_an_older_one_whole(tmp_path):
    for content in ("old", "new"):
        with writing(tmp_path / "e4") as part:
            part.mkdir()
            (part / f"{content}.csv").write_text(content)
    assert [path.name for path in (tmp_path / "e4").iterdir()] == ["new.csv"]


def test_folders_above_are_made(tmp_path):
    with writing(tmp_path / "a" / "b" / "table.csv") as part:
        part.write_text("x")
    assert (tmp_path / "a" / "b" / "table.csv").read_text() == "x"


def test_what_a_killed_writer_left_goes_and_what_is_being_written_stays(tmp_path):
    an_hour_ago = time.time() - 3700
    for left in (".part-1-night.h5", ".part-2-bundle/model.onnx", "night.h5"):
        (tmp_path / left).parent.mkdir(exist_ok=True)
        (tmp_path / left).write_text("x")
    for old in tmp_path.iterdir():
        os.utime(old, (an_hour_ago, an_hour_ago))
    with writing(tmp_path / "table.csv") as part:
        part.write_text("x")
        sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"night.h5", "table.csv"}
