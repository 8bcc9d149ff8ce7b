"""Files that are whole or absent."""

import json
import os
import time
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import AbstractDataset, DatasetError
from matplotlib.figure import Figure

from epochal.datasets.whole_file import WholeFile, WholeImage, WholePage, WholeTable


class Unpicklable:
    def __reduce__(self):
        raise ValueError("half-way")


def test_what_is_saved_is_loaded(tmp_path):
    dataset = WholeTable(filepath=str(tmp_path / "a/t.csv"), dataset="pandas.CSVDataset")
    dataset.save(pd.DataFrame({"x": [1]}))
    assert dataset.load()["x"].tolist() == [1]


def test_a_failure_while_writing_leaves_the_old_file_and_no_other(tmp_path):
    dataset = WholeFile(filepath=str(tmp_path / "x.pkl"), dataset="pickle.PickleDataset")
    dataset.save({"old": 1})
    with pytest.raises(DatasetError):
        dataset.save({"new": Unpicklable()})
    assert dataset.load() == {"old": 1}
    assert {path.name for path in tmp_path.iterdir()} == {"x.pkl", ".x.pkl.key"}


def test_what_a_kill_left_half_written_goes_with_a_later_save(tmp_path):
    left = tmp_path / ".part-1-x.pkl"
    left.write_bytes(b"half")
    os.utime(left, (time.time() - 3700,) * 2)
    WholeFile(filepath=str(tmp_path / "x.pkl"), dataset="pickle.PickleDataset").save(1)
    assert not left.exists()


def test_it_exists_only_under_the_key_that_is_expected(tmp_path):
    dataset = WholeFile(filepath=str(tmp_path / "x.pkl"), dataset="pickle.PickleDataset")
    assert not dataset.exists()
    dataset.expect("one")
    dataset.save(1)
    assert dataset.exists()
    dataset.expect("two")
    assert not dataset.exists()


def pickled(tmp_path, key: str = "") -> WholeFile:
    dataset = WholeFile(filepath=str(tmp_path / "x.pkl"), dataset="pickle.PickleDataset")
    dataset.expect(key)
    return dataset


def test_what_another_run_has_written_since_is_refused_by_name(tmp_path):
    one, two = pickled(tmp_path, "one"), pickled(tmp_path, "two")
    one.save(1)
    two.save(2)
    with pytest.raises(DatasetError, match=r"x\.pkl: another run .* \(EPOCHAL_STORAGE\); kedro"):
        one.load()
    assert two.load() == 2


def test_what_another_run_writes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    one = pickled(tmp_path, "one")
    one.save(1)
    load = WholeFile.inner

    def late(self, path=None):
        monkeypatch.undo()
        pickled(tmp_path, "two").save(2)
        return load(self, path)

    monkeypatch.setattr(WholeFile, "inner", late)
    with pytest.raises(DatasetError, match="another run has written it since"):
        one.load()


def test_outside_a_run_what_is_there_is_loaded_whoever_wrote_it(tmp_path):
    pickled(tmp_path, "one").save(1)
    pickled(tmp_path, "two").save(2)
    assert pickled(tmp_path).load() == 2


def test_new_data_never_lie_beside_the_key_of_the_old_ones(tmp_path, monkeypatch):
    dataset = WholeFile(filepath=str(tmp_path / "x.pkl"), dataset="pickle.PickleDataset")
    dataset.expect("one")
    dataset.save(1)

    def die(*_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset, "_write_key", die)
    with pytest.raises(KeyboardInterrupt):
        dataset.save(2)
    assert not dataset.exists()


class Folder(AbstractDataset):
    """Files of some names."""

    def __init__(self, filepath: str) -> None:
        self._folder = Path(filepath)

    def load(self) -> list[str]:
        return sorted(path.name for path in self._folder.rglob("*"))

    def save(self, data: list[str]) -> None:
        for name in data:
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / name).write_text(name)

    def _describe(self) -> dict:
        return {}


@pytest.mark.parametrize("key", ["", "key"])
def test_a_folder_that_has_lost_a_file_is_missing(tmp_path, key):
    dataset = WholeFile(filepath=str(tmp_path / "bundle"), dataset={"type": Folder})
    dataset.expect(key)
    dataset.save(["card.md", "models/stack.onnx"])
    assert dataset.exists()
    (tmp_path / "bundle/models/stack.onnx").unlink()
    assert not dataset.exists()
    dataset.save(["card.md"])  # what no longer belongs to it is not missed
    assert dataset.exists()


def test_a_file_that_is_not_there_is_named_with_what_makes_it(tmp_path):
    dataset = WholeFile(filepath=str(tmp_path / "x.pkl"), dataset="pickle.PickleDataset")
    with pytest.raises(DatasetError, match=r"x\.pkl: no such file .*; kedro run .* makes it"):
        dataset.load()


@pytest.mark.parametrize("damage", [lambda text: text[:-1], lambda text: text.replace("1", "7")])
def test_a_file_that_was_damaged_is_refused_by_name(tmp_path, damage):
    file = tmp_path / "t.csv"
    dataset = WholeTable(filepath=str(file), dataset="pandas.CSVDataset")
    dataset.save(pd.DataFrame({"x": [1, 2]}))
    file.write_text(damage(file.read_text()))
    with pytest.raises(DatasetError, match=r"t\.csv: not as it was written .*: remove it; kedro"):
        dataset.load()


def test_a_table_previews_its_first_rows(tmp_path):
    dataset = WholeTable(filepath=str(tmp_path / "t.csv"), dataset="pandas.CSVDataset")
    dataset.save(pd.DataFrame({"x": range(50)}))
    assert len(dataset.preview(nrows=3)["data"]) == 3


def test_a_table_with_a_column_of_lists_previews_as_json(tmp_path):
    dataset = WholeTable(filepath=str(tmp_path / "t.parquet"), dataset="pandas.ParquetDataset")
    dataset.save(pd.DataFrame({"companions": [["a.edf"], []]}))
    assert json.loads(json.dumps(dataset.preview()))["data"] == [[["a.edf"]], [[]]]


def test_a_picture_previews_as_base64_png(tmp_path):
    dataset = WholeImage(filepath=str(tmp_path / "f.png"), dataset="matplotlib.MatplotlibDataset")
    dataset.save(Figure())
    assert dataset.preview().startswith("iVBOR")


def test_a_page_is_previewed_as_it_is_whatever_its_letters(tmp_path):
    config = {
        "type": "text.TextDataset",
        "fs_args": {
            "open_args_save": {"encoding": "utf-8"},
            "open_args_load": {"encoding": "utf-8"},
        },
    }
    dataset = WholePage(filepath=str(tmp_path / "report.html"), dataset=config)
    dataset.save("<p>κ − µV</p>")
    assert dataset.preview() == "<p>κ − µV</p>"
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "<p>κ − µV</p>"
