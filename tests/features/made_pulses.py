"""Pulse waves and ECGs whose beats are known."""

import numpy as np

BVP_HZ, ECG_HZ = 64.0, 700.0


def beat_times(intervals_s, *, first_s=0.4):
    return first_s + np.concatenate([[0.0], np.cumsum(intervals_s)])


def steady(bpm, *, length_s=60.0):
    n_beats = int((length_s - 1.0) * bpm / 60)
    return beat_times(np.full(n_beats, 60.0 / bpm))


def pulse_wave(times_s, *, length_s=60.0, sfreq=BVP_HZ, heights=None, noise=0.0, width_s=0.08):
    """A Gaussian systolic wave with a smaller dicrotic one behind it, per beat."""
    time_s = np.arange(round(length_s * sfreq)) / sfreq
    heights = np.full(len(times_s), 50.0) if heights is None else heights
    wave = np.zeros(len(time_s))
    for beat_s, height in zip(times_s, heights, strict=True):
        wave += height * np.exp(-0.5 * ((time_s - beat_s) / width_s) ** 2)
        wave += 0.25 * height * np.exp(-0.5 * ((time_s - beat_s - 0.28) / width_s) ** 2)
    return (wave + noise * np.random.default_rng(0).normal(size=len(wave))).astype(np.float32)


def ecg_wave(times_s, *, length_s=60.0, sfreq=ECG_HZ, polarity=1.0, noise=0.0):
    """A narrow R wave with a slow T wave behind it, per beat, in uV."""
    time_s = np.arange(round(length_s * sfreq)) / sfreq
    wave = np.zeros(len(time_s))
    for beat_s in times_s:
        wave += 1000 * np.exp(-0.5 * ((time_s - beat_s) / 0.012) ** 2)
        wave += 250 * np.exp(-0.5 * ((time_s - beat_s - 0.25) / 0.05) ** 2)
    wave = polarity * wave + noise * np.random.default_rng(0).normal(size=len(wave))
    return wave.astype(np.float32)
