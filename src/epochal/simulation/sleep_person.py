"""Who sleeps: what sets one simulated person apart, and what age does to sleep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from epochal.simulation.sleep_spectra import BETWEEN_RECORDINGS_SD, STATE_SD, STATES, band_noise

Sex = Literal["F", "M"]
MIDDLE_AGE = 40.0  # about the mean age of the nights that the chains were fitted to


@dataclass(frozen=True)
class Person:
    """One sleeper; drives are natural logarithms of factors against the average sleeper.

    `band_offsets` `(n_states, n_channels, n_bands)` shift the log powers of the person's nights.
    """

    number: int
    age: int
    sex: Sex
    band_offsets: np.ndarray
    deep_drive: float
    wake_drive: float
    light_drive: float
    alpha_hz: float
    alpha_drive: float
    spindle_hz: float
    spindles_per_min: float
    spindle_uv: float
    k_complexes_per_min: float
    k_complex_uv: float
    saccade_uv: float
    emg_tone_uv: float
    rem_atonia: float


def draw_person(
    number: int, *, age_range: tuple[int, int], sex: Sex | None, rng: np.random.Generator
) -> Person:
    """Draw a person; older ones have less deep sleep, fewer spindles and more wake.

    Age effects follow the sign and size in Ohayon et al. 2004 (doi:10.1093/sleep/27.7.1255), for
    spindles and slow waves Carrier et al. 2001 (doi:10.1111/j.1469-8986.2001.tb02058.x).
    """
    age = int(rng.integers(age_range[0], age_range[1] + 1))
    older = (age - MIDDLE_AGE) / 10.0
    drawn_sex: Sex = "F" if rng.random() < 0.5 else "M"
    return Person(
        number=number,
        age=age,
        sex=sex or drawn_sex,
        band_offsets=_offsets(older, rng),
        deep_drive=rng.normal(-0.22 * older, 0.45),
        wake_drive=rng.normal(0.12 * older, 0.35),
        light_drive=rng.normal(0.10 * older - 0.1, 0.25),
        alpha_hz=float(np.clip(rng.normal(10.0 - 0.12 * older, 0.8), 8.2, 12.0)),
        alpha_drive=rng.normal(0.0, 0.5),
        spindle_hz=float(np.clip(rng.normal(13.1 + 0.05 * older, 0.45), 12.0, 14.4)),
        spindles_per_min=float(np.exp(rng.normal(np.log(5.5) - 0.10 * older, 0.25))),
        spindle_uv=float(np.exp(rng.normal(np.log(16.0) - 0.08 * older, 0.20))),
        k_complexes_per_min=float(np.exp(rng.normal(np.log(1.9) - 0.10 * older, 0.30))),
        k_complex_uv=float(np.exp(rng.normal(np.log(62.0) - 0.06 * older, 0.20))),
        saccade_uv=float(np.exp(rng.normal(np.log(90.0), 0.35))),
        emg_tone_uv=float(np.exp(rng.normal(np.log(2.2), 0.35))),
        rem_atonia=float(rng.uniform(0.35, 1.0)),
    )


def averaged(person: Person) -> Person:
    """Return the person without what is their own, as the spectra's fit wants them."""
    return replace(
        person,
        band_offsets=np.zeros_like(person.band_offsets),
        alpha_hz=10.0,
        alpha_drive=0.0,
        spindle_hz=13.1,
        spindles_per_min=5.5,
        spindle_uv=16.0,
        k_complexes_per_min=1.9,
        k_complex_uv=62.0,
        saccade_uv=90.0,
    )


def _offsets(older: float, rng: np.random.Generator) -> np.ndarray:
    """Return a person's own log powers, nearly alike in all states; delta falls with age."""
    offsets = BETWEEN_RECORDINGS_SD * band_noise(1, "sleep", rng=rng)
    own = band_noise(len(STATES), "sleep", rng=rng)
    offsets = offsets + np.array(list(STATE_SD.values()))[:, None, None] * own
    offsets[:, :, 0] -= 0.05 * older
    return np.asarray(offsets)
