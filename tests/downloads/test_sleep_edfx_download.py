import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from downloads.physionet import Fault, sha256
from epochal.downloads import DownloadError
from epochal.downloads.ledger import LEDGER, mark_processed
from epochal.downloads.sleep_edfx import (
    BASE_URL,
    Listing,
    Options,
    choose_files,
    download,
    parse_subjects,
    plan_download,
)
from waiting import until

PSG = "sleep-cassette/SC4001E0-PSG.edf"


def changed(options: Options, **changes) -> Options:
    return options.model_copy(update=changes)


def here(options: Options) -> set[str]:
    files = {path for path in options.folder.rglob("*") if path.is_file()}
    paths = {path.relative_to(options.folder).as_posix() for path in files}
    return {path for path in paths if not path.startswith(".")}


def of(remote, subset: str) -> set[str]:
    table = {"cassette": "SC-subjects.xls", "telemetry": "ST-subjects.xls"}[subset]
    recordings = {path for path in remote.files if path.startswith(f"sleep-{subset}/")}
    return {*recordings, table, "LICENSE.txt"}


@pytest.mark.slow
@pytest.mark.parametrize("subset", ["cassette", "telemetry"])
def test_a_subset_comes_whole_verified_and_in_the_original_layout(remote, options, subset):
    summary = download(changed(options, subset=subset))
    assert here(options) == of(remote, subset)
    assert all((options.folder / p).read_bytes() == remote.files[p] for p in here(options))
    assert summary.n_fetched == summary.n_verified == summary.n_files == len(of(remote, subset))
    assert summary.n_bytes == sum(len(remote.files[path]) for path in of(remote, subset))
    assert summary.problems == ()


def test_the_default_server_is_physionets():
    assert BASE_URL == "https://physionet.org/files/sleep-edfx/1.0.0/"


@pytest.mark.slow
def test_a_second_run_fetches_nothing(remote, options):
    download(options)
    remote.asked.clear()
    summary = download(options)
    assert (summary.n_fetched, summary.n_present) == (0, summary.n_files)
    assert not any(path.endswith((".edf", ".xls")) for _, path, _ in remote.asked)


@pytest.mark.slow
def test_files_that_were_here_already_are_verified_once_and_remembered(
    remote, options, monkeypatch
):
    for path in of(remote, "cassette"):
        (options.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (options.folder / path).write_bytes(remote.files[path])
    assert download(options).n_present == 10
    monkeypatch.setattr("epochal.downloads.plan.sha256_of", lambda _: pytest.fail("hashed again"))
    assert download(options).n_present == 10


def test_a_plan_fetches_no_file_and_writes_nothing(remote, options):
    plan = plan_download(options)
    assert not options.folder.exists()
    assert plan.n_bytes_missing == sum(len(remote.files[p]) for p in of(remote, "cassette"))
    assert {path for _, path, _ in remote.asked} == {
        "SHA256SUMS.txt", "RECORDS", "", "sleep-cassette/"
    }  # fmt: skip


@pytest.mark.slow
def test_only_the_subjects_asked_for_come_with_the_table_of_all(options):
    download(changed(options, subjects=(1, 82)))
    assert {path[:21] for path in here(options)} == {
        "LICENSE.txt", "SC-subjects.xls", "sleep-cassette/SC4011", "sleep-cassette/SC4822"
    }  # fmt: skip


def test_a_subject_that_does_not_exist_is_refused_with_those_that_do(options):
    with pytest.raises(DownloadError, match=r"No subject 39, 40 in cassette .*it has: 0-1, 82"):
        plan_download(changed(options, subjects=(0, 39, 40)))


@pytest.mark.slow
def test_a_partial_file_of_an_earlier_run_is_resumed(remote, options):
    part = options.folder / f"{PSG}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(remote.files[PSG][:2000])
    summary = download(options)
    assert remote.requests(PSG) == ["bytes=2000-"]
    assert summary.n_bytes == sum(len(remote.files[p]) for p in of(remote, "cassette")) - 2000


@pytest.mark.slow
def test_everything_that_can_go_wrong_at_once_ends_well(remote, options):
    paths = sorted(of(remote, "cassette"))
    faults = [Fault("drop", 900), Fault("corrupt"), Fault("unsized", 10), Fault("page"),
              Fault("status", code=503), Fault("status", code=429, retry_after="0"),
              Fault("endless"), Fault("ignore_range")]  # fmt: skip
    for n, path in enumerate(paths):
        remote.fail(path, faults[n % len(faults)], faults[(n + 3) % len(faults)])
    download(changed(options, retries=2, round_retries=2))
    assert {path: sha256((options.folder / path).read_bytes()) for path in here(options)} == {
        path: sha256(remote.files[path]) for path in paths
    }


@pytest.mark.slow
def test_a_file_that_will_not_come_is_named_and_the_others_are_here(remote, options):
    remote.always[PSG] = Fault("status", code=404)
    with pytest.raises(DownloadError, match=rf"1 of 10 files failed: {PSG}: HTTP 404"):
        download(options)
    assert here(options) == of(remote, "cassette") - {PSG}
    remote.always.clear()
    assert download(options).n_fetched == 1


@pytest.mark.slow
def test_a_processed_file_is_not_fetched_again_though_it_was_deleted(remote, options):
    download(options)
    mark_processed(options.folder, [PSG])
    (options.folder / PSG).unlink()
    summary = download(options)
    assert (summary.n_fetched, summary.n_processed) == (0, 1)
    assert PSG not in here(options)


@pytest.mark.slow
def test_ignore_hash_fetches_a_processed_file_again(options):
    download(options)
    mark_processed(options.folder, [PSG])
    (options.folder / PSG).unlink()
    assert download(changed(options, ignore_hash=True)).n_fetched == 1
    assert PSG in here(options)


@pytest.mark.slow
def test_a_processed_file_stays_processed_beside_a_telemetry_download(options):
    download(options)
    mark_processed(options.folder, [PSG])
    (options.folder / PSG).unlink()
    download(changed(options, subset="telemetry"))
    assert download(options).n_processed == 1


@pytest.mark.slow
def test_a_deleted_file_that_was_not_processed_comes_again(options):
    download(options)
    (options.folder / PSG).unlink()
    assert download(options).n_fetched == 1


@pytest.mark.slow
def test_a_damaged_file_is_replaced_and_reported(remote, options):
    download(options)
    (options.folder / PSG).write_bytes(b"damaged")
    summary = download(options)
    assert summary.problems == (f"{PSG} here is not what is published; it will be replaced",)
    assert (options.folder / PSG).read_bytes() == remote.files[PSG]


@pytest.mark.slow
def test_a_damaged_ledger_is_named_and_can_be_ignored(options):
    download(options)
    (options.folder / LEDGER).write_text("{")
    with pytest.raises(DownloadError, match="cannot be read as the list of verified files"):
        download(options)
    assert download(changed(options, ignore_hash=True)).n_present == 10


@pytest.mark.slow
def test_without_sums_the_sizes_are_checked_and_it_is_said(remote, options):
    remote.with_sums = False
    summary = download(options)
    assert summary.n_verified == 0
    assert "no SHA256SUMS.txt: files are checked by size alone" in summary.problems[0]
    assert here(options) == of(remote, "cassette")


def test_without_an_index_sizes_are_asked_for(remote, options):
    remote.with_index = False
    plan = plan_download(options)
    assert plan.n_bytes_missing == sum(len(remote.files[p]) for p in of(remote, "cassette"))
    assert len(remote.requests(PSG, "HEAD")) == 1


@pytest.mark.slow
def test_rounded_sizes_of_an_index_are_not_believed(remote, options):
    remote.with_sizes = False
    assert plan_download(options).n_bytes_missing > 0
    assert download(options).n_verified == 10


@pytest.mark.slow
def test_a_server_that_tells_no_size_still_serves(remote, options, monkeypatch):
    remote.with_index = False
    monkeypatch.setattr("epochal.downloads.sleep_edfx.fetch_size", lambda *_: None)
    assert download(options).n_verified == 10


def test_sizes_that_cannot_be_had_cost_no_more_than_that(remote, options, monkeypatch):
    def fail(*_):
        raise DownloadError("no")

    remote.with_index = False
    monkeypatch.setattr("epochal.downloads.sleep_edfx.fetch_size", fail)
    assert plan_download(options).items[0].file.n_bytes is None


@pytest.mark.slow
def test_without_records_nothing_is_lost(remote, options):
    remote.with_records = False
    assert download(options).n_verified == 10


def test_a_server_with_neither_sums_nor_index_is_refused(remote, options):
    remote.with_sums = remote.with_index = False
    with pytest.raises(DownloadError, match=r"neither SHA256SUMS\.txt nor an index"):
        plan_download(options)


def test_a_listing_that_fails_at_first_is_asked_for_again(remote, options):
    remote.fail("SHA256SUMS.txt", Fault("status"), Fault("drop", 40), Fault("stall", 0))
    stubborn = changed(options, stall_s=0.3, retries=100)  # more of it may seem to stall
    assert plan_download(stubborn).items[-1].file.sha256


def test_a_server_that_is_not_there_is_named_in_one_line(options, unused_address):
    with pytest.raises(DownloadError, match="the connection failed"):
        plan_download(changed(options, base_url=unused_address))


def test_a_disk_that_is_too_small_is_refused_before_the_first_file(remote, options, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(DownloadError, match="are to come, but only"):
        download(options)
    assert remote.requests(PSG) == []


def test_real_nights_never_go_beside_simulated_ones(remote, options):
    options.folder.mkdir()
    (options.folder / "SIMULATED.txt").write_text("Simulated.\n")
    with pytest.raises(DownloadError, match="holds simulated data"):
        download(options)
    with pytest.raises(DownloadError, match="holds simulated data"):
        plan_download(options)
    assert remote.asked == []


def listing(*paths: str, sums: bool = True) -> Listing:
    sizes = dict.fromkeys(paths, 7)
    return Listing(dict.fromkeys(paths, "0" * 64) if sums else {}, sizes, [])


TABLE = "SC-subjects.xls"
PAIR = ("sleep-cassette/SC4001E0-PSG.edf", "sleep-cassette/SC4001EC-Hypnogram.edf")


def test_a_night_without_its_hypnogram_is_reported():
    _, problems = choose_files(listing(TABLE, PAIR[0]), Options())
    assert problems == ["SC4001 has a PSG alone"]


def test_a_hypnogram_without_its_night_is_reported():
    _, problems = choose_files(listing(TABLE, PAIR[1]), Options())
    assert problems == ["SC4001 has a hypnogram alone"]


def test_the_letters_of_a_hypnogram_need_not_be_those_of_its_night():
    files, problems = choose_files(listing(TABLE, *PAIR), Options())
    assert problems == []
    assert [file.path for file in files] == [TABLE, *PAIR]


def test_a_recording_that_only_records_lists_is_asked_for_and_reported():
    record = "sleep-cassette/SC4012E0-PSG.edf"
    files, problems = choose_files(listing(TABLE, *PAIR)._replace(records=[record]), Options())
    assert record in [file.path for file in files]
    assert f"{record} has no published hash" in problems
    assert f"{record} is not in the index" in problems


def test_a_table_of_subjects_that_is_not_listed_is_reported():
    assert choose_files(listing(*PAIR), Options())[1] == [
        "SC-subjects.xls (ages, lights off) is not listed"
    ]


def test_a_strange_name_is_left_out_and_reported():
    strange = "sleep-cassette/SC9999-night.edf"
    files, problems = choose_files(listing(TABLE, *PAIR, strange), Options())
    assert strange not in [file.path for file in files]
    assert problems == [f"{strange} is no name of a recording; it is left out"]


def test_a_listing_without_the_subset_is_refused():
    with pytest.raises(DownloadError, match=r"lists no recording in sleep-telemetry/"):
        choose_files(listing(*PAIR), Options(subset="telemetry"))


@pytest.mark.slow
@given(st.lists(st.text("abSC40-PG./\\:~%", max_size=40), max_size=8))
def test_no_listing_can_name_a_path_outside_the_folder(names):
    listed = listing(*PAIR, *(f"sleep-cassette/{name}" for name in names))
    files, _ = choose_files(listed, Options())
    assert all(re.fullmatch(r"sleep-cassette/[A-Za-z0-9-]+\.edf", file.path) for file in files)


@pytest.mark.parametrize(
    ("text", "numbers"), [("0", (0,)), ("0,1,2", (0, 1, 2)), ("5-7, 1,6", (1, 5, 6, 7))]
)
def test_subjects_are_numbers_and_ranges(text, numbers):
    assert parse_subjects(text) == numbers


@pytest.mark.parametrize("text", ["", "a", "1,", "-3", "7-5", "1-2-3", "100", "1;2"])
def test_anything_else_is_no_subject(text):
    with pytest.raises(DownloadError, match="neither a subject's number nor a range"):
        parse_subjects(text)


@pytest.mark.parametrize("url", ["ftp://x/", "physionet.org/files", "file:///etc", "http://"])
def test_a_base_url_that_is_no_web_address_is_refused(url):
    with pytest.raises(ValidationError, match="no address of a web server"):
        Options(base_url=url)


def test_a_base_url_needs_no_slash_at_its_end(remote, options):
    without = Options(**{**options.model_dump(), "base_url": remote.base_url.rstrip("/")})
    assert plan_download(without).items[0].file.url.startswith(remote.base_url)


@pytest.mark.slow
def test_the_summary_says_it_in_one_line(options):
    line = str(download(options))
    assert re.search(r"cassette, 10 files: 10 fetched \(10 verified by SHA-256\), 30\.\d kB", line)
    assert "\n" not in line


def killed_in_the_middle(options: Options) -> None:
    """Start a download in a process of its own, and kill it once a part of a file is here."""
    code = (
        "import sys; from epochal.downloads.sleep_edfx import *; "
        "download(Options.model_validate_json(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, options.model_dump_json()])
    part = options.folder / f"{PSG}.part"
    until(lambda: part.exists() and part.stat().st_size == 2000)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_a_killed_download_goes_on_where_it_was(remote, options):
    remote.fail(PSG, Fault("stall", 2000))
    killed_in_the_middle(changed(options, subjects=(0,)))
    assert not (options.folder / PSG).exists()
    download(options)
    assert remote.requests(PSG) == ["", "bytes=2000-"]
    assert (options.folder / PSG).read_bytes() == remote.files[PSG]


@pytest.mark.slow
def test_nothing_but_whole_files_and_marked_parts_is_ever_seen(remote, options):
    """What is under its final name is the published file at every moment of the download."""
    remote.always[PSG] = Fault("drop", 200)
    with pytest.raises(DownloadError):
        download(options)
    for path in Path(options.folder).rglob("*.edf"):
        name = path.relative_to(options.folder).as_posix()
        assert path.read_bytes() == remote.files[name]
    assert (options.folder / f"{PSG}.part").exists()
