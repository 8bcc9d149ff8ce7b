"""Whether data are real or simulated: every output says which."""

from collections.abc import Iterable
from pathlib import Path

from epochal.recording import DataSource

MARK = "SIMULATED.txt"
RESEARCH_USE = "Research use only, not a medical device."
_LEVELS = 4  # the file's own folder and three above it: a cohort's root


def data_source_of(path: str | Path) -> DataSource:
    """Return `simulated` where `SIMULATED.txt` lies with the file or in three folders above."""
    folders = [Path(path), *Path(path).absolute().parents][: _LEVELS + 1]
    return "simulated" if any((folder / MARK).is_file() for folder in folders) else "real"


def seen_in_any(seen: Iterable[bool | None]) -> bool | None:
    """Say whether training saw any of several recordings; None where it is not known of all."""
    each = list(seen)
    return True if any(each) else (None if None in each else False)


def mark_as_simulated(folder: str | Path, what: str) -> None:
    """Write the mark that keeps simulated files from passing for real ones."""
    text = f"Simulated by Epochal, not recorded from anybody: {what}.\n"
    (Path(folder) / MARK).write_text(text, encoding="utf-8")
