"""The explanation of a study: which model, on which epochs, and the tables that come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from epochal.drift.faults import guess_signals
from epochal.errors import EpochalError, did_you_mean
from epochal.evaluation.explanation.models import can_explain, explain_model, missing_library
from epochal.evaluation.explanation.tables import (
    COLUMNS,
    DELETION_COLUMNS,
    measure_deletion,
    tabulate,
)
from epochal.models.cross_fitting import CrossFitted
from epochal.models.fitted_model import FittedModel
from epochal.options.results import ExplanationOptions

UNSEEN = ("test", "val")
IN_SAMPLE = "IN-SAMPLE"


def choose_explained(
    fitted: Mapping[str, Callable[[], CrossFitted]],
    leaderboard: pd.DataFrame,
    options: ExplanationOptions,
) -> tuple[FittedModel | None, str]:
    """Return the model to explain, and why it is not the headline, or why there is none.

    The best out of fold of those that can be explained; never chosen by the test role. A stack is
    passed over: its columns are other models' probabilities. An unknown name raises `EpochalError`.
    """
    if not options.n_epochs:
        return None, "none asked for (evaluation.explanation.n_epochs is 0)"
    if options.model is not None and options.model not in fitted:
        near = did_you_mean(options.model, fitted)
        raise EpochalError(f"No model '{options.model}' (evaluation.explanation.model){near}")
    ranked = _rank(leaderboard) if options.model is None else [options.model]
    passed: list[str] = []
    for name in ranked:
        model = fitted[name]().model if name in fitted else None
        library = missing_library(model) if model is not None and can_explain(model) else None
        if model is not None and can_explain(model) and library is None:
            return model, f"{name}; not {', '.join(passed)}" if passed else ""
        lacks = f" needs '{library}': pip install 'epochal[explain]'" if library else ""
        passed.append(name + lacks)
    return None, f"no model that can be explained ({', '.join(passed) or 'there is none'})"


def describe_explanation(
    model: FittedModel,
    table: pd.DataFrame,
    epochs: pd.DataFrame,
    *,
    signals: tuple[str, ...],
    n_epochs: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return importances (`tabulate`) and the deletion curve of up to so many epochs.

    Of test subjects, or val; a study whose folds leave nobody unseen by the refit has only epochs
    that it was fitted on, and their role is then `IN-SAMPLE`.
    """
    rows, role = _draw_rows(table[model.knows(table)], n_epochs, seed)
    if rows.empty:
        return nothing_explained()
    explained = explain_model(model, rows)
    sources = epochs.loc[epochs["recording_id"].isin(rows["recording_id"]), "data_source"]
    described = {
        "model": model.name,
        "role": role,
        "data_source": "/".join(sorted(sources.unique())),
        "unit": explained.unit,
        "n_epochs": len(rows),
        "n_subjects": rows["subject_id"].nunique(),
    }
    found = signals or guess_signals([name for name in model.columns if "__" not in name])
    importances = tabulate(explained, rows, found).assign(**described)
    deletion = measure_deletion(model.predict_proba, rows, explained, seed=seed)
    return importances[COLUMNS], deletion.assign(**described)[DELETION_COLUMNS]


def nothing_explained() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables without a row."""
    return pd.DataFrame(columns=COLUMNS), pd.DataFrame(columns=DELETION_COLUMNS)


def _rank(leaderboard: pd.DataFrame) -> list[str]:
    board = leaderboard[(leaderboard["role"] == "oof") & (leaderboard["family"] != "baseline")]
    return [str(name) for name in board.sort_values("kappa", ascending=False)["model"]]


def _draw_rows(table: pd.DataFrame, n_epochs: int, seed: int) -> tuple[pd.DataFrame, str]:
    """Return epochs that the refit has not seen, as many of each subject as can be."""
    roles = [role for role in UNSEEN if (table["role"] == role).any()]
    role = roles[0] if roles else IN_SAMPLE
    rows = table[table["role"] == role] if roles else table
    shuffled = rows.sample(frac=1.0, random_state=seed)
    turn = shuffled.groupby("subject_id").cumcount()
    chosen = turn.sort_values(kind="stable").index[:n_epochs]
    return rows.loc[sorted(chosen)], role
