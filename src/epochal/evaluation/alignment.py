"""By how many epochs one hypnogram runs ahead of another; 0 unless the data say otherwise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epochal.evaluation.agreement import tabulate_pair
from epochal.metrics import kappa

# A shift must be better than none by this much κ, and by this many standard errors over blocks …
LEAST_GAIN = 0.02
LEAST_Z = 2.5
BLOCK_EPOCHS = 20
# … and than every other shift further away than its neighbours, or the hypnogram repeats itself.
NEAR_EPOCHS = 3
RIVAL_KAPPA = 0.005
LEAST_ALONE = 0.3  # κ that a shift must reach where the clocks alone leave no overlap
LEAST_OVERLAP = 0.5  # of the shorter scoring


class Offset(NamedTuple):
    """What was found: `scored[i]` goes with `reference[i + epochs]`.

    `kappa` is with that offset, `kappa_unshifted` with none; `reason` says why a better-looking
    `best_epochs` was not taken, or is empty.
    """

    epochs: int
    kappa: float
    kappa_unshifted: float
    best_epochs: int
    reason: str = ""


def find_offset(
    reference: np.ndarray, scored: np.ndarray, n_classes: int, *, most_epochs: int, base: int = 0
) -> Offset:
    """Search shifts from −`most_epochs` to `most_epochs` for the best agreement by κ.

    Both are class codes per epoch, −1 unscored; `base` is where the files' own clocks put
    `scored[0]` in the reference. A shift that is not clearly better than none, or not better than
    a distant one, is ambiguous: 0 is returned, with the reason.
    """
    shifts = sorted(range(-most_epochs, most_epochs + 1), key=abs)
    values = {k: _kappa_at(reference, scored, n_classes, base + k) for k in shifts}
    unshifted = values[0]
    known = {k: value for k, value in values.items() if np.isfinite(value)}
    if not known:
        return Offset(0, float("nan"), float("nan"), 0, "the two scorings hardly overlap")
    best = max(known, key=lambda k: known[k])  # the nearest to 0 of equally good ones
    reason = _doubt(reference, scored, known, best, base) if best else ""
    if reason:
        return Offset(0, unshifted, unshifted, best, reason)
    return Offset(best, values[best], unshifted, best)


def _doubt(
    reference: np.ndarray, scored: np.ndarray, kappas: dict[int, float], best: int, base: int
) -> str:
    """Say why the best shift is not to be believed, or nothing."""
    rivals = [k for k in kappas if abs(k - best) > NEAR_EPOCHS and k != 0]
    rival = max(rivals, key=lambda k: kappas[k], default=None)
    if rival is not None and kappas[rival] > kappas[best] - RIVAL_KAPPA:
        return f"shifts by {best:+d} and {rival:+d} epochs agree as well as each other"
    if 0 not in kappas:
        low = kappas[best] < LEAST_ALONE
        return f"a shift by {best:+d} epochs reaches only κ {kappas[best]:.2f}" if low else ""
    gain, z = kappas[best] - kappas[0], _gain_in_errors(reference, scored, best, base)
    if gain < LEAST_GAIN or z < LEAST_Z:
        return f"a shift by {best:+d} epochs gains only {gain:.3f} of κ"
    return ""


def overlap(n_reference: int, n_scored: int, shift: int) -> tuple[slice, slice]:
    """Return the parts of reference and scored that lie on each other at a shift."""
    first, last = max(0, -shift), min(n_scored, n_reference - shift)
    last = max(first, last)
    return slice(first + shift, last + shift), slice(first, last)


def _kappa_at(reference: np.ndarray, scored: np.ndarray, n_classes: int, shift: int) -> float:
    """Return κ at a shift; NaN where less than half of the shorter scoring has a counterpart."""
    ours, theirs = overlap(len(reference), len(scored), shift)
    table = tabulate_pair(reference[ours], scored[theirs], n_classes)
    least = LEAST_OVERLAP * min((reference >= 0).sum(), (scored >= 0).sum())
    return float(kappa(table)) if table.sum() >= max(least, 1) else float("nan")


def _gain_in_errors(reference: np.ndarray, scored: np.ndarray, best: int, base: int) -> float:
    """Return how much more often the shift agrees than none, in standard errors over blocks."""
    agrees = [_agrees(reference, scored, base + shift) for shift in (best, 0)]
    difference = agrees[0] - agrees[1]
    n_blocks = -(-len(difference) // BLOCK_EPOCHS)
    padded = np.zeros(n_blocks * BLOCK_EPOCHS)
    padded[: len(difference)] = np.nan_to_num(difference)
    sums = padded.reshape(n_blocks, BLOCK_EPOCHS).sum(axis=1)
    error = float(sums.std(ddof=1)) * np.sqrt(n_blocks) if n_blocks > 1 else 0.0
    if error == 0.0:  # one block, or all alike: nothing to judge the gain by
        return float("inf") if sums.sum() > 0 and n_blocks > 1 else 0.0
    return float(sums.sum() / error)


def _agrees(reference: np.ndarray, scored: np.ndarray, shift: int) -> np.ndarray:
    """Return 1 or 0 per scored epoch, NaN where one of the two says nothing."""
    same = np.full(len(scored), np.nan)
    ours, theirs = overlap(len(reference), len(scored), shift)
    known = (reference[ours] >= 0) & (scored[theirs] >= 0)
    part = np.where(known, reference[ours] == scored[theirs], np.nan)
    same[theirs] = part
    return same
