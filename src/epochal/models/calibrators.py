"""Calibration: from what a model says to how often it is right.

A calibration is fitted on out-of-fold probabilities, at the classes' natural prevalence, and is
plain numbers: it travels in a bundle's manifest and is applied by numpy alone.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from epochal.errors import EpochalError
from epochal.options.base import Options
from epochal.options.models import CalibrationKind

Kind = CalibrationKind
LEAST = 1e-6  # of a probability, before its logarithm and after its calibration
# Scales and offsets are drawn towards those that change nothing, as by normal priors around them of
# these deviations, when every hundred epochs tell as much as one independent one: epochs of a night
# or of a task are much alike. Class weights move an offset by 3 at most, 1/20 of the epochs to all;
# no model that is any good has a scale far from 1. On Stress-Predict, whose subjects have some 110
# epochs, this takes away most of what `vector` cost on subjects that it was not fitted on (log
# loss, mean of 40 draws of subjects: LightGBM and 3 of them +.011, +.002 with this; logistic
# regression and 6, +.020, +.004), and keeps what it gained (the network and 13, -.005, -.007). Of a
# hundred thousand epochs it is naught.
EPOCHS_PER_INDEPENDENT = 100
_SCALE_DEVIATION, _OFFSET_DEVIATION = 1.0, 3.0
# Between knots. Nearer ones make steps so steep that single precision, as a model is served in,
# would show in the first decimals.
_KNOT_STEP = 5e-4


class Calibration(Options):
    """A fitted calibration of `n_classes` probabilities.

    `temperature`, `vector` and `prior` are softmax(scale · log p + offset); `sigmoid` does so for
    each class against the rest, `isotonic` maps each class by straight lines between knots.
    """

    kind: Kind
    scale: tuple[float, ...] = Field((), description="One per class.")
    offset: tuple[float, ...] = Field((), description="One per class.")
    knots: tuple[tuple[tuple[float, float], ...], ...] = Field(
        (), description="`isotonic`: (given, calibrated) pairs of each class."
    )

    def apply(self, proba: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities `(n_epochs, n_classes)`, rows of sum 1; NaN stays NaN."""
        if self.kind == "isotonic":
            return _normalise(_through_knots(proba, self.knots))
        scale, offset = np.array(self.scale), np.array(self.offset)
        if self.kind == "sigmoid":
            return _normalise(_logistic(_log_odds(proba) * scale + offset))
        return softmax(_log(proba) * scale + offset)


def fit_calibration(
    kind: Kind,
    proba: np.ndarray,
    truth: np.ndarray,
    *,
    shift: np.ndarray | None = None,
) -> Calibration:
    """Fit a calibration on out-of-fold `proba` `(n_epochs, n_classes)` and what was true.

    `truth` are class numbers `(n_epochs,)`, or shares of votes `(n_epochs, n_classes)` of sum 1.

    `temperature` and `vector` scaling: Guo et al. 2017, arXiv:1706.04599; `prior` moves the
    classes' log odds alone, as a change of prevalence does; all three with a ridge towards leaving
    things as they are, so that few epochs change little. `sigmoid`: Platt 1999; `isotonic`:
    Zadrozny and Elkan 2002, doi:10.1145/775047.775151. `shift` `(n_classes,)`, of the three, stands
    in the fit for how much more frequent each class is among these epochs than where the
    calibration will be used (ln of the ratio; −inf of a class that is not among them), and is no
    part of it. No epoch at all raises `EpochalError`.
    """
    if not len(truth):
        raise EpochalError("No labelled epoch of another fold to calibrate on")
    target = truth if truth.ndim == 2 else np.eye(proba.shape[1])[truth]
    if kind == "isotonic":
        return Calibration(kind=kind, knots=_fit_knots(proba, target))
    if kind == "sigmoid":
        pairs = [_fit_line(_log_odds(p), t) for p, t in zip(proba.T, target.T, strict=True)]
        return Calibration(
            kind=kind, scale=tuple(s for s, _ in pairs), offset=tuple(o for _, o in pairs)
        )
    moved = np.zeros(proba.shape[1]) if shift is None else shift
    ridge = EPOCHS_PER_INDEPENDENT / len(target)
    scale, offset = _fit_softmax(_log(proba), target, kind, ridge=ridge, shift=moved)
    return Calibration(kind=kind, scale=tuple(scale.tolist()), offset=tuple(offset.tolist()))


def _fit_softmax(
    log_proba: np.ndarray, target: np.ndarray, kind: Kind, *, ridge: float, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise the log loss and the ridge over the parameters that the kind leaves free."""
    from scipy.optimize import minimize

    n_classes = log_proba.shape[1]
    n_scales = {"temperature": 1, "vector": n_classes, "prior": 0}[kind]
    n_offsets = 0 if kind == "temperature" else n_classes

    start = np.concatenate([np.ones(n_scales), np.zeros(n_offsets)])
    deviation = np.repeat([_SCALE_DEVIATION, _OFFSET_DEVIATION], [n_scales, n_offsets])
    weight = ridge / deviation**2

    def unpack(free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = free[:n_scales] if n_scales else np.ones(1)
        offset = free[n_scales:] if n_offsets else np.zeros(n_classes)
        return np.broadcast_to(scale, n_classes), offset - offset.mean()

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        scale, offset = unpack(free)
        proba = softmax(log_proba * scale + offset + shift)
        error = (proba - target) / len(target)
        by_scale = (error * log_proba).sum(axis=0)
        by_offset = error.sum(axis=0)
        gradient = [by_scale.sum()] if n_scales == 1 else by_scale[:n_scales]
        value = -float((target * np.log(np.maximum(proba, 1e-300))).sum()) / len(target)
        centred = by_offset - by_offset.mean()
        moved = free - start
        slope = np.concatenate([gradient, centred[:n_offsets]]) + weight * moved
        return value + 0.5 * float(weight @ moved**2), slope

    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    scale, offset = unpack(found)
    return scale, offset


def _fit_line(log_odds: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Fit P = 1 / (1 + exp(-(scale · log odds + offset))), with Platt's softened targets."""
    from scipy.optimize import minimize

    n_yes, n_no = target.sum(), (1 - target).sum()
    softened = target * (n_yes + 1) / (n_yes + 2) + (1 - target) / (n_no + 2)

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        score = log_odds * free[0] + free[1]
        error = (_logistic(score) - softened) / len(score)
        value = float(np.mean(np.logaddexp(0, score) - softened * score))
        return value, np.array([error @ log_odds, error.sum()])

    scale, offset = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
    return float(scale), float(offset)


def _fit_knots(
    proba: np.ndarray, target: np.ndarray
) -> tuple[tuple[tuple[float, float], ...], ...]:
    from sklearn.isotonic import IsotonicRegression

    fits = [
        IsotonicRegression(y_min=0.0, y_max=1.0).fit((given / _KNOT_STEP).round() * _KNOT_STEP, hit)
        for given, hit in zip(proba.T, target.T, strict=True)
    ]
    return tuple(
        tuple(zip(fit.X_thresholds_.tolist(), fit.y_thresholds_.tolist(), strict=True))
        for fit in fits
    )


def _through_knots(
    proba: np.ndarray, knots: tuple[tuple[tuple[float, float], ...], ...]
) -> np.ndarray:
    columns = [
        np.interp(given, *np.array(of_class).T)
        for given, of_class in zip(proba.T, knots, strict=True)
    ]
    return np.stack(columns, axis=1)


def _log(proba: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(proba, LEAST))


def _log_odds(proba: np.ndarray) -> np.ndarray:
    inside = np.clip(proba, LEAST, 1 - LEAST)
    return np.log(inside / (1 - inside))


def _logistic(score: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-score))


def softmax(score: np.ndarray) -> np.ndarray:
    """Return probabilities of scores `(n_epochs, n_classes)`, however large these are."""
    grown = np.exp(score - score.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def _normalise(proba: np.ndarray) -> np.ndarray:
    """Scale rows to sum 1, no class of them impossible."""
    floored = np.maximum(proba, LEAST)
    return floored / floored.sum(axis=1, keepdims=True)
