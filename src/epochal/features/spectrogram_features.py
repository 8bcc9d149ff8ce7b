"""Features of the 10-minute spectrogram around an epoch: power by region and band, and its course.

Frames that are missing are left out; how many were is a feature. Nothing else is imputed.
"""

from __future__ import annotations

import numpy as np

from epochal.features.chain_power import BANDS_HZ
from epochal.readers.hms_spectrogram import FRAME_STEP_S, FREQUENCIES_HZ, REGIONS
from epochal.signals.spectrogram import EMPTY

MIDDLE_FRAMES = 24  # whose 4 s lie wholly in the 50 s of the epoch
_LEFT, _RIGHT = [0, 2], [1, 3]  # of REGIONS: LL and LP, RL and RP


def spectrogram_regions(spectrograms: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return log power by region and band in the middle 50 s, its asymmetry, and its course.

    `spectrograms` `(n_epochs, 4 regions, 100 frequencies, n_frames)` in µV²/Hz, NaN where missing;
    natural logarithms. `asymmetry` is left minus right, `trend` the slope within the middle in
    1/min, `rise` the middle minus the whole, `variability` the standard deviation over the whole.
    What looks at the whole, and so ahead of the epoch, ends in `__centred600s`. A column is NaN
    where what it needs is missing; `masked` is the share of missing frames, NaN where all are.
    """
    del sfreq  # a frame is 2 s; feature functions share one signature
    known = np.asarray((spectrograms > EMPTY).any(axis=2))  # (n_epochs, 4, n_frames)
    middle = _middle(spectrograms.shape[-1])
    columns: dict[str, np.ndarray] = {}
    for band, log_power in _band_courses(spectrograms).items():
        columns |= _describe_band(band, log_power, known, middle)
    return columns | {
        "masked_middle": _masked(known[..., middle], known),
        f"masked{_ahead(known)}": _masked(known, known),
    }


spectrogram_regions.takes_missing = True  # type: ignore[attr-defined]  # frames are masked here


def _middle(n_frames: int) -> slice:
    return slice((n_frames - MIDDLE_FRAMES) // 2, (n_frames + MIDDLE_FRAMES) // 2)


def _ahead(known: np.ndarray) -> str:
    """Return the ending of columns that look beyond the epoch, which tells models that they do."""
    return f"__centred{known.shape[-1] * FRAME_STEP_S:g}s"


def _masked(frames: np.ndarray, known: np.ndarray) -> np.ndarray:
    n_known = frames.sum(axis=(1, 2))
    n_frames = max(1, frames.shape[1] * frames.shape[2])
    return np.where(known.any(axis=(1, 2)), 1 - n_known / n_frames, np.nan)


def _band_courses(spectrograms: np.ndarray) -> dict[str, np.ndarray]:
    """Return each band's log power, `(n_epochs, 4, n_frames)`; what is missing holds any number."""
    valid = np.where(spectrograms > EMPTY, spectrograms, EMPTY).astype(np.float64)
    at_hz = FREQUENCIES_HZ
    return {
        band: np.log(valid[:, :, (at_hz >= low) & (at_hz < high)].mean(axis=2))
        for band, (low, high) in BANDS_HZ.items()
    }


def _describe_band(
    band: str, log_power: np.ndarray, known: np.ndarray, middle: slice
) -> dict[str, np.ndarray]:
    now = _mean(log_power[..., middle], known[..., middle])  # (n_epochs, 4)
    asymmetry = now[:, _LEFT].mean(axis=1) - now[:, _RIGHT].mean(axis=1)
    columns = {f"{region}_log_{band}": now[:, index] for index, region in enumerate(REGIONS)}
    head, there = _head(log_power, known)
    whole = _mean(head, there)
    ahead = _ahead(known)
    return columns | {
        f"asymmetry_{band}": asymmetry,
        f"abs_asymmetry_{band}": np.abs(asymmetry),
        f"trend_{band}": _slope_per_min(head[:, middle], there[:, middle]),
        f"rise_{band}{ahead}": _mean(head[:, middle], there[:, middle]) - whole,
        f"variability_{band}{ahead}": np.sqrt(_mean((head - whole[:, None]) ** 2, there)),
    }


def _head(log_power: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average the regions in frames that have all, `(n_epochs, n_frames)`, and say which do."""
    return log_power.mean(axis=1), np.asarray(known.all(axis=1))


def _mean(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the mean over known frames, NaN without any."""
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _slope_per_min(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the least-squares slope over known frames, NaN where there are fewer than two."""
    minutes = np.broadcast_to(np.arange(values.shape[-1]) * FRAME_STEP_S / 60, values.shape)
    centred = minutes - np.nan_to_num(_mean(minutes, known))[..., None]
    spread = np.where(known, centred**2, 0.0).sum(axis=-1)
    moment = np.where(known, centred * values, 0.0).sum(axis=-1)
    return np.divide(moment, spread, out=np.full(spread.shape, np.nan), where=spread > 0)
