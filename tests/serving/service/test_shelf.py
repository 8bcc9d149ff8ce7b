import json
import shutil

import pytest

from builders import make_bundle
from epochal.errors import EpochalError
from epochal.serving.bundle import MANIFEST, write_bundle
from epochal.serving.service.problems import Problem
from epochal.serving.service.shelf import Shelf, Watcher
from waiting import until


@pytest.fixture
def folder(tmp_path):
    write_bundle(tmp_path / "one", make_bundle())
    return tmp_path / "one"


def replace_by(folder, headline):
    """Put another bundle in a folder's place in one step, as a promotion does."""
    new, old = folder.with_name("new"), folder.with_name("old")
    write_bundle(new, make_bundle(headline))
    folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old)


@pytest.mark.slow
def test_the_first_bundle_is_the_default_one(folder, tmp_path):
    write_bundle(tmp_path / "two", make_bundle("lightgbm"))
    shelf = Shelf({"two": tmp_path / "two", "one": folder})
    assert shelf.names == ["two", "one"]
    assert shelf.get().name == "two"
    assert shelf.get("one").scorer.manifest.headline == "logistic_regression"


def test_an_unknown_name_is_not_found_and_the_near_one_is_named(folder):
    with pytest.raises(Problem, match="no bundle 'ome'; did you mean 'one'") as raised:
        Shelf({"one": folder}).get("ome")
    assert raised.value.status == 404


def test_a_service_without_bundles_cannot_answer():
    with pytest.raises(Problem, match="no bundle") as raised:
        Shelf({}).get()
    assert raised.value.status == 503


def test_a_bundle_that_cannot_be_read_stops_the_start(tmp_path):
    with pytest.raises(EpochalError, match="no bundle here"):
        Shelf({"one": tmp_path})


def test_an_unchanged_bundle_is_not_read_again(folder):
    shelf = Shelf({"one": folder})
    before = shelf.get()
    assert shelf.refresh() == []
    assert shelf.get() is before


def test_a_promoted_bundle_is_taken_up_and_who_holds_the_old_one_keeps_it(folder):
    shelf = Shelf({"one": folder})
    held = shelf.get()
    replace_by(folder, "lightgbm")
    assert shelf.refresh() == ["one"]
    assert shelf.get().scorer.manifest.headline == "lightgbm"
    assert held.scorer.manifest.headline == "logistic_regression"


def test_a_spoilt_bundle_leaves_the_old_one_in_service_and_says_why(folder):
    shelf = Shelf({"one": folder})
    good = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(json.dumps(json.loads(good) | {"format_version": 99}))
    assert shelf.refresh() == []
    assert "bundle format 99" in shelf.errors["one"]
    assert shelf.get().scorer.manifest.headline == "logistic_regression"
    (folder / MANIFEST).write_text(good)
    shelf.refresh()
    assert shelf.errors == {}


def test_a_vanished_bundle_stays_in_service(folder):
    shelf = Shelf({"one": folder})
    shutil.rmtree(folder)
    assert shelf.refresh() == []
    assert "one" in shelf.errors
    assert shelf.get().name == "one"


def test_a_linked_folder_is_followed_when_the_link_changes(folder, tmp_path):
    write_bundle(tmp_path / "two", make_bundle("lightgbm"))
    (tmp_path / "current").symlink_to(folder)
    shelf = Shelf({"one": tmp_path / "current"})
    (tmp_path / "next").symlink_to(tmp_path / "two")
    (tmp_path / "next").replace(tmp_path / "current")
    assert shelf.refresh() == ["one"]
    assert shelf.get().scorer.manifest.headline == "lightgbm"


def test_the_watcher_takes_up_a_change_by_itself(folder):
    shelf = Shelf({"one": folder})
    watcher = Watcher(shelf, 0.01)
    watcher.start()
    replace_by(folder, "lightgbm")
    until(lambda: shelf.get().scorer.manifest.headline == "lightgbm")
    watcher.stop()


def test_a_watcher_that_looks_never_can_be_stopped_all_the_same(folder):
    watcher = Watcher(Shelf({"one": folder}), 0)
    watcher.start()
    watcher.stop()
    assert not watcher._thread.is_alive()
