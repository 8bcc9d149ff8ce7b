"""Recordings of several files, as a zip: unpacked with care, and the recording in it found."""

from __future__ import annotations

import shutil
from pathlib import Path

from epochal.downloads import DownloadError
from epochal.downloads.archive import DamagedError, Limits, open_archive, unpack
from epochal.errors import RecordingError
from epochal.readers import BY_EXTENSION
from epochal.readers.detection import TABLES
from epochal.readers.e4_files import SIGNALS

UNPACKED = "unpacked"
N_MEMBERS = 2000
_RECORDINGS = {*BY_EXTENSION, *TABLES} - {".zip"}
# of the files that lie beside a recording, those that could be taken for one
_BESIDE = ("emg.mat", "participants.tsv")
_BESIDE_ENDS = ("_labels.csv", "_labels.mat", "_events.tsv", "_channels.tsv", "_electrodes.tsv")


def open_parts(path: Path, stem: str, *, max_bytes: int) -> Path:
    """Unpack a zip beside itself and return the recording in it: a file, or an E4 folder.

    An unsafe zip (names that lead elsewhere, links, bombs), a broken one, and one that holds no
    recording or several raise `RecordingError`. Files at its top lie in a folder called `stem`.
    """
    folder = path.parent / UNPACKED / (stem or "recording")
    shutil.rmtree(path.parent / UNPACKED, ignore_errors=True)  # of a job that was broken off
    folder.mkdir(parents=True)
    try:
        with open_archive(path, Limits(n_members=N_MEMBERS, n_bytes=max_bytes)) as archive:
            files = [member for member in archive.infolist() if not member.is_dir()]
            unpack(archive, {member.filename: member for member in files}, folder)
    except DamagedError as error:
        raise RecordingError(path, "not a whole zip file") from error
    except DownloadError as error:
        raise RecordingError(path, "it cannot be unpacked: odd names, or no room") from error
    except (OSError, RuntimeError) as error:
        raise RecordingError(path, "it cannot be unpacked: a name is too long or odd") from error
    return find_recording(folder)


def find_recording(folder: Path) -> Path:
    """Return the one E4 folder or file of signals below a folder; else raise `RecordingError`."""
    found = {path.parent for name in SIGNALS for path in folder.rglob(f"{name}.csv")}
    found = found or {path for path in folder.rglob("*") if _is_recording(path)}
    shown = ", ".join(str(path.relative_to(folder)) for path in sorted(found)[:4])
    if len(found) > 1:
        raise RecordingError(folder, f"{len(found)} recordings in one zip: {shown}; one at a time")
    if not found:
        endings = ", ".join(sorted(_RECORDINGS))
        raise RecordingError(folder, f"no recording in the zip: no E4 files and no {endings}")
    return found.pop()


def _is_recording(path: Path) -> bool:
    name = path.name.lower()
    hidden = name.startswith(".") or "__MACOSX" in path.parts
    beside = name in _BESIDE or name.endswith(_BESIDE_ENDS)
    return path.is_file() and path.suffix.lower() in _RECORDINGS and not hidden and not beside
