"""The node that writes what the dashboard reads."""

from typing import Any

import pandas as pd

from epochal.evaluation.browsing import (
    choose_playback,
    count_confusions,
    describe_study,
    list_headline_epochs,
    trace_rocs,
)
from epochal.evaluation.scored import list_scored
from epochal.options.study import StudyOptions


def tabulate_for_browsing(
    predictions: pd.DataFrame, epochs: pd.DataFrame, leaderboard: pd.DataFrame, study: StudyOptions
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Write the study's facts, every model's confusions and ROC curves, epochs, and a playback."""
    scored = list_scored(predictions, epochs, study.classes)
    return (
        describe_study(epochs, leaderboard, study),
        count_confusions(scored),
        trace_rocs(scored),
        list_headline_epochs(predictions, epochs, leaderboard),
        choose_playback(predictions, epochs, study),
    )
