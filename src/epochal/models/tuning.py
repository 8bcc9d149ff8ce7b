"""The search for hyper-parameters, by folds of subjects inside the rows that may be fitted on.

What a search reports is a selection score: it says which parameters to take, and nothing of how a
model will do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import hash as fingerprint
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, log_loss
from sklearn.model_selection import GroupKFold

from epochal.errors import EpochalError, LeakageError
from epochal.labels import encode
from epochal.options.models import RangeOptions, TuneOptions

# parameters, training rows, rows to predict -> probabilities `(n_rows, n_classes)`
Attempt = Callable[[dict[str, Any], pd.DataFrame, pd.DataFrame], np.ndarray]

LOWER_IS_BETTER = {"log_loss"}


@dataclass(frozen=True)
class Found:
    """The best parameters, their selection score, and every trial: number, score, parameters."""

    params: dict[str, Any]
    score: float
    trials: list[dict[str, Any]] = field(default_factory=list)


def search(
    attempt: Attempt,
    rows: pd.DataFrame,
    classes: tuple[str, ...],
    options: TuneOptions,
    *,
    seed: int,
    name: str,
    state: Any = None,
) -> Found:
    """Return the best of `n_trials` sets of parameters.

    Each is judged on rows of subjects that its model has not seen. With `storage`, trials done
    before for the same rows, seed, options and `state` are not done again: an interrupted search
    goes on and finds what it would have found. Rows whose role is `test`, or fewer subjects than
    folds, raise `EpochalError`.
    """
    optuna = _import_optuna()
    _refuse_test_rows(rows, name)
    if options.batch > 1 and options.sampler != "random":  # random ones are the same either way
        scores: list[float] = []
        for number in range(options.n_trials):
            scores.append(
                judge_trial(attempt, rows, classes, options,
                            number=number, scores=scores, seed=seed, name=name)
            )  # fmt: skip
        return conclude(options, scores, seed=seed)
    judge = _judge(attempt, rows, classes, options)
    study = _start_study(optuna, options, seed=seed)
    kept = _open_kept(optuna, options, name=f"{name}-{_state_of((rows, state, seed), options)}")
    _run_trials(study, kept, judge, options)
    return _found(study)


def _run_trials(
    study: Any, kept: Any, judge: Callable[[dict[str, Any]], float], options: TuneOptions
) -> None:
    """Do a search's trials, and keep them; what was kept before is not judged again.

    A resumed search chooses from the first trial on: its sampler draws, and learns, as if it had
    never been interrupted.
    """
    before = [trial for trial in kept.trials if trial.state.name == "COMPLETE"]

    def recall(params: dict[str, Any]) -> float | None:
        return next((trial.value for trial in before if trial.params == params), None)

    def recall_or_judge(trial: Any) -> float:
        params = _suggest_all(trial, options)
        known = recall(params)
        return judge(params) if known is None else known

    def keep(_: Any, trial: Any) -> None:
        if recall(trial.params) is None:
            kept.add_trial(trial)

    study.optimize(recall_or_judge, n_trials=options.n_trials, callbacks=[keep])


def judge_trial(
    attempt: Attempt,
    rows: pd.DataFrame,
    classes: tuple[str, ...],
    options: TuneOptions,
    *,
    number: int,
    scores: Sequence[float],
    seed: int,
    name: str,
) -> float:
    """Return the score of one trial of a search; `scores` are those of the batches before."""
    _refuse_test_rows(rows, name)
    _, chosen = _replay(options, scores[: number - number % options.batch], seed=seed)
    return _judge(attempt, rows, classes, options)(chosen[number % options.batch])


def conclude(options: TuneOptions, scores: Sequence[float], *, seed: int) -> Found:
    """Return what a search found whose trials, in batches, had these scores."""
    return _found(_replay(options, scores, seed=seed)[0])


def _replay(
    options: TuneOptions, scores: Sequence[float], *, seed: int
) -> tuple[Any, list[dict[str, Any]]]:
    """Return a search told of the first trials' scores, and what the next batch would try.

    The same seed and scores choose the same parameters, in whatever process.
    """
    study = _start_study(_import_optuna(), options, seed=seed)
    for start in range(0, len(scores), options.batch):
        asked, _ = _ask(study, options, start)
        for trial, score in zip(asked, scores[start : start + options.batch], strict=True):
            study.tell(trial, score)
    return study, _ask(study, options, len(scores))[1]


def _ask(study: Any, options: TuneOptions, start: int) -> tuple[list[Any], list[dict[str, Any]]]:
    """Choose a batch's parameters, the last batch being what is left of the trials."""
    trials, chosen = [], []
    for _ in range(min(options.batch, options.n_trials - start)):
        trials.append(study.ask())
        chosen.append(_suggest_all(trials[-1], options))
    return trials, chosen


def _found(study: Any) -> Found:
    trials = [trial for trial in study.trials if trial.state.name != "RUNNING"]
    return Found(dict(study.best_params), float(study.best_value), _describe(trials))


def _judge(
    attempt: Attempt, rows: pd.DataFrame, classes: tuple[str, ...], options: TuneOptions
) -> Callable[[dict[str, Any]], float]:
    """Return what scores parameters on the labelled rows, by folds of their subjects."""
    labelled = rows[rows["label"].notna()]
    codes = encode(labelled["label"], classes)
    folds = _inner_folds(labelled, options)

    def judge(params: dict[str, Any]) -> float:
        proba = np.zeros((len(labelled), len(classes)))
        for train, held_out in folds:
            proba[held_out] = attempt(params, labelled.iloc[train], labelled.iloc[held_out])
        return score(codes, proba, options.metric)

    return judge


def _import_optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise EpochalError("A search needs optuna: pip install 'epochal[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def score(codes: np.ndarray, proba: np.ndarray, metric: str) -> float:
    """Return κ, accuracy, macro-F1 or log loss of probabilities."""
    if metric == "log_loss":
        floored = np.maximum(proba, 1e-6)
        floored /= floored.sum(axis=1, keepdims=True)
        return float(log_loss(codes, floored, labels=np.arange(proba.shape[1])))
    guess = proba.argmax(axis=1)
    if metric == "accuracy":
        return float(accuracy_score(codes, guess))
    if metric == "macro_f1":
        return float(f1_score(codes, guess, average="macro", zero_division=0))
    return float(cohen_kappa_score(codes, guess))


def write_search(folder: Path, found: Found, config: dict[str, Any]) -> None:
    """Write `trials.jsonl`, `best_params.json`, `best_score.json` and `config_used.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(trial, default=str) for trial in found.trials]
    (folder / "trials.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    best = {"score": found.score, "kind": "selection score, not performance"}
    for name, content in (
        ("best_params", found.params),
        ("best_score", best),
        ("config_used", config),
    ):
        text = json.dumps(content, indent=2, default=str) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def _inner_folds(rows: pd.DataFrame, options: TuneOptions) -> list[tuple[np.ndarray, np.ndarray]]:
    n_subjects = rows["subject_id"].nunique()
    if n_subjects < options.n_folds:
        raise EpochalError(
            f"A search in {options.n_folds} folds needs as many subjects; there are {n_subjects}"
        )
    return list(GroupKFold(options.n_folds).split(rows, groups=rows["subject_id"]))


def _refuse_test_rows(rows: pd.DataFrame, name: str) -> None:
    if "role" in rows and (rows["role"] == "test").any():
        raise LeakageError(f"The search for '{name}' was given rows of the role test")


def _suggest_all(trial: Any, options: TuneOptions) -> dict[str, Any]:
    return {name: _suggest(trial, name, space) for name, space in options.space.items()}


def _suggest(trial: Any, name: str, space: RangeOptions | tuple[Any, ...]) -> Any:
    if not isinstance(space, RangeOptions):
        return trial.suggest_categorical(name, list(space))
    if space.whole:
        return trial.suggest_int(name, round(space.low), round(space.high), log=space.log)
    return trial.suggest_float(name, space.low, space.high, log=space.log)


def _start_study(optuna: Any, options: TuneOptions, *, seed: int) -> Any:
    if options.sampler == "random":
        sampler = optuna.samplers.RandomSampler(seed=seed)
    else:  # of a batch, each is to keep away from those whose scores are not known yet
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=options.batch > 1)
    return optuna.create_study(sampler=sampler, direction=_direction(options))


def _open_kept(optuna: Any, options: TuneOptions, *, name: str) -> Any:
    """Open what keeps a search's trials: the file of `storage`, or memory."""
    storage = None
    if options.storage is not None:
        Path(options.storage).parent.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(options.storage)
        )
    return optuna.create_study(
        study_name=name, storage=storage, direction=_direction(options), load_if_exists=True
    )


def _direction(options: TuneOptions) -> str:
    return "minimize" if options.metric in LOWER_IS_BETTER else "maximize"


def _state_of(rows: Any, options: TuneOptions) -> str:
    """Name a search by what it searches in: other rows, seed or options are another."""
    state = (rows, options.model_dump(exclude={"n_trials", "storage", "at_once"}))
    return str(fingerprint(state))


def _describe(trials: list[Any]) -> list[dict[str, Any]]:
    return [
        {"trial": trial.number, "score": trial.value, "state": trial.state.name, **trial.params}
        for trial in trials
    ]
