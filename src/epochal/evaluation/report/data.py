"""A study's data and protocol as tables of its report, counts checked while they are written."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import NamedTuple

import pandas as pd

from epochal.errors import LeakageError
from epochal.evaluation.report.results import ROLE_NAMES, StudyResults
from epochal.leakage import refuse_overlapping_windows, refuse_shared_subjects
from epochal.splits.table import unit_of

_HOUR_S = 3600.0
_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "lightgbm", "xgboost-cpu", "torch",
              "kedro", "onnxruntime", "PyWavelets", "edfio", "h5py")  # fmt: skip


class Part(NamedTuple):
    """How much of the data a role holds; `shares` are of its labelled epochs."""

    name: str
    n_subjects: int
    n_recordings: int
    n_epochs: int
    n_labelled: int
    shares: tuple[float, ...]


class Count(NamedTuple):
    """How many epochs a model should have predicted in a role, and how many it has."""

    model: str
    role: str
    n_expected: int
    n_predicted: int
    n_unknown: int


def describe_data(results: StudyResults) -> list[tuple[str, str]]:
    """Return what the study rests on: subjects, recordings, epochs, hours, people."""
    epochs, summary = results.epochs, results.summary
    hours = float(summary["duration_s"].sum()) / _HOUR_S if "duration_s" in summary else 0.0
    n_used, n_subjects = len(results.used), results.splits["subject_id"].nunique()
    flagged = [name for name in map(str, epochs) if name.startswith("quality_")]
    share = float(epochs[flagged].any(axis=1).mean()) if flagged else None
    rows = [
        ("Data", results.data_source),
        ("Recordings", f"{epochs['recording_id'].nunique()} of {len(summary)} read"),
        ("Subjects", f"{n_subjects} with labels" + _unknown(results)),
        ("Recorded", f"{hours:.1f} hours"),
        ("Epochs", f"{len(epochs)} of {_lengths(epochs)}; {n_used} of labelled subjects"),
        ("Flagged for a fault", "not looked for" if share is None else f"{100 * share:.1f} %"),
        ("Recordings repaired", str(_count_repaired(summary))),
    ]
    return rows + _people(summary)


def _unknown(results: StudyResults) -> str:
    known = results.study.subjects_known
    return "" if known else " (blocks of rows: the data name no subjects)"


def _lengths(epochs: pd.DataFrame) -> str:
    lengths = sorted(epochs["length_s"].unique())
    return " or ".join(f"{length:g} s" for length in lengths[:3])


def _count_repaired(summary: pd.DataFrame) -> int:
    if "problems" not in summary:
        return 0
    return int((summary["problems"].astype(object).fillna("").astype(str) != "").sum())


def _people(summary: pd.DataFrame) -> list[tuple[str, str]]:
    people = summary.drop_duplicates("subject_id")
    rows = []
    known = people["age"] if "age" in people else pd.Series(dtype=float)
    ages = pd.to_numeric(known, errors="coerce").dropna()
    if len(ages):
        told = f"{ages.min():.3g} to {ages.max():.3g}, median {ages.median():.3g}"
        rows.append(("Age, years", told))
    if "sex" in people and people["sex"].notna().any():
        counts = people["sex"].value_counts()
        rows.append(("Sex", ", ".join(f"{name} {n}" for name, n in counts.items())))
    return rows


def list_parts(results: StudyResults) -> list[Part]:
    """Return a row per role, and one for all."""
    used = results.used
    roles = [role for role in ("train", "val", "test") if (used["role"] == role).any()]
    tables = {role: used[used["role"] == role] for role in roles} | {"all": used}
    return [_part(name, table, results.classes) for name, table in tables.items()]


def _part(name: str, rows: pd.DataFrame, classes: tuple[str, ...]) -> Part:
    labels = rows["label"].dropna()
    counts = labels.value_counts()
    shares = tuple(float(counts.get(one, 0)) / max(len(labels), 1) for one in classes)
    return Part(
        name,
        rows["subject_id"].nunique(),
        rows["recording_id"].nunique(),
        len(rows),
        len(labels),
        shares,
    )


def count_predictions(results: StudyResults) -> list[Count]:
    """Return what each model predicted in each role, beside what the split holds there.

    A row that is predicted twice, or outside its role, raises `LeakageError`. A model may be silent
    where it has no features.
    """
    roles = results.splits.assign(
        asked=results.splits["role"].map({"train": "oof", "val": "oof", "test": "test"})
    )
    keys, counts = ["recording_id", "epoch"], []
    for (model, role), rows in results.predictions.groupby(["model", "role"], sort=False):
        wanted = roles[(roles["role"] == role) if role == "val" else (roles["asked"] == role)]
        if rows.duplicated(keys).any():
            raise LeakageError(f"'{model}' predicts an epoch twice as {ROLE_NAMES[str(role)]}")
        n_inside = len(rows[keys].merge(wanted[keys], on=keys))
        if n_inside < len(rows):
            raise LeakageError(
                f"'{model}' predicts {len(rows) - n_inside} epochs as {ROLE_NAMES[str(role)]} that "
                "the split has in another role"
            )
        unlabelled = rows[keys].merge(results.epochs[[*keys, "label"]], on=keys)["label"].isna()
        counts.append(Count(str(model), str(role), len(wanted), len(rows), int(unlabelled.sum())))
    return counts


def list_guards(results: StudyResults) -> list[tuple[str, str]]:
    """Return what guards against leakage, and when it ran; those of the split run again here.

    Any of them that finds something raises `LeakageError`: no report is written.
    """
    refuse_shared_subjects(results.splits)
    refuse_overlapping_windows(results.splits, results.epochs)
    unit = unit_of(results.splits)
    whole = {
        "subject": "A subject has one role and one fold.",
        "recording": "A recording has one role and one fold.",
        "time": "The past trains, the future is judged; recordings are cut in time.",
        "row": "Rows are dealt in blocks; nothing says whose they are.",
    }
    guards = [
        (whole.get(str(unit), "A unit has one role."), "splitting, every family, this page"),
        ("No epoch overlaps one of another role or fold.", "splitting, every family, this page"),
        ("No feature was scaled over all rows.", "splitting, every family"),
        ("No feature sees across a cut through a recording.", "splitting"),
        ("Every fitted step saw its own training rows alone.", "every fit"),
        ("The stack learns from out-of-fold predictions alone.", "stacking"),
        ("No search is scored on test rows.", "every search"),
        ("Every model predicts each epoch once, in its own role.", "this page"),
    ]
    if results.study.fixed_task_order:
        guards.append(("No feature tells the time in session.", "feature engineering"))
    return guards


def describe_protocol(results: StudyResults) -> list[tuple[str, str]]:
    """Return how the study was split and resampled."""
    folds = results.splits.loc[results.splits["fold"] >= 0, "fold"].nunique()
    return [
        ("Scheme", f"{results.splitting.scheme}, {folds} folds"),
        ("Kept whole", str(unit_of(results.splits))),
        ("Held out", _held_out(results)),
        ("Intervals", f"95 %, {results.evaluation.n_bootstrap} resamples of subjects"),
        ("Headline", f"{results.headline}: the best κ out of fold, chosen without the test role"),
        ("Seed", f"{results.study.seed}, from which every random choice follows"),
    ]


def _held_out(results: StudyResults) -> str:
    test = results.used[results.used["role"] == "test"]
    if test.empty:
        return "none: every figure is out of fold"
    n_subjects = test["subject_id"].nunique()
    who = "one subject" if n_subjects == 1 else f"{n_subjects} subjects"
    return f"{who} as test, seen by no fit and no choice"


def list_environment() -> list[tuple[str, str]]:
    """Return the versions of what computed the figures."""
    rows = [("Python", platform.python_version()), ("System", platform.platform(terse=True))]
    for name in ("epochal", *_LIBRARIES):
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return rows
