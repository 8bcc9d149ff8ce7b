"""Sleep-EDFx from PhysioNet: what of it to fetch, and whether all of it came.

The Sleep-EDF Database Expanded, version 1.0.0, doi:10.13026/C2X676; layout in FORMATS.md.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator

from epochal.downloads import DownloadError, as_size, prepare_folder, refuse_simulated
from epochal.downloads.fetch import (
    FetchOptions,
    fetch_plan,
    persist,
    raise_failures,
)
from epochal.downloads.ledger import Ledger, locked, read_ledger
from epochal.downloads.listing import parse_index, parse_records, parse_sums
from epochal.downloads.outcome import Outcome
from epochal.downloads.plan import Plan, RemoteFile, check_space, make_plan
from epochal.downloads.progress import Progress
from epochal.downloads.transfer import Line, fetch_size, fetch_text, open_line

BASE_URL = "https://physionet.org/files/sleep-edfx/1.0.0/"
LICENCE = (
    "Sleep-EDF Database Expanded 1.0.0 (PhysioNet), Open Data Commons Attribution License v1.0: "
    "cite Kemp et al., IEEE Trans Biomed Eng 47(9):1185-1194 (2000), and Goldberger et al., "
    "Circulation 101(23):e215-e220 (2000)"
)
Subset = Literal["cassette", "telemetry"]


class _Part(NamedTuple):
    """One of the two studies: its folder, the names in it, and the table of its subjects."""

    folder: str
    name: re.Pattern[str]
    table: str


# SC4ssN: subject, night; the hypnogram's letters differ from the signal's, and from night to night.
PARTS: dict[Subset, _Part] = {
    "cassette": _Part(
        "sleep-cassette",
        re.compile(r"SC4(\d\d)\d[A-Z](?:0-PSG|[A-Z]-Hypnogram)\.edf"),
        "SC-subjects.xls",
    ),
    "telemetry": _Part(
        "sleep-telemetry",
        re.compile(r"ST7(\d\d)\d[A-Z](?:0-PSG|[A-Z]-Hypnogram)\.edf"),
        "ST-subjects.xls",
    ),
}
_ID_LENGTH = 6  # SC4001, ST7022: what a signal and its hypnogram have in common


class Options(FetchOptions):
    """What to fetch of Sleep-EDFx, from where, to where."""

    subset: Subset = Field("cassette", description="Which of the two studies.")
    folder: Path = Field(Path("data/sleep_edfx/01_raw"), description="Where the files go.")
    subjects: tuple[int, ...] | None = Field(
        None, description="Subject numbers (SC4ss: 0-82 with gaps; ST7ss: 1-24 with gaps); all."
    )
    ignore_hash: bool = Field(
        False, description="Verify the files here anew, and fetch processed ones again."
    )
    base_url: str = Field(BASE_URL, description="The data set's folder on the server.")

    @field_validator("base_url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if not re.match(r"https?://[^/\s]+", url):
            raise ValueError(f"'{url}' is no address of a web server (http:// or https://)")
        return url if url.endswith("/") else f"{url}/"


def parse_subjects(text: str) -> tuple[int, ...]:
    """Read `0,1,5-9` as subject numbers; anything else raises `DownloadError`."""
    numbers: set[int] = set()
    for piece in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,2})(?:\s*-\s*(\d{1,2}))?\s*", piece)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise DownloadError(f"'{piece}' is neither a subject's number nor a range like 5-9")
        numbers.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(numbers))


@dataclass(frozen=True)
class Summary:
    """What a download did; `problems` are plain sentences about the listing."""

    subset: str
    folder: str
    n_files: int
    n_fetched: int
    n_verified: int
    n_present: int
    n_processed: int
    n_bytes: int
    seconds: float
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON, with the throughput."""
        return {**asdict(self), "bytes_per_s": self.n_bytes / max(self.seconds, 1e-9)}

    def __str__(self) -> str:
        """Say it in one line."""
        speed = as_size(self.n_bytes / max(self.seconds, 1e-9))
        fetched = f"{self.n_fetched} fetched ({self.n_verified} verified by SHA-256), "
        amount = f"{as_size(self.n_bytes)} in {self.seconds:.0f} s ({speed}/s); "
        return (
            f"{self.folder}: {self.subset}, {self.n_files} files: {fetched}{amount}"
            f"{self.n_present} were here, {self.n_processed} processed before"
        )


class Listing(NamedTuple):
    """What the server says: hashes and sizes by path, and the paths of `RECORDS`."""

    sums: dict[str, str]
    sizes: dict[str, int | None]
    records: list[str]


def plan_download(options: Options, *, ledger: Ledger | None = None) -> Plan:
    """Read the remote listing and compare it with the folder; nothing is written.

    `ledger` (default: the folder's) learns of files that had to be hashed. Raises `DownloadError`
    when the server cannot be reached, lists nothing of the subset, or lacks a subject asked for.
    """
    refuse_simulated(options.folder)
    if ledger is None:
        ledger = read_ledger(options.folder, ignore_damage=options.ignore_hash)
    with open_line(options, n_connections=options.concurrency) as line:
        files, problems = choose_files(_read_listing(options, line), options)
        files = _with_sizes(files, options, line)
    return make_plan(
        files, options.folder, ledger=ledger, ignore_hash=options.ignore_hash, problems=problems
    )


def download(options: Options, progress: Progress | None = None) -> Summary:
    """Fetch what is missing of a subset, verified; run it again to go on after any interruption.

    Raises `DownloadError` at the end naming every file that failed; the others are all here.
    """
    prepare_folder(options.folder)
    with locked(options.folder):
        ledger = read_ledger(options.folder, ignore_damage=options.ignore_hash)
        plan = plan_download(options, ledger=ledger)
        check_space(options.folder, plan.n_bytes_missing)
        ledger.save(options.folder)
        started = time.monotonic()
        outcomes = fetch_plan(plan, options, ledger=ledger, progress=progress)
    raise_failures(outcomes, options.folder)
    return _summarise(plan, outcomes, options=options, seconds=time.monotonic() - started)


def _read_listing(options: Options, line: Line) -> Listing:
    def read(name: str) -> str | None:
        url = options.base_url + name
        return persist(lambda: fetch_text(line, url), options, line=line)

    folder = PARTS[options.subset].folder
    sums, records, top, index = (read(n) for n in ("SHA256SUMS.txt", "RECORDS", "", f"{folder}/"))
    inside = parse_index(index) if index else {}
    return Listing(
        sums=parse_sums(sums or ""),
        sizes={
            **(parse_index(top) if top else {}),
            **{f"{folder}/{name}": n_bytes for name, n_bytes in inside.items()},
        },
        records=parse_records(records or ""),
    )


def choose_files(listing: Listing, options: Options) -> tuple[list[RemoteFile], list[str]]:
    """Return the files of the subset and the subjects, and what is odd about the listing.

    Only names of the data set's own pattern are taken, so no listing can name a path elsewhere.
    """
    part = PARTS[options.subset]
    if not listing.sums and not listing.sizes:
        raise DownloadError(
            f"{options.base_url}: neither SHA256SUMS.txt nor an index of {part.folder}/ is there"
        )
    listed = [*listing.sums, *listing.sizes, *listing.records]
    inside = sorted({path for path in listed if path.startswith(f"{part.folder}/")})
    named = {path: part.name.fullmatch(path.removeprefix(f"{part.folder}/")) for path in inside}
    subjects = {path: int(match[1]) for path, match in named.items() if match}
    if not subjects:
        raise DownloadError(f"{options.base_url}: lists no recording in {part.folder}/")
    chosen = _choose_subjects(subjects, options)
    extras = [
        path for path in (part.table, "LICENSE.txt") if path in {*listing.sums, *listing.sizes}
    ]
    strange = [path for path, match in named.items() if not match and path.endswith(".edf")]
    problems = [
        *(f"{path} is no name of a recording; it is left out" for path in strange),
        *_oddities(listing, chosen, options),
    ]
    files = [
        RemoteFile(
            path, options.base_url + path, listing.sums.get(path), listing.sizes.get(path)
        )
        for path in [*extras, *chosen]
    ]  # fmt: skip
    return files, problems


def _choose_subjects(subjects: Mapping[str, int], options: Options) -> list[str]:
    if options.subjects is None:
        return list(subjects)
    there = sorted(set(subjects.values()))
    missing = sorted(set(options.subjects) - set(there))
    if missing:
        raise DownloadError(
            f"No subject {', '.join(map(str, missing))} in {options.subset} at {options.base_url}; "
            f"it has: {_as_ranges(there)}"
        )
    return [path for path, subject in subjects.items() if subject in options.subjects]


def _as_ranges(numbers: Iterable[int]) -> str:
    """Write sorted numbers as `0-12, 14`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _oddities(listing: Listing, chosen: list[str], options: Options) -> list[str]:
    part = PARTS[options.subset]
    odd = []
    if not listing.sums:
        odd.append(f"{options.base_url} has no SHA256SUMS.txt: files are checked by size alone")
    else:
        odd += [f"{path} has no published hash" for path in chosen if path not in listing.sums]
    if any(path.startswith(f"{part.folder}/") for path in listing.sizes):
        odd += [f"{path} is not in the index" for path in chosen if path not in listing.sizes]
    if part.table not in {*listing.sums, *listing.sizes}:
        odd.append(f"{part.table} (ages, lights off) is not listed")
    return [*odd, *_unpaired(chosen)]


def _unpaired(chosen: list[str]) -> list[str]:
    kinds: dict[str, set[str]] = defaultdict(set)
    for path in chosen:
        name = path.rsplit("/", 1)[-1]
        kinds[name[:_ID_LENGTH]].add("PSG" if name.endswith("-PSG.edf") else "hypnogram")
    return [
        f"{recording} has a {'hypnogram' if 'hypnogram' in found else 'PSG'} alone"
        for recording, found in sorted(kinds.items())
        if len(found) == 1
    ]


def _with_sizes(files: list[RemoteFile], options: Options, line: Line) -> list[RemoteFile]:
    """Ask for the sizes that no index gave; a server that will not say costs no more than that."""
    with ThreadPoolExecutor(options.concurrency) as pool:
        return list(pool.map(lambda file: _with_size(file, line), files))


def _with_size(file: RemoteFile, line: Line) -> RemoteFile:
    if file.n_bytes is not None:
        return file
    try:
        return replace(file, n_bytes=fetch_size(line, file.url))
    except DownloadError:
        return file


def _summarise(
    plan: Plan, outcomes: Mapping[str, Outcome], *, options: Options, seconds: float
) -> Summary:
    return Summary(
        subset=options.subset,
        folder=str(plan.folder),
        n_files=len(plan.items),
        n_fetched=len(outcomes),
        n_verified=sum(bool(outcome.file.sha256) for outcome in outcomes.values()),
        n_present=plan.counts["present"],
        n_processed=plan.counts["processed"],
        n_bytes=sum(outcome.n_bytes for outcome in outcomes.values()),
        seconds=seconds,
        problems=plan.problems,
    )
