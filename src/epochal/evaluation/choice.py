"""Which model speaks for a study; never chosen by the test role."""

from __future__ import annotations

import pandas as pd

from epochal.errors import EpochalError


def choose_headline(leaderboard: pd.DataFrame, *, causal_only: bool = False) -> str:
    """Return the model of the best out-of-fold κ; a baseline only where there is nothing else."""
    board = leaderboard[leaderboard["role"] == "oof"]
    if causal_only:
        board = board[board["causal"]]
    if board.empty:
        raise EpochalError("No out-of-fold row to choose a headline model from (serving_export)")
    models = board[board["family"] != "baseline"]
    chosen = models if len(models) else board
    return str(chosen.loc[chosen["kappa"].idxmax(), "model"])


def rows_of_recording(predictions: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return the model's rows of the first recording that it has not seen."""
    rows = most_independent(predictions)
    rows = rows[rows["model"] == model]
    return rows[rows["recording_id"] == rows["recording_id"].min()]


def most_independent(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows worth a picture: no baseline; test rows, or out of fold where none are."""
    models = predictions[predictions["family"] != "baseline"]
    role = "test" if (models["role"] == "test").any() else "oof"
    return models[models["role"] == role]
