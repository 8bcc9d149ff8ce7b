"""In which order a pass goes through the training sequences, and which of them it sees.

Each order is a pure function of the targets, the last losses, the pass and the seed. `targets`
`(n_sequences, L)` are class codes, -1 unknown; a sequence without a known one is in no order, since
it teaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from epochal.errors import EpochalError, did_you_mean
from epochal.options.networks import SamplingOptions


def shuffle(targets: np.ndarray, losses: np.ndarray | None, *, epoch: int, seed: int) -> np.ndarray:
    """Return every sequence once, in another order in every pass."""
    del losses
    return _generator(epoch, seed).permutation(_taught(targets))


def oversample(
    targets: np.ndarray,
    losses: np.ndarray | None,
    *,
    epoch: int,
    seed: int,
    codes: Sequence[int],
    factor: float = 2.0,
) -> np.ndarray:
    """Return every sequence once, and those in which one of the classes occurs `factor` times.

    Of a factor of 2.5 the half is a chance in each pass. The pass is longer for it: nothing is left
    out. Probabilities move towards the classes: calibrate.
    """
    del losses
    generator = _generator(epoch, seed)
    rows = _taught(targets)
    wanted = np.isin(targets[rows], codes).any(axis=1)
    chance = generator.random(len(rows)) < factor - np.floor(factor)
    repeats = np.where(wanted, int(factor) + chance, 1)
    return generator.permutation(np.repeat(rows, repeats))


def hard(
    targets: np.ndarray,
    losses: np.ndarray | None,
    *,
    epoch: int,
    seed: int,
    power: float = 1.0,
    uniform_share: float = 0.3,
    first_epochs: int = 0,
) -> np.ndarray:
    """Return as many draws as there are sequences, by their last loss to a power.

    `losses` `(n_sequences,)` are those of the last pass that saw them, NaN where none did: such a
    sequence counts as the hardest. `uniform_share` of the draws' probability ignores losses. The
    first passes see every sequence once. After Shrivastava et al. 2016, arXiv:1604.03540, drawing
    by loss instead of keeping the worst, since the worst are often mislabelled.
    """
    rows = _taught(targets)
    if losses is None or epoch < first_epochs or np.isnan(losses[rows]).all():
        return shuffle(targets, losses, epoch=epoch, seed=seed)
    known = np.where(np.isnan(losses[rows]), np.nanmax(losses[rows]), losses[rows])
    difficulty = np.maximum(known, 0.0) ** power
    uniform = np.full(len(rows), 1 / len(rows))
    total = difficulty.sum()
    by_loss = difficulty / total if total > 0 else uniform
    proba = uniform_share * uniform + (1 - uniform_share) * by_loss
    return _generator(epoch, seed).choice(rows, size=len(rows), p=proba / proba.sum())


def two_stage(
    targets: np.ndarray,
    losses: np.ndarray | None,
    *,
    epoch: int,
    seed: int,
    votes: np.ndarray,
    min_votes: float = 10.0,
    first_epochs: int = 10,
) -> np.ndarray:
    """Return all sequences in the first passes, then those with `min_votes` on a known epoch.

    `votes` `(n_sequences, L)` are numbers of votes. No sequence with so many raises `EpochalError`.
    """
    if epoch < first_epochs:
        return shuffle(targets, losses, epoch=epoch, seed=seed)
    enough = (targets >= 0) & (votes >= min_votes)
    if not enough.any():
        most = np.nanmax(votes, initial=0)
        raise EpochalError(
            f"no training row has {min_votes:g} votes for the second stage; the most is {most:g}"
        )
    return shuffle(np.where(enough, targets, -1), losses, epoch=epoch, seed=seed)


SAMPLERS: dict[str, Callable[..., np.ndarray]] = {
    "shuffle": shuffle,
    "oversample": oversample,
    "hard": hard,
    "two_stage": two_stage,
}


def make_sampler(
    options: SamplingOptions, *, classes: Sequence[str], votes: np.ndarray | None = None
) -> Callable[..., np.ndarray]:
    """Return the order that a study asks for: `(targets, losses, *, epoch, seed)` → indices.

    An unknown class, or `two_stage` without votes, raises `EpochalError`.
    """
    return partial(SAMPLERS[options.kind], **_params(options, classes, votes))


def _params(
    options: SamplingOptions, classes: Sequence[str], votes: np.ndarray | None
) -> dict[str, Any]:
    if options.kind == "oversample":
        return {"codes": _codes(options, classes), "factor": options.factor}
    if options.kind == "hard":
        return {
            "power": options.hard_power,
            "uniform_share": options.uniform_share,
            "first_epochs": options.first_epochs,
        }
    if options.kind == "two_stage":
        return {
            "votes": _require_votes(votes),
            "min_votes": options.min_votes,
            "first_epochs": options.first_epochs,
        }
    return {}


def _taught(targets: np.ndarray) -> np.ndarray:
    return np.flatnonzero((targets >= 0).any(axis=1))


def _generator(epoch: int, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, epoch])


def _codes(options: SamplingOptions, classes: Sequence[str]) -> list[int]:
    for name in options.classes:
        if name not in classes:
            raise EpochalError(f"no class '{name}' to oversample{did_you_mean(name, classes)}")
    return [list(classes).index(name) for name in options.classes]


def _require_votes(votes: np.ndarray | None) -> np.ndarray:
    if votes is None:
        raise EpochalError("`sampling: two_stage` needs experts' votes; this study has labels only")
    return votes
