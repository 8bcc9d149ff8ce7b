"""Labels from elsewhere put onto a recording, cut to its length, refused where they cannot fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from epochal.errors import RecordingError
from epochal.readers.hypnogram_files import COLUMNS
from epochal.readers.hypnograms import Hypnogram, fit_to_signal, read_hypnogram
from epochal.readers.scorers import TieRule, combine
from epochal.readers.stage_maps import Unrefusing
from epochal.readers.stages import StageMap
from epochal.recording import Recording

NICE_EPOCHS_S = (1.0, 2.0, 2.5, 4.0, 5.0, 8.0, 10.0, 20.0, 30.0)


def attach_file(
    recording: Recording, path: Path, *, stages: StageMap, epoch_s: float, tolerance: float
) -> Recording:
    """Return the recording with the labels of a text, XML or EDF file.

    Labels without times of their own, `epoch_s` each, must fit the recording's length.
    """
    hypnogram = read_hypnogram(path, stages=stages, epoch_s=epoch_s)
    if not _has_times(path):
        check_length(hypnogram, recording, epoch_s=epoch_s, tolerance=tolerance, where=path)
    return attach_labels(recording, hypnogram, stages, path)


def attach_scorers(
    recording: Recording,
    files: Mapping[str, Path],
    *,
    stages: StageMap,
    epoch_s: float,
    tolerance: float,
    ties: TieRule,
) -> Recording:
    """Return the recording with the consensus of the label files of several scorers."""
    scored = {
        name: attach_file(recording, path, stages=stages, epoch_s=epoch_s, tolerance=tolerance)
        for name, path in files.items()
    }
    return combine(recording, scored, ties=ties, where=next(iter(files.values())).parent)


def _has_times(path: Path) -> bool:
    """Say whether each label of a file has its own onset, so that no epoch length enters."""
    if path.suffix.lower() not in (".csv", ".tsv"):
        return path.suffix.lower() in (".edf", ".bdf", ".xml")
    with path.open(encoding="latin-1") as file:
        names = file.readline().lower().replace(";", ",").replace("\t", ",").split(",")
    return any(name.strip(' "\n\r') in COLUMNS["onset"] for name in names)


def check_length(
    hypnogram: Hypnogram,
    recording: Recording,
    *,
    epoch_s: float,
    tolerance: float,
    where: str | Path,
) -> None:
    """Refuse labels, one an epoch, whose length is off by a larger share than `tolerance`.

    One epoch more or less is never refused; smaller misfits are reported by `attach_labels`.
    """
    duration_s, n_epochs = recording.duration_s, round(hypnogram.end_s / epoch_s)
    if abs(hypnogram.end_s - duration_s) <= max(tolerance * duration_s, epoch_s):
        return
    fitting = [nice for nice in NICE_EPOCHS_S if abs(n_epochs * nice - duration_s) < nice]
    hint = f"; epochs of {fitting[0]:g} s would fit" if fitting else ""
    raise RecordingError(
        where,
        f"{n_epochs} labels of {epoch_s:g} s last {hypnogram.end_s:g} s, but the signals "
        f"{duration_s:g} s: check `epoch_s` and the sampling rate{hint}",
    )


def attach_labels(
    recording: Recording, hypnogram: Hypnogram, stages: StageMap, where: str | Path
) -> Recording:
    """Return the recording with a hypnogram fitted to its length, and what that took."""
    annotations, problems = fit_to_signal(
        hypnogram, duration_s=recording.duration_s, signal_start=recording.start, path=where
    )
    unknown = stages.describe() if isinstance(stages, Unrefusing) else []
    return replace(
        recording,
        annotations=annotations,
        metadata={**recording.metadata, "unscored_s": hypnogram.unscored_s},
        problems=(*recording.problems, *problems, *unknown),
    )
