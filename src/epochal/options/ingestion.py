"""Where the raw files are, how they are read and cut into epochs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from epochal.options.base import Options, make_options
from epochal.options.quality import QualityOptions
from epochal.places import is_remote


class TrimOptions(Options):
    """Cut long stretches of one class at both ends, as the usual protocol does."""

    label: str = Field(description="The class to cut.")
    margin_s: float = Field(1800.0, ge=0, description="Seconds kept on either side of the rest.")


class IngestionOptions(Options):
    """Where the raw files are, how they are read, and how recordings are cut into epochs."""

    source: Literal["files", "simulated"] = Field(description="Read `path`, or simulate a cohort.")
    path: str | None = Field(
        None,
        description="The folder of raw files, for `source: files`; of one at `s3://` the files are "
        "first copied into a folder in `simulated_path`.",
    )
    reader: str = Field(description="A name in `readers.READERS`.")
    reader_options: dict[str, Any] = Field(default_factory=dict, description="The reader's own.")
    simulator: str | None = Field(
        None, description="A name in `simulation.SIMULATORS`, for `source: simulated`."
    )
    simulator_options: dict[str, Any] = Field(default_factory=dict, description="Its own.")
    simulated_path: str = Field(description="The folder that simulated raw files are written to.")
    epoch_length_s: float = Field(gt=0, description="The length of an epoch.")
    epoch_step_s: float | None = Field(None, gt=0, description="Less than the length: overlap.")
    label_coverage: float = Field(
        0.5,
        gt=0,
        le=1,
        description="An epoch takes the label that covers more than this share of it.",
    )
    trim: TrimOptions | None = Field(None, description="Cut long wake at both ends of a night.")
    quality: QualityOptions = QualityOptions()
    substitutes: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="For a channel that the study needs, other derivations that may stand in for "
        "it, in this order: `{EEG Fpz-Cz: [EEG F4-M1, EEG C4-M1]}`. Other spellings of the same "
        "derivation need no mention.",
    )
    allow_substitution: bool = Field(
        False,
        description="Let them stand in, which every result then says. False: a recording that has "
        "only a stand-in is refused, with its name.",
    )
    snapshot_s: float | None = Field(
        60.0,
        gt=0,
        description="Seconds of each recording that its picture in `08_reporting/snapshots` shows; "
        "null: no pictures.",
    )

    @model_validator(mode="after")
    def _check(self) -> IngestionOptions:
        """Check what pydantic cannot see by itself, before any node runs."""
        from epochal.simulation import simulator

        if self.source == "files" and not self.path:
            raise ValueError("source 'files' needs `path`, the folder of the raw files")
        self.reader_settings()
        if self.source == "simulated":
            if self.simulator is None:
                raise ValueError(
                    "source 'simulated' needs `simulator`; for files say `source: files`"
                )
            make_options(simulator(self.simulator).Options, self.simulator_options)
        return self

    def reader_settings(self) -> Any:
        """Return the reader's own options, checked."""
        from epochal.readers import reader

        return make_options(reader(self.reader).Options, self.reader_options)

    @property
    def is_remote(self) -> bool:
        """Whether the raw files are in a bucket."""
        return self.source == "files" and is_remote(self.path or "")

    @property
    def folder(self) -> Path:
        """The folder that is read; of files in a bucket, the folder of their copies."""
        if self.is_remote:
            return Path(self.simulated_path) / re.sub(r"\W+", "_", str(self.path)).strip("_")
        return Path(self.simulated_path if self.source == "simulated" else self.path or "")

    def fingerprint(self) -> str:
        """Describe the state of the raw files, so that a changed one is noticed.

        A simulated cohort follows from the options alone; a file outside the folder that the
        reader's options name counts with either.
        """
        inside = "" if self.source == "simulated" else repr(list_files(self.folder))
        outside = [_describe(path, path) for path in self._named_outside()]
        return inside + (repr(outside) if outside else "")

    def _named_outside(self) -> list[Path]:
        """Return the files that the reader's options name, those that are not in the folder."""
        named = [value for _, value in self.reader_settings() if isinstance(value, Path)]
        folder = self.folder.resolve()
        return [
            path for path in named if path.is_file() and not path.resolve().is_relative_to(folder)
        ]


def list_files(folder: Path) -> list[tuple[str, int, int]]:
    """List a folder's files as `(relative path, bytes, modification time in ns)`, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [_describe(path, path.relative_to(folder)) for path in files]


def _describe(path: Path, name: Path) -> tuple[str, int, int]:
    stat = path.stat()
    return name.as_posix(), stat.st_size, stat.st_mtime_ns
