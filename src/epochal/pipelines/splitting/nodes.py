"""Nodes of splitting."""

import logging

import pandas as pd

from epochal.leakage import (
    refuse_divided_subjects,
    refuse_overlapping_windows,
    refuse_pooled_scaling,
    refuse_shared_context,
    refuse_shared_subjects,
)
from epochal.models.cross_fitting import join_table
from epochal.options.splitting import SplitOptions
from epochal.options.study import StudyOptions
from epochal.splits import split_subjects
from epochal.splits.balance import report_adjacency
from epochal.splits.facts import group_rows
from epochal.splits.report import describe_split, report_split

logger = logging.getLogger(__name__)


def make_splits(
    epochs: pd.DataFrame,
    recording_summary: pd.DataFrame,
    splitting: SplitOptions,
    study: StudyOptions,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Give every epoch of a scored subject a role and a fold, check that nothing leaks, report."""
    splits = split_subjects(epochs, splitting, seed=study.seed, recordings=recording_summary)
    refuse_shared_subjects(splits)
    refuse_divided_subjects(splits, subjects_known=study.subjects_known)
    refuse_overlapping_windows(splits, epochs)
    report = report_split(splits, epochs, splitting, recording_summary)
    logger.info("Split by %s\n%s", splitting.scheme, describe_split(report))
    return splits, report, report_adjacency(splits, epochs)


def make_split_tables(
    features: pd.DataFrame, epochs: pd.DataFrame, splits: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Write features, label, role and fold as a table each for train, val and test."""
    refuse_pooled_scaling(features, epochs)
    refuse_shared_context(features, splits, epochs)
    table = join_table(features, epochs, splits)
    train, val, test = (table[table["role"] == role] for role in ("train", "val", "test"))
    return train, val, test


def consolidate_cohorts(
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    recording_summary: pd.DataFrame,
    splitting: SplitOptions,
) -> dict[str, pd.DataFrame]:
    """Write one table per cohort (cassette, telemetry), where the study names what tells them."""
    if splitting.consolidate_by is None:
        return {}
    table = join_table(features, epochs, splits)
    cohorts = group_rows(table, recording_summary, splitting.consolidate_by)
    return {cohort: table[cohorts == cohort] for cohort in sorted(set(cohorts))}
