"""Nodes of evaluation; nothing here fits a classifier."""

import pandas as pd
from matplotlib.figure import Figure

from epochal.evaluation.choice import (
    choose_headline,
    most_independent,
    rows_of_recording,
)
from epochal.metrics import build_leaderboard, results_by_task
from epochal.options import EvaluationOptions, StudyOptions
from epochal.plots import draw_confusions, draw_timeline


def gather_families(
    classical: pd.DataFrame, deep: pd.DataFrame, stack: pd.DataFrame
) -> pd.DataFrame:
    """Put the three families' predictions into one table."""
    return pd.concat([classical, deep, stack], ignore_index=True)


def make_leaderboard(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    evaluation: EvaluationOptions,
    study: StudyOptions,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every model and role, overall and by the protocol's tasks."""
    board = build_leaderboard(predictions, epochs, evaluation, study)
    return board, results_by_task(predictions, epochs, study)


def draw_figures(
    predictions: pd.DataFrame, epochs: pd.DataFrame, leaderboard: pd.DataFrame, study: StudyOptions
) -> tuple[Figure, Figure]:
    """Draw the confusion matrices, and one recording by the headline model against the truth."""
    headline = choose_headline(leaderboard)
    timeline = rows_of_recording(predictions, headline)
    return (
        draw_confusions(most_independent(predictions), epochs, study.classes),
        draw_timeline(timeline, epochs, study.classes, model=headline),
    )
