import hashlib
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from epochal.downloads import DownloadError, as_size, prepare_folder
from epochal.downloads.ledger import Ledger
from epochal.downloads.plan import (
    Plan,
    Planned,
    RemoteFile,
    check_space,
    describe,
    make_plan,
    missing_space,
    part_of,
)

DATA = b"0123456789"
FILE = RemoteFile("d/a.edf", "http://x/d/a.edf", hashlib.sha256(DATA).hexdigest(), len(DATA))
UNSUMMED = RemoteFile("d/a.edf", "http://x/d/a.edf", None, len(DATA))


def status(folder: Path, file: RemoteFile = FILE, **options) -> str:
    options = {"ledger": Ledger(), **options}
    return make_plan([file], folder, **options).items[0].status


def put(folder: Path, data: bytes, name: str = "a.edf") -> Path:
    path = folder / "d" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def processed(folder: Path) -> Ledger:
    ledger, path = Ledger(), put(folder, DATA)
    ledger.record(FILE.path, path, FILE.sha256)
    ledger.files[FILE.path].processed = True
    return ledger


def test_a_file_that_is_not_here_is_fetched(tmp_path):
    assert status(tmp_path) == "fetch"


def test_a_file_with_the_published_hash_is_kept(tmp_path):
    put(tmp_path, DATA)
    assert status(tmp_path) == "present"


def test_a_file_of_another_size_is_fetched_again_and_named(tmp_path):
    put(tmp_path, DATA[:4])
    plan = make_plan([FILE], tmp_path, ledger=Ledger())
    assert plan.items[0].status == "fetch"
    assert plan.problems == ("d/a.edf here is not what is published; it will be replaced",)


def test_a_file_of_the_same_size_and_another_content_is_fetched_again(tmp_path):
    put(tmp_path, DATA[::-1])
    assert status(tmp_path) == "fetch"


def test_a_partial_file_is_resumed_and_only_the_rest_counts(tmp_path):
    put(tmp_path, DATA[:4], "a.edf.part")
    plan = make_plan([FILE], tmp_path, ledger=Ledger())
    assert plan.items[0].status == "resume"
    assert plan.n_bytes_missing == 6


def test_an_empty_partial_file_is_no_start(tmp_path):
    put(tmp_path, b"", "a.edf.part")
    assert status(tmp_path) == "fetch"


def test_without_a_published_hash_halves_are_never_joined(tmp_path):
    put(tmp_path, DATA[:4], "a.edf.part")
    assert status(tmp_path, UNSUMMED) == "fetch"


def test_without_a_published_hash_the_size_decides(tmp_path):
    put(tmp_path, DATA[::-1])
    assert status(tmp_path, UNSUMMED) == "present"
    put(tmp_path, DATA[:3])
    assert status(tmp_path, UNSUMMED) == "fetch"


def test_a_recorded_file_that_is_published_anew_without_a_hash_is_fetched(tmp_path):
    path, ledger = put(tmp_path, DATA), Ledger()
    ledger.record(FILE.path, path, FILE.sha256)
    assert status(tmp_path, UNSUMMED, ledger=ledger) == "present"
    longer = RemoteFile("d/a.edf", "http://x", None, 11)
    assert status(tmp_path, longer, ledger=ledger) == "fetch"


def test_without_hash_and_size_nothing_vouches_for_a_file(tmp_path):
    put(tmp_path, DATA)
    assert status(tmp_path, RemoteFile("d/a.edf", "http://x")) == "fetch"


def test_a_hash_computed_for_the_plan_is_remembered(tmp_path):
    put(tmp_path, DATA)
    ledger = Ledger()
    make_plan([FILE], tmp_path, ledger=ledger)
    assert ledger.files["d/a.edf"].sha256 == FILE.sha256


def test_an_unchanged_verified_file_is_not_hashed_again(tmp_path, monkeypatch):
    path, ledger = put(tmp_path, DATA), Ledger()
    ledger.record(FILE.path, path, FILE.sha256)
    monkeypatch.setattr("epochal.downloads.plan.sha256_of", lambda _: pytest.fail("hashed again"))
    assert status(tmp_path, ledger=ledger) == "present"


def test_ignoring_hashes_hashes_every_file_here_again(tmp_path):
    path, ledger = put(tmp_path, DATA[::-1]), Ledger()
    ledger.record(FILE.path, path, FILE.sha256)  # a ledger that lies
    assert status(tmp_path, ledger=ledger) == "present"
    assert status(tmp_path, ledger=ledger, ignore_hash=True) == "fetch"


def test_a_processed_file_is_skipped_though_it_is_gone(tmp_path):
    ledger = processed(tmp_path)
    shutil.rmtree(tmp_path / "d")
    assert status(tmp_path, ledger=ledger) == "processed"


def test_ignoring_hashes_fetches_a_processed_file_again(tmp_path):
    ledger = processed(tmp_path)
    shutil.rmtree(tmp_path / "d")
    assert status(tmp_path, ledger=ledger, ignore_hash=True) == "fetch"


def test_a_processed_file_that_was_published_anew_is_fetched(tmp_path):
    ledger = processed(tmp_path)
    shutil.rmtree(tmp_path / "d")
    newer = RemoteFile("d/a.edf", "http://x", "0" * 64, 10)
    assert status(tmp_path, newer, ledger=ledger) == "fetch"


def test_a_downloaded_file_that_is_gone_and_was_not_processed_is_fetched(tmp_path):
    ledger = processed(tmp_path)
    ledger.files[FILE.path].processed = False
    shutil.rmtree(tmp_path / "d")
    assert status(tmp_path, ledger=ledger) == "fetch"


def test_a_plan_writes_nothing(tmp_path):
    make_plan([FILE], tmp_path / "absent", ledger=Ledger())
    assert list(tmp_path.iterdir()) == []


def test_a_partial_file_bears_another_name():
    assert part_of(Path("d/a.edf")) == Path("d/a.edf.part")


def test_a_plan_is_described_file_by_file_with_sizes_and_sums(tmp_path):
    items = (
        Planned(RemoteFile("a.edf", "u", "0" * 64, 48_300_000), "fetch"),
        Planned(RemoteFile("b.edf", "u", "0" * 64, 2_000_000), "resume", 500_000),
        Planned(RemoteFile("c.edf", "u", None, None), "fetch"),
        Planned(RemoteFile("d.edf", "u", "0" * 64, 7), "processed"),
    )
    lines = describe(Plan(tmp_path, items, ("something is odd",)))
    assert lines[0].split() == ["fetch", "48.3", "MB", "a.edf"]
    assert lines[1].endswith("b.edf, 500.0 kB of it here")
    assert "size unknown  c.edf, no published hash" in lines[2]
    assert lines[4] == "Note: something is odd"
    assert lines[-1] == (
        f"{tmp_path}: 3 of 4 files to fetch, 49.8 MB and 1 of unknown size (1 resumed); "
        "0 already here, 1 processed before"
    )


def test_a_disk_that_is_too_small_is_refused_with_both_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000_000))
    with pytest.raises(DownloadError, match=r"90\.0 MB are to come, but only 100\.0 MB are free"):
        check_space(tmp_path / "not" / "yet", 90_000_000)
    assert missing_space(tmp_path, 30_000_000) is None


def test_nothing_to_come_fits_on_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    assert missing_space(tmp_path, 0) is None


def test_real_recordings_never_go_into_a_simulated_folder(tmp_path):
    (tmp_path / "SIMULATED.txt").write_text("Simulated.\n")
    with pytest.raises(DownloadError, match="holds simulated data"):
        prepare_folder(tmp_path / "raw")


def test_a_folder_that_is_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "raw").write_text("")
    with pytest.raises(DownloadError, match="raw: cannot be used as a folder"):
        prepare_folder(tmp_path / "raw")


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_900, "1.0 MB"), (8.1e9, "8.1 GB"),
     (2e12, "2000.0 GB")],
)  # fmt: skip
def test_sizes_are_written_in_decimal_units(n_bytes, text):
    assert as_size(n_bytes) == text
