"""Mouse EEG, EMG and accelerometer made from what the animal does in each second.

Each rhythm is a unit band-passed noise times an amplitude that follows the animal's state, its own
slow drift and its fast fluctuation. Amplitudes and peaks after the textbook picture of mouse sleep
(Franken, Malafosse & Tafti 1998, doi:10.1152/ajpregu.1998.275.4.R1127; Brankačk, Kukushka,
Vyssotski & Draguhn 2010, doi:10.1016/j.brainres.2010.01.069): slow waves of 0.5-4 Hz in NREM, theta
of 6-9 Hz in REM and in active waking, spindles of 10-15 Hz towards REM, muscle tone that is high
in waking, low in NREM and lowest, with twitches, in REM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from epochal.simulation.rodent_behaviour import BEHAVIOURS

CONTROL_HZ = 4  # amplitudes are drawn at this rate and interpolated: a twitch lasts 0.25 s
NYQUIST_MARGIN = 0.45  # of the rate: the upper edge of an anti-aliasing filter

# Root-mean-square amplitude in µV per behaviour (rows as in BEHAVIOURS), at a site of gain 1.
AMPLITUDES_UV = {
    #         active quiet grooming arousal light  deep  towards REM  REM
    "slow": (17.0, 28.0, 27.0, 27.0, 42.0, 62.0, 34.0, 17.0),
    "rem theta": (4.0, 6.0, 4.0, 5.0, 7.0, 6.0, 16.0, 29.0),
    "wake theta": (21.0, 12.0, 13.0, 13.0, 11.0, 11.0, 12.0, 9.0),
    "spindles": (5.0, 6.5, 5.5, 6.0, 10.0, 11.0, 17.0, 6.5),
    "beta": (8.0, 6.5, 8.0, 7.0, 6.0, 5.5, 6.0, 6.5),
    "gamma": (7.5, 5.5, 7.5, 6.0, 4.2, 3.6, 4.4, 6.0),
    "muscle": (50.0, 18.0, 70.0, 36.0, 13.0, 11.0, 10.0, 8.5),
}
HEART_HZ = (11.5, 10.0, 12.0, 10.5, 8.6, 8.2, 8.6, 9.2)
MOVEMENT_G = (0.12, 0.008, 0.06, 0.04, 0.004, 0.004, 0.004, 0.006)
# Log-amplitude fluctuation, sd: within seconds, and drifting over minutes.
FAST_SD = {"slow": 0.30, "rem theta": 0.28, "wake theta": 0.33, "spindles": 0.30, "beta": 0.14,
           "gamma": 0.14, "muscle": 0.42}  # fmt: skip
SLOW_SD = {"slow": 0.10, "rem theta": 0.10, "wake theta": 0.12, "spindles": 0.10, "beta": 0.08,
           "gamma": 0.08, "muscle": 0.18}  # fmt: skip
FAST_TAU_S, SLOW_TAU_S = 6.0, 300.0
STATE_CHANGE_S = 1.2  # sd of the smoothing of a change of state
BACKGROUND_UV = 14.0
TWITCHES_PER_S, TWITCH_GAIN = 0.12, (2.0, 8.0)


@dataclass(frozen=True)
class Site:
    """A laboratory: its amplifier, montage, surroundings and hours."""

    name: str
    eeg_gain: float
    emg_gain: float
    noise_uv: float
    mains_hz: float
    mains_uv: float
    muscle_in_eeg: float  # share of the EMG that the EEG electrodes pick up
    heart_uv: float
    theta_share: float  # a posterior montage sees more hippocampal theta
    artefacts_per_h: float
    start_zeitgeber_h: float


@dataclass(frozen=True)
class Animal:
    """What differs between the animals of a laboratory."""

    slow_gain: float
    theta_gain: float
    muscle_gain: float
    atonia: float  # muscle tone in REM beside the typical
    theta_hz: float
    heart_factor: float


def band_noise(
    n_samples: int, sfreq: float, band_hz: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Return noise `(n_samples,)` of unit variance between two frequencies."""
    high_hz = min(band_hz[1], NYQUIST_MARGIN * sfreq)
    sos = scipy.signal.butter(2, (band_hz[0], high_hz), "bandpass", fs=sfreq, output="sos")
    return _unit(
        scipy.signal.sosfilt(
            sos.astype(np.float32), rng.standard_normal(n_samples, dtype=np.float32)
        )
    )


def pink_noise(n_samples: int, sfreq: float, rng: np.random.Generator) -> np.ndarray:
    """Return 1/f noise `(n_samples,)` of unit variance, without what lies below 0.3 Hz.

    A third-order recursive approximation: three poles and zeros, evenly interleaved in log
    frequency, give −3 dB an octave within ±0.5 dB over three decades.
    """
    poles = np.exp(-2 * np.pi * np.array([0.3, 3.0, 30.0]) / sfreq)
    zeros = np.exp(-2 * np.pi * np.array([0.95, 9.5, 95.0]) / sfreq)
    white = rng.standard_normal(n_samples, dtype=np.float32)
    return _unit(scipy.signal.lfilter(np.poly(zeros), np.poly(poles), white))


def _unit(noise: np.ndarray) -> np.ndarray:
    noise = noise.astype(np.float32)
    return noise / np.float32(noise.std() or 1.0)


def drift(n: int, tau_s: float, rng: np.random.Generator) -> np.ndarray:
    """Return a first-order autoregressive course `(n,)` of unit variance at `CONTROL_HZ`."""
    keep = np.exp(-1.0 / (tau_s * CONTROL_HZ))
    steps = rng.standard_normal(n) * np.sqrt(1.0 - keep**2)
    steps[0] = rng.standard_normal()
    return scipy.signal.lfilter([1.0], [1.0, -keep], steps)


def amplitude(rhythm: str, behaviour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a rhythm's amplitude in µV at `CONTROL_HZ`, from the behaviour of each second."""
    log_level = np.log(np.array(AMPLITUDES_UV[rhythm]))[behaviour]
    course = follow(log_level)
    course += FAST_SD[rhythm] * drift(len(course), FAST_TAU_S, rng)
    course += SLOW_SD[rhythm] * drift(len(course), SLOW_TAU_S, rng)
    return np.exp(course)


def follow(level: np.ndarray) -> np.ndarray:
    """Return per-second levels as a smooth course at `CONTROL_HZ`."""
    return scipy.ndimage.gaussian_filter1d(
        np.repeat(level, CONTROL_HZ), STATE_CHANGE_S * CONTROL_HZ
    )


def at_rate(course: np.ndarray, sfreq: float, n_samples: int) -> np.ndarray:
    """Return a course at `CONTROL_HZ` interpolated to a signal's samples."""
    times = np.arange(n_samples) * (CONTROL_HZ / sfreq)
    return np.interp(times, np.arange(len(course)), course).astype(np.float32)


def brain(
    behaviour: np.ndarray, *, sfreq: float, site: Site, animal: Animal, rng: np.random.Generator
) -> np.ndarray:
    """Return clean EEG `(n_samples,)` in µV, before the electrode and the amplifier."""
    n_samples = round(len(behaviour) * sfreq)
    theta = animal.theta_gain * site.theta_share
    rhythms = {
        "slow": ((0.8, 3.6), animal.slow_gain),
        "rem theta": ((animal.theta_hz - 0.6, animal.theta_hz + 0.6), theta),
        "wake theta": ((animal.theta_hz - 1.2, animal.theta_hz + 2.0), theta),
        "spindles": ((10.0, 15.0), 1.0),
        "beta": ((15.0, 30.0), 1.0),
        "gamma": ((30.0, 90.0), 1.0),
    }
    eeg = BACKGROUND_UV * pink_noise(n_samples, sfreq, rng)
    for rhythm, (band_hz, gain) in rhythms.items():
        course = gain * amplitude(rhythm, behaviour, rng)
        eeg += at_rate(course, sfreq, n_samples) * band_noise(n_samples, sfreq, band_hz, rng)
    return eeg


def muscle(
    behaviour: np.ndarray, *, sfreq: float, animal: Animal, rng: np.random.Generator
) -> np.ndarray:
    """Return clean EMG `(n_samples,)` in µV: tone by behaviour, and twitches in REM."""
    n_samples = round(len(behaviour) * sfreq)
    course = animal.muscle_gain * amplitude("muscle", behaviour, rng)
    in_rem = np.repeat(behaviour == BEHAVIOURS.index("REM"), CONTROL_HZ)
    course[in_rem] *= animal.atonia
    twitches = in_rem & (rng.random(len(course)) < TWITCHES_PER_S / CONTROL_HZ)
    course[twitches] *= rng.uniform(*TWITCH_GAIN, twitches.sum())
    return at_rate(course, sfreq, n_samples) * band_noise(n_samples, sfreq, (10.0, 1e4), rng)


def heart(
    behaviour: np.ndarray, *, sfreq: float, animal: Animal, rng: np.random.Generator
) -> np.ndarray:
    """Return the heart's spikes `(n_samples,)` of unit height: 8-12 a second in a mouse."""
    rate_hz = follow(np.array(HEART_HZ)[behaviour]) * animal.heart_factor
    rate_hz += 0.3 * drift(len(rate_hz), FAST_TAU_S, rng)
    n_samples = round(len(behaviour) * sfreq)
    phase = np.cumsum(at_rate(rate_hz, sfreq, n_samples), dtype=np.float64) * (2 * np.pi / sfreq)
    return np.exp(6.0 * (np.cos(phase) - 1.0)).astype(np.float32)


def movement(behaviour: np.ndarray, *, sfreq: float, rng: np.random.Generator) -> np.ndarray:
    """Return an accelerometer's magnitude `(n_samples,)` in g, gravity included."""
    n_samples = round(len(behaviour) * sfreq)
    level = np.exp(follow(np.log(np.array(MOVEMENT_G))[behaviour]))
    level *= np.exp(0.4 * drift(len(level), FAST_TAU_S, rng))
    shake = band_noise(n_samples, sfreq, (0.5, 12.0), rng)
    return 1.0 + at_rate(level, sfreq, n_samples) * shake


def through_electrode(
    signal_uv: np.ndarray, *, sfreq: float, gain: float, site: Site, rng: np.random.Generator
) -> np.ndarray:
    """Return what the amplifier writes: gain, white noise and mains."""
    n_samples = len(signal_uv)
    mains = np.sin(2 * np.pi * site.mains_hz / sfreq * np.arange(n_samples) + rng.uniform(0, 6.28))
    noise = rng.standard_normal(n_samples, dtype=np.float32)
    return gain * signal_uv + site.noise_uv * noise + np.float32(site.mains_uv) * mains
