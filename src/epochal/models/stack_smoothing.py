"""The stack's smoothing: estimated on training nights, its memory chosen on other folds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from epochal.labels import encode, proba_columns
from epochal.models.calibrators import Calibration
from epochal.models.smoothing import Smoothing, estimate_prior, estimate_transitions, penalise
from epochal.models.smoothing.smoother import CHAINS
from epochal.options.models import SmoothingKind, StackingOptions
from epochal.options.study import StudyOptions
from epochal.serving.bundle import STACK
from epochal.splits import rows_to_fit

# What is tried: no memory and no temperature first, so that a tie leaves things as they are.
MEMORIES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
SCALES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 1.1, 1.2)
_LEAST_PROBA = 1e-15
_FINAL = ("final", -1)  # beside the roles and folds: what is served


class Run(NamedTuple):
    """The stack's word on one run of epochs, in order; NaN and −1 where it or the label lacks."""

    rows: pd.DataFrame
    places: np.ndarray  # of the rows among the epochs
    proba: np.ndarray  # (n_epochs, n_classes)
    codes: np.ndarray  # (n_epochs,)
    fold: int
    trains: bool  # whether the split has all of it in train


def smooth_predictions(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    options: StackingOptions,
    study: StudyOptions,
) -> pd.DataFrame:
    """Return the predictions with a row set per smoother of the stack, as `stack_<smoother>`.

    Transitions for an out-of-fold row come from the other folds, for val and test from train; so do
    the memory and temperature, where they are fitted: on the other folds' rows, each smoothed by
    transitions that have not seen it.
    """
    stacked = predictions[predictions["model"] == STACK]
    if not options.smoothing or stacked.empty:
        return predictions
    scored = _index(epochs).merge(splits, on=["recording_id", "epoch"])
    runs = {
        (str(role), int(fold)): list_runs(rows, scored, study.classes)
        for (role, fold), rows in stacked.groupby(["role", "fold"])
    }
    seen = {
        (role, fold): rows_to_fit(scored, fold=fold if role == "oof" else None)
        for role, fold in runs
    }
    parts = [predictions]
    for kind in options.smoothing:
        fitted = _fit_kind(kind, runs, seen, options, study)
        parts += [_smooth(run, fitted[key], study) for key in runs for run in runs[key]]
    return pd.concat(parts, ignore_index=True)


def estimate_smoothing(
    kind: SmoothingKind, seen: pd.DataFrame, options: StackingOptions, study: StudyOptions
) -> Smoothing:
    """Return a smoothing by the hypnograms of `seen`: `recording_id, run, epoch, label`.

    Its memory is 1 where it is to be fitted.
    """
    transitions = estimate_transitions(
        seen, study.classes, self_weight=options.self_transition_weight
    )
    for pairs, factor in (
        (options.unlikely, options.unlikely_penalty),
        (options.forbidden, np.inf),
    ):
        transitions = penalise(transitions, study.classes, pairs, factor=factor)
    return Smoothing(
        kind=kind,
        transitions=transitions.tolist(),
        prior=estimate_prior(seen, study.classes).tolist(),
        memory=1.0 if options.memory == "fitted" else options.memory,
        width=options.filter_width,
    )


def fit_final(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    options: StackingOptions,
    study: StudyOptions,
) -> dict[str, Smoothing]:
    """Return the smoothings of a bundle by the names of their rows: those of the test role."""
    stacked = predictions[(predictions["model"] == STACK) & (predictions["role"] == "oof")]
    scored = _index(epochs).merge(splits, on=["recording_id", "epoch"])
    runs = {
        ("oof", int(fold)): list_runs(rows, scored, study.classes)
        for fold, rows in stacked.groupby("fold")
    }
    seen = {key: rows_to_fit(scored, fold=key[1]) for key in runs} | {_FINAL: rows_to_fit(scored)}
    return {
        f"{STACK}_{kind}": _fit_kind(kind, runs, seen, options, study)[_FINAL]
        for kind in options.smoothing
    }


def tabulate_losses(runs: Sequence[Run], smoothing: Smoothing) -> np.ndarray:
    """Return the summed log loss of the runs for every memory and scale `(n_memories, n_scales)`.

    The scale multiplies log probabilities after smoothing: 1 over the temperature.
    """
    losses = np.zeros((len(MEMORIES), len(SCALES)))
    if not runs:
        return losses
    codes = _pad([run.codes for run in runs], -1)
    proba = _pad([run.proba for run in runs], np.nan)
    known = (codes >= 0) & np.isfinite(proba).all(axis=-1)
    chain, prior = CHAINS[smoothing.kind], np.array(smoothing.prior)
    for row, memory in enumerate(MEMORIES):
        smoothed = chain(proba, smoothing.potentials(memory), prior)[known]
        for column, scale in enumerate(SCALES):
            given = _temperature(scale, len(prior)).apply(smoothed)
            own = given[np.arange(len(given)), codes[known]]
            losses[row, column] = -np.log(np.maximum(own, _LEAST_PROBA)).sum()
    return losses


def _fit_kind(
    kind: SmoothingKind,
    runs: dict[tuple[str, int], list[Run]],
    seen: dict[tuple[str, int], pd.DataFrame],
    options: StackingOptions,
    study: StudyOptions,
) -> dict[tuple[str, int], Smoothing]:
    """Return the smoothing of each role and fold, by the rows that it may have seen."""
    plain = {key: estimate_smoothing(kind, rows, options, study) for key, rows in seen.items()}
    return _fit_all(plain, runs, seen) if _is_fitted(kind, options) else plain


def _fit_all(
    plain: dict[tuple[str, int], Smoothing],
    runs: dict[tuple[str, int], list[Run]],
    seen: dict[tuple[str, int], pd.DataFrame],
) -> dict[tuple[str, int], Smoothing]:
    """Give each smoothing the memory that suits the out-of-fold rows of what it may have seen."""
    losses = {
        (fold, trains): tabulate_losses(
            [run for run in of_fold if run.trains is trains], plain[role, fold]
        )
        for (role, fold), of_fold in runs.items()
        for trains in (True, False)
        if role == "oof"
    }
    chosen = {}
    for key, smoothing in plain.items():
        groups = (True, False) if key[0] == "oof" else (True,)  # val is not chosen by itself
        folds = seen[key]["fold"].unique()
        given = [losses[one] for one in product(folds, groups) if one in losses]
        chosen[key] = choose_memory(smoothing, given)
    return chosen


def choose_memory(smoothing: Smoothing, losses: list[np.ndarray]) -> Smoothing:
    """Return the smoothing with the best memory and scale; without losses, no smoothing at all."""
    total = np.sum(losses, axis=0) if losses else np.zeros((len(MEMORIES), len(SCALES)))
    row, column = np.unravel_index(int(total.argmin()), total.shape)
    calibration = _temperature(SCALES[column], len(smoothing.prior))
    return smoothing.model_copy(update={"memory": MEMORIES[row], "calibration": calibration})


def _temperature(scale: float, n_classes: int) -> Calibration:
    return Calibration(
        kind="temperature", scale=(scale,) * n_classes, offset=(0.0,) * n_classes
    )  # fmt: skip


def _is_fitted(kind: SmoothingKind, options: StackingOptions) -> bool:
    return kind in CHAINS and options.memory == "fitted"


def _index(epochs: pd.DataFrame) -> pd.DataFrame:
    return epochs[["recording_id", "epoch", "run", "label"]]


def list_runs(rows: pd.DataFrame, scored: pd.DataFrame, classes: tuple[str, ...]) -> list[Run]:
    """Return the stack's rows run by run; `scored` are the epochs in the split."""
    split = _index(scored).assign(trains=scored["role"] == "train")
    known = rows.merge(split, on=["recording_id", "epoch"])
    groups = known.sort_values("epoch").groupby(["recording_id", "run", "fold"], sort=False)
    return [_make_run(part, rows.columns, classes) for _, part in groups]


def _make_run(part: pd.DataFrame, columns: pd.Index, classes: tuple[str, ...]) -> Run:
    numbers = part["epoch"].to_numpy()
    places = numbers - numbers[0]
    proba = np.full((places[-1] + 1, len(classes)), np.nan)
    codes = np.full(len(proba), -1)
    proba[places] = part[proba_columns(classes)].to_numpy()
    codes[places] = encode(part["label"], classes)
    fold, trains = int(part["fold"].iloc[0]), bool(part["trains"].all())
    return Run(part[columns], places, proba, codes, fold, trains)


def _smooth(run: Run, smoothing: Smoothing, study: StudyOptions) -> pd.DataFrame:
    causal = run.rows["causal"] & (smoothing.kind == "forward")
    smoothed = run.rows.assign(model=f"{STACK}_{smoothing.kind}", causal=causal)
    smoothed[proba_columns(study.classes)] = smoothing.apply(run.proba)[run.places]
    return smoothed


def _pad(arrays: Sequence[np.ndarray], fill: float) -> np.ndarray:
    """Put arrays of several lengths into one, the shorter ones filled up."""
    longest = max(map(len, arrays))
    padded = np.full((len(arrays), longest, *arrays[0].shape[1:]), fill, dtype=arrays[0].dtype)
    for row, array in enumerate(arrays):
        padded[row, : len(array)] = array
    return padded
