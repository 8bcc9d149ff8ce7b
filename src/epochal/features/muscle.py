"""Muscle tone of an EMG at its own rate: its size, its resting level, its bursts.

A 1 Hz envelope has none of this left but its `level`.
"""

from __future__ import annotations

import numpy as np

from epochal.features.block import Block, Columns, divide, of_block

PIECE_S = 0.25
TONIC_SHARE = 0.1  # the quietest tenth of the pieces is what the muscle holds at rest
BURST_FACTOR = 4.0
_FLOOR_UV = 1e-3


@of_block
def muscle_tone(block: Block) -> Columns:
    """Return rms, mean envelope, tonic level (log10 µV), share of bursts, relative spread.

    `windows` `(n_epochs, n_samples)` in µV, high-passed. The envelope is the rms of pieces of
    0.25 s; a burst is a piece of four times the tonic level, twice the factor by which the phasic
    activity of REM sleep exceeds its background (AASM manual). `emg_cv` is NaN for a flat window.
    """
    envelope = _envelope(block)
    tonic = np.quantile(envelope, TONIC_SHARE, axis=1) if len(block) else np.empty(0)
    bursts = envelope > BURST_FACTOR * np.maximum(tonic, _FLOOR_UV)[:, None]
    return {
        "emg_rms": _log(np.sqrt(block.variance)),
        "emg_envelope": _log(envelope.mean(axis=1)),
        "emg_tonic": _log(tonic),
        "emg_burst_share": bursts.mean(axis=1),
        "emg_cv": block.shape(divide(envelope.std(axis=1), envelope.mean(axis=1))),
    }


def _envelope(block: Block) -> np.ndarray:
    """Return the rms of whole pieces, `(n_epochs, n_pieces)`."""
    n_piece = min(max(1, round(PIECE_S * block.sfreq)), block.n_samples)
    n_pieces = block.n_samples // n_piece
    pieces = block.centred[:, : n_pieces * n_piece].reshape(len(block), n_pieces, n_piece)
    return np.sqrt(np.vecdot(pieces, pieces) / np.asarray(n_piece, pieces.dtype))


def _log(values: np.ndarray) -> np.ndarray:
    return np.log10(np.maximum(values, _FLOOR_UV))
