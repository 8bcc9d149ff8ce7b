"""The bodies of the harmful-EEG document: `eeg_data`, and `spectrogram_data` beside it."""

from __future__ import annotations

import numpy as np

from epochal.errors import EpochalError
from epochal.readers.hms import CHANNELS, SFREQ
from epochal.readers.hms_spectrogram import N_FRAMES, N_FREQUENCIES, REGIONS
from epochal.serving.bundle import Manifest
from epochal.serving.messages.requests import Sample
from epochal.serving.payloads import Given, as_array, make_sent

KIND = "icu_eeg"
PICTURE = (3, 224, 224)
POWER = (len(REGIONS) * N_FREQUENCIES, N_FRAMES)
UNREAD = "spectrogram_not_used"
_PICTURE_NOTE = (
    "spectrogram_data of 3 x 224 x 224 is a picture: which powers and frequencies it was drawn "
    "from is lost, so it was not used; send 400 x 300 in uV^2/Hz."
)
_ALONE_NOTE = (
    "No spectrogram was used: that of the ten minutes around was computed from the EEG that was "
    "sent, the rest of it missing."
)


def make_harmful_eeg(sample: Sample, manifest: Manifest) -> Given:
    """Return the EEG of a body, and its spectrogram where it is one, as a recording.

    A bundle of another kind and other shapes raise `EpochalError`.
    """
    if manifest.recording_kind != KIND:
        raise EpochalError(
            f"'eeg_data' is for bundles of ICU EEG; that of '{manifest.study}' is for "
            f"{manifest.recording_kind}: send 'signals'"
        )
    eeg = _orient(as_array(sample.eeg_data), round(manifest.ingestion.epoch_length_s * SFREQ))
    arrays, notes, flags = _spectrogram(sample)
    channels = dict(zip(CHANNELS, eeg, strict=False))
    recording = make_sent(channels, sfreq=SFREQ, data_source=sample.data_source, arrays=arrays)
    return Given(recording, notes, flags)


def _orient(eeg: np.ndarray, n_samples: int) -> np.ndarray:
    """Return `(19 or 20, n_samples)`."""
    allowed = {(19, n_samples), (20, n_samples)}
    for turned in (eeg, eeg.T):
        if turned.shape in allowed:
            return turned
    raise EpochalError(
        f"eeg_data is {_show(eeg)}; it must be 19 x {n_samples} or {n_samples} x 19 "
        f"(with EKG, 20), {n_samples / SFREQ:g} s at {SFREQ:g} Hz"
    )


def _spectrogram(sample: Sample) -> tuple[dict[str, np.ndarray], tuple[str, ...], tuple[str, ...]]:
    """Return the recording's arrays, notes and flags."""
    if sample.spectrogram_data is None:
        return {}, (_ALONE_NOTE,), ()
    given = as_array(sample.spectrogram_data)
    if given.shape == PICTURE:
        return {}, (_PICTURE_NOTE, _ALONE_NOTE), (UNREAD,)
    power = given.T if given.shape == POWER[::-1] else given
    if power.shape != POWER:
        raise EpochalError(
            f"spectrogram_data is {_show(given)}; it must be 400 x 300, 300 x 400 or, as a "
            "picture, 3 x 224 x 224"
        )
    if (power < 0).any():
        raise EpochalError("spectrogram_data is power in uV^2/Hz and cannot be negative")
    shaped = power.reshape(1, len(REGIONS), N_FREQUENCIES, N_FRAMES)
    return {"spectrogram": shaped.astype(np.float32)}, (), ()


def _show(array: np.ndarray) -> str:
    return " x ".join(map(str, array.shape))
