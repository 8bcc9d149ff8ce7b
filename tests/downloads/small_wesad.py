"""WESAD's zip in small: the real names and layout, with bytes that stand for the recordings."""

import zipfile
from pathlib import Path

from epochal.downloads.wesad import SUBJECTS


def members_of(subject: str) -> dict[str, bytes]:
    names = (".pkl", "_quest.csv", "_E4_Data.zip", "_respiban.txt", "_readme.txt")
    return {f"{subject}/{subject}{name}": f"{subject}{name}".encode() for name in names}


def write_wesad(path: Path, subjects=SUBJECTS, *, prefix: str = "WESAD/", extra=()) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{prefix}wesad_readme.pdf", b"%PDF")
        archive.mkdir(f"{prefix}S2/") if prefix else None
        for name, data in {k: v for s in subjects for k, v in members_of(s).items()}.items():
            archive.writestr(prefix + name, data)
        for name in extra:
            archive.writestr(name, b"?")
    return path
