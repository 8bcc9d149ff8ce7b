"""A reviewed recording as files: a hypnogram for other programs, a table of all that is known."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from epochal import __version__
from epochal.hypnogram.writing import Origin, write_hypnogram
from epochal.readers.hypnograms import Hypnogram
from epochal.recording import ANNOTATION_COLUMNS
from epochal.serving.hypnograms import write_edf_annotations
from epochal.serving.reviewing import Review, stand

Format = Literal["csv", "edf", "table"]


def export_review(review: Review, to: Format) -> bytes:
    """Return the corrected labels as a file.

    `csv`: `onset, duration, stage, data_source`, which `epochal adapt --labels` and the readers of
    hypnograms take; `edf`: EDF+ annotations without a signal; `table`: a row per epoch with the
    model's label, the label as it stands, and who looked at it when.
    """
    if to == "table":
        return tabulate(review).to_csv(index=False, lineterminator="\n").encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"corrected.{to}"
        if to == "edf":
            write_edf_annotations(path, _labelled(review), _summary(review))
        else:
            origin = Origin(review.card.data_source, review.card.recording_id)
            write_hypnogram(path, _hypnogram(review), to=to, origin=origin)
        return path.read_bytes()


def tabulate(review: Review) -> pd.DataFrame:
    """Return a row per epoch: `epoch, onset_s, label, model_label, confidence, …, who, at`."""
    entries = review.corrections()
    undone = stand(entries).undone
    kept = [one for one in entries if one.undoes is None and one.number not in undone]
    last = {one.epoch: one for one in kept}
    table = review.epochs.rename(columns={"label": "model_label"})
    table.insert(2, "label", review.labels())
    signed = [last.get(int(epoch)) for epoch in table["epoch"]]
    return table.assign(
        reviewed=[one is not None for one in signed],
        who=["" if one is None else one.who for one in signed],
        at=["" if one is None else one.at for one in signed],
        data_source=review.card.data_source,
    )


def _labelled(review: Review) -> pd.DataFrame:
    return review.epochs[["onset_s"]].assign(label=review.labels())


def _hypnogram(review: Review) -> Hypnogram:
    """Return the labels as stretches; an epoch ends where the next begins, if they overlap."""
    rows = _labelled(review)
    onsets_s, length_s = rows["onset_s"].to_numpy(dtype=float), review.card.epoch_length_s
    ends_s = onsets_s + length_s
    ends_s[:-1] = np.minimum(ends_s[:-1], onsets_s[1:])
    stages = rows.assign(duration_s=ends_s - onsets_s)[ANNOTATION_COLUMNS]
    kept = stages[stages["label"] != ""].reset_index(drop=True)
    start_s, end_s = (float(onsets_s[0]), float(ends_s[-1])) if len(rows) else (0.0, 0.0)
    return Hypnogram(kept, start_s=start_s, end_s=end_s)


def _summary(review: Review) -> dict[str, object]:
    card, n_changed = review.card, len(stand(review.corrections()).reviewed)
    return {
        "epoch_length_s": card.epoch_length_s,
        "epochal_version": __version__,
        "model": f"{card.model}, {n_changed} epochs reviewed by a person",
        "data_source": card.data_source,
        "notice": card.notice,
    }
