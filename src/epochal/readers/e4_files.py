"""The files of an Empatica E4: start time, rate, samples; from a folder or a zip alike."""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from epochal.errors import RecordingError

MAX_BYTES = 1 << 30  # a day of ACC.csv is about 30 MB: more is a zip bomb or another file
COUNTS_PER_G = 64.0


class Kind(NamedTuple):
    """What an E4 file holds: unit, columns, and the range that its sensor can give (its manual)."""

    unit: str
    n_columns: int
    lowest: float
    highest: float
    derived: bool = False


SIGNALS = {
    "BVP": Kind("a.u.", 1, -1e5, 1e5),
    "EDA": Kind("uS", 1, -1.0, 110.0),
    "TEMP": Kind("degC", 1, -45.0, 125.0),
    "ACC": Kind("g", 3, -8.0, 8.0),
    "HR": Kind("bpm", 1, 0.0, 350.0, derived=True),
}


class Signal(NamedTuple):
    """One file: `samples` are float32 `(n_samples, n_columns)` in the kind's unit."""

    start_unix_s: float
    sfreq: float
    samples: np.ndarray
    problems: tuple[str, ...] = ()

    @property
    def n_samples(self) -> int:
        """Samples per column; 0 for a derived file that the device left empty."""
        return len(self.samples)


class E4Files:
    """The CSV files of one recording, by their stem, in a folder or in a zip (any folder of it)."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._members = self._in_folder() if self.path.is_dir() else self._in_zip()

    def has(self, name: str) -> bool:
        """Whether there is a `<name>.csv`."""
        return name in self._members

    def where(self, name: str) -> str:
        """Return how to name that file in a message."""
        return f"{self.path}/{self._members.get(name, name + '.csv')}"

    @property
    def names(self) -> list[str]:
        """The stems of all CSV files."""
        return sorted(self._members)

    def text(self, name: str) -> str:
        """Return the file's text; what is too large or not text raises `RecordingError`."""
        try:
            return self._bytes(name).decode("utf-8-sig")
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise RecordingError(self.where(name), f"cannot be read ({error})") from error
        except UnicodeDecodeError as error:
            raise RecordingError(self.where(name), "is not a text file") from error

    def checksum(self) -> str:
        """Return the SHA-256 of the signal files' own, one after the other.

        It is the same of a folder and of a zip of it, whatever lies beside the signals.
        """
        there = [self._bytes(name) for name in SIGNALS if self.has(name)]
        digests = [hashlib.sha256(content).hexdigest() for content in there]
        return hashlib.sha256("".join(digests).encode()).hexdigest()

    def _in_folder(self) -> dict[str, str]:
        return {file.stem: file.name for file in sorted(self.path.glob("*.csv"))}

    def _in_zip(self) -> dict[str, str]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                names = [name for name in archive.namelist() if not name.startswith("__MACOSX")]
        except (OSError, zipfile.BadZipFile) as error:
            raise RecordingError(self.path, f"neither a folder nor a zip ({error})") from error
        csv = [PurePosixPath(name) for name in sorted(names) if name.endswith(".csv")]
        folders = {name.parent for name in csv if name.stem in SIGNALS}
        if len(folders) > 1:
            raise RecordingError(self.path, f"holds {len(folders)} recordings; unpack it first")
        return {name.stem: str(name) for name in csv if name.parent in folders}

    def _bytes(self, name: str) -> bytes:
        if self.path.is_dir():
            file = self.path / self._members[name]
            self._check_size(name, file.stat().st_size)
            return file.read_bytes()
        with zipfile.ZipFile(self.path) as archive:
            self._check_size(name, archive.getinfo(self._members[name]).file_size)
            return archive.read(self._members[name])

    def _check_size(self, name: str, n_bytes: int) -> None:
        if n_bytes > MAX_BYTES:
            raise RecordingError(self.where(name), f"{n_bytes} bytes is too large for an E4 file")


def read_signal(files: E4Files, name: str) -> Signal:
    """Read `<name>.csv`: start (Unix s) in line 1, rate in line 2, then samples.

    A cut-off last line is left out and reported. An empty derived file (HR) is reported; any other
    file without samples, with a line that is not a number, or with values out of the sensor's
    range raises `RecordingError`.
    """
    kind, where = SIGNALS[name], files.where(name)
    lines = files.text(name).split("\n", 2)
    header, body = lines[:2], lines[2] if len(lines) > 2 else ""
    if not body.strip():
        if kind.derived:
            problem = f"{name}.csv holds no samples; its channel is missing."
            return Signal(0.0, 1.0, np.empty((0, kind.n_columns), np.float32), (problem,))
        raise RecordingError(where, "holds no samples")
    start_unix_s = _header_number(header[0], where, what="start time (line 1)")
    sfreq = _header_number(header[1], where, what="sampling rate (line 2)")
    samples, cut_off = _samples(body, where, n_columns=kind.n_columns)
    samples, converted = _in_g(samples) if name == "ACC" else (samples, ())
    _check_range(samples, where, kind)
    return Signal(start_unix_s, sfreq, samples, cut_off + converted)


def read_tags(files: E4Files, start_unix_s: float) -> dict[str, Any]:
    """Return `{"tags_s": [...]}`: button presses of `tags.csv` or `tags_<id>.csv` from the start.

    Presses mark the protocol's steps: they are a clock, for display alone, never for a feature.
    """
    names = [name for name in files.names if name == "tags" or name.startswith("tags_")]
    times = [_tag(line, files.where(name)) for name in names for line in files.text(name).split()]
    return {"tags_s": [round(time - start_unix_s, 3) for time in times]} if names else {}


def _tag(line: str, where: str) -> float:
    return _header_number(line, where, what="time of a tag")


def _header_number(line: str, where: str, *, what: str) -> float:
    """Return the number of a header line; ACC.csv repeats it per axis."""
    fields = [field.strip() for field in line.split(",")]
    try:
        numbers = {float(field) for field in fields if field}
    except ValueError:
        numbers = set()
    if len(numbers) != 1 or not all(math.isfinite(x) and x > 0 for x in numbers):
        raise RecordingError(where, f"its {what} is '{line.strip()[:40]}', not a number above 0")
    return numbers.pop()


def _samples(body: str, where: str, *, n_columns: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Parse the samples; an incomplete last line is left out and reported."""
    body = body.rstrip()
    values = _parse(body, n_columns)
    if values is not None:
        return values, ()
    number, line = _first_bad_line(body, n_columns)
    whole = body.rpartition("\n")[0]
    values = _parse(whole, n_columns) if number == body.count("\n") and whole else None
    if values is None:
        raise RecordingError(
            where, f"line {number + 3} is '{line.strip()[:40]}', not {n_columns} number(s)"
        )
    return values, (f"The last line of {Path(where).name} is cut off; it was left out.",)


def _parse(body: str, n_columns: int) -> np.ndarray | None:
    """Return `(n_samples, n_columns)`, or None when any line is something else."""
    try:
        frame = pd.read_csv(
            io.StringIO(body), header=None, dtype=np.float64, skip_blank_lines=False
        )
    except (ValueError, pd.errors.ParserError):
        return None
    values = frame.to_numpy()
    fits = values.shape[1] == n_columns and bool(np.isfinite(values).all())
    return values.astype(np.float32) if fits else None


def _first_bad_line(body: str, n_columns: int) -> tuple[int, str]:
    """Return number (from 0) and text of the first line that is not `n_columns` finite numbers."""
    for number, line in enumerate(body.split("\n")):
        fields = line.split(",")
        try:
            fine = len(fields) == n_columns and all(math.isfinite(float(x)) for x in fields)
        except ValueError:
            fine = False
        if not fine:
            return number, line
    return 0, body.split("\n", 1)[0]


def _in_g(samples: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Convert 1/64 g to g; a wrist at rest feels 1 g, which tells samples already in g."""
    norm = float(np.median(np.linalg.norm(samples, axis=1)))
    if 0.5 < norm < 2.0:
        return samples, ("ACC.csv is in g rather than 1/64 g (its median norm is 1); not scaled.",)
    return samples / np.float32(COUNTS_PER_G), ()


def _check_range(samples: np.ndarray, where: str, kind: Kind) -> None:
    low, high = float(samples.min()), float(samples.max())
    if low < kind.lowest or high > kind.highest:
        raise RecordingError(
            where,
            f"values from {low:g} to {high:g} {kind.unit} are beyond the sensor's "
            f"{kind.lowest:g} to {kind.highest:g}",
        )
