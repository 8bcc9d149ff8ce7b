"""Wavelet features of a window: the power of its octaves, and where in the window it lies.

Level j of the transform holds the octave from sfreq/2^(j+1) to sfreq/2^j Hz (`d1` is the fastest),
and the approximation what is slower than the last one. Mallat 1989, doi:10.1109/34.192463. The
transform is PyWavelets', Lee et al. 2019, doi:10.21105/joss.01237.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from epochal.errors import EpochalError
from epochal.features.columns import log_floored

Measure = Callable[[np.ndarray], dict[str, np.ndarray]]

N_TENTHS = 10
HAAR_LEVEL = 7  # at 125 Hz: octaves down to 0.5 Hz
DB4_LEVEL = 4  # at 125 Hz: octaves down to 4 Hz, as deep as a second of it bears
SLOWEST_OCTAVE_HZ, FASTEST_OCTAVE_HZ = 1, 32
_N_TAPS = {"haar": 2, "db4": 8}
_FLOOR = 1e-6  # a thousandth of a µV, squared: far below any amplifier's noise
_CHUNK = 128  # epochs at once: their coefficients stay in the processor's cache


def wavelet_combo(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return 110 columns: the Haar transform of the window, and db4 in each tenth of it.

    `windows` `(n_epochs, n_samples)`, 1,120 samples or more; their mean is taken out first.

    `haar_<d1…d7, a7>_…`, 40 columns: `log_energy` (natural logarithm, unit²), `relative_energy` (of
    all eight), `entropy` (0 to 1: how evenly the energy lies over time), `min` and `max` (in the
    unit; of `dj`, half the steepest rise, negative, and half the steepest fall from one stretch of
    2^(j-1) samples to the next).

    `db4_w<0…9>_…`, 70 columns: `<d1…d4, a4>_log_energy`, `entropy` (how evenly the energy lies over
    the five), `level` (mean of the approximation, in the unit). `w9` ends where the window ends;
    the first samples are left out where 10 does not divide them.

    The columns are the same at every rate, but not the frequencies behind them.
    """
    del sfreq  # levels are counted from the rate
    n_samples = N_TENTHS * _shortest("db4", DB4_LEVEL)
    return _measure(windows, _measure_combo, n_needed=n_samples, name="wavelet_combo")


def wavelet_energy(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return log and relative power per octave by the db4 transform, and the wavelet entropy.

    `windows` `(n_epochs, n_samples)` in µV, of any study, at 4 Hz or more; 5 s are always enough.
    Their mean is taken out first. `wavelet_log_power_<octave>` is the natural logarithm of µV²,
    `wavelet_relative_power_<octave>` the share in all octaves named. `from_8hz` is the octave
    whose lower edge is nearest to 8 Hz: 8 to 16 Hz at 128 Hz, 6.25 to 12.5 Hz at 100 Hz; `slow` is
    all below `from_1hz`. Octaves that the rate does not hold are left out, and so is what is faster
    than `from_32hz`. Wavelet entropy, 0 to 1: Rosso 2001, doi:10.1016/S0165-0270(00)00356-3.
    """
    octaves = _octaves(sfreq)
    level = len(octaves)

    def measure(chunk: np.ndarray) -> dict[str, np.ndarray]:
        return _measure_octaves(chunk, octaves)

    return _measure(windows, measure, n_needed=_shortest("db4", level), name="wavelet_energy")


def decompose(
    windows: np.ndarray, wavelet: str, level: int, *, mode: str = "symmetric"
) -> dict[str, np.ndarray]:
    """Return the coefficients by band, `a<level>`, then `d<level>` to `d1`, in the unit.

    `(..., n_samples)` becomes `(..., n_coefficients)` per band, divided by 2^(j/2), so that a
    coefficient is a (weighted) mean or half difference of samples whatever its level. Reflecting at
    the ends invents no step there, as `mode="periodization"` does, which conserves the energy.
    """
    import pywt  # only who asks for these features needs it

    bands = pywt.wavedec(windows, wavelet, mode=mode, level=level, axis=-1)
    levels = [level, *range(level, 0, -1)]
    return {
        f"{'d' if index else 'a'}{j}": band * 2 ** (-j / 2)
        for index, (j, band) in enumerate(zip(levels, bands, strict=True))
    }


def band_energy(coefficients: np.ndarray) -> np.ndarray:
    """Return a band's mean power in the window, in unit², from its scaled coefficients.

    The bands' sum is the mean square of the window, but for what the ends add: on white noise of
    1,250 samples 1 % on average over seven levels, and a tenth at most.
    """
    return np.einsum("...k,...k->...", coefficients, coefficients) / coefficients.shape[-1]


def entropy(energies: np.ndarray) -> np.ndarray:
    """Return Shannon's entropy of shares along the last axis: 0 all in one, 1 evenly, 0 of none."""
    shares = energies / (energies.sum(axis=-1, keepdims=True) + _FLOOR)
    information = shares * log_floored(shares, np.finfo(float).tiny)
    return -information.sum(axis=-1) / np.log(energies.shape[-1])


def _measure(
    windows: np.ndarray, measure: Measure, *, n_needed: int, name: str
) -> dict[str, np.ndarray]:
    """Measure the windows some at a time, in float64; return float32 columns `(n_epochs,)`."""
    if len(windows) == 0:  # the names are asked for, at whatever length
        return {column: np.empty(0, np.float32) for column in measure(np.zeros((1, n_needed)))}
    if windows.shape[-1] < n_needed:
        raise EpochalError(
            f"feature set '{name}' needs windows of {n_needed} samples or more at this rate; these "
            f"have {windows.shape[-1]} (a signal's `window_s` makes them longer)"
        )
    parts = [
        measure(_centre(windows[start : start + _CHUNK]))
        for start in range(0, len(windows), _CHUNK)
    ]
    return {
        column: np.concatenate([part[column] for part in parts], dtype=np.float32)
        for column in parts[0]
    }


def _centre(windows: np.ndarray) -> np.ndarray:
    """Take the mean out: the rest of the computation loses nothing to a large offset."""
    precise = windows.astype(np.float64)
    precise -= precise.mean(axis=-1, keepdims=True)
    return precise


def _measure_combo(windows: np.ndarray) -> dict[str, np.ndarray]:
    haar = _measure_haar(decompose(windows, "haar", HAAR_LEVEL))
    return haar | _measure_tenths(_tenths(windows))


def _measure_haar(bands: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    energy = {name: band_energy(band) for name, band in bands.items()}
    total = _total(energy)
    columns: dict[str, np.ndarray] = {}
    for name, band in bands.items():
        columns |= {
            f"haar_{name}_log_energy": log_floored(energy[name], _FLOOR),
            f"haar_{name}_relative_energy": energy[name] / total,
            f"haar_{name}_entropy": entropy(np.square(band)),
            f"haar_{name}_min": band.min(axis=-1),
            f"haar_{name}_max": band.max(axis=-1),
        }
    return columns


def _measure_tenths(tenths: np.ndarray) -> dict[str, np.ndarray]:
    """Measure `(n_epochs, n_tenths, n_samples)`."""
    bands = decompose(tenths, "db4", DB4_LEVEL)
    energy = {name: band_energy(band) for name, band in bands.items()}  # (n_epochs, n_tenths)
    by_tenth = {f"{name}_log_energy": log_floored(value, _FLOOR) for name, value in energy.items()}
    by_tenth["entropy"] = entropy(np.stack(list(energy.values()), axis=-1))
    by_tenth["level"] = bands[f"a{DB4_LEVEL}"].mean(axis=-1)
    return {
        f"db4_w{tenth}_{name}": values[:, tenth]
        for tenth in range(N_TENTHS)
        for name, values in by_tenth.items()
    }


def _tenths(windows: np.ndarray) -> np.ndarray:
    n_each = windows.shape[-1] // N_TENTHS
    return windows[:, windows.shape[-1] - n_each * N_TENTHS :].reshape(-1, N_TENTHS, n_each)


def _measure_octaves(windows: np.ndarray, octaves: dict[str, str]) -> dict[str, np.ndarray]:
    bands = decompose(windows, "db4", len(octaves))
    energy = {octave: band_energy(bands[band]) for band, octave in octaves.items() if octave}
    energy["slow"] = band_energy(bands[f"a{len(octaves)}"])
    total = _total(energy)
    columns = {f"wavelet_log_power_{o}": log_floored(value, _FLOOR) for o, value in energy.items()}
    columns |= {f"wavelet_relative_power_{o}": value / total for o, value in energy.items()}
    columns["wavelet_entropy"] = entropy(np.stack(list(energy.values()), axis=-1))
    return columns


def _octaves(sfreq: float) -> dict[str, str]:
    """Return the octave of each level, fastest first; empty for those above the fastest named."""
    if not sfreq >= 4 * SLOWEST_OCTAVE_HZ:  # NaN, an unknown rate, is refused as well
        raise EpochalError(f"feature set 'wavelet_energy' needs 4 Hz or more; this is {sfreq:g} Hz")
    n_levels = round(np.log2(sfreq / SLOWEST_OCTAVE_HZ)) - 1
    lowest_hz = {f"d{j}": SLOWEST_OCTAVE_HZ * 2 ** (n_levels - j) for j in range(1, n_levels + 1)}
    return {
        band: f"from_{low_hz}hz" if low_hz <= FASTEST_OCTAVE_HZ else ""
        for band, low_hz in lowest_hz.items()
    }


def _total(energy: dict[str, np.ndarray]) -> np.ndarray:
    return np.sum(list(energy.values()), axis=0) + _FLOOR


def _shortest(wavelet: str, level: int) -> int:
    """Return how many samples a level needs, so that not all its coefficients feel the ends."""
    return (_N_TAPS[wavelet] - 1) * 2**level
