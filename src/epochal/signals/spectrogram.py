"""The HMS data set's spectrogram from raw EEG: multitaper power of four chains of electrodes.

Not documented with the data: found by matching the public IRR samples, whose spectrograms these
settings give to five digits (see the tests). Multitaper estimate: Thomson 1982,
doi:10.1109/PROC.1982.12433.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import scipy

from epochal.readers.hms import CHANNELS, SFREQ
from epochal.readers.hms_spectrogram import FRAME_STEP_S, FREQUENCIES_HZ, N_FRAMES, REGIONS
from epochal.recording import Channel, Recording
from epochal.signals.montage import Montage, apply_to_recording
from epochal.signals.resampling import find_ratio, resample_samples

CHAINS = {
    "LL": ("Fp1", "F7", "T3", "T5", "O1"),
    "RL": ("Fp2", "F8", "T4", "T6", "O2"),
    "LP": ("Fp1", "F3", "C3", "P3", "O1"),
    "RP": ("Fp2", "F4", "C4", "P4", "O2"),
}
WINDOW_SAMPLES = 800  # 4 s
STEP_SAMPLES = 400
FIRST_SAMPLE = -200  # frame k covers 2k − 1 to 2k + 3 s: its time is 2k + 1 s
LENGTH_S = N_FRAMES * FRAME_STEP_S
N_FFT = 1024
TIME_BANDWIDTH, N_TAPERS = 2, 3
EMPTY = 1e-12  # µV²/Hz: the data set's frames that were never computed hold 2.2e-16
_BINS = slice(3, 3 + len(FREQUENCIES_HZ))
_FRAMES_AT_ONCE = 64
_DERIVATIONS = tuple(
    f"{first}-{second}" for chain in CHAINS.values() for first, second in pairwise(chain)
)


def compute_spectrogram(eeg: np.ndarray, *, n_frames: int) -> np.ndarray:
    """Return the power of EEG `(at least 19, n_samples)` in µV at 200 Hz, in `CHANNELS`' order.

    Float32 `(n_frames, 4 regions, 100 frequencies)` in µV²/Hz; frame k is centred on 2k + 1 s.
    Beyond the ends the EEG counts as zero. A region whose frame touches a NaN is NaN.
    """
    first = FIRST_SAMPLE + STEP_SAMPLES * np.arange(n_frames)
    after = max(0, (first[-1] if n_frames else 0) + WINDOW_SAMPLES - eeg.shape[1])
    chains = [_pad(_subtract_neighbours(eeg, region), after) for region in REGIONS]
    return np.stack([_chain_power(chain, first - FIRST_SAMPLE) for chain in chains], axis=1)


def spectrogram_around(
    recording: Recording, onsets_s: np.ndarray, *, length_s: float = 50.0
) -> np.ndarray:
    """Return the 10 min around each epoch, as the data set has them, from a recording's own EEG.

    Float32 `(n_epochs, 4 regions LL RL LP RP, 100 frequencies, 300 frames)` in µV²/Hz, about 0.5 MB
    an epoch; the epoch of `length_s` lies in the middle. A frame that does not lie wholly in one
    run, or touches a NaN, is NaN. EEG of another rate than 200 Hz is resampled. An electrode of the
    chains that is missing, or channels of several kinds, raise `RecordingError`.
    """
    starts_s = np.asarray(onsets_s, dtype=float) + length_s / 2 - LENGTH_S / 2
    made = apply_to_recording(recording, Montage(bipolar=_DERIVATIONS, keep="none"))
    made = replace(made, channels=tuple(_at_200_hz(channel) for channel in made.channels))
    steps = FIRST_SAMPLE + STEP_SAMPLES * np.arange(N_FRAMES)
    begin_s = made.channels[0].start_s
    wanted = np.round((starts_s - begin_s) * SFREQ).astype(int)[:, None] + steps
    first, position = np.unique(wanted, return_inverse=True)
    power = np.full((len(first), len(REGIONS), len(FREQUENCIES_HZ)), np.nan, dtype=np.float32)
    usable = _within_runs(first, made)
    power[usable] = _regions_power(made, first[usable])
    return power[position.reshape(wanted.shape)].transpose(0, 2, 3, 1)


def fill_missing(spectrogram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return spectrograms `(n_epochs, 4, 100, 300)` without NaN, and which values were filled in.

    A frame that was not computed takes the power that lies between its neighbours' on a logarithmic
    scale, or its only neighbour's. A region of nothing but missing frames takes the mean of the
    others, and an epoch of nothing at all 1 µV²/Hz: the mask says not to believe it.
    """
    missing = ~(spectrogram > EMPTY)
    log_power = np.log(np.where(missing, 1.0, spectrogram))
    for row in np.ndindex(missing.shape[:-1]):
        if missing[row].any() and not missing[row].all():
            known = np.flatnonzero(~missing[row])
            lost = np.flatnonzero(missing[row])
            log_power[row][lost] = np.interp(lost, known, log_power[row][known])
    absent = missing.all(axis=-1, keepdims=True)
    there = np.maximum((~absent).sum(axis=1, keepdims=True), 1)
    of_the_others = np.where(absent, 0.0, log_power).sum(axis=1, keepdims=True) / there
    filled = np.exp(np.where(absent, of_the_others, log_power))
    return filled.astype(np.float32), missing


def _subtract_neighbours(eeg: np.ndarray, region: str) -> np.ndarray:
    """Return the chain's four bipolar derivations, `(4, n_samples)`."""
    rows = [CHANNELS.index(name) for name in CHAINS[region]]
    return eeg[rows[:-1]] - eeg[rows[1:]]


def _pad(derivations: np.ndarray, after: int) -> np.ndarray:
    return np.pad(derivations, ((0, 0), (-FIRST_SAMPLE, after)))


def _at_200_hz(channel: Channel) -> Channel:
    """Resample by a polyphase filter; a sample next to a missing one is missing."""
    if channel.sfreq == SFREQ:
        return replace(channel, data=np.asarray(channel.data, dtype=np.float32))
    ratio = find_ratio(channel.sfreq, SFREQ, length_s=len(channel.data) / channel.sfreq)
    data = np.asarray(channel.data, dtype=float)
    missing = ~np.isfinite(data)
    held = np.where(missing, np.median(data[~missing]) if not missing.all() else 0.0, data)
    resampled = resample_samples(held, ratio, padtype="line")
    spoilt = np.interp(
        np.arange(len(resampled)) * channel.sfreq / SFREQ, np.arange(len(data)), missing
    )
    resampled[spoilt > 0] = np.nan
    return replace(channel, sfreq=SFREQ, data=resampled.astype(np.float32))


def _within_runs(first: np.ndarray, recording: Recording) -> np.ndarray:
    """Tell the frames that lie in one run and in the samples."""
    begin_s = recording.channels[0].start_s
    last = first + WINDOW_SAMPLES
    inside = np.zeros(len(first), dtype=bool)
    for start_s, end_s in recording.runs:
        from_sample = max(0, round((start_s - begin_s) * SFREQ))
        to_sample = min(round((end_s - begin_s) * SFREQ), len(recording.channels[0].data))
        inside |= (first >= from_sample) & (last <= to_sample)
    return inside


def _regions_power(recording: Recording, first: np.ndarray) -> np.ndarray:
    """Return the power of frames that begin at these samples, `(n_frames, 4, 100)`."""
    samples = [np.asarray(channel.data) for channel in recording.channels]
    chains = [np.stack(samples[4 * index : 4 * index + 4]) for index in range(len(REGIONS))]
    return np.stack([_chain_power(chain, first) for chain in chains], axis=1)


def _chain_power(derivations: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the chain's mean power, `(n_frames, 100)`, a few frames at a time."""
    windows = scipy.signal.windows.dpss(WINDOW_SAMPLES, TIME_BANDWIDTH, N_TAPERS)
    power = np.empty((len(first), len(FREQUENCIES_HZ)), dtype=np.float32)
    for start in range(0, len(first), _FRAMES_AT_ONCE):
        frames = slice(start, start + _FRAMES_AT_ONCE)
        samples = first[frames, None] + np.arange(WINDOW_SAMPLES)
        power[frames] = _multitaper(derivations[:, samples], windows)
    return power


def _multitaper(segments: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Return the mean over derivations and tapers, of `(4, n_frames, 800)`: `(n_frames, 100)`."""
    straight = _without_line(segments)
    power = np.zeros((*straight.shape[:2], len(FREQUENCIES_HZ)))
    for window in windows:
        power += np.abs(np.fft.rfft(straight * window, N_FFT)[..., _BINS]) ** 2
    return power.mean(axis=0) / (len(windows) * SFREQ)


def _without_line(segments: np.ndarray) -> np.ndarray:
    """Subtract each segment's own straight line; a NaN touches no other segment."""
    time = np.linspace(-1, 1, segments.shape[-1])
    slope = (segments @ time) / (time @ time)
    return segments - segments.mean(axis=-1, keepdims=True) - slope[..., None] * time
