"""Figures of a study's report, drawn as SVG from its tables."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from epochal.evaluation.report.results import ROLE_NAMES, StudyResults
from epochal.reports.charts import (
    Frame,
    Interval,
    Line,
    draw_curves,
    draw_dots,
    draw_intervals,
)

_ROLE_COLOURS = {"oof": 3, "val": 2, "test": 4}
_FAMILY_ORDER = ("baseline", "classical", "deep", "stack")
_LEAST_EPOCHS = 10
_MOST_POINTS = 200


def draw_leaderboard(results: StudyResults, role: str) -> Markup:
    """Draw κ of every model in a role, with its interval."""
    board = results.leaderboard[results.leaderboard["role"] == role]
    rows = [
        Interval(
            str(row.model),
            float(row.kappa),
            float(row.kappa_low),
            float(row.kappa_high),
            f"{row.kappa:.3f}{'' if row.causal else ', looks ahead'}",
            6 if row.family == "baseline" else _ROLE_COLOURS[role],
        )
        for row in board.itertuples()
    ]
    return draw_intervals(
        f"leaderboard-{role}",
        f"Cohen's κ of every model, {ROLE_NAMES[role]}",
        "; ".join(f"{row.name} {row.value:.3f}" for row in rows),
        rows,
        x_label=f"κ, 95 % interval over subjects ({ROLE_NAMES[role]})",
    )


def draw_differences(results: StudyResults, role: str) -> Markup | None:
    """Draw how much κ each model has more than the best single one, on the same subjects.

    Baselines are left out: they would set the scale.
    """
    table = results.comparisons
    baselines = results.leaderboard.loc[results.leaderboard["family"] == "baseline", "model"]
    shown = (table["role"] == role) & (table["figure"] == "kappa")
    own = table[shown & ~table["model"].isin(baselines)]
    if own.empty:
        return None
    rows = [
        Interval(
            str(row.model),
            float(row.difference),
            float(row.low),
            float(row.high),
            f"{row.difference:+.3f}, p {row.p_holm:.3f}",
            _ROLE_COLOURS[role],
        )
        for row in own.sort_values("difference", ascending=False).itertuples()
    ]
    reference = str(own["reference"].iloc[0])
    return draw_intervals(
        f"differences-{role}",
        f"Difference in κ from {reference}, {ROLE_NAMES[role]}",
        "; ".join(f"{row.name} {row.note}" for row in rows),
        rows,
        x_label=f"κ less that of {reference}, 95 % interval, p after Holm",
        zero=True,
    )


def draw_recordings(results: StudyResults) -> Markup:
    """Draw the headline's κ of each recording: a column of dots per role."""
    own = results.by_recording[results.by_recording["model"] == results.headline]
    roles = [role for role in ("oof", "val", "test") if (own["role"] == role).any()]
    groups = {
        ROLE_NAMES[role]: own.loc[own["role"] == role, "kappa"].to_numpy(float) for role in roles
    }
    values = np.concatenate([*groups.values()])
    medians = "; ".join(f"{name}: median {np.median(found):.2f}" for name, found in groups.items())
    frame = Frame(
        "recordings",
        f"κ of each recording by {results.headline}",
        medians,
        (0.0, float(len(groups))),
        (min(0.0, float(np.floor(values.min() * 5) / 5)), 1.0),
        "a dot per recording, a bar at the median",
        "κ",
    )
    return draw_dots(frame, groups)


class RocCurve(NamedTuple):
    """A class against the rest: its area, and the points of its curve."""

    name: str
    area: float
    false_positive: np.ndarray
    true_positive: np.ndarray


def trace_roc(truth: np.ndarray, proba: np.ndarray, classes: tuple[str, ...]) -> list[RocCurve]:
    """Return the receiver operating characteristic of each class against the rest.

    Equal probabilities make one step, so that the area counts ties as halves (Hanley and McNeil
    1982, doi:10.1148/radiology.143.1.7063747). A class without both sides is left out.
    """
    curves = []
    for code, name in enumerate(classes):
        positive = truth == code
        if not 0 < positive.sum() < len(truth):
            continue
        order = np.argsort(-proba[:, code], kind="stable")
        scores, hits = proba[order, code], positive[order]
        ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
        true = np.append(0, hits.cumsum()[ends]) / hits.sum()
        false = np.append(0, (~hits).cumsum()[ends]) / (~hits).sum()
        area = float(np.trapezoid(true, false))
        shown = np.unique(np.linspace(0, len(true) - 1, _MOST_POINTS).round().astype(int))
        curves.append(RocCurve(name, area, false[shown], true[shown]))
    return curves


def draw_roc(results: StudyResults, role: str) -> tuple[Markup, dict[str, float]]:
    """Draw the headline's ROC curves, and return the areas by class."""
    curves = trace_roc(*results.codes(role), results.classes)
    areas = {curve.name: curve.area for curve in curves}
    told = "; ".join(f"{name} {area:.3f}" for name, area in areas.items())
    frame = Frame(
        "roc",
        f"ROC of each class against the rest, {results.headline}, {ROLE_NAMES[role]}",
        f"Areas: {told}",
        (0.0, 1.0),
        (0.0, 1.0),
        "false-positive rate",
        "true-positive rate",
    )
    lines = [
        Line(one.false_positive, one.true_positive, results.classes.index(one.name))
        for one in curves
    ]
    return draw_curves(frame, lines, diagonal=True), areas


class Reliability(NamedTuple):
    """A class's reliability curve, and its errors by role in words."""

    name: str
    drawing: Markup
    errors: str


def draw_calibration(results: StudyResults) -> list[Reliability]:
    """Draw the headline's reliability curves: one chart per class, a curve per role."""
    table = results.reliability
    own = table[(table["model"] == results.headline) & (table["n_epochs"] >= _LEAST_EPOCHS)]
    charts = []
    for place, name in enumerate(dict.fromkeys(own["class"])):
        curves = own[own["class"] == name]
        roles = [role for role in ("oof", "test") if (curves["role"] == role).any()]
        told = _errors(results, str(name), roles)
        frame = Frame(
            f"reliability-{place}",
            f"Reliability of the probability of {name}",
            told,
            (0.0, 1.0),
            (0.0, 1.0),
            "probability",
            "share that came true",
            width=320.0,
            height=250.0,
        )
        lines = [_curve(curves[curves["role"] == role], role) for role in roles]
        charts.append(Reliability(str(name), draw_curves(frame, lines, diagonal=True), told))
    return charts


def _curve(rows: pd.DataFrame, role: str) -> Line:
    x, y = rows["mean_proba"].to_numpy(float), rows["observed"].to_numpy(float)
    return Line(x, y, _ROLE_COLOURS[role], dash=int(role == "test"), dots=True)


def _errors(results: StudyResults, name: str, roles: list[str]) -> str:
    table = results.calibration
    own = table[(table["model"] == results.headline) & (table["class"] == name)]
    found = own.set_index("role")["ece"]
    return ", ".join(f"ECE {found[role]:.3f} {ROLE_NAMES[role]}" for role in roles if role in found)
