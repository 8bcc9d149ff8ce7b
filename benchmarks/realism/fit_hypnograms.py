"""Fit the constants of `epochal.simulation.sleep_architecture` to real Sleep-EDFx hypnograms.

    python benchmarks/realism/fit_hypnograms.py FOLDER

prints them as Python. Subjects whose number leaves 3 on division by 4 are left out: the benchmark
compares with those.
"""

import sys
from collections import defaultdict
from pathlib import Path

import edfio
import numpy as np

from epochal.simulation import semi_markov

STAGES = ("W", "1", "2", "3", "4", "R")
EPOCH_S = 30
HELD_OUT = 3  # of the remainders of a subject's number by 4
REM_GAP_EPOCHS = 30  # 15 min without REM end a REM period (Feinberg & Floyd 1979)
NIGHT_GAP_EPOCHS = 120  # an hour without sleep parts naps from the night


def is_held_out(recording_id: str) -> bool:
    return int(recording_id[3:5]) % 4 == HELD_OUT


def read_stages(path: Path) -> np.ndarray:
    """Return one R&K letter per epoch, `M` and `?` included."""
    stages: list[str] = []
    for note in edfio.read_edf(path).annotations:
        letter = note.text.removeprefix("Sleep stage ")[0]
        stages += [letter] * round((note.duration or 0) / EPOCH_S)
    return np.array(stages)


def read_night(path: Path) -> np.ndarray:
    """Return the longest stretch of sleep, from its first to its last sleep epoch."""
    stages = read_stages(path)
    asleep = np.flatnonzero(np.isin(stages, STAGES[1:]))
    stretches = np.split(asleep, np.flatnonzero(np.diff(asleep) > NIGHT_GAP_EPOCHS) + 1)
    longest = max(stretches, key=len)
    return stages[longest[0] : longest[-1] + 1]


def periods(night: np.ndarray) -> list[tuple[str, int, int, int]]:
    """Return (`nrem` or `rem`, cycle, first epoch, end) of each period of the night."""
    rem = np.flatnonzero(night == "R")
    stretches = np.split(rem, np.flatnonzero(np.diff(rem) > REM_GAP_EPOCHS) + 1)
    found, end = [], 0
    for cycle, stretch in enumerate(s for s in stretches if len(s) >= 2):
        first, last = int(stretch[0]), int(stretch[-1])
        found += [("nrem", cycle, end, first), ("rem", cycle, first, last + 1)]
        end = last + 1
    return [*found, ("nrem", len(found) // 2, end, len(night))]


def contexts(night: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Cut a night to named stretches: each NREM period in halves, each REM period whole."""
    pieces = []
    for kind, cycle, start, end in periods(night):
        if kind == "rem":
            pieces.append(("rem", night[start:end]))
        elif end > start:
            middle, name = (start + end) // 2, f"nrem{min(cycle, 3) + 1}"
            pieces += [(f"{name}a", night[start:middle]), (f"{name}b", night[middle:end])]
    return pieces


def main(folder: Path) -> None:
    nights = [read_night(p) for p in sorted(folder.glob("*.edf")) if not is_held_out(p.name)]
    nights = [np.where(np.isin(night, STAGES), night, "W") for night in nights]
    sequences, minutes = gather(nights)
    print("CHAINS = {")
    for name in sorted(sequences):
        print_chain(name, semi_markov.fit(sequences[name], STAGES))
    print("}\nPERIOD_MINUTES = {")
    for name in sorted(minutes):
        quantiles = np.quantile(minutes[name], semi_markov.QUANTILES)
        print(f'    "{name}": {tuple(round(float(q), 1) for q in quantiles)},')
    print("}")


def gather(nights: list[np.ndarray]) -> tuple[dict[str, list], dict[str, list]]:
    """Return the bouts of every part of the nights, and the lengths of the periods in minutes."""
    sequences, minutes = defaultdict(list), defaultdict(list)
    for night in nights:
        for name, stages in contexts(night):
            if len(stages):
                sequences[name].append(semi_markov.bouts(stages))
        for kind, cycle, start, end in periods(night)[:-1]:
            minutes[f"{kind}{min(cycle, 3) + 1}"].append((end - start) / 2)
    return sequences, minutes


def print_chain(name: str, chain: semi_markov.SemiMarkov) -> None:
    print(f'    "{name}": SemiMarkov(\n        {{')
    for stage, row in chain.transitions.items():
        print(
            f'            "{stage}": ' + str({to: round(p, 3) for to, p in row.items() if p}) + ","
        )
    print("        },\n        {")
    for stage, lengths in chain.bout_epochs.items():
        print(f'            "{stage}": ' + str(tuple(round(float(n), 1) for n in lengths)) + ",")
    print("        },\n    ),")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
