"""Predictions against several people: divergence by how many voted, agreement with each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from epochal.evaluation.agreement import Figure, accuracy, macro_f1, resample, tabulate_pair
from epochal.evaluation.consensus import leave_one_out
from epochal.labels import VOTE, encode, proba_columns
from epochal.metrics import kappa
from epochal.readers.scorers import SCORER

BAND_COLUMNS = ["model", "role", "data_source", "votes", "n_epochs", "n_subjects", "kl", "kl_low",
                "kl_high", "kl_prior", "skill"]  # fmt: skip
SCORER_COLUMNS = ["judged", "role", "data_source", "judge", "n_recordings", "n_epochs", "accuracy",
                  "accuracy_low", "accuracy_high", "kappa", "kappa_low", "kappa_high", "macro_f1",
                  "macro_f1_low", "macro_f1_high"]  # fmt: skip
CONSENSUS, OTHERS = "(consensus)", "(consensus of the other scorers)"
_LEAST_PROBA = 1e-15
_FIGURES: dict[str, Figure] = {"accuracy": accuracy, "kappa": kappa, "macro_f1": macro_f1}


def measure_vote_bands(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    classes: tuple[str, ...],
    edges: Sequence[int],
    *,
    seed: int,
) -> pd.DataFrame:
    """Return the mean KL(votes ‖ prediction) and its skill, by model, role and number of votes.

    Skill is 1 − KL / KL(prior), the prior being the mean shares of votes over the other folds (for
    val and test, over all out-of-fold epochs); 0 is no better than that, and below 0 worse. `edges`
    are where bands begin. Intervals resample subjects. Empty where epochs hold no votes.
    """
    votes = [f"{VOTE}{name}" for name in classes]
    if not set(votes) <= set(epochs):
        return pd.DataFrame(columns=BAND_COLUMNS)
    known = epochs[epochs["label"].notna() & (epochs[votes].sum(axis=1) > 0)]
    columns = ["recording_id", "epoch", "subject_id", "data_source", *votes]
    table = predictions.merge(known[columns], on=["recording_id", "epoch"])
    counts = table[votes].to_numpy()
    target = counts / counts.sum(axis=1, keepdims=True)
    proba = table[proba_columns(classes)].to_numpy()
    table = table.assign(
        votes=_name_bands(counts.sum(axis=1), edges),
        own=_divergence(target, proba),
        of_prior=_divergence(target, _find_priors(table, target)),
    )
    every = table.assign(votes="all")
    both = pd.concat([every, table]) if len(edges) else every
    rows = [
        {"model": model, "role": role, "votes": band} | _score_band(part, seed)
        for (model, role, band), part in both.groupby(["model", "role", "votes"], sort=False)
    ]
    return pd.DataFrame(rows, columns=BAND_COLUMNS)


def _name_bands(n_votes: np.ndarray, edges: Sequence[int]) -> np.ndarray:
    bounds = sorted(edges)
    names = [f"{low} to {high - 1}" for low, high in zip([1, *bounds], bounds, strict=False)]
    names.append(f"{bounds[-1]} and more" if bounds else "all")
    return np.array(names, dtype=object)[np.searchsorted(bounds, n_votes, side="right")]


def _divergence(target: np.ndarray, proba: np.ndarray) -> np.ndarray:
    guess = np.maximum(proba, _LEAST_PROBA)
    guess = guess / guess.sum(axis=1, keepdims=True)
    terms = np.where(target > 0, target * np.log(np.maximum(target, _LEAST_PROBA) / guess), 0.0)
    return terms.sum(axis=1)


def _find_priors(table: pd.DataFrame, target: np.ndarray) -> np.ndarray:
    """Return the mean shares of votes of the other folds' epochs, for every row."""
    oof = (table["role"] == "oof").to_numpy()
    fold = table["fold"].to_numpy()
    first = oof.copy()  # each epoch once, whatever the models
    first[oof] = ~table.loc[oof, ["recording_id", "epoch"]].duplicated()
    priors = np.empty_like(target)
    for own in np.unique(fold[oof]) if oof.any() else ():
        others = first & (fold != own)
        priors[oof & (fold == own)] = target[others if others.any() else first].mean(axis=0)
    priors[~oof] = target[first].mean(axis=0) if first.any() else 1 / target.shape[1]
    return priors


def _score_band(part: pd.DataFrame, seed: int) -> dict[str, Any]:
    sums = part.groupby("subject_id")["own"].agg(["sum", "size"]).to_numpy()
    found = resample(sums, lambda given: given[..., 0] / given[..., 1], seed=seed)
    prior = float(part["of_prior"].mean())
    return {
        "data_source": "/".join(sorted(part["data_source"].unique())),
        "n_epochs": len(part),
        "n_subjects": part["subject_id"].nunique(),
        "kl": found.value,
        "kl_low": found.low,
        "kl_high": found.high,
        "kl_prior": prior,
        "skill": 1 - found.value / prior if prior > 0 else float("nan"),
    }


def judge_by_scorers(
    predictions: pd.DataFrame, epochs: pd.DataFrame, classes: tuple[str, ...], *, seed: int
) -> pd.DataFrame:
    """Return how every model agrees with each scorer and with the consensus; and the scorers too.

    A scorer is judged by the consensus of the others, and `role` then is `human`. A model is judged
    by that same consensus in the rows whose judge is `OTHERS`: one table for each scorer left out,
    added up, so that both are held against equally many voters. Intervals resample recordings.
    Empty where recordings have no scorers of their own (`scorer_<name>`), or fewer than three.
    """
    names = [str(name) for name in epochs if str(name).startswith(SCORER)]
    if len(names) < 3:
        return pd.DataFrame(columns=SCORER_COLUMNS)
    ordered = epochs.sort_values(["recording_id", "epoch"], ignore_index=True)
    codes = np.stack([encode(ordered[name], classes) for name in names])
    places = ordered.groupby("recording_id", sort=False).indices.values()
    others = np.concatenate([leave_one_out(codes[:, at], len(classes)) for at in places], axis=1)
    consensus = encode(ordered["label"], classes)
    people = [name.removeprefix(SCORER) for name in names]
    rows = [
        _row(person, "human", OTHERS, ordered, [(others[i], codes[i])], classes, seed)
        for i, person in enumerate(people)
    ]
    models = predictions[predictions["family"] != "baseline"]
    for (model, role), part in models.groupby(["model", "role"], sort=False):
        guess = _spread(part, ordered, classes)
        judges = [
            *((person, [(codes[i], guess)]) for i, person in enumerate(people)),
            (CONSENSUS, [(consensus, guess)]),
            (OTHERS, [(one, guess) for one in others]),
        ]
        rows += [
            _row(str(model), str(role), judge, ordered, pairs, classes, seed)
            for judge, pairs in judges
        ]
    return pd.DataFrame(rows, columns=SCORER_COLUMNS)


def _spread(part: pd.DataFrame, epochs: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    """Return a model's classes in the order of the epochs, −1 where it says nothing."""
    said = part[["recording_id", "epoch"]].assign(
        code=part[proba_columns(classes)].to_numpy().argmax(axis=1)
    )
    merged = epochs[["recording_id", "epoch"]].merge(said, how="left", on=["recording_id", "epoch"])
    return merged["code"].fillna(-1).to_numpy().astype(int)


def _row(
    judged: str,
    role: str,
    judge: str,
    epochs: pd.DataFrame,
    pairs: list[tuple[np.ndarray, np.ndarray]],
    classes: tuple[str, ...],
    seed: int,
) -> dict[str, Any]:
    places = epochs.groupby("recording_id", sort=False).indices.values()
    tables = np.stack(
        [
            np.sum(
                [tabulate_pair(one[at], guess[at], len(classes)) for one, guess in pairs], axis=0
            )
            for at in places
        ]
    )
    scored = tables[tables.sum(axis=(1, 2)) > 0]
    source = "/".join(sorted(epochs["data_source"].unique()))
    row: dict[str, Any] = {"judged": judged, "role": role, "data_source": source, "judge": judge}
    row |= {"n_recordings": len(scored), "n_epochs": int(scored.sum())}
    for name, figure in _FIGURES.items() if len(scored) else ():
        found = resample(scored, figure, seed=seed)
        row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return row
