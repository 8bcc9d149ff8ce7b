"""What doubling a signal does to its features: found out by doing it to made-up windows."""

from __future__ import annotations

import numpy as np

from epochal.drift.faults import Fault
from epochal.errors import EpochalError
from epochal.features.roster import compute_features
from epochal.options.features import FeatureOptions, SignalOptions

_SFREQ, _LENGTH_S, _N_WINDOWS = 64.0, 60.0, 6
_ALIKE = 1e-3  # how much a response may differ between windows and still be one


def probe_gains(options: FeatureOptions) -> dict[str, Fault]:
    """Return by signal what a doubling of it multiplies features with, or adds to them.

    Features that answer differently from window to window (a count above a limit in µV) are left
    out, as are those that do not answer at all. A feature that cannot be had from such windows is
    passed over.
    """
    found = {prefix: _probe(prefix, signal) for prefix, signal in options.signals.items()}
    return {prefix: fault for prefix, fault in found.items() if fault.factors or fault.shifts}


def _probe(prefix: str, signal: SignalOptions) -> Fault:
    factors, shifts = {}, {}
    for kind in signal.features if signal.array is None else ():
        for name, (before, after) in _compute_both(kind, max(len(signal.channels), 1)).items():
            column = f"{prefix}_{name}"
            if _is_one(after / before) and abs(np.mean(after / before) - 1) > _ALIKE:
                factors[column] = round(float(np.mean(after / before)), 6)
            elif _is_one(after - before) and abs(np.mean(after - before)) > _ALIKE:
                shifts[column] = round(float(np.mean(after - before)), 6)
    return Fault(name=prefix, factors=factors, shifts=shifts)


def _compute_both(kind: str, n_channels: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    windows = make_windows(n_channels)
    try:
        before = compute_features(windows, _SFREQ, (kind,))
        after = compute_features(2 * windows, _SFREQ, (kind,))
    except (EpochalError, ValueError, IndexError):
        return {}
    pairs = {name: (np.asarray(before[name], float), np.asarray(after[name], float))
             for name in before}  # fmt: skip
    return {
        name: pair
        for name, pair in pairs.items()
        if np.isfinite(pair).all() and (np.abs(pair[0]) > 0).all()
    }


def make_windows(n_channels: int) -> np.ndarray:
    """Return windows like no signal in particular: a pulse, a slow wave, noise, an offset.

    `(n_windows, [n_channels,] n_samples)`.
    """
    random = np.random.default_rng(0)
    time_s = np.arange(round(_LENGTH_S * _SFREQ)) / _SFREQ
    windows = []
    for _ in range(_N_WINDOWS * n_channels):
        pulse = np.maximum(np.sin(2 * np.pi * random.uniform(1.0, 1.4) * time_s), 0) ** 3
        slow = np.sin(2 * np.pi * random.uniform(0.2, 0.3) * time_s + random.uniform(0, 6))
        noise = random.normal(0, 0.3, len(time_s))
        windows.append(20 * (pulse + 0.3 * slow + noise) + random.uniform(5, 10))
    shaped = np.stack(windows).reshape(_N_WINDOWS, n_channels, -1)
    return shaped[:, 0] if n_channels == 1 else shaped


def _is_one(values: np.ndarray) -> bool:
    """Say whether all windows answered alike."""
    return bool(np.isfinite(values).all() and np.ptp(values) <= _ALIKE)
