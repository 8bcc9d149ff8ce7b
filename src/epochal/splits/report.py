"""What a split came to: how many subjects and epochs of which kind are where."""

from __future__ import annotations

import pandas as pd

from epochal.options.splitting import SplitOptions
from epochal.splits.quotas import stratify
from epochal.splits.table import HELD_OUT

ROLES = ("train", "val", "test")


def report_split(
    splits: pd.DataFrame,
    epochs: pd.DataFrame,
    options: SplitOptions,
    recordings: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return `part, stratum, n_subjects, quota, n_epochs, share`, a row per part and stratum.

    Parts are the roles and the folds. Strata are all epochs, each label and, under
    `quota_stratified`, each age group and sex. `quota` is how many of the stratum's subjects the
    shares ask for; `share` is the stratum's part of the epochs there.
    """
    rows = splits.merge(epochs.drop(columns="subject_id"), on=["recording_id", "epoch"])
    strata = {"all": rows}
    strata |= {f"label {label}": part for label, part in rows.groupby("label")}
    wanted: dict[str, int] = {}
    if options.scheme == "quota_stratified":
        groups = _demographics(rows, recordings, options)
        strata |= {name: rows[groups == name] for name in sorted(groups.unique())}
        wanted = {name: strata[name]["subject_id"].nunique() for name in groups.unique()}
    counts = [
        {"part": part, "stratum": name, "quota": _quota(part, wanted.get(name), options)}
        | {"n_subjects": here["subject_id"].nunique(), "n_epochs": len(here)}
        for part, whole in _parts(rows).items()
        for name, table in strata.items()
        for here in [table.loc[table.index.intersection(whole)]]
    ]
    report = pd.DataFrame(counts)
    total = report["n_epochs"].where(report["stratum"] == "all").ffill()
    return report.assign(share=report["n_epochs"] / total)[
        ["part", "stratum", "n_subjects", "quota", "n_epochs", "share"]
    ]


def describe_split(report: pd.DataFrame) -> str:
    """Say in a few lines how many subjects and epochs are in each role, and the quotas achieved."""
    roles = report[report["part"].isin(ROLES)]
    lines = [
        f"{row.part}: {row.n_subjects} subjects, {row.n_epochs} epochs"
        for row in roles[roles["stratum"] == "all"].itertuples()
    ]
    lines += [
        f"{row.part}, {row.stratum}: {row.n_subjects} of {row.quota:.1f} subjects wanted"
        for row in roles[roles["quota"].notna()].itertuples()
    ]
    return "\n".join(lines)


def _parts(rows: pd.DataFrame) -> dict[str, pd.Index]:
    roles = {role: rows.index[rows["role"] == role] for role in ROLES}
    folds = sorted(set(rows["fold"]) - {HELD_OUT})
    folded = {f"fold {fold}": rows.index[rows["fold"] == fold] for fold in folds}
    return {name: index for name, index in (roles | folded).items() if len(index)}


def _demographics(
    rows: pd.DataFrame, recordings: pd.DataFrame | None, options: SplitOptions
) -> pd.Series:
    strata = stratify(rows, recordings, options)
    return rows["subject_id"].map("age " + strata["age_group"] + ", sex " + strata["sex"])


def _quota(part: str, n_subjects: int | None, options: SplitOptions) -> float:
    """Return how many of a stratum's subjects the shares ask for; NaN where none are asked."""
    held_out = {"test": options.test_share, "val": options.val_share}
    share = held_out.get(part, 1 - sum(held_out.values()))
    return float("nan") if n_subjects is None or part not in ROLES else share * n_subjects
