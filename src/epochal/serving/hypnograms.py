"""A scored recording's labels as EDF+ annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import edfio
import pandas as pd

_AASM_TEXT = {"W": "W", "N1": "1", "N2": "2", "N3": "3", "REM": "R"}


def write_edf_annotations(path: Path, epochs: pd.DataFrame, summary: dict[str, Any]) -> None:
    """Write one annotation per epoch, `Sleep stage N2` or the label itself; no signal, no name.

    The first annotation says where the labels come from, and whether the data are real.
    """
    length_s = float(summary["epoch_length_s"])
    provenance = (
        f"Epochal {summary['epochal_version']}, {summary['model']}, "
        f"data: {summary['data_source']}. {summary['notice']}"
    )
    annotations = [edfio.EdfAnnotation(0.0, None, provenance)]
    for row in epochs[epochs["label"] != ""].itertuples():
        annotations.append(edfio.EdfAnnotation(float(row.onset_s), length_s, _text(row.label)))
    edfio.Edf([], annotations=annotations).write(path)


def _text(label: str) -> str:
    return f"Sleep stage {_AASM_TEXT[label]}" if label in _AASM_TEXT else label
