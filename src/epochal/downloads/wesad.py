"""WESAD from the user's own zip: unpacked safely, and its layout checked.

Schmidt et al., Introducing WESAD, ICMI 2018, doi:10.1145/3242969.3242985. Nothing is fetched:
the data set is given by its authors for non-commercial research, to those who ask there.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field

from epochal.downloads import DownloadError, as_size, prepare_folder, refuse_simulated
from epochal.downloads.archive import Limits, is_unpacked, open_archive, unpack
from epochal.downloads.ledger import locked
from epochal.downloads.plan import check_space, missing_space
from epochal.errors import RecordingError

LICENCE = (
    "WESAD (Schmidt et al., ICMI 2018): for non-commercial research only, with citation; "
    "by its authors' terms it may not be passed on"
)
SUBJECTS = tuple(f"S{number}" for number in range(2, 18) if number != 12)  # no S1, no S12
NEEDED = "{subject}.pkl"
BESIDE = (
    "{subject}_quest.csv",
    "{subject}_E4_Data.zip",
    "{subject}_respiban.txt",
    "{subject}_readme.txt",
)
_MEMBER = re.compile(r"(?:.*/)?(S\d+)/(\1(?:\.pkl|_quest\.csv|_E4_Data\.zip|_\w+\.txt))")


class Options(BaseModel, extra="forbid", frozen=True):
    """Where the zip is, where its recordings go, and how much it may hold."""

    folder: Path = Field(Path("data/wearable_stress/01_raw"), description="S2 … S17 go here.")
    archive: Path | None = Field(None, description="The zip; default: `WESAD.zip` in `folder`.")
    limits: Limits = Limits()

    @property
    def path(self) -> Path:
        """The zip that is meant."""
        return self.archive or self.folder / "WESAD.zip"


@dataclass(frozen=True)
class Plan:
    """Which members are to be unpacked where; `problems` are plain sentences."""

    folder: Path
    to_unpack: dict[str, zipfile.ZipInfo]
    n_here: int
    problems: tuple[str, ...]

    @property
    def n_bytes(self) -> int:
        """The bytes that unpacking will write."""
        return sum(member.file_size for member in self.to_unpack.values())

    def describe(self) -> list[str]:
        """Write the plan as lines: one a file, the problems, the sums."""
        lines = [
            f"unpack  {as_size(member.file_size):>12}  {path}"
            for path, member in self.to_unpack.items()
        ]
        wanting = missing_space(self.folder, self.n_bytes)
        notes = [*self.problems, *([wanting] if wanting else [])]
        return [*lines, *(f"Note: {note}" for note in notes), self.summarise()]

    def summarise(self) -> str:
        """Write the plan's sums in one line."""
        n_files = len(self.to_unpack)
        return (
            f"{self.folder}: {n_files} files to unpack, {as_size(self.n_bytes)}; {self.n_here} here"
        )


def plan_unpacking(options: Options) -> Plan:
    """Judge the zip and compare it with the folder; nothing is written.

    Raises `RecordingError` for a zip that is absent, damaged, unsafe, or not WESAD.
    """
    refuse_simulated(options.folder)
    if not options.path.is_file():
        raise RecordingError(
            options.path, "no such file; ask WESAD's authors for the data, and give the zip's path"
        )
    with open_archive(options.path, options.limits) as archive:
        return _compare(archive, options)


def unpack_wesad(options: Options, on_bytes: Callable[[int], None] = lambda n_bytes: None) -> Plan:
    """Unpack what is not here yet, and return what was done; again to go on after an interruption.

    Raises `RecordingError` for the zip's faults and `DownloadError` for the disk's.
    """
    if options.path.is_file():
        prepare_folder(options.folder)
    plan = plan_unpacking(options)
    with locked(options.folder), open_archive(options.path, options.limits) as archive:
        check_space(options.folder, plan.n_bytes)
        unpack(archive, plan.to_unpack, options.folder, on_bytes=on_bytes)
    return plan


def _compare(archive: zipfile.ZipFile, options: Options) -> Plan:
    wanted = _recordings(archive, options.path)
    to_unpack = {
        path: member
        for path, member in wanted.items()
        if not is_unpacked(member, options.folder / path)
    }
    strangers = sorted({path.split("/")[0] for path in wanted} - set(SUBJECTS))
    problems = [f"{subject} is no subject of WESAD's" for subject in strangers]
    problems += missing_files(set(wanted))
    return Plan(options.folder, to_unpack, len(wanted) - len(to_unpack), tuple(problems))


def _recordings(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """Return `{path below the folder: member}`, whatever folders the zip puts S2 … S17 in."""
    wanted: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        match = _MEMBER.fullmatch(member.filename)
        if match is None or "__MACOSX" in member.filename:
            continue
        target = f"{match[1]}/{match[2]}"
        if target in wanted:
            raise RecordingError(path, f"{target} is in it twice; keep one")
        wanted[target] = member
    if not any(target.endswith(".pkl") for target in wanted):
        raise RecordingError(path, "not WESAD: it holds no S2/S2.pkl … S17/S17.pkl")
    return dict(sorted(wanted.items()))


def missing_files(paths: set[str]) -> list[str]:
    """Say what WESAD has that is not among `paths` (`S2/S2.pkl`, …): subjects first, then files."""
    there = [subject for subject in SUBJECTS if f"{subject}/{subject}.pkl" in paths]
    absent = [subject for subject in SUBJECTS if subject not in there]
    expected = [(s, name.format(subject=s)) for s in there for name in BESIDE]
    files = [f"{subject}/{name}" for subject, name in expected if f"{subject}/{name}" not in paths]
    return [
        *([f"missing subjects: {', '.join(absent)} of {len(SUBJECTS)}"] if absent else []),
        *([f"missing files: {', '.join(files)}"] if files else []),
    ]


def check_folder(folder: Path) -> list[str]:
    """Check a folder that holds S2 … S17 already, and return what is missing as sentences.

    Raises `DownloadError` when no subject is there at all.
    """
    paths = {path.relative_to(folder).as_posix() for path in folder.glob("S*/S*") if path.is_file()}
    problems = missing_files(paths)
    if not any(f"{subject}/{subject}.pkl" in paths for subject in SUBJECTS):
        raise DownloadError(f"{folder}: holds no S2/S2.pkl … S17/S17.pkl; unpack WESAD's zip here")
    return problems
