"""Guards that stop a run in which information flows from where it must not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from epochal.errors import LeakageError
from epochal.splits.table import unit_of

# A clock, a counter or an expanding sum orders a session's epochs almost perfectly; slow
# physiology (skin temperature) does not reach this in half of the sessions.
CLOCK_CORRELATION = 0.98
_MIN_EPOCHS = 10
_TOLERANCE_S = 1e-6
_REACHES = re.compile(r"__(?:past|centred|ahead)(\d+)(s?)")  # epochs, or seconds
_WHOLE_SESSION = "__session"
# How near to 0 and 1 the mean and the standard deviation of a z-scored column come in float32.
_STANDARDISED = 1e-3
# Steps that learn each column by itself, so that some columns speak for all: other rows have other
# medians, means and extremes in every column that takes many values.
_BY_COLUMN = ("SimpleImputer", "MedianImputer", "StandardScaler", "RobustScaler", "MinMaxScaler",
              "MaxAbsScaler")  # fmt: skip
_N_CHECKED = 2
_N_LOOKED_AT, _N_SAMPLED = 16, 256  # columns to choose these from, and rows to choose by
_SHOWN = 5


def refuse_shared_subjects(splits: pd.DataFrame) -> None:
    """Raise `LeakageError` naming the subjects that have two roles or two folds.

    Recordings instead, where the split says that only these stay whole. A scheme that cuts through
    recordings is for `refuse_overlapping_windows`.
    """
    whole = {"subject": "subject_id", "recording": "recording_id"}.get(unit_of(splits))
    for column in ("role", "fold") if whole else ():
        counts = splits.groupby(whole)[column].nunique()
        shared = counts.index[counts > 1].tolist()
        if shared:
            what = str(whole).removesuffix("_id")
            raise LeakageError(
                f"{what.capitalize()}s in more than one {column}: {_name(shared)}; "
                f"a whole {what} belongs to one"
            )


def refuse_divided_subjects(splits: pd.DataFrame, *, subjects_known: bool) -> None:
    """Raise `LeakageError` where rows are dealt singly although it is known whose they are."""
    divided = splits.groupby("subject_id")["fold"].nunique()
    if unit_of(splits) == "row" and subjects_known and (divided > 1).any():
        raise LeakageError(
            f"Rows of one subject in several folds: {_name(divided.index[divided > 1])}. This "
            "scheme is for data without subjects (study.subjects_known: false); group_folds keeps "
            "subjects whole"
        )


def refuse_overlapping_windows(
    splits: pd.DataFrame, epochs: pd.DataFrame, *, reach_s: float = 0.0
) -> None:
    """Raise `LeakageError` where epochs of one recording overlap across roles or folds.

    `reach_s` is how much farther than its end what is computed of an epoch sees.
    """
    rows = splits.merge(
        epochs[["recording_id", "epoch", "onset_s", "length_s"]], on=["recording_id", "epoch"]
    )
    rows = rows.assign(part=rows["role"] + " fold " + rows["fold"].astype(str))
    cut = rows.groupby("recording_id")["part"].transform("nunique") > 1
    rows = rows[cut].sort_values(["recording_id", "onset_s"], ignore_index=True)
    end_s = rows["onset_s"] + rows["length_s"] + reach_s
    for step in range(1, len(rows)):
        later = rows.shift(-step)
        near = (rows["recording_id"] == later["recording_id"]) & (
            later["onset_s"] < end_s - _TOLERANCE_S
        )
        if not near.any():
            return
        across = near & (rows["part"] != later["part"])
        if across.any():
            raise LeakageError(_overlap(rows, int(across.to_numpy().argmax()), step, reach_s))


def refuse_shared_context(
    features: pd.DataFrame, splits: pd.DataFrame, epochs: pd.DataFrame
) -> None:
    """Raise `LeakageError` where features see across a cut through a recording.

    By the suffix of a column: `__session` sees the whole recording; `__past<n>`, `__centred<n>` and
    `__ahead<n>` see so many epochs, or with an `s` so many seconds.
    """
    if unit_of(splits) not in ("time", "row"):
        return
    whole = [column for column in features if _WHOLE_SESSION in column]
    if whole:
        raise LeakageError(
            f"Features of the whole session on both sides of a cut in time: {_name(whole)}; leave "
            "them out (feature_engineering.context.normalise), or keep subjects whole"
        )
    step_s = epochs.sort_values("onset_s").groupby("recording_id")["onset_s"].diff().median()
    seen = [match for column in features for match in _REACHES.findall(column)]
    reaches_s = [int(n) * (1.0 if seconds else float(step_s)) for n, seconds in seen]
    refuse_overlapping_windows(splits, epochs, reach_s=max(reaches_s, default=0.0))


def refuse_pooled_scaling(features: pd.DataFrame, epochs: pd.DataFrame) -> None:
    """Raise `LeakageError` naming feature columns that were z-scored over all rows together.

    Mean 0 and standard deviation 1 over the whole table, yet not within each subject: whoever
    scaled them saw the test rows. Scaling belongs in the estimator, which fits it on train.
    """
    rows = features[["recording_id", "epoch"]].assign(place=np.arange(len(features)))
    rows = rows.merge(epochs[["recording_id", "epoch", "subject_id"]], on=["recording_id", "epoch"])
    places, subjects = rows["place"].to_numpy(), rows["subject_id"].to_numpy()
    columns = features.columns.difference(["recording_id", "epoch"])
    pooled = [  # one at a time: the table may be larger than memory
        name for name in columns if _is_pooled(features[name].to_numpy(float)[places], subjects)
    ]
    if pooled:
        raise LeakageError(
            f"Features scaled over all rows, test included: {_name(pooled)}; leave them as they "
            "are, each model scales its own training rows"
        )


def _is_pooled(values: np.ndarray, subjects: np.ndarray) -> bool:
    """Say whether a column is standard over all rows, yet not within each subject."""
    column = pd.Series(values)
    if not (
        abs(column.mean()) < _STANDARDISED
        and abs(column.std(ddof=0) - 1) < _STANDARDISED + 1 / max(len(column), 1)
    ):
        return False
    return bool(column.groupby(subjects).mean().abs().max() > _STANDARDISED)


def refuse_foreign_statistics(estimator: Any, rows: pd.DataFrame, codes: np.ndarray) -> None:
    """Raise `LeakageError` naming the step of a fitted pipeline that saw other rows than these.

    Every step before the classifier (imputer, scaler, feature selection) is fitted again on `rows`
    and must learn the same numbers. Of steps that work column by column, the few columns are
    checked that take the most values: to fit all again would take longer than some models.
    """
    from sklearn.base import clone

    steps = [(step, _thaw(fitted)) for step, fitted in getattr(estimator, "steps", [])[:-1]]
    steps = [(step, fitted) for step, fitted in steps if hasattr(fitted, "fit")]
    if not steps:
        return
    places = _places_to_check([fitted for _, fitted in steps], rows)
    chosen = rows.iloc[:, places]
    seen: Any = chosen if len(places) == rows.shape[1] else chosen.to_numpy()  # quicker
    for step, fitted in steps:
        again = clone(fitted).fit(seen, codes)
        if not _same_statistics(fitted, again, places):
            raise LeakageError(
                f"Step '{step}' was not fitted on the model's {len(rows)} training rows; leave it "
                "to the estimator's fit"
            )
        seen = again.transform(seen)


def refuse_fitting_on(what: str, *, fitted_on: pd.DataFrame, judged_on: pd.DataFrame) -> None:
    """Raise `LeakageError` where something was fitted on subjects that it is judged on.

    Both tables have `recording_id, epoch, subject_id`; where a scheme cuts through subjects
    (`unit`), single epochs are compared.
    """
    by_row = unit_of(judged_on) in ("time", "row")
    keys = {
        "subject": ["subject_id"], "recording": ["recording_id"],
    }.get(unit_of(judged_on), ["recording_id", "epoch"])  # fmt: skip
    shared = fitted_on[keys].drop_duplicates().merge(judged_on[keys].drop_duplicates())
    if len(shared):
        names = shared[keys].astype(str).agg(" epoch ".join, axis=1)
        kind = "epochs" if by_row else f"{keys[0].removesuffix('_id')}s"
        raise LeakageError(f"{what} was fitted on {kind} that it is judged on: {_name(names)}")


def refuse_tuning_on_test(scored: pd.DataFrame, splits: pd.DataFrame) -> None:
    """Raise `LeakageError` where a search scores its trials on rows held out as test.

    `scored` has `recording_id, epoch`: the rows that a trial's score is computed on.
    """
    rows = scored[["recording_id", "epoch"]].merge(splits, on=["recording_id", "epoch"])
    held_out = rows[rows["role"] == "test"]
    if len(held_out):
        raise LeakageError(
            f"The search scores its trials on {len(held_out)} test rows, of "
            f"{_name(held_out['subject_id'].unique())}; it may see train and val"
        )


def refuse_known_subjects(name: str, subjects: Iterable[str], splits: pd.DataFrame) -> None:
    """Raise `LeakageError` where a model from elsewhere was trained on subjects judged here.

    Every fold is judged out of fold, and test by the refit: no subject of the split may be among
    those in the model's provenance.
    """
    shared = sorted(set(map(str, subjects)) & set(splits["subject_id"].astype(str)))
    if shared:
        raise LeakageError(
            f"Pretrained model '{name}' has seen subjects that it would be judged on: "
            f"{_name(shared)}"
        )


def refuse_clocks(tables: Iterable[pd.DataFrame], epochs: pd.DataFrame) -> None:
    """Raise `LeakageError` naming the feature columns that tell the time in session.

    The tables are of whole recordings. A column is a clock when, in half of the recordings or
    more, it orders the epochs by time (absolute rank correlation with the onset of at least .98):
    a clock, an epoch index, a cumulative or expanding statistic.
    """
    onsets = epochs[["recording_id", "epoch", "onset_s"]]
    correlations = pd.DataFrame([row for table in tables for row in _with_time(table, onsets)])
    medians = correlations.fillna(0.0).abs().median()
    clocks = sorted(medians.index[medians >= CLOCK_CORRELATION])
    if clocks:
        raise LeakageError(
            f"Features that carry time in session: {', '.join(clocks)}. The protocol's "
            "tasks follow a fixed order, so time alone tells the class; drop them "
            "(feature_engineering.drop)"
        )


def _with_time(features: pd.DataFrame, onsets: pd.DataFrame) -> list[pd.Series]:
    """Return each recording's correlations of all columns with the onset."""
    columns = features.columns.difference(["recording_id", "epoch"])
    merged = features.merge(onsets, on=["recording_id", "epoch"])
    return [_rank_correlation(rows, columns) for _, rows in merged.groupby("recording_id")]


def _rank_correlation(rows: pd.DataFrame, columns: pd.Index) -> pd.Series:
    """Return each column's Spearman correlation with the onset within one recording."""
    known = rows[columns].notna().sum() >= _MIN_EPOCHS
    varying = known & (rows[columns].nunique() > 1)
    values = rows[columns[varying]]
    # the onset is ranked among the epochs that the column knows: a hole must not hide a clock
    onsets = values.astype(float).mask(values.notna(), rows["onset_s"], axis=0)
    return values.rank().corrwith(onsets.rank()).reindex(columns).fillna(0.0)


def refuse_in_sample(predictions: pd.DataFrame, splits: pd.DataFrame) -> None:
    """Raise `LeakageError` when a row predicted as test or out of fold was one to train on.

    Out-of-fold rows carry the fold that was left out, and it must be their own; `test` and `val`
    rows must have that role; there is no other.
    """
    merged = predictions.merge(
        splits[["recording_id", "epoch", "role", "fold"]],
        on=["recording_id", "epoch"],
        suffixes=("", "_split"),
        validate="many_to_one",
    )
    own_fold = (merged["fold"] == merged["fold_split"]) & (merged["role_split"] != "test")
    own_role = (merged["role"] == merged["role_split"]) & (merged["role"] != "train")
    wrong = np.flatnonzero(~np.where(merged["role"] == "oof", own_fold, own_role))
    if len(wrong):
        row = merged.iloc[wrong[0]]
        raise LeakageError(
            f"Model '{row['model']}' predicts {len(wrong)} rows that it may have seen, first "
            f"{row['recording_id']} epoch {row['epoch']}"
        )


def _overlap(rows: pd.DataFrame, place: int, step: int, reach_s: float) -> str:
    one, other = rows.iloc[place], rows.iloc[place + step]
    seen = f" (each sees {reach_s:g} s farther)" if reach_s else ""
    return (
        f"Overlapping windows across roles or folds: {one['recording_id']} epochs {one['epoch']} "
        f"({one['part']}) and {other['epoch']} ({other['part']}){seen}; leave a gap "
        "(splitting.gap_s), or keep subjects whole (splitting.scheme)"
    )


def _name(names: Iterable[Any]) -> str:
    """List the first names, and count the rest."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def _thaw(step: Any) -> Any:
    """Return the estimator inside one that refuses to be fitted again."""
    return step.estimator if type(step).__name__ == "FrozenEstimator" else step


def _places_to_check(steps: list[Any], rows: pd.DataFrame) -> np.ndarray:
    """Return the columns to check: all, or of so many over the table's width the most varied."""
    by_column = all(
        type(step).__name__ in _BY_COLUMN and getattr(step, "keep_empty_features", True)
        for step in steps
    )
    n_columns = rows.shape[1]
    if not by_column:
        return np.arange(n_columns)
    places = np.unique(np.linspace(0, n_columns - 1, min(_N_LOOKED_AT, n_columns)).astype(int))
    sample = rows.iloc[:: max(1, len(rows) // _N_SAMPLED), places].to_numpy()
    n_values = np.array([len(np.unique(column)) for column in sample.T])  # NaN is one
    return np.sort(places[np.argsort(-n_values, kind="stable")[:_N_CHECKED]])


def _same_statistics(fitted: Any, again: Any, places: np.ndarray) -> bool:
    """Compare all numbers that a step has learnt, at the columns that were checked."""
    for attribute, expected in vars(again).items():
        learnt = attribute.endswith("_") and attribute not in ("n_features_in_", "n_iter_")
        if not learnt or not np.issubdtype(np.asarray(expected).dtype, np.number):
            continue
        found = np.asarray(getattr(fitted, attribute, np.nan), dtype=float)
        if found.shape != np.shape(expected) and found.ndim:
            found = found[..., places]
        if not np.allclose(found, expected, rtol=1e-5, atol=1e-8, equal_nan=True):
            return False
    return True
