"""Where the epochs of recordings lie, for networks over sequences of columns alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.epoch_inputs import EpochInputs


def outline_recordings(epochs: pd.DataFrame) -> dict[str, EpochInputs]:
    """Return by recording its epochs in order, with nothing to see of them but their places.

    `epochs` are `recording_id, epoch, run`. What a network without samples sees are columns, and
    those look ahead or not by their own names.
    """
    return {
        str(recording_id): _outline(rows.sort_values("epoch"))
        for recording_id, rows in epochs.groupby("recording_id", sort=True)
    }


def _outline(rows: pd.DataFrame) -> EpochInputs:
    return EpochInputs(
        {},
        epoch=rows["epoch"].to_numpy(dtype=int),
        run=rows["run"].to_numpy(dtype=int),
        known=np.ones(len(rows), dtype=bool),
    )
