"""Bringing the public data sets here: a plan first, then files that are whole and verified.

`plan` says what is to be fetched, `transfer` makes one attempt at one file, `fetch` repeats and
runs attempts side by side, `ledger` remembers what was verified, `archive` unpacks zips that
nobody trusts; `sleep_edfx`, `kaggle` (HMS) and `wesad` know one data set each.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from epochal.errors import EpochalError
from epochal.provenance import MARK, data_source_of


class DownloadError(EpochalError):
    """Data that cannot be had: names the address or file, and what to do."""


def load_extra(module: str) -> ModuleType:
    """Import a library of the extra `download`, or say which extra to install."""
    try:
        return import_module(module)
    except ImportError as error:
        raise DownloadError(
            f"Downloads need {module}, which is not installed: pip install 'epochal[download]'"
        ) from error


def load_http() -> ModuleType:
    """Import the HTTP client: httpx2, the maintained continuation of httpx, or httpx itself.

    What is used of them is the same in both.
    """
    try:
        return load_extra("httpx2")
    except DownloadError:
        return load_extra("httpx")


def prepare_folder(folder: Path) -> None:
    """Make the folder that real data go to; refuse one that is marked as simulated."""
    refuse_simulated(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(f"{folder}: cannot be used as a folder ({error.strerror})") from error


def refuse_simulated(folder: Path) -> None:
    """Raise `DownloadError` where `SIMULATED.txt` would make real recordings pass for simulated."""
    if data_source_of(folder) == "simulated":
        raise DownloadError(
            f"{folder}: holds simulated data ({MARK}); real recordings need a folder of their own"
        )


def as_size(n_bytes: float) -> str:
    """Write a number of bytes for a reader: `48.3 MB` (decimal units)."""
    for unit in ("B", "kB", "MB"):
        if abs(n_bytes) < 999.5:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"
