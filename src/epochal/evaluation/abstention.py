"""Abstention: answer only where the model is sure enough, and be wrong as rarely as was asked.

Confidence is the probability of the chosen class. The threshold for a wanted error is fitted on
the out-of-fold epochs of other subjects and judged on those of a subject that it has not seen.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from epochal.evaluation.leaving_out import (
    NOBODY,
    accumulate,
    first_point,
    make_grid,
    pair_with_out_of_fold,
    sum_others,
)
from epochal.evaluation.scored import Scored

# The error among fewer epochs than this hangs on one or two subjects, and is not met by others.
LEAST_COVERAGE = 0.1
N_CURVE = 50  # points of a risk–coverage curve in the table
TARGET_COLUMNS = ["model", "role", "data_source", "n_epochs", "n_subjects", "wanted_error",
                  "threshold", "error_without", "error", "coverage", "subject_coverage_low",
                  "subjects_within_2_points", "aurc", "aurc_of_oracle"]  # fmt: skip
CURVE_COLUMNS = ["model", "role", "data_source", "coverage", "threshold", "error"]
_NEAR = 0.02


def measure_abstention(
    scored: list[Scored], wanted_error: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what abstaining for the wanted error gives, and the risk–coverage curves.

    A row per model and role in the first table, up to `N_CURVE` of them in the second.
    """
    targets, curves = [], [pd.DataFrame(columns=CURVE_COLUMNS)]
    for one, known in pair_with_out_of_fold(scored):
        curve = risk_coverage(one.confidence, one.wrong)
        error = float(one.wrong.mean())
        areas = {"aurc": area_under_curve(curve), "aurc_of_oracle": oracle_area(error)}
        met = meet_wanted_error(one, known, wanted_error)
        targets.append(one.described | met | areas | {"error_without": error})
        curves.append(thin_out(curve).assign(**one.described))
    table = pd.concat(curves[1:] or curves, ignore_index=True)
    return pd.DataFrame(targets, columns=TARGET_COLUMNS), table[CURVE_COLUMNS]


def risk_coverage(confidence: np.ndarray, wrong: np.ndarray) -> pd.DataFrame:
    """Return the share and the error of the epochs at least as sure as each confidence.

    El-Yaniv and Wiener 2010, https://jmlr.org/papers/v11/el-yaniv10a.html. A row per distinct
    confidence, the highest first: equally sure epochs are answered together or not at all.
    """
    levels, places = np.unique(-confidence, return_inverse=True)
    n_each = np.bincount(places)
    n_answered = n_each.cumsum()
    return pd.DataFrame(
        {
            "coverage": n_answered / len(confidence),
            "threshold": -levels,
            "error": np.bincount(places, weights=wrong).cumsum() / n_answered,
            "share": n_each / len(confidence),
        }
    )


def thin_out(curve: pd.DataFrame, *, n_points: int = N_CURVE) -> pd.DataFrame:
    """Return the rows of a curve that first reach evenly spaced coverages."""
    wanted = np.linspace(1 / n_points, 1, n_points) - 1e-12
    return curve.iloc[np.unique(np.searchsorted(curve["coverage"].to_numpy(), wanted))]


def area_under_curve(curve: pd.DataFrame) -> float:
    """Return the mean error over all coverages; Geifman et al. 2019, arXiv:1805.08206."""
    return float(curve["error"] @ curve["share"])


def oracle_area(error: float) -> float:
    """Return the area of a model that is surer of each right epoch than of any wrong one."""
    return error + (1 - error) * math.log(1 - error) if error < 1 else 1.0


def fit_thresholds(known: Scored, judged: np.ndarray, *, wanted_error: float) -> np.ndarray:
    """Return for each judged subject the lowest threshold at which the *others* err as wanted.

    `judged` are subjects' numbers. Infinite where no threshold that answers a `LEAST_COVERAGE` of
    the others' epochs does: then nothing is answered.
    """
    doubt = -known.confidence
    grid = make_grid(doubt)
    n_answered = sum_others(accumulate(doubt, known.subjects, grid), judged)
    by_subject = accumulate(doubt, known.subjects, grid, weights=known.wrong)
    enough = n_answered >= np.maximum(LEAST_COVERAGE * n_answered[:, -1:], 1)
    fulfilled = enough & (sum_others(by_subject, judged) <= wanted_error * n_answered)
    # the most doubt that may be allowed is the last point that holds: look from the other end
    return -first_point(grid[::-1], fulfilled[:, ::-1], otherwise=-np.inf)


def meet_wanted_error(one: Scored, known: Scored, wanted_error: float) -> dict[str, float]:
    """Return what each subject's threshold from the others gives; `known` is out of fold.

    Among it `threshold`, that of all subjects together, and the coverage that nine in ten
    subjects exceed. Where all together have no threshold, nobody is answered.
    """
    judged = np.append(np.unique(one.subjects), NOBODY)
    thresholds = fit_thresholds(known, judged, wanted_error=wanted_error)
    # a threshold that appears only without the one subject that errs surely is no threshold
    if np.isinf(thresholds[-1]):
        thresholds[:] = np.inf
    places = np.searchsorted(judged[:-1], one.subjects)
    answered = one.confidence >= thresholds[places]
    n_answered = np.bincount(places, weights=answered)
    n_wrong = np.bincount(places, weights=answered & one.wrong)
    return {
        "n_epochs": len(places),
        "n_subjects": len(n_answered),
        "wanted_error": wanted_error,
        "threshold": thresholds[-1],
        "error": n_wrong.sum() / n_answered.sum() if answered.any() else np.nan,
        "coverage": answered.mean(),
        "subject_coverage_low": np.quantile(n_answered / np.bincount(places), 0.1),
        "subjects_within_2_points": np.mean(n_wrong <= (wanted_error + _NEAR) * n_answered),
    }
