import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from downloads.fake_kaggle import FakeApi
from downloads.physionet import Fault, Remote, serving
from downloads.small_edfx import small_edfx
from downloads.small_wesad import write_wesad
from epochal.commands.download import download
from epochal.downloads.progress import Bar
from waiting import until

PSG = "sleep-cassette/SC4001E0-PSG.edf"


@pytest.fixture
def remote() -> Iterator[Remote]:
    with serving(Remote(small_edfx())) as running:
        yield running


def call(*arguments: object) -> Result:
    return CliRunner().invoke(download, [str(argument) for argument in arguments])


def edfx(remote: Remote, folder: Path, *arguments: object) -> Result:
    return call("sleep-edfx", "--base-url", remote.base_url, "--out", folder, "--retries", 0,
                "--round-retries", 0, *arguments)  # fmt: skip


def assert_one_line_error(result: Result, exit_code: int) -> str:
    """An error of the user's: its exit code, no traceback, one line that starts with `Error`."""
    assert result.exit_code == exit_code, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    return last


@pytest.mark.slow
def test_sleep_edfx_comes_with_its_licence_a_line_a_file_and_the_sums(remote, tmp_path):
    result = edfx(remote, tmp_path, "--subjects", "0")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "Sleep-EDF Database Expanded 1.0.0 (PhysioNet), Open Data Commons"
    )
    assert "6 files: 6 fetched (6 verified by SHA-256)" in result.stdout.splitlines()[-1]
    assert f"verified {PSG}, 3.0 kB, " in result.stderr
    assert (tmp_path / PSG).read_bytes() == remote.files[PSG]


@pytest.mark.slow
def test_telemetry_is_the_other_subset(remote, tmp_path):
    assert edfx(remote, tmp_path, "--subset", "telemetry").exit_code == 0
    assert len(list(tmp_path.glob("sleep-telemetry/*.edf"))) == 4
    assert not (tmp_path / "sleep-cassette").exists()


def test_a_dry_run_prints_each_file_with_its_size_and_fetches_nothing(remote, tmp_path):
    result = edfx(remote, tmp_path / "raw", "--dry-run")
    assert result.exit_code == 0, result.output
    row = next(line for line in result.stdout.splitlines() if PSG in line)
    assert row.split() == ["fetch", "3.0", "kB", PSG]
    assert "10 of 10 files to fetch, 30.3 kB" in result.stdout
    assert not (tmp_path / "raw").exists()


def test_a_problem_of_the_listing_is_told(remote, tmp_path):
    remote.with_sums = False
    result = edfx(remote, tmp_path, "--subjects", "0")
    assert "Note: " in result.stdout
    assert "checked by size alone" in result.stdout


def test_a_failed_file_is_named_in_one_line_with_exit_code_1(remote, tmp_path):
    remote.always[PSG] = Fault("status", code=404)
    line = assert_one_line_error(edfx(remote, tmp_path), 1)
    assert f"1 of 10 files failed: {PSG}: HTTP 404" in line


@pytest.mark.slow
def test_retries_are_the_users_to_choose(remote, tmp_path):
    remote.fail(PSG, *(Fault("status", code=404), Fault("status", code=404)))
    result = edfx(remote, tmp_path, "--round-retries", 2)
    assert_one_line_error(result, 1)  # a 404 is final, however many rounds
    assert len(remote.requests(PSG)) == 1


def test_a_server_that_is_not_there_is_one_line(tmp_path):
    result = call("sleep-edfx", "--base-url", "http://127.0.0.1:9/", "--out", tmp_path,
                  "--retries", 0)  # fmt: skip
    assert "the connection failed" in assert_one_line_error(result, 1)


@pytest.mark.slow
def test_processed_files_may_be_deleted_and_are_skipped(remote, tmp_path):
    edfx(remote, tmp_path)
    result = call("sleep-edfx", "--mark-processed", "--out", tmp_path)
    assert result.stdout == "10 files noted as processed\n"
    (tmp_path / PSG).unlink()
    assert "0 fetched" in edfx(remote, tmp_path).stdout
    assert "1 processed before" in edfx(remote, tmp_path).stdout
    assert "1 fetched" in edfx(remote, tmp_path, "--ignore-hash").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--subset", "casette"),
        ("--subjects", "one"),
        ("--concurrency", "0"),
        ("--stall", "0"),
        ("--round-retries", "-1"),
        ("--base-url", "ftp://x/"),
        ("--nothing",),
    ],
)
def test_a_wrong_option_is_a_usage_error_with_exit_code_2(tmp_path, arguments):
    result = call("sleep-edfx", "--out", tmp_path / "raw", *arguments)
    assert_one_line_error(result, 2)
    assert not (tmp_path / "raw").exists()


def test_a_subject_that_does_not_exist_is_one_line(remote, tmp_path):
    line = assert_one_line_error(edfx(remote, tmp_path, "--subjects", "39"), 1)
    assert "No subject 39 in cassette" in line


def test_on_a_terminal_there_is_a_bar(monkeypatch):
    from epochal.commands import download as module

    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(module._progress(), Bar)


def test_a_folder_that_may_not_be_read_is_one_line(remote, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "/some/where")

    monkeypatch.setattr("epochal.downloads.sleep_edfx.download", refuse)
    line = assert_one_line_error(edfx(remote, tmp_path), 1)
    assert line == "Error: /some/where: Permission denied"


@pytest.fixture
def kaggle(monkeypatch) -> FakeApi:
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", "secret-key")
    module, api = ModuleType("kaggle"), FakeApi()
    module.api = api
    monkeypatch.setitem(sys.modules, "kaggle", module)
    return api


def test_hms_comes_through_kaggles_client(kaggle, tmp_path):
    result = call("hms", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "under the competition's rules on Kaggle" in result.stdout
    assert result.stdout.splitlines()[-1] == f"{tmp_path}: 63 files here, 63 of them new"
    assert "secret-key" not in result.output


def test_a_dry_run_of_hms_prints_the_plan_and_fetches_nothing(kaggle, tmp_path):
    result = call("hms", "--out", tmp_path / "raw", "--dry-run")
    assert "30 files        1.0 kB  train_spectrograms/" in result.stdout
    assert not (tmp_path / "raw").exists()


def test_hms_without_an_account_says_which_variables_to_set(monkeypatch, tmp_path):
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    line = assert_one_line_error(call("hms", "--out", tmp_path), 1)
    assert "KAGGLE_USERNAME and KAGGLE_KEY not set" in line


def test_wesad_is_unpacked_from_the_users_zip_and_missing_subjects_are_told(tmp_path):
    archive = write_wesad(tmp_path / "w.zip", ["S2", "S3"])
    result = call("wesad", archive, "--out", tmp_path / "raw")
    assert result.exit_code == 0, result.output
    assert "non-commercial research only" in result.stdout
    assert "Note: missing subjects: S4, S5" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("10 files unpacked, 0 were here")
    assert (tmp_path / "raw/S3/S3.pkl").is_file()


def test_a_dry_run_of_wesad_prints_the_plan_and_unpacks_nothing(tmp_path):
    result = call("wesad", write_wesad(tmp_path / "w.zip"), "--out", tmp_path / "raw", "--dry-run")
    assert "75 files to unpack" in result.stdout.splitlines()[-1]
    assert not (tmp_path / "raw").exists()


def test_a_folder_that_holds_wesad_already_is_checked(tmp_path):
    call("wesad", write_wesad(tmp_path / "w.zip", ["S2"]), "--out", tmp_path / "raw")
    result = call("wesad", tmp_path / "raw")
    assert result.exit_code == 0, result.output
    assert "missing subjects: S3" in result.stdout
    assert_one_line_error(call("wesad", tmp_path), 1)


def test_wesad_without_its_zip_says_what_to_place_where(tmp_path):
    line = assert_one_line_error(call("wesad", "--out", tmp_path), 1)
    assert f"{tmp_path / 'WESAD.zip'}: no such file; ask WESAD's authors" in line


def test_a_progress_bar_is_no_need_of_wesads(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    archive = write_wesad(tmp_path / "w.zip", ["S2"])
    assert call("wesad", archive, "--out", tmp_path / "raw").exit_code == 0


@pytest.mark.parametrize("command", [(), ("sleep-edfx",), ("hms",), ("wesad",)])
def test_help_is_there_for_every_command(command):
    result = call(*command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_help_imports_no_download_library():
    code = (
        "import sys; from epochal.commands.download import download; "
        "download(['sleep-edfx', '--help'], standalone_mode=False); "
        "print(sorted({'httpx', 'tqdm', 'pydantic', 'kaggle'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_ends_in_one_line_and_the_next_run_goes_on(remote, tmp_path):
    remote.fail(PSG, Fault("stall", 2000))
    code = (  # a test run in the background hands on that Ctrl-C is ignored
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from epochal.commands.download import download; download()"
    )
    arguments = ["sleep-edfx", "--base-url", remote.base_url, "--out", str(tmp_path)]
    arguments += ["--stall", "600"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    part = tmp_path / f"{PSG}.part"
    until(lambda: part.exists() and part.stat().st_size == 2000, within_s=180)
    process.send_signal(signal.SIGINT)
    stderr = process.communicate(timeout=200)[1].decode()
    assert process.returncode == 1
    assert stderr.splitlines()[-1] == "Error: stopped; what came is kept, run it again to go on"
    assert "Traceback" not in stderr
    assert edfx(remote, tmp_path).exit_code == 0
    assert remote.requests(PSG) == ["", "bytes=2000-"]
