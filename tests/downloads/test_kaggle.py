import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from downloads.fake_kaggle import FakeApi, HTTPError, hms
from epochal.downloads import DownloadError, kaggle
from epochal.downloads.archive import DamagedError
from epochal.downloads.kaggle import (
    COMPETITION,
    WORK,
    Options,
    check_credentials,
    connect,
    download,
    list_files,
    plan_download,
)


@pytest.fixture
def no_account(monkeypatch, tmp_path):
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "no-such-folder"))


@pytest.fixture
def api(monkeypatch, no_account) -> FakeApi:
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", "secret-key")
    module, api = ModuleType("kaggle"), FakeApi()
    module.api = api
    monkeypatch.setitem(sys.modules, "kaggle", module)
    return api


@pytest.fixture
def options(tmp_path) -> Options:
    return Options(folder=tmp_path / "raw", backoff_s=0)


def here(options: Options) -> dict[str, bytes]:
    files = [path for path in options.folder.rglob("*") if path.is_file()]
    found = {path.relative_to(options.folder).as_posix(): path.read_bytes() for path in files}
    return {path: data for path, data in found.items() if not path.startswith(".")}


def test_all_files_come_in_the_original_layout_and_the_zip_goes(api, options):
    plan = download(options)
    assert here(options) == api.files
    assert len(plan.missing) == 63
    assert not (options.folder / WORK).exists()


def test_the_zip_is_kept_on_request(api, options):
    download(options.model_copy(update={"keep_archive": True}))
    assert (options.folder / WORK / f"{COMPETITION}.zip").is_file()


def test_a_second_run_fetches_nothing(api, options):
    download(options)
    api.calls.clear()
    assert download(options).missing == ()
    assert not any(call.startswith("download") for call in api.calls)


def test_a_few_missing_files_come_one_by_one(api, options):
    download(options)
    api.calls.clear()
    (options.folder / "train.csv").unlink()
    (options.folder / "train_eegs/3.parquet").write_bytes(b"short")
    heard: list[int] = []
    download(options, heard.append)
    assert [call for call in api.calls if call.startswith("download")] == [
        "download train.csv", "download train_eegs/3.parquet"
    ]  # fmt: skip
    assert here(options) == api.files
    assert sum(heard) == len(api.files["train.csv"]) + 24


def test_every_page_of_the_list_is_read(api):
    assert list_files(api, COMPETITION) == {name: len(data) for name, data in hms().items()}
    assert len(api.calls) == 9


def test_a_list_that_never_ends_is_left(api, monkeypatch):
    page = SimpleNamespace(files=[SimpleNamespace(name="a", total_bytes=1)], next_page_token="x")
    monkeypatch.setattr(api, "competition_list_files", lambda *_, **__: page)
    assert list_files(api, COMPETITION) == {"a": 1}


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a//b", "C:/a", "a/./b", "..\\a", ""])
def test_a_listed_path_that_leads_elsewhere_is_refused(api, name):
    api.files = {name: b"1"}
    with pytest.raises(DownloadError, match="leads elsewhere"):
        list_files(api, COMPETITION)


def test_an_empty_list_is_refused(api, options):
    api.files = {}
    with pytest.raises(DownloadError, match=f"lists no file of '{COMPETITION}'"):
        plan_download(options)


def test_a_plan_tells_files_and_sizes_by_folder_and_writes_nothing(api, options):
    lines = plan_download(options).describe()
    assert lines[-2].split() == ["fetch", "30", "files", "1.0", "kB", "train_spectrograms/"]
    assert lines[0].split() == ["fetch", "1", "files", "7", "B", "sample_submission.csv"]
    assert lines[-1] == f"{options.folder}: 63 of 63 files to fetch, 1.8 kB; 0 already here"
    assert not options.folder.exists()


def test_room_is_needed_for_the_zip_and_for_what_is_in_it(api, options):
    plan = plan_download(options)
    assert plan.n_bytes_needed == 2 * plan.n_bytes_missing


def test_a_disk_that_is_too_small_is_refused(api, options, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(DownloadError, match="are to come, but only 10 B are free"):
        download(options)
    assert "download all" not in api.calls


def test_the_clients_own_chatter_is_not_shown(api, options, capsys):
    download(options)
    assert capsys.readouterr().out == ""


def test_a_broken_connection_is_tried_again(api, options):
    api.errors = [ConnectionResetError(104, "Connection reset by peer")]
    client = connect_after_errors(api)
    assert len(plan_download(options, client).files) == 63


def connect_after_errors(api: FakeApi) -> FakeApi:
    """Sign in with no error, and keep those that wait for the next calls."""
    errors, api.errors = api.errors, []
    client = connect()
    api.errors = errors
    return client


def test_a_connection_that_stays_broken_ends_in_one_line(api, options):
    client = connect_after_errors(api)
    api.errors = [ConnectionError("Max retries exceeded\nwith url")] * 9
    with pytest.raises(
        DownloadError, match=r"does not list .* \(no connection: ConnectionError\)$"
    ):
        plan_download(options, client)
    assert len(api.errors) == 9 - 3


@pytest.mark.parametrize(
    ("code", "advice"),
    [(401, "make a new token"), (403, "accept its rules first"), (404, "no such thing on Kaggle")],
)
def test_a_refusal_says_what_to_do_and_is_not_repeated(api, options, code, advice):
    client = connect_after_errors(api)
    api.errors = [HTTPError(code)] * 5
    with pytest.raises(DownloadError, match=advice) as caught:
        plan_download(options, client)
    assert "signature" not in str(caught.value)
    assert len(api.errors) == 4


def test_a_servers_trouble_is_repeated_without_its_address(api, options):
    client = connect_after_errors(api)
    api.errors = [HTTPError(503)] * 3
    with pytest.raises(DownloadError, match=r"503 Client Error: no\)$"):
        plan_download(options, client)


def test_a_full_disk_is_not_repeated(api, options):
    client = connect_after_errors(api)
    api.errors = [OSError(28, "No space left on device")] * 3
    with pytest.raises(DownloadError, match="No space left on device"):
        plan_download(options, client)
    assert len(api.errors) == 2


def test_a_client_that_exits_does_not_end_the_process(api):
    api.errors = [SystemExit(1)]
    with pytest.raises(DownloadError, match="not accepted"):
        connect()


def test_what_else_the_client_raises_is_one_line(api):
    api.errors = [ValueError("bad\nthing")]
    with pytest.raises(DownloadError, match=r"refuses the account \(bad\)$"):
        connect()


def test_a_damaged_zip_is_removed_so_that_the_next_run_fetches_it_anew(api, options):
    api.damaged = True
    with pytest.raises(DamagedError):
        download(options)
    assert here(options) == {}
    api.damaged = False
    download(options)
    assert here(options) == api.files


def test_a_zip_without_what_was_listed_is_noticed(api, options, monkeypatch):
    client_list = api.competition_list_files

    def with_one_more(*args, **options):
        page = client_list(*args, **options)
        page.files.append(SimpleNamespace(name="train_eegs/extra.parquet", total_bytes=9))
        return page

    monkeypatch.setattr(api, "competition_list_files", with_one_more)
    with pytest.raises(DownloadError, match=r"1 files did not come as listed, first train_eegs/e"):
        download(options)


def test_several_files_in_one_files_stead_are_refused(api, options, monkeypatch):
    download(options)
    (options.folder / "test.csv").unlink()

    def two(_competition, _name, *, path, quiet):
        for name in "ab":
            (Path(path) / name).write_bytes(b"")

    monkeypatch.setattr(api, "competition_download_file", two)
    with pytest.raises(DownloadError, match=r"gave 2 files for 'test\.csv'"):
        download(options)


def test_real_recordings_never_go_beside_simulated_ones(api, options):
    options.folder.mkdir()
    (options.folder / "SIMULATED.txt").write_text("Simulated.\n")
    with pytest.raises(DownloadError, match="holds simulated data"):
        download(options)


@pytest.mark.parametrize("missing", ["KAGGLE_USERNAME", "KAGGLE_KEY"])
def test_a_missing_variable_is_named(no_account, monkeypatch, missing):
    for name in {"KAGGLE_USERNAME", "KAGGLE_KEY"} - {missing}:
        monkeypatch.setenv(name, "secret-value")
    with pytest.raises(DownloadError, match=f"your account: {missing} not set") as caught:
        check_credentials()
    assert "secret-value" not in str(caught.value)


def test_without_an_account_the_client_is_not_even_imported(no_account, monkeypatch):
    monkeypatch.setattr(kaggle, "load_extra", lambda _: pytest.fail("imported"))
    with pytest.raises(DownloadError, match="KAGGLE_USERNAME and KAGGLE_KEY not set"):
        connect()


def test_a_token_in_the_environment_is_an_account(no_account, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", "token")
    assert check_credentials() is None


def test_a_kaggle_json_is_an_account(no_account, monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    (tmp_path / "kaggle.json").write_text("{}")
    assert check_credentials() is None


def test_a_missing_client_names_the_extra(api, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaggle", None)
    with pytest.raises(DownloadError, match=r"pip install 'epochal\[download\]'"):
        connect()
