"""Signal quality per channel and epoch: what a person would not trust.

Every measure is of one window alone, so that no flag and no index can tell the time; see
docs/explanation/signal-quality.md for what is flagged, and how often on real recordings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epochal.options.quality import FAULTS, Kind, Limits, QualityOptions
from epochal.signals.quality_index import index_windows
from epochal.signals.quality_measures import Measures, make_safe, measure

BLOCK_SAMPLES = 2**19  # looked at together: they fit a processor's cache


class Assessment(NamedTuple):
    """Flags by fault, bool `(n_epochs,)`, and the signal-quality index in [0, 1], `(n_epochs,)`."""

    flags: dict[str, np.ndarray]
    sqi: np.ndarray


def assess(windows: np.ndarray, sfreq: float, *, kind: Kind, options: QualityOptions) -> Assessment:
    """Look for faults in a channel's windows `(n_epochs, n_samples)`, and index their quality.

    Takes any values, finite or not, in the kind's unit. Memory beyond the windows is that of one
    block. Without `options.index` the index is 1, or 0 where samples are missing.
    """
    if windows.size == 0:
        return absent(len(windows), options)
    rows = max(1, BLOCK_SAMPLES // windows.shape[1])
    starts = range(0, len(windows), rows)
    parts = [_assess_block(windows[at : at + rows], sfreq, kind, options) for at in starts]
    columns = zip(*(measures for measures, _ in parts), strict=True)
    measures = Measures(*(np.concatenate(column) for column in columns))
    index = np.concatenate([found for _, found in parts])
    return Assessment(judge(measures, kind=kind, options=options), index)


def flag_epochs(
    windows: np.ndarray, sfreq: float, *, kind: Kind, options: QualityOptions
) -> dict[str, np.ndarray]:
    """Return the flags of `assess` alone, bool `(n_epochs,)` by fault."""
    return assess(windows, sfreq, kind=kind, options=options.model_copy(update={"index": False}))[0]


def absent(n_epochs: int, options: QualityOptions) -> Assessment:
    """Return the assessment of a channel that a recording does not have: missing throughout."""
    flags: dict[str, np.ndarray] = {
        fault: np.full(n_epochs, fault == "missing") for fault in FAULTS if fault in options.faults
    }
    return Assessment(flags, np.zeros(n_epochs))


def judge(measures: Measures, *, kind: Kind, options: QualityOptions) -> dict[str, np.ndarray]:
    """Return the flags that follow from what was measured, bool `(n_epochs,)` by fault.

    With `reference: recording`, bursts and pops stand out of the median over the windows given;
    else every window is judged by itself. A missing window has no other fault.
    """
    limits = options.limits_of(kind)
    found = {
        "missing": measures.missing,
        "flat": measures.flat_share >= (limits.flat_share or np.inf),
        "saturated": measures.clipped_share >= options.saturated_share,
        "motion_burst": _bursts(measures, limits, options),
        "line_noise": measures.line_share > (limits.line_share or np.inf),
        "pop": _pops(measures, limits, options),
    }
    return {
        fault: found[fault] & (~measures.missing | (fault == "missing"))
        for fault in FAULTS
        if fault in options.faults
    }


def _assess_block(
    block: np.ndarray, sfreq: float, kind: Kind, options: QualityOptions
) -> tuple[Measures, np.ndarray]:
    block = block.astype(np.result_type(block, np.float32), copy=False)  # counts as well
    measures = measure(
        block,
        sfreq,
        kind=kind,
        limits=options.limits_of(kind),
        mains_hz=options.mains_hz if "line_noise" in options.faults else (),
        flat_span=options.flat_span,
    )
    if not options.index:
        return measures, np.where(measures.missing, 0.0, 1.0)
    return measures, index_windows(make_safe(block)[0], sfreq, kind=kind, measures=measures)


def _bursts(measures: Measures, limits: Limits, options: QualityOptions) -> np.ndarray:
    found = measures.largest_span > (limits.largest_span or np.inf)
    if limits.burst_ratio is None:
        return found
    base = np.maximum(_reference(measures.burst_base, measures, options), limits.flat_span)
    relative = measures.burst > np.maximum(limits.burst_ratio * base, limits.burst_least)
    return found | (relative & (measures.burst_slow_share >= limits.burst_slow_share))


def _pops(measures: Measures, limits: Limits, options: QualityOptions) -> np.ndarray:
    if limits.pop_ratio is None:
        return np.zeros(len(measures.pop), dtype=bool)
    base = _reference(measures.pop_base, measures, options)
    return (measures.pop > limits.pop_ratio * base) & (measures.pop > limits.pop_least)


def _reference(values: np.ndarray, measures: Measures, options: QualityOptions) -> np.ndarray:
    """Return what a window is held against: itself, or the median of all that are not missing."""
    known = values[~measures.missing]
    if options.reference == "window" or not len(known):
        return values
    return np.full(len(values), np.median(known))
