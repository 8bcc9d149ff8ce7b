"""What is measured of each window by itself, before anything is called a fault."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epochal.options.quality import Kind, Limits
from epochal.signals.quality_clipping import share_clipped
from epochal.signals.quality_spectrum import measure_spectrum

LARGEST = 1e9  # beyond a kilovolt in uV: kept finite, so that no square overflows
MIN_PIECE = 4  # samples: of fewer, a span says nothing
LAG_S = 0.01  # within which a pop jumps; a saccade takes 50 ms
AWAY_S, STAYS_S = 0.04, 0.06  # from a jump, and for how long: a QRS or a spike is over by then
STAYS, SHARP = 0.3, 0.6  # how much of a jump must stay, and of what stays must be in the jump
LONELY, MIN_LONELY = 6.0, 50  # times what is usual in its piece of so many samples; muscle: 4.5
SLOW_S = 0.1
RISE_WEIGHT = 1 / 7  # conductance falls slowly, but a response may double a low one in a second
LEAST_LEVEL = 0.05  # uS
AFTER_SWING_S = 5.0  # Kleckner et al. 2018: nothing within 5 s of an invalid change is believed


class Measures(NamedTuple):
    """One value per window, `(n_epochs,)`; none of them looks at another window.

    Spans and jumps are in the signal's unit. EDA: `burst` in shares of the level per second, `pop`
    as a difference of logarithms, as halving and doubling are one.
    """

    missing: np.ndarray
    flat_share: np.ndarray
    clipped_share: np.ndarray
    burst: np.ndarray
    burst_base: np.ndarray
    burst_slow_share: np.ndarray
    largest_span: np.ndarray
    pop: np.ndarray
    pop_base: np.ndarray
    line_share: np.ndarray
    good_share: np.ndarray
    outside_share: np.ndarray


def measure(
    windows: np.ndarray,
    sfreq: float,
    *,
    kind: Kind,
    limits: Limits,
    mains_hz: tuple[float, ...] = (),
    flat_span: float = 0.0,
) -> Measures:
    """Measure windows `(n_epochs, n_samples)` of one channel; anything finite or not is taken.

    A window with a sample that is not finite is `missing`, and all else of it is of zeros.
    """
    safe, missing = make_safe(windows)
    pieces = cut_pieces(safe, sfreq, limits.piece_s)
    low, high = pieces.min(axis=-1), pieces.max(axis=-1)
    span = high - low
    flat = span <= max(flat_span, limits.flat_span)
    steps = np.log(np.maximum(safe, LEAST_LEVEL)) if kind == "eda" else safe
    pop, pop_base = _measure_pops(steps, pieces.shape, sfreq)
    line_share, outside_share = measure_spectrum(safe, sfreq, limits=limits, mains_hz=mains_hz)
    bursts = _swings(safe, sfreq, limits) if kind == "eda" else _spans(span, limits)
    good = bursts.steady & _believable(low, high, limits) & ~_dead(flat, limits)
    return Measures(
        missing=missing,
        flat_share=flat.mean(axis=1),
        clipped_share=share_clipped(safe, rails=limits.rails) if limits.clips else _zeros(safe),
        burst=bursts.size,
        burst_base=bursts.base,
        burst_slow_share=_slow_share(pieces, span, sfreq),
        largest_span=span.max(axis=1),
        pop=pop,
        pop_base=pop_base,
        line_share=line_share,
        good_share=good.mean(axis=1),
        outside_share=outside_share,
    )


def make_safe(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return windows that are finite and below 1e9, float32 or float64, and which were missing."""
    with np.errstate(invalid="ignore"):
        low, high = windows.min(axis=1), windows.max(axis=1)  # a NaN is passed on
    missing = ~(np.isfinite(low) & np.isfinite(high))
    if not missing.any() and low.min() >= -LARGEST and high.max() <= LARGEST:
        return windows, missing
    return np.clip(np.where(missing[:, None], 0, windows), -LARGEST, LARGEST), missing


def cut_pieces(windows: np.ndarray, sfreq: float, piece_s: float) -> np.ndarray:
    """Return `(n_epochs, n_pieces, n_samples)`; the last piece overlaps where they do not fit."""
    n_window = windows.shape[1]
    n_piece = min(max(MIN_PIECE, round(piece_s * sfreq)), n_window)
    whole, rest = divmod(n_window, n_piece)
    if not rest:
        return windows.reshape(len(windows), whole, n_piece)
    starts = np.append(np.arange(whole) * n_piece, n_window - n_piece)
    return np.lib.stride_tricks.sliding_window_view(windows, n_piece, axis=1)[:, starts]


class _Bursts(NamedTuple):
    """The largest, what it is held against, `(n_epochs,)`, and which pieces are without any."""

    size: np.ndarray
    base: np.ndarray
    steady: np.ndarray


def _spans(span: np.ndarray, limits: Limits) -> _Bursts:
    """Hold each piece's span against the lower quartile: half a window may be burst."""
    base = np.quantile(span, 0.25, axis=1)
    ceiling = np.full(len(span), limits.largest_span or np.inf)
    if limits.burst_ratio is not None and not limits.burst_slow_share:
        by_window = limits.burst_ratio * np.maximum(base, limits.flat_span)
        ceiling = np.minimum(ceiling, np.maximum(by_window, limits.burst_least))
    return _Bursts(span.max(axis=1), base, span <= ceiling[:, None])


def _swings(windows: np.ndarray, sfreq: float, limits: Limits) -> _Bursts:
    """Look for changes of conductance that are too fast; what is near one is not steady."""
    from scipy.ndimage import maximum_filter1d  # here, for scoring to start sooner

    swing = _swing(windows, sfreq)
    fast = swing > (limits.burst_ratio or np.inf)
    reach = 2 * round(AFTER_SWING_S * sfreq) + 1
    near = maximum_filter1d(fast.astype(np.int8), reach, axis=1) > 0
    unsteady = cut_pieces(near, sfreq, limits.piece_s).any(axis=-1)
    return _Bursts(swing.max(axis=1), np.ones(len(windows)), ~np.asarray(unsteady))


def _dead(flat: np.ndarray, limits: Limits) -> np.ndarray:
    """Say which pieces are no signal; a wrist at rest is flat for seconds, not for a window."""
    if limits.flat_share is None:
        return np.zeros_like(flat)
    return flat if limits.flat_share < 1 else flat & flat.all(axis=1, keepdims=True)


def _believable(low: np.ndarray, high: np.ndarray, limits: Limits) -> np.ndarray:
    lowest = -np.inf if limits.lowest is None else limits.lowest
    highest = np.inf if limits.highest is None else limits.highest
    return (low >= lowest) & (high <= highest)


def _slow_share(pieces: np.ndarray, span: np.ndarray, sfreq: float) -> np.ndarray:
    """Return how much of the widest piece's span its means over 0.1 s still have."""
    widest = np.take_along_axis(pieces, span.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    n_mean = max(1, round(SLOW_S * sfreq))
    n_means = widest.shape[1] // n_mean
    if n_means < 2:
        return np.ones(len(widest))
    means = widest[:, : n_means * n_mean].reshape(len(widest), n_means, n_mean).mean(axis=-1)
    widest_span = span.max(axis=1)
    return np.ptp(means, axis=1) / np.where(widest_span > 0, widest_span, 1.0)


def _swing(windows: np.ndarray, sfreq: float) -> np.ndarray:
    """Return per sample the next second's fall, a share of the level; a rise counts a seventh."""
    lag = min(max(1, round(sfreq)), windows.shape[1] - 1)
    swing = np.zeros(windows.shape)
    if lag > 0:
        level = np.maximum(np.abs(windows[:, :-lag]), LEAST_LEVEL)
        share = (windows[:, lag:] - windows[:, :-lag]) / level
        swing[:, :-lag] = np.maximum(-share, RISE_WEIGHT * share)
    return swing


def _measure_pops(
    windows: np.ndarray, pieces: tuple[int, ...], sfreq: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest jump that stays, and the usual change over the same lag."""
    lag = max(2, round(LAG_S * sfreq))
    n_epochs, n_window = windows.shape
    if n_window < 3 * lag:
        return _zeros(windows), _zeros(windows)
    change = np.zeros_like(windows)
    np.subtract(windows[:, lag:], windows[:, :-lag], out=change[:, : n_window - lag])
    size = np.abs(change, out=change)
    cut = size[:, : pieces[2] * (n_window // pieces[2])].reshape(n_epochs, -1, pieces[2])
    first = cut.argmax(axis=-1) + np.arange(cut.shape[1]) * pieces[2]
    jump = np.take_along_axis(size, first, axis=1)
    stays = _step(windows, first, lag=lag, sfreq=sfreq)
    usual = cut.mean(axis=-1)
    sharp = (stays >= STAYS * jump) & (jump >= SHARP * stays)
    if pieces[2] >= MIN_LONELY:
        sharp &= jump >= LONELY * usual
    return (jump * sharp).max(axis=1), np.median(usual, axis=1)


def _step(windows: np.ndarray, first: np.ndarray, *, lag: int, sfreq: float) -> np.ndarray:
    """Return |mean after − mean before| of the jumps from sample `first` to `first + lag`."""
    away, last = round(AWAY_S * sfreq), windows.shape[1] - 1
    steps = away + np.arange(max(2, round(STAYS_S * sfreq)))
    before = np.clip(first[..., None] - steps, 0, last)
    after = np.clip(first[..., None] + lag + steps, 0, last)
    rows = np.arange(len(windows))[:, None, None]
    return np.abs(windows[rows, after].mean(axis=-1) - windows[rows, before].mean(axis=-1))


def _zeros(windows: np.ndarray) -> np.ndarray:
    return np.zeros(len(windows))
