"""Laboratories and animals of a simulated mouse cohort, each drawn from its own number alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from epochal.simulation.rodent_signals import Animal, Site

LIGHTS_ON_HOUR, LIGHTS_OFF_HOUR = 7, 19  # UTC
FIRST_DAY = datetime(2024, 3, 4, LIGHTS_ON_HOUR, tzinfo=UTC)
# Slow-wave gain, theta gain, theta peak in Hz. Inbred strains differ in all three: Franken,
# Malafosse & Tafti 1998, doi:10.1152/ajpregu.1998.275.4.R1127; the sizes here are chosen.
STRAINS = {
    "C57BL/6J": (1.0, 1.0, 7.4),
    "BALB/cJ": (1.1, 0.85, 7.0),
    "129S1/SvImJ": (0.9, 0.95, 7.1),
}
AGE_WEEKS = (9, 26)


@dataclass(frozen=True)
class AnimalFacts:
    """What a laboratory notes about an animal and its recording."""

    subject_id: str
    strain: str
    sex: Literal["F", "M"]
    age_weeks: int
    site: str
    start: datetime


def draw_site(seed: int, number: int, *, start_zeitgeber_h: float | None) -> Site:
    """Return laboratory `number`; without a given start, sites start three hours apart."""
    rng = np.random.default_rng([seed, number, 10_000])
    own_start_h = (4.0 + 3.0 * number) % 24.0
    return Site(
        name=f"site-{number + 1}",
        eeg_gain=float(np.exp(rng.normal(0.0, 0.35))),
        emg_gain=float(np.exp(rng.normal(0.0, 0.5))),
        noise_uv=float(rng.uniform(1.5, 4.0)),
        mains_hz=float(rng.choice([50.0, 60.0])),
        mains_uv=float(rng.uniform(0.0, 3.0)),
        muscle_in_eeg=float(rng.uniform(0.0, 0.08)),
        heart_uv=float(rng.uniform(0.0, 14.0)),
        theta_share=float(rng.uniform(0.8, 1.15)),
        artefacts_per_h=float(rng.uniform(3.0, 12.0)),
        start_zeitgeber_h=own_start_h if start_zeitgeber_h is None else start_zeitgeber_h,
    )


def draw_animal(strain: str, rng: np.random.Generator) -> Animal:
    """Draw what sets one animal of a strain apart from the others."""
    slow_gain, theta_gain, theta_hz = STRAINS[strain]
    return Animal(
        slow_gain=slow_gain * float(np.exp(rng.normal(0.0, 0.12))),
        theta_gain=theta_gain * float(np.exp(rng.normal(0.0, 0.15))),
        muscle_gain=float(np.exp(rng.normal(0.0, 0.3))),
        atonia=float(np.exp(rng.normal(0.0, 0.15))),
        theta_hz=theta_hz + float(rng.normal(0.0, 0.25)),
        heart_factor=float(np.exp(rng.normal(0.0, 0.06))),
    )


def draw_facts(subject_id: str, *, site: Site, day: int, rng: np.random.Generator) -> AnimalFacts:
    """Draw an animal's strain, sex and age; it is recorded on day `day`, at the site's hour."""
    return AnimalFacts(
        subject_id=subject_id,
        strain=str(rng.choice(list(STRAINS), p=[0.6, 0.2, 0.2])),
        sex="F" if rng.random() < 0.5 else "M",
        age_weeks=int(rng.integers(*AGE_WEEKS)),
        site=site.name,
        start=FIRST_DAY + timedelta(days=day, hours=site.start_zeitgeber_h),
    )
