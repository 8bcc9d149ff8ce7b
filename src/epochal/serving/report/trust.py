"""What a report says of how far its recording may be trusted: in-sample, abstention, drift."""

from __future__ import annotations

from typing import Any

from epochal.reports.page import show_figure, show_percent

_N_DRIVERS = 5


def tell_trust(summary: dict[str, Any]) -> dict[str, Any]:
    """Return what the page says beyond confidence, each empty where the bundle has no rule for it.

    `in_sample` is true where training saw the recording, None where that is not known.
    """
    return {
        "in_sample": summary.get("in_sample"),
        "answers": _tell_answers(summary.get("answers") or {}),
        "drift": _tell_drift(summary.get("drift") or {}),
    }


def _tell_answers(answers: dict[str, Any]) -> list[tuple[str, str]]:
    if not answers:
        return []
    below, size = answers["abstain_below"], answers["mean_set_size"]
    least = "nothing is sure enough" if below is None else f"confidence of {below:.2f} or more"
    return [
        ("Answered", f"{show_percent(answers['answered_share'])} of the epochs ({least})"),
        ("For an error of", f"{show_percent(answers['wanted_error'])} among those answered"),
        (
            "Prediction sets",
            f"{show_figure(size, 2)} classes on average, to hold the true one in "
            f"{show_percent(answers['wanted_coverage'], 0)} of the epochs",
        ),
        ("Rules fitted on", f"{answers['fitted_on_subjects']} subjects, out of fold"),
    ]


def _tell_drift(drift: dict[str, Any]) -> list[tuple[str, str]]:
    if not drift:
        return []
    if drift.get("drift") is None:
        return [("Drift", f"not judged: {drift.get('reason', 'no reason given')}")]
    found = "yes: not like the training data" if drift["drift"] else "none found"
    rows = [
        ("Drift", found),
        ("Score", f"{show_figure(drift.get('score'), 2)} (limit {drift.get('limit')})"),
        ("Compared with", str(drift.get("compared_with", ""))),
    ]
    drivers = [str(one.get("feature", one)) for one in drift.get("drivers", [])[:_N_DRIVERS]]
    if drift["drift"] and drivers:
        rows.append(("Farthest off", ", ".join(drivers)))
    if drift["drift"] and drift.get("likely_fault"):
        rows.append(("Looks like", str(drift["likely_fault"])))
    unlike = (drift.get("confidence") or {}).get("unlike", [])
    if unlike:
        rows.append(("Unlike whole recordings of left-out subjects", ", ".join(unlike)))
    return rows
