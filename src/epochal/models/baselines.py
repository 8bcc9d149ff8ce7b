"""The rows that stand on every leaderboard, so that no figure is read without them."""

from __future__ import annotations

import pandas as pd

from epochal.models.training_table import describe_rows, is_feature
from epochal.options.models import ModelOptions
from epochal.options.study import StudyOptions

SCHEDULE = "schedule_onset_s"
DEMOGRAPHICS = "demographics_*"


def baselines(features: pd.DataFrame, study: StudyOptions) -> dict[str, ModelOptions]:
    """Return the baselines of a study: majority class; demographics only; schedule only.

    Demographics need columns to look at, schedule a protocol of fixed order.
    """
    rows = {"majority": ModelOptions(kind="majority", columns=(SCHEDULE,))}
    if any(column.startswith(DEMOGRAPHICS[:-1]) for column in features):
        rows["demographics_only"] = ModelOptions(
            kind="logistic_regression", columns=(DEMOGRAPHICS,)
        )
    if study.fixed_task_order:
        rows["schedule_only"] = ModelOptions(
            kind="lightgbm", columns=(SCHEDULE,), params={"colsample_bytree": 1.0}
        )
    return rows


def add_schedule(table: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """Add the seconds since the recording's first epoch, which only the baselines may see."""
    onset_s = epochs[["recording_id", "epoch", "onset_s"]]
    first_s = onset_s.groupby("recording_id")["onset_s"].transform("min")
    schedule = onset_s[["recording_id", "epoch"]].assign(**{SCHEDULE: onset_s["onset_s"] - first_s})
    described = describe_rows(table)  # without the features, which are not to be copied
    placed = described.merge(schedule, on=["recording_id", "epoch"], validate="one_to_one")
    return table.assign(**{SCHEDULE: placed[SCHEDULE].to_numpy()})


def baseline_table(table: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """Return what baselines may see of a training table: demographics, and the schedule."""
    seen = [name for name in table if not is_feature(name) or name.startswith(DEMOGRAPHICS[:-1])]
    return add_schedule(table[seen], epochs)
