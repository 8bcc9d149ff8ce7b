"""Windows of the training recordings: the epochs of each, and whose they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LENGTHS = (20, 60)  # epochs of a window, beside whole recordings
PER_SUBJECT = 6  # windows of each length, evenly spaced: more say little new
_LEAST_WINDOWS = 2  # that a typical recording must hold of a length


class Windows(NamedTuple):
    """Rows of some windows of one length, and the number of each one's subject."""

    n_epochs: int | None  # of each; None: whole recordings
    rows: list[np.ndarray]
    subjects: np.ndarray


def list_windows(recordings: np.ndarray, subjects: np.ndarray) -> list[Windows]:
    """Return whole recordings first, then windows of each shorter length that they hold.

    Both `(n_epochs,)`, numbers; a recording's epochs are in order.
    """
    places = [np.flatnonzero(recordings == number) for number in np.unique(recordings)]
    owners = np.array([subjects[rows[0]] for rows in places])
    typical = float(np.median([len(rows) for rows in places]))
    fitting = [length for length in LENGTHS[::-1] if length * _LEAST_WINDOWS <= typical]
    shorter = [_cut(places, owners, length) for length in fitting]
    return [Windows(None, places, owners), *shorter]


def _cut(places: list[np.ndarray], owners: np.ndarray, length: int) -> Windows:
    rows, subjects = [], []
    for owner in np.unique(owners):
        parts = [
            recording[start : start + length]
            for recording, whose in zip(places, owners, strict=True)
            if whose == owner
            for start in range(0, len(recording) - length + 1, length)
        ]
        chosen = np.unique(np.linspace(0, len(parts) - 1, PER_SUBJECT).round().astype(int))
        rows += [parts[place] for place in chosen if parts]
        subjects += [owner] * (len(chosen) if parts else 0)
    return Windows(length, rows, np.array(subjects, dtype=int))
