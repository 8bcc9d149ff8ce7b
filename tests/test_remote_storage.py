"""Data in a bucket: tables, recordings and raw files, whole or absent, on a real S3 server."""

from __future__ import annotations

import contextlib
import os
import uuid
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

pytest.importorskip("upath", reason="needs the extra `cluster`")
pytest.importorskip("s3fs", reason="needs the extra `cluster`")
pytest.importorskip("moto", reason="needs moto's S3 server, of the extra `dev`")

from builders import make_night
from epochal.datasets.partitions import Partitions
from epochal.datasets.whole_file import WholeFile, WholeTable
from epochal.errors import EpochalError, RecordingError
from epochal.places import is_remote, local_copy, mirror, place_of, remove, writing
from epochal.simulation.cohort import write_cohort
from projects import make_project, pictures_unrendered
from s3_server import BUCKET, running_s3

TABLE = pd.DataFrame({"recording_id": ["a", "b"], "x": [1.5, 2.5]})


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    with running_s3(tmp_path_factory.mktemp("s3")) as environment:
        yield environment


@pytest.fixture(params=["s3", "memory", "file"])
def root(request, tmp_path, monkeypatch):
    """A new place of each kind, as conf names it."""
    monkeypatch.setenv("EPOCHAL_CACHE", str(tmp_path / "cache"))
    if request.param == "s3":
        request.getfixturevalue("s3")
        return f"{BUCKET}/{uuid.uuid4().hex}"
    return f"memory://{uuid.uuid4().hex}" if request.param == "memory" else f"file://{tmp_path}/x"


def recordings(root):
    return Partitions(
        path=f"{root}/recordings",
        dataset="epochal.datasets.recording_dataset.RecordingDataset",
        filename_suffix=".h5",
        parallel={"backend": "threads", "n_jobs": 2, "progress": False},
        tolerate_bad_recordings=True,
    )


def table(root):
    return WholeTable(
        filepath=f"{root}/03/table.parquet", dataset={"type": "pandas.ParquetDataset"}
    )


def fail(error):
    raise error


@pytest.mark.slow
def test_a_table_comes_back_as_it_was_saved(root):
    dataset = table(root)
    assert not dataset.exists()
    dataset.save(TABLE)
    assert dataset.exists()
    pd.testing.assert_frame_equal(table(root).load(), TABLE)
    dataset.save(TABLE.assign(x=0.0))
    assert (table(root).load()["x"] == 0).all()  # not a copy of before


def test_a_table_exists_only_under_the_key_that_it_was_saved_with(root):
    dataset = table(root)
    dataset.expect("key")
    dataset.save(TABLE)
    assert table(root).stored_key() == "key"
    dataset.expect("another")
    assert not dataset.exists()


@pytest.mark.slow
def test_recordings_are_pieces_whose_signals_are_read_when_asked_for(root):
    nights = {f"r{n}": partial(make_night, ["W", "N2", "REM"], seed=n) for n in range(3)}
    recordings(root).save(nights)
    assert recordings(root).exists()
    loaded = {name: piece() for name, piece in recordings(root).load().items()}
    assert sorted(loaded) == sorted(nights)
    for name, make in nights.items():
        for stored, made in zip(loaded[name].channels, make().channels, strict=True):
            np.testing.assert_array_equal(np.asarray(stored.data), np.asarray(made.data))


@pytest.mark.slow
def test_a_changed_piece_is_made_again_and_one_not_listed_goes(root):
    night = partial(make_night, ["W", "N2"])
    recordings(root).save({"a": partial(night, seed=1), "b": partial(night, seed=2)})
    keys = {name: piece.key for name, piece in recordings(root).load().items()}
    recordings(root).save({"a": partial(night, seed=1), "c": partial(night, seed=3)})
    found = {name: piece.key for name, piece in recordings(root).load().items()}
    assert sorted(found) == ["a", "c"]
    assert found["a"] == keys["a"]
    assert not place_of(f"{root}/recordings/b.h5").exists()


@pytest.mark.slow
def test_a_failure_leaves_no_piece_and_is_written_down(root):
    dataset = recordings(root)
    dataset.save(
        {
            "good": partial(make_night, ["W", "N2"]),
            "bad": partial(fail, RecordingError("bad.edf", "is empty")),
        }
    )
    assert list(recordings(root).load()) == ["good"]
    assert recordings(root).failures() == {"bad": "bad.edf: is empty"}
    with pytest.raises(DatasetError, match="1 of 2 pieces of 'recordings' failed: odd"):
        dataset.save({"good": partial(make_night, ["W", "N2"]), "odd": partial(fail, KeyError(1))})
    assert not recordings(root).exists()  # the mark that all is there comes last
    assert place_of(f"{root}/recordings/good.h5").exists()


def test_what_is_broken_off_while_it_is_written_leaves_nothing(root):
    place = place_of(f"{root}/half.txt")
    with contextlib.suppress(KeyError), writing(place) as part:
        part.write_text("half")
        raise KeyError
    assert not place.exists()
    assert not place.parent.exists() or not list(place.parent.glob("*half*"))


def test_a_folder_is_put_in_place_and_replaced_whole(root, tmp_path):
    place = place_of(f"{root}/bundle")
    for names in (["a.txt", "models/b.txt"], ["c.txt"]):
        with writing(place) as part:
            for name in names:
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                (part / name).write_text(name)
        copy = local_copy(place)
        assert sorted(
            path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()
        ) == sorted(names)
    remove(place)
    assert not place.exists()


def test_a_whole_file_that_is_a_text_can_be_saved_again_and_again(root):
    dataset = WholeFile(filepath=f"{root}/page.txt", dataset="text.TextDataset")
    for text in ("one", "two"):
        dataset.save(text)
        assert dataset.load() == text


def test_nothing_there_is_said_by_the_name_that_was_asked_for(root):
    if is_remote(root):
        with pytest.raises(FileNotFoundError, match=r"none\.txt"):
            local_copy(place_of(f"{root}/none.txt"))
    else:
        assert not local_copy(place_of(f"{root}/none.txt")).exists()


@pytest.mark.parametrize("url", ["gs://bucket/x", "http://host/x", "sftp://host/x"])
def test_other_protocols_are_refused_by_name(url):
    with pytest.raises(EpochalError, match=rf"{url}: data may be .* file://, s3:// or memory://"):
        place_of(url)


def test_raw_files_are_mirrored_once_and_again_where_they_changed(s3, tmp_path):
    url, folder = f"{BUCKET}/{uuid.uuid4().hex}", tmp_path / "copy"
    for name in ("a.edf", "night/b.edf", "gone.edf"):
        place_of(f"{url}/{name}").write_text(name)
    mirror(url, folder)
    assert (folder / "night/b.edf").read_text() == "night/b.edf"
    before = {path: path.stat().st_ino for path in folder.rglob("*.edf")}
    place_of(f"{url}/gone.edf").unlink()
    place_of(f"{url}/a.edf").write_text("changed")
    mirror(url, folder)
    after = {path: path.stat().st_ino for path in folder.rglob("*.edf")}
    assert sorted(after) == [folder / "a.edf", folder / "night/b.edf"]
    assert (folder / "a.edf").read_text() == "changed"
    assert after[folder / "night/b.edf"] == before[folder / "night/b.edf"]  # not fetched again


def test_a_files_state_is_the_same_wherever_it_is_mirrored(s3, tmp_path):
    url = f"{BUCKET}/{uuid.uuid4().hex}"
    place_of(f"{url}/a.edf").write_text("a")
    for machine in ("one", "two"):
        mirror(url, tmp_path / machine)
    one, two = ((tmp_path / machine / "a.edf").stat() for machine in ("one", "two"))
    assert (one.st_size, one.st_mtime_ns) == (two.st_size, two.st_mtime_ns)


def test_a_prefix_without_files_is_refused(s3, tmp_path):
    with pytest.raises(RecordingError, match=r"no files there \(ingestion.path\)"):
        mirror(f"{BUCKET}/nothing", tmp_path)


def put_folder(folder: Path, url: str) -> None:
    place = place_of(url)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            place.fs.put_file(str(path), f"{place.path}/{path.relative_to(folder).as_posix()}")


@pytest.mark.slow
def test_a_study_in_a_bucket_equals_the_study_in_a_folder(s3, tmp_path, monkeypatch):
    """Raw files from S3, every table and recording on S3; then a resumed run makes nothing."""
    raw = tmp_path / "raw"
    write_cohort("sleep", raw, {"n_subjects": 5, "hours": 1.0})
    put_folder(raw, f"{BUCKET}/raw")
    until = ["ingestion", "feature_engineering", "splitting", "classical_models"]
    predictions = []
    for name, path, storage in (
        ("folder", str(raw), "data"),
        ("bucket", f"{BUCKET}/raw", f"{BUCKET}/study"),
    ):
        (tmp_path / name).mkdir()
        project = make_project(tmp_path / name)
        project.set(ingestion={"source": "files", "path": path, "snapshot_s": None})
        monkeypatch.setenv("EPOCHAL_STORAGE", storage)
        with pictures_unrendered():
            project.run(*until)
        place = place_of(str(project.path / "data") if storage == "data" else storage)
        made = local_copy(place / "demo/07_model_output/classical_predictions.parquet")
        predictions.append(pd.read_parquet(made))
    pd.testing.assert_frame_equal(*predictions, check_exact=True)
    summary = pd.read_csv(local_copy(place / "demo/08_reporting/recordings.csv"))
    assert set(summary["data_source"]) == {"simulated"}  # the mark came along
    local = [path for path in (project.path / "data").rglob("*") if path.is_file()]
    assert all("01_raw" in path.parts for path in local)  # the rest is in the bucket
    again = project.command("run", "--pipelines", ",".join(until), "--only-missing-outputs")
    assert "Running node" not in again.stdout + again.stderr
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in again.stdout
