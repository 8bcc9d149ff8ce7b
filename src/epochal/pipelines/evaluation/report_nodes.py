"""Nodes that report: figures of each recording, and the study's page."""

from collections.abc import Callable

import pandas as pd

from epochal.evaluation.by_recording import score_each_recording
from epochal.evaluation.report.page import write_research_report
from epochal.evaluation.report.results import StudyResults
from epochal.options.results import EvaluationOptions
from epochal.options.splitting import SplitOptions
from epochal.options.study import StudyOptions
from epochal.recording import Recording


def score_recordings(
    predictions: pd.DataFrame, epochs: pd.DataFrame, study: StudyOptions
) -> pd.DataFrame:
    """Score every model on every recording by itself."""
    return score_each_recording(predictions, epochs, study.classes)


def write_report(
    *,
    study: StudyOptions,
    splitting: SplitOptions,
    evaluation: EvaluationOptions,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    predictions: pd.DataFrame,
    leaderboard: pd.DataFrame,
    by_recording: pd.DataFrame,
    by_task: pd.DataFrame,
    comparisons: pd.DataFrame,
    calibration: pd.DataFrame,
    reliability: pd.DataFrame,
    conformal: pd.DataFrame,
    abstention: pd.DataFrame,
    summary: pd.DataFrame,
    sleep_agreement: pd.DataFrame,
    vote_bands: pd.DataFrame,
    scorer_agreement: pd.DataFrame,
    recordings: dict[str, Callable[[], Recording]],
) -> str:
    """Write the study's page from everything that was found."""
    return write_research_report(StudyResults(**locals()))
