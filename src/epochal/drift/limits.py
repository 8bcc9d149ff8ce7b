"""Limits that come from subjects who were left out, and what new ones may exceed as rarely."""

from __future__ import annotations

import numpy as np

FALSE_ALARMS = 0.05  # of left-out subjects
_IQR_TO_SD, _TOP_TO_SD = 1.349, 1.645  # of a normal distribution: quartiles, median to 95 %
_LEAST_SCALE = 1e-6
_DIGITS = 6


def choose_limit(largest: np.ndarray, subjects: np.ndarray) -> float:
    """Return what a new subject's window exceeds as rarely as `FALSE_ALARMS`.

    The quantile of left-out windows, each subject counting the same, with one place kept for the
    new subject (conformal: Vovk, Gammerman and Shafer 2005, doi:10.1007/b106715). Under nineteen
    subjects no such quantile is known: then the prediction limit of a normal distribution of the
    logarithms, or the largest seen if that is more.
    """
    order = np.argsort(largest)
    weights = 1 / np.bincount(subjects)[subjects[order]]
    n_subjects = len(np.unique(subjects))
    share = weights.cumsum() / (n_subjects + 1)
    reached = np.flatnonzero(share >= 1 - FALSE_ALARMS - 1e-12)
    if len(reached):
        return float(largest[order][reached[0]])
    worst = np.array([largest[subjects == one].max() for one in np.unique(subjects)])
    logs = np.log1p(np.maximum(worst, 0))
    from scipy.stats import t as student  # a second to import, and scoring never comes here

    reach = student.ppf(1 - FALSE_ALARMS, n_subjects - 1) * np.sqrt(1 + 1 / n_subjects)
    return float(max(worst.max(), np.expm1(logs.mean() + reach * logs.std(ddof=1))))


def centre_and_spread(column: np.ndarray) -> tuple[float, float]:
    """Return the median, and the spread towards the top, where alarms are; 0 and 1 of nothing."""
    known = column[np.isfinite(column)]
    if not len(known):
        return 0.0, 1.0
    low, centre, high, top = np.quantile(known, [0.25, 0.5, 0.75, 0.95])
    spread = max((high - low) / _IQR_TO_SD, (top - centre) / _TOP_TO_SD, _LEAST_SCALE)
    return round_off(centre), round_off(spread)


def shorten(values: np.ndarray | list[float]) -> list[float]:
    """Return numbers of six digits, for JSON."""
    return [round_off(value) for value in np.asarray(values)]


def round_off(value: float) -> float:
    """Return a number of six digits."""
    return float(f"{value:.{_DIGITS}g}")
