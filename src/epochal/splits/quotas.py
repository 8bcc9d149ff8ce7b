"""Subjects into train, val and test so that each age group and sex has its share of all three."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from epochal.errors import EpochalError
from epochal.options.splitting import SplitOptions
from epochal.splits.facts import facts_by_subject
from epochal.splits.of_subjects import assign, count_held_out

UNKNOWN = "unknown"


def split_by_quota(
    rows: pd.DataFrame, options: SplitOptions, recordings: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """Give each age group and sex its share of test, val, and of every fold.

    Systematic sampling: subjects lie in a line, stratum by stratum and shuffled within each, and
    every so-manyth is taken. So the totals are exact, and a stratum of n subjects has a share p of
    them to within one in test, and to within two in val. scikit-learn's stratified splitters refuse
    a stratum with one subject, of which a cohort's oldest always has some.
    """
    strata = stratify(rows, recordings, options)
    line = _line_up(strata, options, seed)
    n_test, n_val = count_held_out(len(line), options)
    start = np.random.default_rng(seed + 1).random(2)
    test = _take(len(line), n_test, start[0])
    val = np.zeros(len(line), dtype=bool)
    val[~test] = _take(len(line) - n_test, n_val, start[1])
    roles = np.select([test, val], ["test", "val"], "train")
    rest = line[~test]
    if len(rest) < options.n_folds:
        raise EpochalError(
            f"{len(rest)} scored subjects for {options.n_folds} folds; give more recordings, or "
            "fewer folds (splitting.n_folds)"
        )
    folds = dict(zip(rest, (np.arange(len(rest)) % options.n_folds).tolist(), strict=True))
    return assign(rows, dict(zip(line, roles.tolist(), strict=True)), folds)


def stratify(
    rows: pd.DataFrame, recordings: pd.DataFrame | None, options: SplitOptions
) -> pd.DataFrame:
    """Return `age_group` and `sex` of each subject, both `unknown` where nobody says.

    The index is the subjects in order. Where nothing is known of anybody, `EpochalError` is raised.
    """
    age = pd.to_numeric(facts_by_subject(rows, recordings, "age"), errors="coerce")
    sex = facts_by_subject(rows, recordings, "sex")
    if age.isna().all() and sex.isna().all():
        raise EpochalError(
            "Neither age nor sex is known of any subject: no quota can be kept "
            "(splitting.scheme: quota_stratified)"
        )
    edges = [-np.inf, *options.age_edges_years, np.inf]
    groups = pd.cut(age, edges, right=False, labels=name_age_groups(options.age_edges_years))
    return pd.DataFrame(
        {"age_group": groups.astype(object).fillna(UNKNOWN), "sex": sex.fillna(UNKNOWN).astype(str)}
    )


def name_age_groups(edges_years: tuple[float, ...]) -> list[str]:
    """Name the groups that the edges cut: `below 40`, `40 to 60`, `60 and over`."""
    if not edges_years:
        return ["all ages"]
    between = [f"{low:g} to {high:g}" for low, high in pairwise(edges_years)]
    return [f"below {edges_years[0]:g}", *between, f"{edges_years[-1]:g} and over"]


def _line_up(strata: pd.DataFrame, options: SplitOptions, seed: int) -> np.ndarray:
    """Return the subjects stratum by stratum, ages rising; the sexes turn at each age group."""
    shuffled = strata.iloc[np.random.default_rng(seed).permutation(len(strata))]
    groups = [*name_age_groups(options.age_edges_years), UNKNOWN]
    age = shuffled["age_group"].map(groups.index)
    sex = pd.Series(pd.factorize(shuffled["sex"], sort=True)[0], shuffled.index)
    turned = sex.where(age % 2 == 0, -sex)
    return shuffled.index.to_numpy()[np.lexsort((turned, age))]


def _take(n_places: int, n_taken: int, start: float) -> np.ndarray:
    """Return a mask of exactly so many places, evenly along the line from a random start."""
    reached = np.floor(np.arange(n_places + 1) * (n_taken / max(n_places, 1)) + start + 1e-9)
    return np.diff(reached) > 0
