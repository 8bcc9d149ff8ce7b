"""What lies under the patterns: slow background, heart, eyes, muscle, mains, bad electrodes.

Set beside the real samples: between neighbouring electrodes the background has 4–25 µV (standard
deviation, 0.5–40 Hz) with power falling as f^-2; all electrodes share 10–30 µV of the reference's;
mains at 60 Hz of up to 60 µV on some electrodes; offsets of ±50 µV; EKG of 2–270 µV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from epochal.simulation.harmful_eeg_patterns import (
    POSITIONS,
    steepest_difference,
    sum_of_bumps,
)

N_EEG = len(POSITIONS)
MAINS_HZ = 60.0
_SOURCES = np.array([(x, y) for x in (-0.7, 0.0, 0.7) for y in (-0.7, -0.2, 0.3, 0.8)])
_FRONT = np.array([0.0, 1.15])  # the eyes
_CHEWING = POSITIONS[:, 1] * 0.4 + np.abs(POSITIONS[:, 0]) > 0.5  # where muscle is seen


@dataclass(frozen=True)
class Patient:
    """What one patient's background and recording are like."""

    background_uv: float
    slope: float
    alpha_uv: float
    reference_uv: float
    heart_rate_bpm: float
    ekg_uv: float
    ekg_leak_uv: float
    blinks_per_min: float
    muscle_uv: float
    mains_uv: float
    suppression: float


def draw_patient(rng: np.random.Generator) -> Patient:
    """Draw a patient's traits; medians and spreads by eye from the real samples."""
    return Patient(
        background_uv=float(np.clip(rng.lognormal(np.log(11), 0.45), 3, 30)),
        slope=float(rng.uniform(1.4, 2.5)),
        alpha_uv=float(rng.gamma(1.0, 1.5)),
        reference_uv=float(rng.uniform(8, 28)),
        heart_rate_bpm=float(rng.uniform(55, 115)),
        ekg_uv=float(rng.choice([2.0, rng.lognormal(np.log(90), 0.7)], p=[0.15, 0.85])),
        ekg_leak_uv=float(rng.gamma(0.7, 1.5)),
        blinks_per_min=float(rng.choice([0.0, rng.gamma(1.5, 5)], p=[0.5, 0.5])),
        muscle_uv=float(rng.gamma(0.8, 4)),
        mains_uv=float(rng.lognormal(np.log(3), 1.2)),
        suppression=float(rng.choice([0.0, rng.uniform(0.2, 0.8)], p=[0.85, 0.15])),
    )


def render_background(
    patient: Patient, *, n_samples: int, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the background with its artefacts and the EKG, float `(20, n_samples)` in µV."""
    eeg = _brain(patient, n_samples=n_samples, sfreq=sfreq, rng=rng)
    beats = _heart(patient, n_samples=n_samples, sfreq=sfreq, rng=rng)
    eeg += np.outer(patient.ekg_leak_uv * rng.normal(1, 0.3, N_EEG), beats)
    eeg += _eyes(patient, n_samples=n_samples, sfreq=sfreq, rng=rng)
    eeg += _muscle(patient, n_samples=n_samples, sfreq=sfreq, rng=rng)
    eeg += _mains(patient, n_samples=n_samples, sfreq=sfreq, rng=rng)
    eeg += _movement(n_samples=n_samples, sfreq=sfreq, rng=rng)
    eeg += rng.normal(-12, 25, (N_EEG, 1))  # electrodes' offsets
    _spoil_electrode(eeg, sfreq=sfreq, rng=rng)
    ekg = patient.ekg_uv * 3 * beats + rng.normal(0, 1.5, n_samples)
    return np.vstack([eeg, ekg])


def coloured_noise(
    n_rows: int, n_samples: int, *, sfreq: float, slope: float, rng: np.random.Generator
) -> np.ndarray:
    """Return noise of unit variance whose power falls as f^-slope above 0.5 Hz, `(n_rows, n)`."""
    length = scipy.fft.next_fast_len(n_samples, real=True)
    frequency = scipy.fft.rfftfreq(length, 1 / sfreq)
    gain = (0.5**2 + frequency**2) ** (-slope / 4) * (frequency > 0.1)
    shape = (n_rows, len(frequency))
    spectrum = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * gain
    noise = scipy.fft.irfft(spectrum, length, axis=1)[:, :n_samples]
    return noise / noise.std(axis=1, keepdims=True)


def _brain(
    patient: Patient, *, n_samples: int, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Mix sources over the scalp, with occipital alpha, the reference's own, and suppression."""
    sources = coloured_noise(len(_SOURCES), n_samples, sfreq=sfreq, slope=patient.slope, rng=rng)
    distance = ((POSITIONS[:, None] - _SOURCES) ** 2).sum(axis=-1)
    mixing = np.exp(-distance / (2 * 0.45**2)) * rng.lognormal(0, 0.25, len(_SOURCES))
    eeg = mixing @ sources
    neighbours = np.sqrt(np.mean([steepest_difference(column) ** 2 for column in mixing.T]) * 2)
    eeg *= patient.background_uv / neighbours
    eeg += 0.25 * patient.background_uv * coloured_noise(
        N_EEG, n_samples, sfreq=sfreq, slope=1.2, rng=rng
    )  # fmt: skip
    alpha = _narrow_band(rng.uniform(7.5, 10.5), n_samples=n_samples, sfreq=sfreq, rng=rng)
    eeg += np.outer(patient.alpha_uv * np.clip(0.3 - POSITIONS[:, 1], 0, 1), alpha)
    eeg *= _reactivity(patient, n_samples=n_samples, sfreq=sfreq, rng=rng)
    return eeg + patient.reference_uv * coloured_noise(
        1, n_samples, sfreq=sfreq, slope=1.8, rng=rng
    )


def _narrow_band(
    centre_hz: float, *, n_samples: int, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return a waxing and waning rhythm of about unit variance."""
    slow = coloured_noise(2, n_samples, sfreq=sfreq, slope=3.0, rng=rng)
    phase = 2 * np.pi * centre_hz * np.arange(n_samples) / sfreq
    return slow[0] * np.sin(phase) + slow[1] * np.cos(phase)


def _reactivity(
    patient: Patient, *, n_samples: int, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the background's gain: it drifts, and is suppressed for seconds in some patients."""
    knots_s = np.arange(0, n_samples / sfreq + 40, 20.0)
    times_s = np.arange(n_samples) / sfreq
    gain = np.exp(np.interp(times_s, knots_s, rng.normal(0, 0.2, len(knots_s))))
    if patient.suppression:
        bursts = coloured_noise(1, n_samples // 50 + 2, sfreq=sfreq / 50, slope=1.5, rng=rng)[0]
        low = bursts < np.quantile(bursts, patient.suppression)
        gain *= np.interp(times_s, np.arange(len(low)) * 50 / sfreq, np.where(low, 0.15, 1.3))
    return gain


def _heart(
    patient: Patient, *, n_samples: int, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return a train of heartbeats, R wave 1 high."""
    mean_s = 60 / patient.heart_rate_bpm
    n_beats = int(n_samples / sfreq / mean_s * 1.3) + 3
    intervals = mean_s * (1 + 0.03 * rng.standard_normal(n_beats))
    sample = (np.cumsum(intervals) * sfreq).astype(int)
    times_s = np.arange(-0.3, 0.5, 1 / sfreq)
    waves = [(1.0, 0.0, 0.012), (-0.25, 0.035, 0.012), (0.12, -0.16, 0.03), (0.25, 0.25, 0.06)]
    return _place(sample, np.ones(n_beats), sum_of_bumps(times_s, waves), n_samples=n_samples)


def _eyes(
    patient: Patient, *, n_samples: int, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return blinks: up to 250 µV at Fp1 and Fp2, falling off behind."""
    n_blinks = rng.poisson(patient.blinks_per_min * n_samples / sfreq / 60)
    times_s = np.arange(0, 0.8, 1 / sfreq)
    blink = sum_of_bumps(times_s, [(1.0, 0.2, 0.08), (-0.3, 0.45, 0.12)])
    course = _place(
        rng.integers(0, n_samples, n_blinks),
        rng.uniform(60, 250, n_blinks),
        blink,
        n_samples=n_samples,
    )
    spread = np.exp(-((POSITIONS - _FRONT) ** 2).sum(axis=1) / (2 * 0.35**2))
    return np.outer(spread / spread.max(), course)


def _muscle(
    patient: Patient, *, n_samples: int, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return fast noise over the front and temples, in stretches of half a minute."""
    knots_s = np.arange(0, n_samples / sfreq + 60, 30.0)
    level = np.interp(np.arange(n_samples) / sfreq, knots_s, rng.gamma(0.4, 2.5, len(knots_s)))
    noise = np.diff(rng.standard_normal((N_EEG, n_samples + 1)), axis=1) / np.sqrt(2)
    share = np.where(_CHEWING, 1.0, 0.15) * rng.lognormal(0, 0.6, N_EEG)
    return patient.muscle_uv * share[:, None] * level * noise


def _mains(
    patient: Patient, *, n_samples: int, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    wave = np.sin(2 * np.pi * MAINS_HZ * np.arange(n_samples) / sfreq)
    return np.outer(patient.mains_uv * rng.lognormal(0, 0.8, N_EEG), wave)


def _spoil_electrode(eeg: np.ndarray, *, sfreq: float, rng: np.random.Generator) -> None:
    """Make an electrode noisy or flat in one recording of four, for a minute or so."""
    if rng.random() > 0.25:
        return
    electrode, start = rng.integers(N_EEG), rng.integers(eeg.shape[1])
    stop = min(eeg.shape[1], start + 1 + int(rng.exponential(60) * sfreq))
    if rng.random() < 0.3:
        eeg[electrode, start:stop] = eeg[electrode, start]
        return
    noise = coloured_noise(1, stop - start + 2, sfreq=sfreq, slope=1.0, rng=rng)[0]
    eeg[electrode, start:stop] += rng.uniform(30, 400) * noise[: stop - start]


def _movement(*, n_samples: int, sfreq: float, rng: np.random.Generator) -> np.ndarray:
    """Return slow swings of some electrodes, for seconds, as when the head is turned."""
    n_movements = rng.poisson(n_samples / sfreq / 60 * rng.gamma(0.4, 0.6))
    length = int(6.0 * sfreq)
    swings = np.zeros((N_EEG, n_samples + length))
    for start in rng.integers(0, n_samples, n_movements):
        wave = coloured_noise(1, length, sfreq=sfreq, slope=3.0, rng=rng)[0] * np.hanning(length)
        gains = rng.uniform(10, 80) * rng.standard_normal(N_EEG) * (rng.random(N_EEG) < 0.4)
        swings[:, start : start + length] += np.outer(gains, wave)
    return swings[:, :n_samples]


def _place(
    samples: np.ndarray, gains: np.ndarray, wave: np.ndarray, *, n_samples: int
) -> np.ndarray:
    """Return `n_samples` in which a wave begins at each of `samples`."""
    course = np.zeros(n_samples + len(wave))
    inside = (samples >= 0) & (samples < n_samples)
    for sample, gain in zip(samples[inside], gains[inside], strict=True):
        course[sample : sample + len(wave)] += gain * wave
    return course[:n_samples]
