"""Stage maps beyond the human one: the codes and names of rodent scoring, and two kinds of map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epochal.readers.hypnogram_files import COLUMNS
from epochal.readers.hypnograms import Hypnogram
from epochal.readers.stages import StageMap, find_stage, look_up_stage
from epochal.recording import ANNOTATION_COLUMNS

RODENT_NAMES: StageMap = {
    **dict.fromkeys(("W", "Wake", "Awake", "Wakefulness", "Waking", "WK", "AW", "QW"), "W"),
    **dict.fromkeys(
        ("NREM", "Non-REM", "NonREM", "NR", "N", "NREMS", "SWS", "SW", "S", "NRS"), "NREM"
    ),
    **dict.fromkeys(("REM", "R", "REMS", "PS", "P", "Paradoxical"), "REM"),
    **dict.fromkeys(("n/a", "nan", "", "Artifact", "Artefact", "Art", "Unscored", "Unknown", "?")),
}
# AccuSleep: Barger et al. 2019, doi:10.1371/journal.pone.0224642.
ACCUSLEEP_CODES: StageMap = {"1": "REM", "2": "W", "3": "NREM"}
# MSSV: OpenNeuro ds006366, task-sleep_events.json.
MSSV_CODES: StageMap = {"1": "W", "2": "NREM", "3": "REM", "4": None}


class Unrefusing(dict[str, str | None]):
    """A stage map that takes any unknown label for unscored and remembers it in `unknown`."""

    def __init__(self, stages: Mapping[str, str | None]) -> None:
        super().__init__(stages)
        self.unknown: dict[str, int] = {}

    def __contains__(self, label: object) -> bool:
        return True

    def __missing__(self, label: str) -> str | None:
        known, stage = find_stage(label, dict(self))
        if not known:
            self.unknown[label] = self.unknown.get(label, 0) + 1
        return stage

    def describe(self) -> list[str]:
        """Return one sentence on the labels that were not known, if there were any."""
        if not self.unknown:
            return []
        counted = ", ".join(f"'{label}' ({n}×)" for label, n in sorted(self.unknown.items()))
        return [f"unknown labels were taken for unscored: {counted}"]


class AsWritten(dict[str, str | None]):
    """A stage map that leaves labels as they are; only a missing one is unscored."""

    def __contains__(self, label: object) -> bool:
        return True

    def __missing__(self, label: str) -> str | None:
        return None if label.strip().lower() in ("", "n/a", "nan") else label


def find_levels(sidecar: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `Levels` of the label column in the sidecar of an events file, or nothing."""
    for name in COLUMNS["label"]:
        column = sidecar.get(name)
        if isinstance(column, dict) and isinstance(column.get("Levels"), dict):
            return dict(column["Levels"])
    return {}


def follow_levels(stages: StageMap, levels: Mapping[str, Any]) -> StageMap:
    """Return the map with the codes of a BIDS sidecar's `Levels` in it, by what they describe.

    A description that the map does not know leaves its code as it was.
    """
    described: StageMap = {}
    for code, description in levels.items():
        text = description.get("Description") if isinstance(description, dict) else description
        known, stage = find_stage(str(text), dict(stages))
        if known:
            described[str(code)] = stage
        elif isinstance(stages, AsWritten):
            described[str(code)] = stages[str(text)]
    return type(stages)({**stages, **described})


def from_codes(
    codes: Sequence[str], *, epoch_s: float, stages: StageMap, where: str | Path
) -> Hypnogram:
    """Return the hypnogram of one code per epoch, from the start of the recording on."""
    classes = [look_up_stage(code, stages, where) for code in codes]
    rows = [
        (index * epoch_s, epoch_s, stage)
        for index, stage in enumerate(classes)
        if stage is not None
    ]
    frame = pd.DataFrame(rows, columns=ANNOTATION_COLUMNS)
    return Hypnogram(
        stages=frame.astype({"onset_s": float, "duration_s": float, "label": str}),
        unscored_s=epoch_s * classes.count(None),
        end_s=epoch_s * len(classes),
    )


def spell_codes(values: np.ndarray) -> list[str]:
    """Return numeric codes as labels: `2` for 2.0, `n/a` for a missing one."""
    return ["n/a" if np.isnan(v) else f"{v:g}" for v in np.asarray(values, dtype=float)]
