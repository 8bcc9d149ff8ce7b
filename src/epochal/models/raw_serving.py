"""A bundle that was trained on somebody's table of features, and scores raw recordings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from epochal.errors import EpochalError
from epochal.features.roster import compute_features
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.options.ingestion import IngestionOptions
from epochal.options.results import RawOptions

_SFREQ, _N_SAMPLES = 100.0, 3000
_SHOWN = 4


class Served(NamedTuple):
    """What a bundle says of the recordings that it scores."""

    recording_kind: str
    ingestion: IngestionOptions
    features: FeatureOptions


def describe_served(trained: Served, raw: RawOptions | None, *, columns: Iterable[str]) -> Served:
    """Return what is served where training was of a table: raw recordings, as `raw` says.

    `columns` are all that the models take; one whose own column no signal gives raises
    `EpochalError`. Without `raw` all stays as in training.
    """
    if raw is None:
        return trained
    _refuse_lacking(raw, columns)
    ingestion = {
        "reader": raw.reader,
        "reader_options": raw.reader_options,
        "quality": raw.quality,
        "trim": raw.trim,
        "substitutes": raw.substitutes,
    }
    return Served(
        raw.recording_kind,
        trained.ingestion.model_copy(update=ingestion),
        trained.features.model_copy(update={"signals": raw.signals}),
    )


def _refuse_lacking(raw: RawOptions, columns: Iterable[str]) -> None:
    given = {
        f"{prefix}_{name}"
        for prefix, signal in raw.signals.items()
        for name in name_columns(signal)
    }
    lacking = sorted({name.split("__")[0] for name in columns} - given)
    if lacking:
        more = f" and {len(lacking) - _SHOWN} more" if lacking[_SHOWN:] else ""
        raise EpochalError(
            f"serving_export.raw.signals: none gives {', '.join(lacking[:_SHOWN])}{more}, which "
            "the models take; leave them out of the models' columns, or out of the table"
        )


def name_columns(signal: SignalOptions) -> list[str]:
    """Name the columns of a signal's feature sets, without its prefix."""
    shape = (0, _N_SAMPLES) if len(signal.channels) < 2 else (0, len(signal.channels), _N_SAMPLES)
    windows = np.empty(shape, dtype=np.float32)
    return list(compute_features(windows, signal.sfreq or _SFREQ, signal.features))
