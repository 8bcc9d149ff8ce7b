"""HMS harmful brain activity from Kaggle, through Kaggle's own client and the user's account.

Kaggle publishes no hashes: sizes are compared with its listing, and the zip's checksums verified.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from epochal.downloads import DownloadError, as_size, load_extra, prepare_folder, refuse_simulated
from epochal.downloads.archive import DamagedError, Limits, open_archive, unpack
from epochal.downloads.ledger import locked
from epochal.downloads.plan import check_space, missing_space

COMPETITION = "hms-harmful-brain-activity-classification"
LICENCE = (
    "HMS - Harmful Brain Activity Classification: under the competition's rules on Kaggle, which "
    "you accept there with your own account; the data may not be passed on"
)
WORK = ".kaggle-download"
_PAGE = 200
_FEW_FILES = 50  # so many missing files are asked for one by one, not in a zip of 20 GB
_T = TypeVar("_T")


class Options(BaseModel, extra="forbid", frozen=True):
    """What to fetch from Kaggle, and to where."""

    folder: Path = Field(Path("data/harmful_eeg/01_raw"), description="train.csv … go here.")
    competition: str = Field(COMPETITION, description="The competition's name in its address.")
    round_retries: int = Field(2, ge=0, le=100, description="Attempts after one that failed.")
    backoff_s: float = Field(5.0, ge=0, description="The first pause; it doubles with each more.")
    quiet: bool = Field(True, description="False: Kaggle's client draws its own bar.")
    keep_archive: bool = Field(False, description="Keep the zip after unpacking.")
    limits: Limits = Limits()


@dataclass(frozen=True)
class Plan:
    """What Kaggle lists, `{path: bytes}`, and which of it is not here."""

    folder: Path
    files: dict[str, int]
    missing: tuple[str, ...]

    @property
    def n_bytes_missing(self) -> int:
        """The bytes of the files that are not here."""
        return sum(self.files[path] for path in self.missing)

    @property
    def n_bytes_needed(self) -> int:
        """The room that is needed: for many files, the zip and what is unpacked from it."""
        if len(self.missing) <= _FEW_FILES:
            return self.n_bytes_missing
        return sum(self.files.values()) + self.n_bytes_missing

    def describe(self) -> list[str]:
        """Write the plan as lines: one a folder of the data set, then its sums."""
        totals: Counter[str] = Counter()
        for path in self.missing:
            totals[_top(path)] += self.files[path]
        counts = Counter(_top(path) for path in self.missing)
        lines = [
            f"fetch  {counts[top]:>6} files  {as_size(n_bytes):>12}  {top}"
            for top, n_bytes in sorted(totals.items())
        ]
        wanting = missing_space(self.folder, self.n_bytes_needed)
        return [*lines, *([f"Note: {wanting}"] if wanting else []), self.summarise()]

    def summarise(self) -> str:
        """Write the plan's sums in one line."""
        return (
            f"{self.folder}: {len(self.missing)} of {len(self.files)} files to fetch, "
            f"{as_size(self.n_bytes_missing)}; {len(self.files) - len(self.missing)} already here"
        )


def _top(path: str) -> str:
    return path.split("/")[0] + ("/" if "/" in path else "")


def check_credentials() -> None:
    """Raise `DownloadError` where Kaggle's client would find no account; nothing is read out."""
    if os.environ.get("KAGGLE_API_TOKEN"):
        return
    wanting = [name for name in ("KAGGLE_USERNAME", "KAGGLE_KEY") if not os.environ.get(name)]
    home = Path(os.environ.get("KAGGLE_CONFIG_DIR") or Path.home() / ".kaggle")
    if wanting and not (home / "kaggle.json").is_file():
        raise DownloadError(
            f"Kaggle needs your account: {' and '.join(wanting)} not set. Create a token in your "
            "Kaggle settings and set KAGGLE_USERNAME and KAGGLE_KEY (or KAGGLE_API_TOKEN), or keep "
            f"it as {home / 'kaggle.json'}"
        )


def connect() -> Any:
    """Return Kaggle's client, signed in; it prints and exits where we raise `DownloadError`."""
    check_credentials()
    with _quietly("Kaggle refuses the account"):
        client = load_extra("kaggle").api
        client.authenticate()
        return client


def plan_download(options: Options, client: Any = None) -> Plan:
    """List the competition's files and compare their sizes with the folder; nothing is written."""
    refuse_simulated(options.folder)
    client = client or connect()
    files = _repeat(lambda: list_files(client, options.competition), options)
    if not files:
        raise DownloadError(f"Kaggle lists no file of '{options.competition}'")
    missing = [path for path, n_bytes in files.items() if not _is_here(options, path, n_bytes)]
    return Plan(options.folder, files, tuple(missing))


def download(options: Options, on_bytes: Callable[[int], None] = lambda n_bytes: None) -> Plan:
    """Fetch and unpack what is missing, and return the plan that was carried out.

    The client resumes its own zip; once unpacked it is removed. Raises `DownloadError` when Kaggle
    refuses or fails, or when what came is not what it listed.
    """
    client = connect()
    prepare_folder(options.folder)
    with locked(options.folder):
        plan = plan_download(options, client)
        check_space(options.folder, plan.n_bytes_needed - _n_bytes_in(options.folder / WORK))
        if len(plan.missing) > _FEW_FILES:
            _fetch_archive(client, plan, options, on_bytes)
        else:
            for path in plan.missing:
                _repeat(partial(_fetch_file, client, path, options, on_bytes), options)
    absent = [path for path in plan.missing if not _is_here(options, path, plan.files[path])]
    if absent:
        raise DownloadError(
            f"{options.folder}: {len(absent)} files did not come as listed, first {absent[0]}"
        )
    if not options.keep_archive:
        shutil.rmtree(options.folder / WORK, ignore_errors=True)
    return plan


def list_files(client: Any, competition: str) -> dict[str, int]:
    """Return `{path: bytes}` of a competition's files, page after page."""
    files: dict[str, int] = {}
    token: str | None = None
    with _quietly(f"Kaggle does not list '{competition}'"):
        while True:
            page = client.competition_list_files(competition, page_token=token, page_size=_PAGE)
            known = len(files)
            files.update({_safe(file.name): int(file.total_bytes) for file in page.files})
            token = getattr(page, "next_page_token", None) or None
            if token is None or len(files) == known:  # a page that brings nothing new is the last
                return files


def _safe(path: str) -> str:
    """Refuse a listed path that would lead out of the folder."""
    parts = path.replace("\\", "/").split("/")
    if path.startswith("/") or ":" in path or not all(parts) or {"..", "."} & set(parts):
        raise DownloadError(f"Kaggle lists a path that leads elsewhere: {path!r}")
    return path


def _n_bytes_in(work: Path) -> int:
    return sum(file.stat().st_size for file in work.rglob("*") if file.is_file())


def _is_here(options: Options, path: str, n_bytes: int) -> bool:
    file = options.folder / path
    return file.is_file() and file.stat().st_size == n_bytes


def _fetch_archive(
    client: Any, plan: Plan, options: Options, on_bytes: Callable[[int], None]
) -> None:
    work = options.folder / WORK
    work.mkdir(exist_ok=True)

    def fetch() -> None:
        with _quietly(f"Kaggle does not give '{options.competition}'"):
            client.competition_download_files(
                options.competition, path=str(work), quiet=options.quiet
            )

    _repeat(fetch, options)
    archive = work / f"{options.competition}.zip"
    try:
        with open_archive(archive, options.limits) as opened:
            members = {info.filename: info for info in opened.infolist()}
            wanted = {path: members[path] for path in plan.missing if path in members}
            unpack(opened, wanted, options.folder, on_bytes=on_bytes)
    except DamagedError:
        archive.unlink()  # the client would take it for complete, by its size, for ever
        raise


def _fetch_file(client: Any, path: str, options: Options, on_bytes: Callable[[int], None]) -> None:
    """Fetch one file; Kaggle gives large ones zipped, under their last name."""
    work = options.folder / WORK
    shutil.rmtree(work / "one", ignore_errors=True)
    (work / "one").mkdir(parents=True)
    with _quietly(f"Kaggle does not give '{path}'"):
        client.competition_download_file(
            options.competition, path, path=str(work / "one"), quiet=True
        )
    came = [file for file in (work / "one").rglob("*") if file.is_file()]
    if len(came) != 1:
        raise DownloadError(f"Kaggle gave {len(came)} files for '{path}'")
    target = options.folder / path
    if came[0].suffix == ".zip" and target.suffix != ".zip":
        with open_archive(came[0], options.limits) as opened:
            unpack(opened, {path: opened.infolist()[0]}, options.folder, on_bytes=on_bytes)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    came[0].replace(target)
    on_bytes(target.stat().st_size)


class _BrokenError(DownloadError):
    """A failure of the network's: worth another attempt."""


def _repeat(attempt: Callable[[], _T], options: Options) -> _T:
    for n_failures in range(options.round_retries + 1):
        try:
            return attempt()
        except _BrokenError:
            if n_failures == options.round_retries:
                raise
            time.sleep(options.backoff_s * 2.0**n_failures * random.uniform(0.5, 1.0))
    raise AssertionError("unreachable")


@contextlib.contextmanager
def _quietly(what: str) -> Iterator[None]:
    """Keep the client from printing and exiting; whatever it raises becomes one sentence.

    The client raises what its HTTP library raises, and `SystemExit` when it has no account.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            yield
    except DownloadError:
        raise
    except SystemExit as error:
        raise DownloadError(f"{what}: it is not accepted; make a new token") from error
    except OSError as error:  # the HTTP library's errors are of this kind, and a full disk's
        raise _explain(what, error) from error
    except Exception as error:
        raise DownloadError(f"{what} ({_first_line(error)})") from error


_MEANING = {
    401: "the account's key is not accepted; make a new token",
    403: "open the competition on Kaggle with your account and accept its rules first",
    404: "there is no such thing on Kaggle",
}


def _explain(what: str, error: OSError) -> DownloadError:
    code = getattr(getattr(error, "response", None), "status_code", None)
    if code in _MEANING:
        return DownloadError(f"{what} (HTTP {code}): {_MEANING[code]}")
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        return DownloadError(f"{what} ({error.strerror})")
    return _BrokenError(f"{what} ({_first_line(error)})")


def _first_line(error: Exception) -> str:
    """Say what an error says without any address: Kaggle's carry signatures."""
    if type(error).__name__ in ("ConnectionError", "ConnectTimeout", "ReadTimeout", "SSLError"):
        return f"no connection: {type(error).__name__}"
    text = (str(error) or type(error).__name__).splitlines()[0]
    return text.split(" for url:")[0][:200]
