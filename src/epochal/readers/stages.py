"""What a hypnogram's labels mean: a configurable map from their spellings to classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from epochal.errors import RecordingError
from epochal.readers.edf_fields import quote

StageMap = dict[str, str | None]


def _spell_out(stages: Any) -> Any:
    """Take numbers in a map for text; YAML's truth values and nulls are no labels."""
    if not isinstance(stages, Mapping):
        return stages
    for label, stage in stages.items():
        if label is None or isinstance(label, bool) or isinstance(stage, bool):
            raise ValueError(
                f"{label}: {stage} is not a label and its class; YAML reads yes, no, on, off, "
                "true, false, null and an empty label as something else unless they are quoted"
            )
    return {_as_text(label): _as_text(stage) for label, stage in stages.items()}


def _as_text(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, int | float) else value


# a map as it stands in conf, where a label or a class may be a number
GivenStages = Annotated[StageMap, BeforeValidator(_spell_out)]
UnknownLabels = Annotated[
    Literal["refuse", "unscored"],
    Field(description="A label that the map does not hold: refuse it by name, or leave out"),
]

# Rechtschaffen and Kales' stages under the AASM's names: 3 and 4 are N3, movement is unscored.
# Numbers as in the EDF FAQ and Profusion: 5 is REM, 6 movement, 9 unscored.
SLEEP_STAGES: StageMap = {
    **dict.fromkeys(("W", "Wake", "Wakefulness", "Awake", "0"), "W"),
    **dict.fromkeys(("N1", "1", "S1", "NREM1", "NREM 1"), "N1"),
    **dict.fromkeys(("N2", "2", "S2", "NREM2", "NREM 2"), "N2"),
    **dict.fromkeys(("N3", "3", "S3", "NREM3", "NREM 3", "N4", "4", "S4", "NREM4", "NREM 4"), "N3"),
    **dict.fromkeys(("REM", "R", "5"), "REM"),
    **dict.fromkeys(
        (
            "?", "M", "MT", "Movement", "Movement time", "6", "9", "-1", "U", "Unscored", "Unknown",
            "Undefined", "Not scored", "A", "Art", "Artifact", "Artefact", "n/a", "nan", "None", "",
        )
    ),
}  # fmt: skip


def look_up_stage(label: str, stages: Mapping[str, str | None], where: str | Path) -> str | None:
    """Return a label's class, None for unscored; an unknown label raises `RecordingError`."""
    known, stage = find_stage(label, stages)
    if not known:
        allowed = ", ".join(name for name in stages if name)
        raise RecordingError(
            where, f"unknown stage {quote(label)}; add it to the stage map, which has: {allowed}"
        )
    return stage


def find_stage(label: str, stages: Mapping[str, str | None]) -> tuple[bool, str | None]:
    """Say whether a label is in the map, and its class: as written, then without case or frills."""
    if label in stages:
        return True, stages[label]
    plain = {_plain(name): stage for name, stage in stages.items()}
    return _plain(label) in plain, plain.get(_plain(label))


def looks_like_stage(label: str) -> bool:
    """Say whether an annotation is meant as a stage: `Sleep stage 7` is, `Door opened` is not."""
    return re.match(r"\s*sleep\s+stage\b", label, re.IGNORECASE) is not None


def check_number_four(
    labels: Sequence[str], stages: Mapping[str, str | None], where: str | Path
) -> None:
    """Refuse bare numbers that hold a 4 and no 5 under the standard map.

    There 4 is stage 4 of Rechtschaffen and Kales, with REM at 5; others count W, N1, N2, N3, REM
    from 0, and nothing in such a file tells the two apart.
    """
    numbers = {_plain(label) for label in labels if not re.search("[A-Za-z]", label)}
    if "4" in numbers and "5" not in numbers and dict(stages) == SLEEP_STAGES:
        raise RecordingError(
            where,
            "stage '4' without any '5' may be stage 4 or REM; give a stage map that says which",
        )


@lru_cache(maxsize=1024)
def _plain(label: str) -> str:
    """Reduce `Sleep stage N2`, `Stage 2 sleep` and `2.0` to what tells stages apart."""
    text = " ".join(label.lower().split())
    text = re.sub(r"^(sleep )?stage\b ?|\b ?sleep$", "", text) or text
    return re.sub(r"^(-?\d+)\.0+$", r"\1", text)
