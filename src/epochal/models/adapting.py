"""A bundle adapted to a lab by some of its scoring: recalibrated, or its last stage fitted anew.

Numpy and scipy alone, so that it works where a bundle is served.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from epochal.errors import EpochalError
from epochal.evaluation.agreement import accuracy, macro_f1, tabulate_pair
from epochal.metrics import calibration_error, kappa
from epochal.models.calibrators import EPOCHS_PER_INDEPENDENT, LEAST, fit_calibration
from epochal.serving.bundle import Manifest
from epochal.serving.entries import Adaptation, Figures, LastStage

Kind = Literal["temperature", "vector", "prior", "refit"]
Prior = Literal["auto", "bundle", "labels"]
LEAST_EPOCHS, LEAST_OF_A_CLASS = 60, 5
N_BLOCKS = 5  # of one recording
_LEAST_RECORDINGS = 3  # from so many on, each is left out whole
_WHOLE = 0.8  # a recording with more of its epochs labelled tells how frequent classes are
# The ridge counts 100 epochs as an independent one, as a calibration's does. Eight simulated nights
# of another lab, each adapted on one hour or one night of another of them (mean change of the log
# loss elsewhere): from an hour, 10 in place of 100 cost .05 where the lab was the bundle's own, and
# .08 where it was noisier; from a night both did the same.
_WEIGHT_DEVIATION, _OFFSET_DEVIATION = 0.3, 3.0  # of a last stage, as of a calibration's
_N_BINS = 15
_LEAST_KAPPA = 0.2  # below it labels and answers are of different times, or of different things


class Labelled(NamedTuple):
    """The labelled epochs of a lab, recording after recording, in their order.

    `proba` has the models' probabilities `(n_epochs, n_classes)` by name, the headline's first;
    `codes` are class numbers, `owners` the recordings' numbers. `n_scored` are the epochs that the
    headline speaks of, labelled or not.
    """

    proba: dict[str, np.ndarray]
    codes: np.ndarray
    owners: np.ndarray
    n_scored: int

    def take(self, rows: np.ndarray) -> Labelled:
        """Return some of the epochs."""
        proba = {name: one[rows] for name, one in self.proba.items()}
        return Labelled(proba, self.codes[rows], self.owners[rows], self.n_scored)


class Fitted(NamedTuple):
    """What was fitted, and what it does to the models' probabilities."""

    what: dict[str, object]
    apply: Callable[[dict[str, np.ndarray]], np.ndarray]


class Judged(NamedTuple):
    """The figures before and after, and what was left out at a time."""

    before: Figures
    after: Figures
    by: str


def choose_prior(
    asked: Prior, labelled: Labelled, manifest: Manifest
) -> Literal["bundle", "labels"]:
    """Return whose shares of classes the answers are to assume.

    `auto`: the labels', where nearly all of the recordings is labelled; of a part of a night the
    shares say little, and the bundle's hold. Asked for, they must be known: else `EpochalError`.
    """
    known = shares_of_bundle(manifest) is not None
    if asked == "auto":
        whole = len(labelled.codes) >= _WHOLE * labelled.n_scored
        return "labels" if whole or not known else "bundle"
    if asked == "bundle" and not known:
        raise EpochalError("the bundle does not say how frequent its classes were: --prior labels")
    return asked


def shares_of_bundle(manifest: Manifest) -> np.ndarray | None:
    """Return how frequent each class was in training, None where an older bundle does not say."""
    if manifest.training is not None:
        counts = np.array([manifest.training.epochs_per_class[c] for c in manifest.classes]) + 1.0
        return counts / counts.sum()
    for smoothing in manifest.smoothing.values():
        return np.array(smoothing.prior)
    return None


def refuse_too_little(
    labelled: Labelled, classes: Sequence[str], prior: Literal["bundle", "labels"]
) -> None:
    """Refuse too few labelled epochs, or classes of which there are too few, by name."""
    n_epochs = len(labelled.codes)
    if n_epochs < LEAST_EPOCHS:
        raise EpochalError(
            f"{n_epochs} labelled epochs that the bundle scores; at least {LEAST_EPOCHS} are needed"
        )
    counts = np.bincount(labelled.codes, minlength=len(classes))
    few = [f"{name} ({n})" for name, n in zip(classes, counts, strict=True) if n < LEAST_OF_A_CLASS]
    if len(classes) - len(few) < 2 or (few and prior == "labels"):
        hint = "; with --prior bundle these stay as they are" if prior == "labels" else ""
        raise EpochalError(
            f"too few labelled epochs of {', '.join(few)}: at least {LEAST_OF_A_CLASS} of each "
            f"class are needed{hint}"
        )


def fit(kind: Kind, labelled: Labelled, *, shares: np.ndarray | None) -> Fitted:
    """Fit an adaptation on labelled epochs.

    `shares` `(n_classes,)` are the classes' shares that the answers shall assume; None: those of
    the labels. With them, a class of which there are too few labels stays as it is.
    """
    n_classes = next(iter(labelled.proba.values())).shape[1]
    counts = np.bincount(labelled.codes, minlength=n_classes)
    shift = np.zeros(n_classes)
    if shares is not None:
        kept = counts >= LEAST_OF_A_CLASS
        labelled = labelled.take(kept[labelled.codes])
        with np.errstate(divide="ignore"):
            shift = np.log(np.where(kept, counts, 0) / counts[kept].sum() / shares)
    first = next(iter(labelled.proba))
    if kind != "refit":
        found = fit_calibration(kind, labelled.proba[first], labelled.codes, shift=shift)
        return Fitted({"calibration": found}, lambda proba: found.apply(proba[first]))
    stage = fit_last_stage(labelled, shift)
    return Fitted(
        {"last_stage": stage}, lambda proba: stage.apply([proba[name] for name in stage.models])
    )


def fit_last_stage(labelled: Labelled, shift: np.ndarray) -> LastStage:
    """Fit a multinomial logistic regression over the models' log probabilities.

    A ridge draws it towards what changes nothing: the headline's own weights 1, all others 0.
    `shift` as in `fit_calibration`.
    """
    from scipy.optimize import minimize

    given = np.log(np.maximum(np.concatenate(list(labelled.proba.values()), axis=1), LEAST))
    n_classes = len(shift)
    start = np.zeros((given.shape[1] + 1, n_classes))
    start[:n_classes] = np.eye(n_classes)
    design = np.column_stack([given, np.ones(len(given))])
    target = np.eye(n_classes)[labelled.codes]
    ridge = np.full(start.shape, EPOCHS_PER_INDEPENDENT / len(given) / _WEIGHT_DEVIATION**2)
    ridge[-1] = EPOCHS_PER_INDEPENDENT / len(given) / _OFFSET_DEVIATION**2

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        weights = free.reshape(start.shape)
        score = design @ weights + shift
        top = score.max(axis=1, keepdims=True)
        total = np.exp(score - top).sum(axis=1, keepdims=True)
        hit = np.take_along_axis(score, labelled.codes[:, None], axis=1)
        error = (np.exp(score - top) / total - target) / len(given)
        moved = weights - start
        value = float(np.mean(np.log(total) + top - hit)) + 0.5 * float((ridge * moved**2).sum())
        return value, (design.T @ error + ridge * moved).ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B").x.reshape(start.shape)
    return LastStage(
        models=list(labelled.proba), weights=found[:-1].tolist(), offset=found[-1].tolist()
    )


def cross_fit(kind: Kind, labelled: Labelled, *, shares: np.ndarray | None) -> Judged:
    """Judge an adaptation on epochs that it was not fitted on.

    With three recordings or more each is left out whole; of fewer, each of five blocks of following
    epochs: what that says of another recording is less.
    """
    groups, by = _group(labelled)
    before = next(iter(labelled.proba.values()))
    after = np.empty_like(before)
    for group in np.unique(groups):
        left_out = groups == group
        fitted = fit(kind, labelled.take(~left_out), shares=shares)
        after[left_out] = fitted.apply(labelled.take(left_out).proba)
    return Judged(measure(before, labelled.codes), measure(after, labelled.codes), by)


def refuse_strange_labels(judged: Judged) -> None:
    """Refuse labels that hardly agree with the bundle as it is: they may be of another clock."""
    found = judged.before["kappa"]
    if found is None or not found >= _LEAST_KAPPA:
        raise EpochalError(
            f"the labels hardly agree with the bundle's answers (κ {found}): are they of this "
            "recording, and of its clock? `epochal compare` looks for an offset; --force goes on"
        )


def measure(proba: np.ndarray, codes: np.ndarray) -> Figures:
    """Return κ, accuracy, macro F1, log loss and calibration error of labelled epochs."""
    counts = tabulate_pair(codes, proba.argmax(axis=1), proba.shape[1])
    true = proba[np.arange(len(codes)), codes]
    figures = {
        "kappa": kappa(counts),
        "accuracy": accuracy(counts),
        "macro_f1": macro_f1(counts),
        "log_loss": -np.log(np.maximum(true, 1e-15)).mean(),
        "ece": calibration_error(codes, proba, _N_BINS),
    }
    rounded: Figures = {name: round(float(value), 4) for name, value in figures.items()}
    return {**rounded, "n_epochs": len(codes)}


def describe(
    kind: Kind,
    labelled: Labelled,
    fitted: Fitted,
    judged: Judged,
    *,
    classes: Sequence[str],
    prior: Literal["bundle", "labels"],
    **origin: object,
) -> Adaptation:
    """Return what a manifest says of an adaptation; `origin` are the hashes and the data source."""
    counts = np.bincount(labelled.codes, minlength=len(classes))
    return Adaptation(
        kind=kind,
        prior=prior,
        n_recordings=len(np.unique(labelled.owners)),
        n_epochs=len(labelled.codes),
        epochs_per_class={name: int(n) for name, n in zip(classes, counts, strict=True)},
        cross_fitted_by=judged.by,
        before=judged.before,
        after=judged.after,
        **fitted.what,
        **origin,
    )


def _group(labelled: Labelled) -> tuple[np.ndarray, str]:
    owners = np.unique(labelled.owners)
    if len(owners) >= _LEAST_RECORDINGS:
        return labelled.owners, "recording"
    groups = np.empty(len(labelled.codes), dtype=int)
    for owner in owners:
        rows = np.flatnonzero(labelled.owners == owner)
        for number, block in enumerate(np.array_split(rows, N_BLOCKS)):
            groups[block] = number
    return groups, "block"
