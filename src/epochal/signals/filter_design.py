"""The response of a zero-phase filter in closed form: Butterworth band edges and mains notches.

Long runs are filtered by their spectra and need nothing else; so scipy.signal, which is slow to
import, is left out until a short run asks for second-order sections.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

ORDER = 4
NOTCH_Q = 30.0
SETTLED = 1e-6  # what is left of a response where it is cut off


class Filter(NamedTuple):
    """A band-pass, high-pass or low-pass, and a notch at the mains and each harmonic.

    Edges in Hz below half of `sfreq`; None leaves a side open.
    """

    sfreq: float
    low_hz: float | None = None
    high_hz: float | None = None
    notch_hz: float | None = None

    @property
    def passes_all(self) -> bool:
        """Whether there is nothing to filter."""
        return self.low_hz is None and self.high_hz is None and self.notch_hz is None

    @property
    def notches_hz(self) -> np.ndarray:
        """The mains and each harmonic below the Nyquist frequency."""
        if self.notch_hz is None:
            return np.empty(0)
        return np.arange(self.notch_hz, self.sfreq / 2, self.notch_hz)

    def gain(self, frequencies: np.ndarray) -> np.ndarray:
        """Return the gain of filtering forwards and backwards: the squared magnitude."""
        gain = self._band_gain(np.tan(np.pi * frequencies / self.sfreq))
        for notch_hz in self.notches_hz:
            gain = gain * self._notch_gain(frequencies, notch_hz)
        return gain

    @property
    def n_settling(self) -> int:
        """After how many samples the slowest pole has decayed to `SETTLED`."""
        radii = [np.abs(self._band_poles()), np.sqrt(np.abs(2 * self._notch_share() - 1))]
        radius = np.clip(np.concatenate(radii).max(initial=0.0), 1e-3, 1 - 1e-9)
        return int(np.ceil(np.log(SETTLED) / np.log(radius)))

    def sections(self) -> np.ndarray:
        """Return second-order sections of the same response, for filtering sample by sample."""
        from scipy import signal

        sections = [
            signal.tf2sos(*signal.iirnotch(notch_hz, NOTCH_Q, fs=self.sfreq))
            for notch_hz in self.notches_hz
        ]
        edges = [edge for edge in (self.low_hz, self.high_hz) if edge is not None]
        if edges:
            kind = "bandpass" if len(edges) == 2 else "highpass" if self.low_hz else "lowpass"
            edge = edges if len(edges) == 2 else edges[0]
            sections.insert(0, signal.butter(ORDER, edge, kind, fs=self.sfreq, output="sos"))
        return np.concatenate(sections)

    def _edges(self) -> tuple[float, float]:
        """Return the edges on the bilinear transform's axis, tan(pi f / sfreq)."""
        low, high = (np.tan(np.pi * (edge or 0.0) / self.sfreq) for edge in self[1:3])
        return float(low), float(high)

    def _band_gain(self, warped: np.ndarray) -> np.ndarray:
        """Return kept / (kept + lost), each to the power of twice the order."""
        low, high = self._edges()
        if self.low_hz is None and self.high_hz is None:
            return np.ones_like(warped)
        if self.high_hz is None:
            kept, lost = warped, np.full_like(warped, low)
        elif self.low_hz is None:
            kept, lost = np.full_like(warped, high), warped
        else:
            kept, lost = warped * (high - low), warped**2 - low * high
        kept, lost = kept ** (2 * ORDER), lost ** (2 * ORDER)
        return np.asarray(kept / (kept + lost))

    def _band_poles(self) -> np.ndarray:
        low, high = self._edges()
        prototype = -np.exp(1j * np.pi * np.arange(1 - ORDER, ORDER, 2) / (2 * ORDER))
        if self.low_hz is None and self.high_hz is None:
            return np.empty(0)
        if self.high_hz is None:
            poles = low / prototype
        elif self.low_hz is None:
            poles = high * prototype
        else:
            half = prototype * (high - low) / 2
            root = np.sqrt(half**2 - low * high)
            poles = np.concatenate([half + root, half - root])
        return np.asarray((1 + poles) / (1 - poles))

    def _notch_share(self) -> np.ndarray:
        """Return 1 / (1 + tan(half the notch's width)), of each notch."""
        width = 2 * np.pi * self.notches_hz / self.sfreq / NOTCH_Q
        return np.asarray(1 / (1 + np.tan(width / 2)))

    def _notch_gain(self, frequencies: np.ndarray, notch_hz: float) -> np.ndarray:
        width = 2 * np.pi * notch_hz / self.sfreq / NOTCH_Q
        at = np.cos(2 * np.pi * frequencies / self.sfreq) - np.cos(
            2 * np.pi * notch_hz / self.sfreq
        )
        across = np.sin(2 * np.pi * frequencies / self.sfreq) * np.tan(width / 2)
        return np.asarray(at**2 / (at**2 + across**2))
