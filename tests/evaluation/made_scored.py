"""Scored rows with a known answer, for the tests of what reads them."""

import numpy as np

from epochal.evaluation.scored import Scored

CLASSES = ("W", "N2", "REM")


def make_scored(proba, truth, subjects=None, **changed) -> Scored:
    """Return the rows of one model; without `subjects`, four of them in turn."""
    truth = np.asarray(truth)
    subjects = np.arange(len(truth)) % 4 if subjects is None else np.asarray(subjects)
    given = {
        "model": "m", "family": "classical", "role": "oof", "data_source": "simulated",
        "classes": CLASSES, "names": np.array([f"s{i}" for i in range(subjects.max() + 1)]),
        "subjects": subjects, "epochs": np.arange(len(truth)), "truth": truth,
        "proba": np.asarray(proba, dtype=float),
    }  # fmt: skip
    return Scored(**given | changed)


def draw_calibrated(n_epochs: int, *, seed: int = 0, concentration: float = 1.0):
    """Return probabilities, and truths that come as often as these say."""
    random = np.random.default_rng(seed)
    proba = random.dirichlet([concentration] * len(CLASSES), n_epochs)
    truth = (random.random(n_epochs)[:, None] > proba.cumsum(axis=1)).sum(axis=1)
    return proba, np.minimum(truth, len(CLASSES) - 1)
