"""The patterns of critical-care EEG as one continuum: discharges or rhythm, one side or both.

Terms after the ACNS standardised critical care EEG terminology 2021,
doi:10.1097/WNP.0000000000000806. Shapes and amplitudes were set beside the 18 SPaRCNet and 14 IRR
samples: discharges of 40–250 µV between neighbouring electrodes every 0.4–2 s, delta rhythms of
30–120 µV at 0.8–2.5 Hz over the front or one side, seizures of 100–400 µV that slow down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

# Electrodes on the unit disc: right is +x, front is +y (10-20 system, azimuthal projection).
ELECTRODES = {
    "Fp1": (-0.31, 0.95), "F3": (-0.41, 0.52), "C3": (-0.5, 0.0), "P3": (-0.41, -0.52),
    "F7": (-0.81, 0.59), "T3": (-1.0, 0.0), "T5": (-0.81, -0.59), "O1": (-0.31, -0.95),
    "Fz": (0.0, 0.5), "Cz": (0.0, 0.0), "Pz": (0.0, -0.5),
    "Fp2": (0.31, 0.95), "F4": (0.41, 0.52), "C4": (0.5, 0.0), "P4": (0.41, -0.52),
    "F8": (0.81, 0.59), "T4": (1.0, 0.0), "T6": (0.81, -0.59), "O2": (0.31, -0.95),
}  # fmt: skip
POSITIONS = np.array(list(ELECTRODES.values()))  # (19, 2), in the data set's order
FOCI = ("F7", "F3", "T3", "C3", "T5", "P3")  # and their mirror images
_TEMPLATE_S = 1.2
_TURN = 8.0  # how quickly discharges replace rhythm as sharpness passes a half
_LAG_S = 0.03  # by which the back follows the front in generalised discharges


@dataclass(frozen=True)
class Pattern:
    """One stretch of periodic, rhythmic or ictal activity.

    `sharpness` runs from 0 (a smooth rhythm) to 1 (spikes with nothing between them),
    `laterality` from 0 (both sides alike) to 1 (one side alone), `evolution` from 0 (steady) to 1
    (a seizure that builds up, spreads and slows down). `strength` is its peak-to-peak voltage
    between neighbouring electrodes over four standard deviations of the background's.
    """

    start_s: float
    stop_s: float
    sharpness: float
    laterality: float
    frequency_hz: float
    evolution: float
    strength: float
    focus: tuple[float, float]
    irregularity: float = 0.1


def render_pattern(
    pattern: Pattern, *, n_samples: int, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the pattern alone, float `(19, n_samples)`, 1 peak to peak between neighbours."""
    cycles_s = _cycle_times(pattern, rng)
    times_s = np.arange(n_samples) / sfreq
    course = _waveform(pattern, cycles_s, times_s, sfreq=sfreq, rng=rng)
    course *= _envelope(pattern, times_s, rng)
    delayed = np.roll(course, round(_LAG_S * sfreq))
    front = 1 / (1 + np.exp(-4 * POSITIONS[:, 1]))
    spread = _map(pattern)
    return np.outer(spread * front, course) + np.outer(spread * (1 - front), delayed)


def _cycle_times(pattern: Pattern, rng: np.random.Generator) -> np.ndarray:
    """Return when each cycle begins; the intervals wander, and lengthen as a seizure evolves."""
    times, now = [], pattern.start_s
    while now < pattern.stop_s:
        times.append(now)
        age = (now - pattern.start_s) / (pattern.stop_s - pattern.start_s)
        frequency = pattern.frequency_hz * (1 + pattern.evolution * (0.7 - 1.2 * age))
        jitter = max(0.3, 1 + pattern.irregularity * rng.standard_normal())
        now += jitter / max(frequency, 0.3)
    return np.array(times)


def _waveform(
    pattern: Pattern,
    cycles_s: np.ndarray,
    times_s: np.ndarray,
    *,
    sfreq: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Mix discharges and rhythm by the pattern's sharpness; about 1 peak to peak."""
    phase = 2 * np.pi * np.interp(times_s, cycles_s, np.arange(len(cycles_s)))
    heights = np.clip(1 + 0.35 * rng.standard_normal(len(cycles_s)), 0.1, None)
    overtone = 0.12 * np.sin(2 * phase + 0.8) + 0.06 * np.sin(3 * phase + rng.uniform(0, 6))
    rhythm = (0.45 * np.sin(phase) + overtone) * np.interp(times_s, cycles_s, heights)
    impulses = np.zeros(len(times_s))
    sample = (cycles_s[cycles_s < times_s[-1]] * sfreq).astype(int)
    impulses[sample] = np.clip(1 + 0.3 * rng.standard_normal(len(sample)), 0.1, None)
    discharges = scipy.signal.fftconvolve(impulses, discharge(pattern.sharpness, sfreq))
    discharges = discharges[: len(times_s)]
    share = 1 / (1 + np.exp(-_TURN * (pattern.sharpness - 0.5)))
    return share * discharges + (1 - share) * rhythm


def discharge(sharpness: float, sfreq: float) -> np.ndarray:
    """Return one discharge, 1 peak to peak: a spike or blunt wave, then a slow wave."""
    times_s = np.arange(0, _TEMPLATE_S, 1 / sfreq)
    spike_s = 0.02 + 0.06 * (1 - sharpness)
    components = [(-1.0, 0.15, spike_s), (0.55, 0.15 + 2.5 * spike_s, 1.6 * spike_s),
                  (-0.35, 0.5, 0.12)]  # fmt: skip
    return sum_of_bumps(times_s, components, peak_to_peak=1.0)


def sum_of_bumps(
    times_s: np.ndarray,
    bumps: list[tuple[float, float, float]],
    *,
    peak_to_peak: float | None = None,
) -> np.ndarray:
    """Return the sum of Gaussian bumps `(height, centre_s, width_s)`, scaled where asked."""
    heights, centres_s, widths_s = np.array(bumps).T[:, :, None]
    wave = (heights * np.exp(-0.5 * ((times_s - centres_s) / widths_s) ** 2)).sum(axis=0)
    return wave if peak_to_peak is None else wave * (peak_to_peak / np.ptp(wave))


def _envelope(pattern: Pattern, times_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fade in and out within 2 s; wax and wane by a third; seizures build up."""
    inside = np.minimum(times_s - pattern.start_s, pattern.stop_s - times_s)
    fade = np.clip(inside / 2.0, 0, 1)
    knots_s = np.arange(0, times_s[-1] + 16.0, 8.0)
    waxing = np.interp(times_s, knots_s, np.exp(0.3 * rng.standard_normal(len(knots_s))))
    age = np.clip((times_s - pattern.start_s) / (pattern.stop_s - pattern.start_s), 0, 1)
    growth = 1 - pattern.evolution * 0.6 * (1 - np.clip(age / 0.4, 0, 1))
    return fade * waxing * growth


def _map(pattern: Pattern) -> np.ndarray:
    """Return the voltage at each electrode, `(19,)`; the steepest neighbours differ by 1."""
    focus = np.array(pattern.focus)
    general = np.exp(-((POSITIONS - (0.0, 0.45)) ** 2).sum(axis=1) / (2 * 0.6**2))
    focal = np.exp(-((POSITIONS - focus) ** 2).sum(axis=1) / (2 * 0.42**2))
    mixed = (1 - pattern.laterality) * general + pattern.laterality * focal
    other_side = 1 / (1 + np.exp(5 * np.sign(focus[0]) * POSITIONS[:, 0]))
    mixed *= 1 - 0.9 * pattern.laterality * other_side
    return mixed / steepest_difference(mixed)


def steepest_difference(voltages: np.ndarray) -> float:
    """Return the largest difference between neighbouring electrodes of the four chains."""
    names = list(ELECTRODES)
    chains = ("Fp1 F7 T3 T5 O1", "Fp2 F8 T4 T6 O2", "Fp1 F3 C3 P3 O1", "Fp2 F4 C4 P4 O2")
    rows = [[names.index(name) for name in chain.split()] for chain in chains]
    return float(np.abs(np.diff(voltages[rows], axis=1)).max())
