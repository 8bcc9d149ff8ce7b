"""What goes wrong in a mouse recording: movement, electrode pops, saturation, a loose plug."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from epochal.simulation.rodent_behaviour import BEHAVIOURS

# Share of the artefacts of a kind, and how long they last in seconds.
KINDS = {
    "movement": (0.62, (1.0, 8.0)),
    "pop": (0.28, (0.5, 3.0)),
    "saturation": (0.07, (2.0, 10.0)),
    "unplugged": (0.03, (10.0, 60.0)),
}
MOVEMENT_UV, POP_UV = (250.0, 700.0), (300.0, 1200.0)
MOVING = ("active", "grooming", "arousal")


@dataclass(frozen=True)
class Artefact:
    """One stretch of bad signal."""

    kind: str
    onset_s: float
    duration_s: float


def draw_artefacts(
    behaviour: np.ndarray, *, per_hour: float, rng: np.random.Generator
) -> list[Artefact]:
    """Draw the recording's artefacts; movement ones only where the animal moves."""
    moving = np.flatnonzero(np.isin(behaviour, [BEHAVIOURS.index(name) for name in MOVING]))
    artefacts = []
    for _ in range(rng.poisson(per_hour * len(behaviour) / 3600.0)):
        kind = str(rng.choice(list(KINDS), p=[share for share, _ in KINDS.values()]))
        if kind != "movement":
            onset_s = rng.uniform(0.0, len(behaviour))
        elif len(moving):
            onset_s = float(rng.choice(moving))
        else:
            continue
        artefacts.append(Artefact(kind, float(onset_s), float(rng.uniform(*KINDS[kind][1]))))
    return artefacts


def spoil(
    signal_uv: np.ndarray,
    artefacts: list[Artefact],
    *,
    sfreq: float,
    range_uv: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return a copy of the signal with the artefacts in it, within the amplifier's range."""
    spoilt = signal_uv.copy()
    for artefact in artefacts:
        start = int(artefact.onset_s * sfreq)
        part = spoilt[start : start + int(artefact.duration_s * sfreq) + 1]
        part[:] = _spoilt(part, artefact.kind, sfreq, range_uv, rng)
    return np.clip(spoilt, -range_uv, range_uv)


def _spoilt(
    part: np.ndarray, kind: str, sfreq: float, range_uv: float, rng: np.random.Generator
) -> np.ndarray:
    time_s = np.arange(len(part)) / sfreq
    sign = rng.choice([-1.0, 1.0])
    if kind == "movement":
        sway = np.sin(2 * np.pi * np.cumsum(rng.uniform(0.5, 6.0, len(part))) / sfreq)
        return part + sign * rng.uniform(*MOVEMENT_UV) * sway * np.hanning(len(part) + 2)[1:-1]
    if kind == "pop":
        return part + sign * rng.uniform(*POP_UV) * np.exp(-time_s / 0.3)
    if kind == "saturation":
        return np.full(len(part), sign * range_uv)
    return np.zeros(len(part))


def bad_epochs(artefacts: list[Artefact], *, n_epochs: int, epoch_s: float) -> np.ndarray:
    """Return which epochs `(n_epochs,)` are artefact for at least half of their length."""
    spoilt_s = np.zeros(n_epochs)
    starts = np.arange(n_epochs) * epoch_s
    for artefact in artefacts:
        end_s = artefact.onset_s + artefact.duration_s
        overlap = np.minimum(starts + epoch_s, end_s) - np.maximum(starts, artefact.onset_s)
        spoilt_s += np.clip(overlap, 0.0, None)
    return spoilt_s >= epoch_s / 2
