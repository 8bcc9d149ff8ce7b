"""Nodes of evaluation that look at recordings, classes and scorers one by one."""

import pandas as pd
from matplotlib.figure import Figure

from epochal.evaluation.choice import choose_headline
from epochal.evaluation.discrimination import measure_classes
from epochal.evaluation.scored import list_scored
from epochal.evaluation.sleep_agreement import (
    compare_sleep_statistics,
    draw_sleep_agreement,
    pair_statistics,
)
from epochal.evaluation.structure import (
    list_sequences,
    measure_structure,
    summarise_recordings,
)
from epochal.evaluation.votes import judge_by_scorers, measure_vote_bands
from epochal.options.models import StackingOptions
from epochal.options.results import EvaluationOptions
from epochal.options.study import StudyOptions


def examine_classes(
    predictions: pd.DataFrame, epochs: pd.DataFrame, study: StudyOptions
) -> pd.DataFrame:
    """Say how well every model tells each class from the others."""
    return measure_classes(list_scored(predictions, epochs, study.classes))


def examine_recordings(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    results_by_recording: pd.DataFrame,
    stacking: StackingOptions,
    study: StudyOptions,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say how every recording's hypnogram is built, and how all figures spread over recordings."""
    impossible = (*stacking.unlikely, *stacking.forbidden)
    structure = measure_structure(predictions, epochs, study.classes, impossible)
    return structure, summarise_recordings(results_by_recording, structure)


def compare_sleep(
    predictions: pd.DataFrame, epochs: pd.DataFrame, leaderboard: pd.DataFrame, study: StudyOptions
) -> tuple[pd.DataFrame, Figure]:
    """Compare the nights' sleep statistics with the scoring's; nothing for other studies."""
    sequences = list_sequences(predictions, epochs, study.classes)
    pairs = pair_statistics(sequences, study.classes)
    agreement = compare_sleep_statistics(pairs, seed=study.seed)
    return agreement, draw_sleep_agreement(pairs, agreement, model=choose_headline(leaderboard))


def judge_by_people(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    evaluation: EvaluationOptions,
    study: StudyOptions,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold predictions against votes by their number, and against each scorer by name."""
    bands = measure_vote_bands(
        predictions, epochs, study.classes, evaluation.vote_edges, seed=study.seed
    )
    return bands, judge_by_scorers(predictions, epochs, study.classes, seed=study.seed)
