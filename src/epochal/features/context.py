"""What an epoch's features say of its neighbours and of its recording.

The suffix of a column says what it saw: `__session` and `__centred<n>` look ahead, `__past<n>`
and `__calibration` do not.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from epochal.options import ContextOptions

_LOOKS_AHEAD = re.compile(r"__(session|centred\d+)")
_VARIANT = re.compile(r"__(?:session|calibration)|$")
_NOT_OF_THE_SIGNAL = "demographics_"
MAD_TO_SD = 1.4826  # a normal distribution's standard deviation in median absolute deviations


def is_causal(columns: list[str]) -> bool:
    """Say whether none of the columns looks ahead of its epoch."""
    return not any(_LOOKS_AHEAD.search(column) for column in columns)


def known_rows(features: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Say of which rows a model of these columns may speak, `(n_epochs,)`.

    Of each normalisation that it uses, some column must be known: else the missing columns of the
    calibration period would tell a model that the session has just begun. Age and sex are no reason
    to speak of an epoch without a signal, unless they are all that the model sees.
    """
    variants: dict[str, list[str]] = {}
    of_the_signal = [name for name in columns if not name.startswith(_NOT_OF_THE_SIGNAL)]
    for column in of_the_signal or columns:
        variants.setdefault(_VARIANT.findall(column)[0], []).append(column)
    known = [features[names].notna().any(axis=1).to_numpy() for names in variants.values()]
    return np.logical_and.reduce(known)


def add_context(
    features: pd.DataFrame, epochs: pd.DataFrame, options: ContextOptions
) -> pd.DataFrame:
    """Return one recording's features with normalised and neighbourhood columns beside them.

    Means run over the raw and each normalised variant, inside one run only. In the calibration
    period itself the `__calibration` columns are NaN: nothing can be said before it has passed.
    """
    signals = features.loc[:, ~features.columns.str.startswith(_NOT_OF_THE_SIGNAL)]
    variants = {"": signals}
    if "session" in options.normalise:
        variants["__session"] = robust_z(signals, signals)
    if "calibration" in options.normalise:
        variants["__calibration"] = _against_start(signals, epochs, options.calibration_s)
    parts = [features]
    for suffix, variant in variants.items():
        if suffix:
            parts.append(variant.add_suffix(suffix))
        parts += _neighbourhoods(variant.add_suffix(suffix), epochs["run"], options)
    return pd.concat(parts, axis=1).astype(np.float32)


def robust_z(values: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Return z-scores by the reference's median and median absolute deviation.

    A feature that does not vary in the reference is divided by its standard deviation, and by 1
    where that is 0 too.
    """
    median = reference.median()
    spread = (reference - median).abs().median() * MAD_TO_SD
    spread = spread.where(spread > 0, reference.std()).replace(0.0, 1.0)
    return ((values - median) / spread).clip(-20, 20)


def _against_start(
    signals: pd.DataFrame, epochs: pd.DataFrame, calibration_s: float
) -> pd.DataFrame:
    """Return z-scores by the calibration period, NaN inside it."""
    start_s = epochs["onset_s"].min()
    calibrating = epochs["onset_s"] + epochs["length_s"] <= start_s + calibration_s
    scored = robust_z(signals, signals[calibrating])
    return scored.mask(epochs["onset_s"] < start_s + calibration_s)


def _neighbourhoods(
    features: pd.DataFrame, run: pd.Series, options: ContextOptions
) -> list[pd.DataFrame]:
    """Return trailing and centred means over whole epochs of the same run."""
    parts = []
    for n_epochs in options.causal_epochs:
        means = _rolling_mean(features, run, n_epochs, centred=False)
        parts.append(means.add_suffix(f"__past{n_epochs}"))
    for n_epochs in options.centred_epochs:
        means = _rolling_mean(features, run, n_epochs, centred=True)
        parts.append(means.add_suffix(f"__centred{n_epochs}"))
    return parts


def _rolling_mean(
    features: pd.DataFrame, run: pd.Series, n_epochs: int, *, centred: bool
) -> pd.DataFrame:
    parts = [
        _centred_mean(rows, n_epochs) if centred else rows.rolling(n_epochs, min_periods=1).mean()
        for _, rows in features.groupby(run.to_numpy(), sort=False)
    ]
    return pd.concat(parts).reindex(features.index) if parts else features


def _centred_mean(rows: pd.DataFrame, n_epochs: int) -> pd.DataFrame:
    """Average so many epochs around each, mirrored at the ends: shorter means would betray them."""
    before, after = (n_epochs - 1) // 2, n_epochs // 2
    mirrored = np.pad(np.arange(len(rows)), (before, after), mode="symmetric")
    means = rows.iloc[mirrored].rolling(n_epochs, min_periods=1).mean().iloc[n_epochs - 1 :]
    return means.set_axis(rows.index)
