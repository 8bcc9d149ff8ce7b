"""How well scorers agree on a stage: five people on real nights (DOD), two on simulated ones.

A simulated night holds what one scorer wrote and what the sleeper did. Two scorers who err
independently of each other agree as often as the one's errors and the other's, put together, allow.
"""

import json
from itertools import permutations
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from epochal.simulation import sleep

STAGES = ["W", "N1", "N2", "N3", "REM"]
CODES = {"W": 0, "1": 1, "2": 2, "3": 3, "4": 3, "R": 4}
FILES = {"real, healthy (DOD-H)": "dodh.json", "real, sleep apnoea (DOD-O)": "dodo.json"}
N_NIGHTS = 60
WAKE_EPOCHS = 60


def compare(folder: Path) -> list[dict]:
    """Return, by stage, the chance that a second scorer agrees with the first."""
    found = {"simulated": simulated()} | {name: real(folder / f) for name, f in FILES.items()}
    return [
        {"figure": f"agreement on {stage}"} | {name: float(v[i]) for name, v in found.items()}
        for i, stage in enumerate(STAGES)
    ]


def real(path: Path) -> np.ndarray:
    """Return the agreement on each stage `(5,)` over all pairs of scorers."""
    by_scorer = json.loads(path.read_text(encoding="utf-8"))
    counts = np.zeros((5, 5))
    for night in next(iter(by_scorer.values())):
        scored = [by_scorer[scorer][night] for scorer in by_scorer]
        length = min(map(len, scored))
        codes = np.array([one[:length] for one in scored]).astype(int)
        codes = codes[:, (codes >= 0).all(axis=0)]
        for first, second in permutations(codes, 2):
            counts += confusion_matrix(first, second, labels=range(5))
    return counts.diagonal() / counts.sum(axis=1)


def simulated(seed: int = 2026) -> np.ndarray:
    """Return the agreement on each stage of two scorers who err as the simulated one does."""
    options = sleep.Options(n_subjects=N_NIGHTS, seed=seed)
    counts = np.zeros((5, 5))
    for subject in range(N_NIGHTS):
        night = sleep.plan_night(options, subject, 1).night
        counts += _count(night.scored, night.stages)
    truth_given_score = counts / counts.sum(axis=1, keepdims=True)
    score_given_truth = (counts / counts.sum(axis=0, keepdims=True)).T
    return (truth_given_score @ score_given_truth).diagonal()


def _count(scored: np.ndarray, stages: np.ndarray) -> np.ndarray:
    """Count scored (rows) against true stages, 30 min of wake either side of sleep."""
    asleep = np.flatnonzero(np.isin(scored, list("1234R")))
    kept = slice(max(0, asleep[0] - WAKE_EPOCHS), asleep[-1] + 1 + WAKE_EPOCHS)
    pairs = [p for p in zip(scored[kept], stages[kept], strict=True) if set(p) <= set(CODES)]
    codes = np.array([[CODES[str(a)], CODES[str(b)]] for a, b in pairs])
    return confusion_matrix(codes[:, 0], codes[:, 1], labels=range(5))
