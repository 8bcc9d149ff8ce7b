"""Nodes of evaluation; nothing here fits a classifier."""

import pandas as pd
from matplotlib.figure import Figure

from epochal.evaluation.abstention import measure_abstention
from epochal.evaluation.choice import (
    choose_headline,
    most_independent,
    rows_of_recording,
)
from epochal.evaluation.conformal import measure_sets
from epochal.evaluation.paired import compare_with_best_single
from epochal.evaluation.reliability import measure_calibration, measure_reliability
from epochal.evaluation.reliability_figures import draw_reliability, draw_risk_coverage
from epochal.evaluation.scored import list_scored
from epochal.metrics import build_leaderboard, results_by_task
from epochal.options.results import EvaluationOptions
from epochal.options.study import StudyOptions
from epochal.plots import draw_confusions, draw_timeline
from epochal.serving.bundle import STACK


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


def compare_models(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    leaderboard: pd.DataFrame,
    evaluation: EvaluationOptions,
    study: StudyOptions,
) -> pd.DataFrame:
    """Compare every model with the best single one on the same subjects."""
    scored = list_scored(predictions, epochs, study.classes)
    return compare_with_best_single(
        scored, leaderboard, n_bootstrap=evaluation.n_bootstrap, seed=study.seed
    )


def examine_calibration(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    leaderboard: pd.DataFrame,
    evaluation: EvaluationOptions,
    study: StudyOptions,
) -> tuple[pd.DataFrame, pd.DataFrame, Figure]:
    """Say whether probabilities are right: every model in figures, headline and stack in curves."""
    scored = list_scored(predictions, epochs, study.classes)
    calibration = measure_calibration(scored, n_bins=evaluation.n_calibration_bins)
    shown = {choose_headline(leaderboard), STACK}
    reliability = measure_reliability(
        [one for one in scored if one.model in shown], evaluation, seed=study.seed
    )
    return calibration, reliability, draw_reliability(reliability, calibration)


def judge_unseen_subjects(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    evaluation: EvaluationOptions,
    study: StudyOptions,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Figure]:
    """Fit prediction sets and abstention on other subjects, and see whether they hold."""
    scored = list_scored(predictions, epochs, study.classes)
    abstention, curves = measure_abstention(scored, evaluation.wanted_error)
    figure = draw_risk_coverage(curves, abstention)
    return measure_sets(scored, evaluation.sets), abstention, curves, figure


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
