import json
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.serving.audit_trail import AuditTrail, sync_folder


@pytest.fixture
def trail(tmp_path):
    return AuditTrail(tmp_path / "trail.jsonl")


def test_entries_come_back_in_the_order_in_which_they_were_made(trail):
    assert trail.read() == []
    for number in range(3):
        trail.append({"number": number, "who": "ÄÖ\n"})
    assert [entry["number"] for entry in trail.read()] == [0, 1, 2]
    assert trail.read()[0]["who"] == "ÄÖ\n"
    assert trail.path.read_bytes().count(b"\n") == 3


def test_nothing_that_was_written_is_ever_changed(trail):
    trail.append({"number": 1})
    before = trail.path.read_bytes()
    trail.append({"number": 2})
    assert trail.path.read_bytes().startswith(before)


@given(cut=st.integers(1, 12))
def test_a_line_cut_short_is_passed_over_and_loses_no_other(tmp_path_factory, cut):
    trail = AuditTrail(tmp_path_factory.mktemp("t") / "trail.jsonl")
    trail.append({"number": 1})
    torn = json.dumps({"number": 2}).encode() + b"\n"
    with trail.path.open("ab") as file:
        file.write(torn[: len(torn) - 1 - cut % len(torn)])
    assert [entry["number"] for entry in trail.read()] == [1]
    trail.append({"number": 3})
    assert [entry["number"] for entry in trail.read()] == [1, 3]


def test_a_whole_line_without_its_end_was_written_but_not_glued_to_the_next(trail):
    trail.append({"number": 1})
    with trail.path.open("ab") as file:
        file.write(b'{"number": 2}')
    trail.append({"number": 3})
    assert [entry["number"] for entry in trail.read()] == [1, 2, 3]


def test_what_is_no_object_is_passed_over(trail):
    trail.path.write_bytes(b"[1]\n\nnull\n\xff\xfe\n" + b'{"number": 1}\n')
    assert trail.read() == [{"number": 1}]


def test_an_entry_is_flushed_to_the_disk_before_append_returns(trail, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    trail.append({"number": 1})
    assert synced[0] == trail.path.stat().st_size
    assert len(synced) == 2  # and its folder's names, the first time
    trail.append({"number": 2})
    assert len(synced) == 3


def test_entries_of_many_threads_are_all_whole(trail):
    threads = [
        threading.Thread(target=lambda n=n: [trail.append({"t": n, "i": i}) for i in range(20)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(one["t"], one["i"]) for one in trail.read()}) == 160


def test_a_folder_that_cannot_be_opened_is_let_be(tmp_path):
    sync_folder(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
