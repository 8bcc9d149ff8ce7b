"""How the headline agrees with people, beyond one label per epoch: statistics, votes, scorers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from epochal.evaluation.report.results import ROLE_NAMES, StudyResults
from epochal.hypnogram.sleep_statistics import DEFINITIONS
from epochal.reports.page import show_figure, show_interval


class Table(NamedTuple):
    """A table of the report, each cell as it is printed; the first two columns are words."""

    caption: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def compare_with_people(results: StudyResults) -> list[Table]:
    """Return the tables that this study has: none where nobody voted or scored beside another."""
    tables = (_sleep(results), _votes(results), _scorers(results))
    return [table for table in tables if table.rows]


def _sleep(results: StudyResults) -> Table:
    rows = [
        (
            DEFINITIONS[row["statistic"]].name,
            _role(row["role"]),
            row["unit"],
            str(row["n_pairs"]),
            show_figure(row["bias"], 1),
            show_interval(row, "bias_low", "bias_high", 1),
            show_interval(row, "lower", "upper", 1),
        )
        for row in _of_headline(results.sleep_agreement, results)
    ]
    return Table(
        f"Sleep statistics of a night, {results.headline} less the expert (Bland and Altman): bias "
        "with its 95 % interval, and limits of agreement",
        ("statistic", "role", "unit", "nights", "bias", "95 %", "limits"),
        rows,
    )


def _votes(results: StudyResults) -> Table:
    rows = [
        (
            str(row["votes"]),
            _role(row["role"]),
            str(row["n_epochs"]),
            show_figure(row["kl"]),
            show_interval(row, "kl_low", "kl_high"),
            show_figure(row["skill"]),
        )
        for row in _of_headline(results.vote_bands, results)
    ]
    return Table(
        f"{results.headline} against the experts' votes by their number: KL(votes ‖ prediction), "
        "and skill = 1 − KL / KL of the classes' shares",
        ("votes", "role", "epochs", "KL", "95 %", "skill"),
        rows,
    )


def _scorers(results: StudyResults) -> Table:
    table = results.scorer_agreement
    shown = table[table["judged"] == results.headline] if len(table) else table
    rows = [
        (
            str(row["judge"]),
            _role(row["role"]),
            str(row["n_epochs"]),
            show_figure(row["accuracy"]),
            show_figure(row["kappa"]),
            show_interval(row, "kappa_low", "kappa_high", 2),
        )
        for row in shown.to_dict("records")
    ]
    return Table(
        f"{results.headline} against each scorer, and against their consensus",
        ("scorer", "role", "epochs", "accuracy", "κ", "95 %"),
        rows,
    )


def _of_headline(table: pd.DataFrame, results: StudyResults) -> list[dict[str, Any]]:
    if table.empty:
        return []
    own = (table["model"] == results.headline) & table["role"].isin(["oof", "test"])
    return table[own].to_dict("records")


def _role(role: str) -> str:
    return ROLE_NAMES.get(role, role)
