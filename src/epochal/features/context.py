"""What an epoch's features say of its neighbours and of its recording.

The suffix of a column says what it saw: `__session`, `__centred<n>` and `__ahead<n>` look ahead,
`__past<n>`, `__calibration` and `__running` do not.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import pandas as pd

from epochal.features.columns import matches_any
from epochal.features.neighbourhood import add_neighbours, neighbour_functions
from epochal.features.normalisation import against_past, against_session, against_start
from epochal.options.features import ContextOptions

_LOOKS_AHEAD = re.compile(r"__(session|centred\d+|ahead\d+)")
_VARIANT = re.compile(r"__(?:session|calibration|running)|$")
_BLOCK = 16_384  # rows that are looked at together
_NOT_OF_THE_SIGNAL = ("demographics_", "clock_", "light_", "quality_", "sqi")


def is_causal(columns: list[str]) -> bool:
    """Say whether none of the columns looks ahead of its epoch."""
    return not any(_LOOKS_AHEAD.search(column) for column in columns)


def known_rows(features: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Say of which rows a model of these columns may speak, `(n_epochs,)`.

    Of each normalisation that it uses, some column must be known: else the missing columns of the
    calibration period would tell a model that the session has just begun. Age and sex are no reason
    to speak of an epoch without a signal, unless they are all that the model sees.
    """
    variants = _by_variant(tuple(columns))
    known = [
        np.logical_and.reduce([_any_known(features[start : start + _BLOCK], of) for of in variants])
        for start in range(0, max(1, len(features)), _BLOCK)
    ]
    return known[0] if len(known) == 1 else np.concatenate(known)


def _any_known(features: pd.DataFrame, names: list[str]) -> np.ndarray:
    return ~np.isnan(features[names].to_numpy(dtype=float)).all(axis=1)


@lru_cache(maxsize=64)
def _by_variant(columns: tuple[str, ...]) -> list[list[str]]:
    """Return the columns of each normalisation, those of the signal where there are any."""
    variants: dict[str, list[str]] = {}
    of_the_signal = [name for name in columns if not name.startswith(_NOT_OF_THE_SIGNAL)]
    for column in of_the_signal or columns:
        variants.setdefault(_VARIANT.findall(column)[0], []).append(column)
    return list(variants.values())


def add_context(
    features: pd.DataFrame, epochs: pd.DataFrame, options: ContextOptions
) -> pd.DataFrame:
    """Return one recording's features with normalised and neighbourhood columns beside them.

    Neighbourhoods are of the raw and of each normalised variant, inside one run only. In the
    calibration period itself the `__calibration` columns are NaN: nothing can be said before it
    has passed.
    """
    signals = features[[name for name in features if _has_context(name, options.columns)]]
    variants = {"": signals}
    if "session" in options.normalise:
        variants["__session"] = against_session(signals, epochs, options.session)
    if "calibration" in options.normalise:
        variants["__calibration"] = against_start(signals, epochs, options.calibration_s)
    if "running" in options.normalise:
        variants["__running"] = against_past(signals, epochs, options.running_s)
    functions = neighbour_functions(options)
    parts = [features]
    for suffix, variant in variants.items():
        if suffix:
            parts.append(variant.add_suffix(suffix))
        parts += add_neighbours(variant.add_suffix(suffix), epochs["run"], functions)
    return pd.concat(parts, axis=1).astype(np.float32)


def _has_context(name: str, patterns: tuple[str, ...]) -> bool:
    return matches_any(name, patterns) and not name.startswith(_NOT_OF_THE_SIGNAL)
