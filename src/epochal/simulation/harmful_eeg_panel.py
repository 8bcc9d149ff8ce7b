"""A panel of experts that votes on ten seconds of EEG, and disagrees as real ones do.

What they see is a `Pattern`; each question (is there a pattern? is it ictal? discharges or rhythm?
one side or both?) has odds that fall to even at the boundary. So weak patterns are confused with
Other, fast ones with Seizure, blunt discharges with rhythmic delta, half-lateralised ones with
generalised, as in Jing et al. 2023, doi:10.1212/WNL.0000000000201670.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from epochal.readers.hms_rows import CLASSES
from epochal.simulation.harmful_eeg_patterns import Pattern

VISIBLE_STRENGTH = 0.9  # at which half the panel sees a pattern
ICTAL_HZ = 2.5  # the ACNS limit between interictal and ictal
# How steeply the odds change: set so that the mean KL of a uniform prediction is about 1.41 and the
# best possible about 0.25, as on the competition's boards.
_STEEPNESS = {
    "visible": 5.0, "ictal_hz": 2.5, "ictal_evolution": 7.0, "sharp": 13.0, "one_side": 13.0,
}  # fmt: skip
# Most rows have 3 votes; many 10 to 20.
_PANEL_SIZES = ((3, 4, 0.5), (4, 8, 0.12), (10, 21, 0.38))  # from, to (excluded), share of rows


@dataclass(frozen=True)
class Leaning:
    """How much more than usual a panel is given to each answer, in log odds."""

    visible: float = 0.0
    ictal: float = 0.0
    sharp: float = 0.0
    one_side: float = 0.0


def draw_leaning(spread: float, rng: np.random.Generator) -> Leaning:
    """Draw a panel's leaning; `spread` is its standard deviation in log odds."""
    return Leaning(*(float(value) for value in rng.normal(0, spread, 4)))


def class_probabilities(pattern: Pattern | None, *, share: float, leaning: Leaning) -> np.ndarray:
    """Return the chance that an expert votes for each of `CLASSES`, `(6,)`.

    `share` is how much of the ten seconds the pattern fills.
    """
    if pattern is None or share <= 0:
        visible, ictal, sharp, one_side = -3.0, 0.0, 0.0, 0.0
    else:
        visible = _STEEPNESS["visible"] * np.log(pattern.strength * share / VISIBLE_STRENGTH)
        ictal = _STEEPNESS["ictal_hz"] * (pattern.frequency_hz - ICTAL_HZ)
        ictal += _STEEPNESS["ictal_evolution"] * (pattern.evolution - 0.5)
        sharp = _STEEPNESS["sharp"] * (pattern.sharpness - 0.5)
        one_side = _STEEPNESS["one_side"] * (pattern.laterality - 0.5)
    seen, seizure = _logistic(visible + leaning.visible), _logistic(ictal + leaning.ictal)
    discharges, lateral = _logistic(sharp + leaning.sharp), _logistic(one_side + leaning.one_side)
    rest = seen * (1 - seizure)
    probabilities = {
        "Seizure": seen * seizure,
        "LPD": rest * discharges * lateral,
        "GPD": rest * discharges * (1 - lateral),
        "LRDA": rest * (1 - discharges) * lateral,
        "GRDA": rest * (1 - discharges) * (1 - lateral),
        "Other": 1 - seen,
    }
    return np.array([probabilities[name] for name in CLASSES])


def draw_panel_size(rng: np.random.Generator) -> int:
    """Draw how many experts vote: 3 for half of the rows, else up to 20."""
    low, high, _ = _PANEL_SIZES[rng.choice(len(_PANEL_SIZES), p=[size[2] for size in _PANEL_SIZES])]
    return int(rng.integers(low, high))


def draw_votes(
    probabilities: np.ndarray, n_experts: int, rng: np.random.Generator
) -> tuple[dict[str, int], str]:
    """Return the votes by class and the consensus; a tie goes to one of those tied, by lot."""
    votes = rng.multinomial(n_experts, probabilities / probabilities.sum())
    most = np.flatnonzero(votes == votes.max())
    named = dict(zip(CLASSES, votes.tolist(), strict=True))
    return named, CLASSES[int(rng.choice(most))]


def _logistic(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))
