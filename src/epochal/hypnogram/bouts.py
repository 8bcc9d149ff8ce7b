"""How a hypnogram is built: lengths of bouts, impossible transitions, edits to another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd

Labels: TypeAlias = Sequence[str | None] | pd.Series | np.ndarray


class Bout(NamedTuple):
    """A run of epochs with one label; an unscored epoch ends it."""

    label: str
    first: int
    n_epochs: int


def find_bouts(labels: Labels) -> list[Bout]:
    """Return the runs of equal labels in order; null labels belong to none."""
    given = pd.Series(labels, dtype=object).reset_index(drop=True)
    marked = given.where(given.notna(), None).to_numpy()
    edges = [0, *(i for i in range(1, len(marked)) if marked[i] != marked[i - 1]), len(marked)]
    return [
        Bout(str(marked[first]), first, end - first)
        for first, end in pairwise(edges)
        if end > first and marked[first] is not None
    ]


def median_bout_s(labels: Labels, classes: Iterable[str], *, epoch_s: float) -> dict[str, float]:
    """Return the median length of each class's bouts in seconds, NaN where it never occurs."""
    bouts = find_bouts(labels)
    lengths = {name: [bout.n_epochs for bout in bouts if bout.label == name] for name in classes}
    return {
        name: float(np.median(n)) * epoch_s if n else float("nan") for name, n in lengths.items()
    }


def median_bout_error_s(
    truth: Labels, guess: Labels, classes: Iterable[str], *, epoch_s: float
) -> dict[str, float]:
    """Return per class how much longer the median bout is in `guess` than in `truth`, in seconds.

    Negative: the guess is more fragmented. NaN where either lacks the class.
    """
    names = tuple(classes)
    true_s = median_bout_s(truth, names, epoch_s=epoch_s)
    guessed_s = median_bout_s(guess, names, epoch_s=epoch_s)
    return {name: guessed_s[name] - true_s[name] for name in names}


def impossible_percent(labels: Labels, impossible: Iterable[tuple[str, str]]) -> float:
    """Return which percentage of all changes of stage are among the listed `(from, to)`.

    Changes are those between neighbouring scored epochs; 0 where there is none. What counts as
    impossible is for the study's configuration to say: for people, nothing (REM at sleep onset is
    a symptom).
    """
    listed = set(impossible)
    changes = [
        (before.label, after.label)
        for before, after in pairwise(find_bouts(labels))
        if before.first + before.n_epochs == after.first
    ]
    return 100.0 * sum(change in listed for change in changes) / len(changes) if changes else 0.0


def edit_distance(truth: Sequence[object], guess: Sequence[object]) -> int:
    """Return how many insertions, deletions and replacements turn one sequence into the other.

    Levenshtein 1966. Memory grows with the length of `guess`, time with the product of both.
    """
    codes = {name: code for code, name in enumerate(dict.fromkeys([*truth, *guess]))}
    other = np.array([codes[name] for name in guess], dtype=np.int64)
    ladder = np.arange(len(other) + 1)
    row = ladder.copy()
    for index, name in enumerate(truth, start=1):
        changed = row[:-1] + (other != codes[name])
        best = np.concatenate([[index], np.minimum(changed, row[1:] + 1)])
        # an insertion costs one more per step to the right
        row = np.minimum.accumulate(best - ladder) + ladder
    return int(row[-1])


def hypnogram_edit_distance(truth: Labels, guess: Labels, *, of: str = "epochs") -> float:
    """Return the edit distance of two hypnograms, from 0 (equal) to 1, by the longer one's length.

    `of="epochs"` compares them epoch by epoch, so that a bout at the wrong time costs its length
    at most once; `of="bouts"` compares the orders of stages, whatever their lengths. Unscored
    epochs are left out.
    """
    if of not in ("epochs", "bouts"):
        raise ValueError(f"edit distance of '{of}'; allowed are epochs, bouts")
    sequences = []
    for labels in (truth, guess):
        times = [(bout.label, 1 if of == "bouts" else bout.n_epochs) for bout in find_bouts(labels)]
        sequences.append([label for label, n in times for _ in range(n)])
    longest = max(map(len, sequences))
    return edit_distance(*sequences) / longest if longest else 0.0
