"""The report of a study: one self-contained page that says what was done and what came out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from epochal.evaluation.report.data import (
    count_predictions,
    describe_data,
    describe_protocol,
    list_environment,
    list_guards,
    list_parts,
)
from epochal.evaluation.report.figures import (
    draw_calibration,
    draw_differences,
    draw_leaderboard,
    draw_recordings,
    draw_roc,
)
from epochal.evaluation.report.models import (
    lay_confusion,
    list_confusions,
    list_sure_errors,
    list_worst,
    measure_burden,
    measure_classes,
    rows_of_headline,
    show_worst,
)
from epochal.evaluation.report.people import compare_with_people
from epochal.evaluation.report.results import ROLE_NAMES, StudyResults
from epochal.reports.page import render, show_figure
from epochal.reports.panels import order_of

_COMPARED = ("kappa", "log_loss")


def write_research_report(results: StudyResults) -> str:
    """Return the HTML page of a finished study.

    Data, protocol with counts asserted while it is written, leaderboard, classes, recordings,
    ablations, calibration, prediction sets and abstention, failure modes with the worst recordings
    drawn, environment and seed. A guard that finds something raises `LeakageError`.
    """
    guards, counts = list_guards(results), count_predictions(results)
    return render(
        "research.html",
        title=f"Study report: {results.study.name}",
        data_source=results.data_source,
        study=results.study,
        classes=results.classes,
        order=order_of(results.classes),
        headline=results.headline,
        cards=_cards(results),
        role_names=ROLE_NAMES,
        best_role=ROLE_NAMES[results.best_role],
        data=describe_data(results),
        parts_of_data=list_parts(results),
        protocol=describe_protocol(results),
        guards=guards,
        counts=counts,
        environment=list_environment(),
        **_models(results),
        **_trust(results),
        **_failures(results),
    )


def _cards(results: StudyResults) -> list[tuple[str, str]]:
    board = results.leaderboard
    cards = []
    for role in ("oof", "test"):
        own = board[(board["model"] == results.headline) & (board["role"] == role)]
        for row in own.itertuples():
            low, high = show_figure(row.kappa_low, 2), show_figure(row.kappa_high, 2)
            cards.append((f"{row.kappa:.3f}", f"κ {ROLE_NAMES[role]} ({low} to {high})"))
            cards.append((f"{row.macro_f1:.3f}", f"macro-F1 {ROLE_NAMES[role]}"))
            cards.append((f"{row.accuracy:.3f}", f"accuracy {ROLE_NAMES[role]}"))
    return cards


def _models(results: StudyResults) -> dict[str, Any]:
    role = results.best_role
    roles = [one for one in ("oof", "test") if (results.leaderboard["role"] == one).any()]
    roc, areas = draw_roc(results, role)
    compared = results.comparisons
    differences = [draw_differences(results, one) for one in roles]
    return {
        "leaderboards": [draw_leaderboard(results, one) for one in roles],
        "board": _told(results.leaderboard),
        "class_figures": measure_classes(results),
        "confusion": lay_confusion(results, role),
        "roc": roc,
        "areas": areas,
        "recordings_figure": draw_recordings(results),
        "burden": measure_burden(results, role),
        "tasks": _tasks(results),
        "people": compare_with_people(results),
        "differences": [one for one in differences if one is not None],
        "compared": _told(
            compared[compared["figure"].isin(_COMPARED) & compared["role"].isin(["oof", "test"])]
        ),
        "reference": str(compared["reference"].iloc[0]) if len(compared) else "",
    }


def _trust(results: StudyResults) -> dict[str, Any]:
    every = "(all classes)"
    return {
        "reliability": draw_calibration(results),
        "calibration": rows_of_headline(results.calibration, results, **{"class": every}),
        "sets": rows_of_headline(results.conformal, results, level="all"),
        "abstention": rows_of_headline(results.abstention, results),
        "wanted_coverage": results.evaluation.sets.coverage,
    }


def _failures(results: StudyResults) -> dict[str, Any]:
    return {
        "worst": list_worst(results),
        "shown": show_worst(results),
        "confusions": list_confusions(results, results.best_role),
        "sure": list_sure_errors(results),
    }


def _tasks(results: StudyResults) -> list[dict[str, Any]]:
    table = results.by_task
    if table.empty:
        return []
    shown = table["model"].isin([results.headline, "schedule_only"])
    return _told(table[shown & table["role"].isin(["oof", "test"])])


def _told(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {**row, "role": ROLE_NAMES.get(row["role"], row["role"])}
        for row in table.to_dict("records")
    ]
