"""What a study classifies, and what its figures must say."""

from __future__ import annotations

from pydantic import Field

from epochal.options.base import Options


class StudyOptions(Options):
    """What a study classifies, and what its figures must say."""

    name: str = Field(description="The study, as its environment is called.")
    classes: tuple[str, ...] = Field(min_length=2, description="The classes, in their usual order.")
    recording_kind: str = Field(
        description="`polysomnogram`, `wrist`, `chest`, `rodent`, `icu_eeg`…"
    )
    subjects_known: bool = Field(True, description="False: intervals are too narrow, and say so.")
    fixed_task_order: bool = Field(
        False,
        description="The protocol's tasks follow one order: time alone would tell the class, so no "
        "feature may carry it, and `schedule_only` stands beside every figure.",
    )
    caveats: tuple[str, ...] = Field((), description="Sentences that stand beside every figure.")
    seed: int = Field(0, ge=0, description="Every random choice of the study follows from it.")
