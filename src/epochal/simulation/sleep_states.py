"""From scored epochs to what the brain does second by second: states in blocks of two seconds."""

from __future__ import annotations

import numpy as np

from epochal.simulation.sleep_architecture import EPOCH_S
from epochal.simulation.sleep_spectra import STATES, remembered

BLOCK_S = 2
PER_EPOCH = EPOCH_S // BLOCK_S
DROWSY_EPOCHS = 30  # within 15 min of sleep the eyes are mostly closed, as lights are off
CLOSED_SHARE = {"drowsy": 0.62, "day": 0.15}
EYES_MEMORY = 0.93  # from block to block
NODDING = {"closed": ("1", 0.12), "1": ("closed", 0.12)}  # share of blocks in the other state
NODDING_MEMORY = 0.75
AROUSALS_PER_H = {"1": 20.0, "2": 12.0, "3": 4.0, "4": 2.0, "R": 8.0}
AROUSAL_BLOCKS = (2, 6)  # 4 to 10 s; longer ones are scored as wake
DEEPENING_EPOCHS = 0.5  # half-width of the passage between the stages 2, 3 and 4
DEEP_STAGES = ("3", "4")  # their onset is gradual, and so has no border to move
DEEP = tuple(STATES.index(stage) for stage in ("2", *DEEP_STAGES))


def state_weights(stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how much of each state `(n_blocks, n_states)` every block holds.

    Stages change up to half an epoch away from the epochs' borders, eyes open and close, arousals
    too short to be scored interrupt sleep, and deep sleep builds up and wanes over a minute.
    """
    blocks = _moved_borders(stages, rng)
    blocks = np.where(blocks == "W", _eyes(stages, rng), blocks)
    blocks = _interrupt(_nod(blocks, rng), rng)
    weights = (blocks[:, None] == np.array(STATES)).astype(float)
    weights = _smooth(weights, np.array([0.15, 0.7, 0.15]))
    weights[:, DEEP] = _blend_depth(weights[:, DEEP])
    return weights


def _moved_borders(stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    blocks = np.repeat(stages.astype("U6"), PER_EPOCH)
    borders = np.flatnonzero(stages[1:] != stages[:-1]) + 1
    for border in borders[~np.isin(stages[borders], DEEP_STAGES)]:
        shift = int(rng.integers(-PER_EPOCH // 2, PER_EPOCH // 2 + 1))
        at = border * PER_EPOCH
        if shift > 0:
            blocks[at : at + shift] = stages[border - 1]
        else:
            blocks[at + shift : at] = stages[border]
    return blocks


def _eyes(stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `open` or `closed` per block."""
    drowsy = np.repeat(epochs_to_sleep(stages) < DROWSY_EPOCHS, PER_EPOCH)
    share = np.where(drowsy, CLOSED_SHARE["drowsy"], CLOSED_SHARE["day"])
    draws = remembered(rng.standard_normal((len(share), 1)), EYES_MEMORY)[:, 0]
    return np.where(_uniform(draws) < share, "closed", "open")


def epochs_to_sleep(stages: np.ndarray) -> np.ndarray:
    """Return each epoch's distance from the nearest epoch of sleep (huge where there is none)."""
    asleep = np.flatnonzero(stages != "W")
    if not len(asleep):
        return np.full(len(stages), np.iinfo(np.int64).max)
    epochs = np.arange(len(stages))
    after = np.searchsorted(asleep, epochs)
    before = asleep[np.maximum(after - 1, 0)]
    return np.minimum(
        np.abs(epochs - asleep[np.minimum(after, len(asleep) - 1)]), np.abs(epochs - before)
    )


def _nod(blocks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mix stage 1 and quiet wake, which come and go within seconds when falling asleep."""
    draws = _uniform(remembered(rng.standard_normal((len(blocks), 1)), NODDING_MEMORY)[:, 0])
    nodded = blocks.copy()
    for state, (other, share) in NODDING.items():
        nodded[(blocks == state) & (draws < share)] = other
    return nodded


def _interrupt(blocks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put short arousals into sleep: a few seconds of wake."""
    interrupted = blocks.copy()
    for stage, per_h in AROUSALS_PER_H.items():
        inside = np.flatnonzero(blocks == stage)
        for start in inside[rng.random(len(inside)) < per_h * BLOCK_S / 3600]:
            length = int(rng.integers(AROUSAL_BLOCKS[0], AROUSAL_BLOCKS[1]))
            interrupted[start : start + length] = rng.choice(["closed", "open"], p=[0.85, 0.15])
    return interrupted


def _blend_depth(deep: np.ndarray) -> np.ndarray:
    """Pass gradually between the stages 2, 3 and 4; what is not one of them stays so."""
    half = round(DEEPENING_EPOCHS * PER_EPOCH)
    smooth = _smooth(deep, np.hanning(2 * half + 1) / half)
    total = smooth.sum(axis=1, keepdims=True)
    return np.asarray(
        deep.sum(axis=1, keepdims=True) * np.divide(smooth, total, out=deep.copy(), where=total > 0)
    )


def _smooth(weights: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    half = len(kernel) // 2
    padded = np.pad(weights, ((half, half), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=1)


def _uniform(normal: np.ndarray) -> np.ndarray:
    """Return the standard normal's distribution function (logistic approximation)."""
    return np.asarray(1.0 / (1.0 + np.exp(-1.702 * normal)))
