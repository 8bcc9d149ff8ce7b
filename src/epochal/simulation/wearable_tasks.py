"""What the tasks of Stress-Predict and WESAD do to a body, and how long they last.

The effects of Stress-Predict's tasks are those measured on its 27 labelled subjects as differences
from the first relaxation (medians of 60 s windows: heart rate, responses a minute, EDA level, share
of still seconds), with their spread between subjects. WESAD's follow the reports of its tasks
(Schmidt et al. 2018: the Trier test raises heart rate and skin conductance most); nobody's files
were at hand to fit them on.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

Layout = Literal["stress_predict", "wesad"]


class Effect(NamedTuple):
    """What a task changes; `_sd` is the spread of that change between people.

    Heart in beats a minute, responses (SCR) a minute, tonic conductance as a logarithm, breathing
    and variability as factors, seconds of movement a minute and its size as a factor.
    """

    heart: float = 0.0
    heart_sd: float = 0.0
    responses: float = 0.0
    responses_sd: float = 0.0
    tonic: float = 0.0
    breathing: float = 1.0
    variability: float = 1.0
    moving_s: float = 17.0
    moving_size: float = 1.0


EFFECTS = {
    "relax": Effect(),
    "stroop": Effect(
        heart=5.5, heart_sd=4, responses=0.5, responses_sd=1.5, tonic=0.35, breathing=1.1,
        variability=0.8, moving_s=6, moving_size=0.12,
    ),
    "interview": Effect(
        heart=3.0, heart_sd=4, responses=4.5, responses_sd=2.5, tonic=0.9, moving_s=29,
        moving_size=1.1,
    ),
    "hyperventilation": Effect(
        heart=4.0, heart_sd=5, responses=2.0, responses_sd=2.5, tonic=0.5, breathing=1.8,
        moving_s=15, moving_size=0.8,
    ),
    "baseline": Effect(),
    "tsst": Effect(
        heart=12, heart_sd=7, responses=4.5, responses_sd=2.5, tonic=0.5, breathing=1.15,
        variability=0.75, moving_s=27, moving_size=1.1,
    ),
    "amusement": Effect(
        heart=0.5, heart_sd=3, responses=0.7, responses_sd=1.5, tonic=0.1, breathing=1.05,
        moving_s=14, moving_size=0.8,
    ),
    "meditation": Effect(
        heart=-3, heart_sd=3, responses=-0.5, responses_sd=1, tonic=-0.1, breathing=0.8,
        variability=1.2, moving_s=6, moving_size=0.5,
    ),
    "transient": Effect(heart=3, heart_sd=3, responses=1, responses_sd=1.5, moving_s=34),
}  # fmt: skip


class Stretch(NamedTuple):
    """A task and its length."""

    task: str
    duration_s: int


# Mean and standard deviation of the stretches' lengths in seconds over the 27 labelled subjects.
STRESS_PREDICT = (
    ("relax", 638, 63), ("stroop", 360, 48), ("relax", 309, 30), ("interview", 607, 37),
    ("relax", 306, 23), ("hyperventilation", 123, 18), ("relax", 950, 111),
)  # fmt: skip
# WESAD's two orders; lengths after its paper (baseline 20 min, amusement 392 s, test about 10 min,
# meditation 7 min), with the reading, questionnaires and walks between them as transients.
_WESAD = {
    "Base": ("baseline", 1170, 20), "TSST": ("tsst", 650, 40), "Fun": ("amusement", 375, 10),
    "Medi 1": ("meditation", 400, 15), "Medi 2": ("meditation", 400, 15),
}  # fmt: skip
WESAD_ORDERS = (
    ("Base", "TSST", "Medi 1", "Fun", "Medi 2"),
    ("Base", "Fun", "Medi 1", "TSST", "Medi 2"),
)
WESAD_TRANSIENT_S = (500, 120)
SHORTEST_S = 20


def draw_stress_predict(rng: np.random.Generator, tempo: float) -> list[Stretch]:
    """Return one subject's seven stretches, their lengths drawn and then scaled by `tempo`."""
    return [
        Stretch(task, _length(mean_s, sd_s, tempo, rng)) for task, mean_s, sd_s in STRESS_PREDICT
    ]


def draw_wesad(
    order: tuple[str, ...], rng: np.random.Generator, tempo: float
) -> tuple[list[Stretch], list[str]]:
    """Return one subject's stretches, transients around each condition, and their names.

    A transient's name is empty.
    """
    stretches, names = [_transient(rng, tempo)], [""]
    for name in order:
        task, mean_s, sd_s = _WESAD[name]
        stretches += [Stretch(task, _length(mean_s, sd_s, tempo, rng)), _transient(rng, tempo)]
        names += [name, ""]
    return stretches, names


def _transient(rng: np.random.Generator, tempo: float) -> Stretch:
    return Stretch("transient", _length(*WESAD_TRANSIENT_S, tempo, rng))


def _length(mean_s: float, sd_s: float, tempo: float, rng: np.random.Generator) -> int:
    return max(SHORTEST_S, round(tempo * rng.normal(mean_s, sd_s)))
