"""Who is in which role."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from epochal.options.base import Options

Scheme = Literal[
    "group_folds", "stratified_group_folds", "quota_stratified", "nested", "hold_out",
    "leave_one_subject_out", "leave_one_group_out",
    "temporal", "rolling_window", "contiguous_blocks", "shuffled",
]  # fmt: skip
# What else a scheme cannot do without.
_NEEDED: dict[str, str] = {
    "leave_one_group_out": "group", "hold_out": "held_out", "rolling_window": "window_folds",
}  # fmt: skip


class SplitOptions(Options):
    """Who is in which role: whole subjects, but for the schemes that say otherwise."""

    scheme: Scheme = Field(
        description="Whole subjects: `group_folds`, `stratified_group_folds` (equal class shares), "
        "`quota_stratified` (by age group and sex), `nested`, `hold_out`, `leave_one_subject_out`, "
        "`leave_one_group_out`. Within subjects, for another question: `temporal`, "
        "`rolling_window`. For data without subjects: `contiguous_blocks`, `shuffled`."
    )
    n_folds: int = Field(5, ge=2, description="Cross-fitting folds; blocks of time or rows.")
    n_inner_folds: int = Field(3, ge=2, description="`nested`: folds for tuning within a fold.")
    test_share: float = Field(0.2, ge=0, lt=1, description="Share of subjects held out as test.")
    val_share: float = Field(0.1, ge=0, lt=1, description="Share of subjects held out as val.")
    min_test_subjects: int = Field(1, ge=1, description="As many in test, however small the share.")
    group: str | None = Field(
        None,
        description="`hold_out`, `leave_one_group_out`: a column of the epochs or of the "
        "recordings' summary (site, day, lab); null holds out subjects by name.",
    )
    held_out: tuple[str, ...] = Field((), description="`hold_out`: the values that are test.")
    known_subjects: bool = Field(
        False,
        description="`hold_out`: test recordings may be of subjects that also train. The figures "
        "are then of new days of known subjects.",
    )
    age_edges_years: tuple[float, ...] = Field(
        (40.0, 60.0, 80.0), description="`quota_stratified`: where an age group ends."
    )
    gap_s: float = Field(
        0.0,
        ge=0,
        description="`temporal`, `rolling_window`, `contiguous_blocks`: seconds left out before "
        "each cut, so that neighbours are not on both sides.",
    )
    window_folds: int | None = Field(
        None, ge=1, description="`rolling_window`: so many blocks of time before it train a fold."
    )
    balance: bool = Field(
        False, description="Fit on as many epochs of every class as the rarest has."
    )
    consolidate_by: str | None = Field(
        None, description="Write a table per value of this column (subset: cassette, telemetry)."
    )

    @field_validator("scheme", mode="before")
    @classmethod
    def _rename(cls, scheme: Any) -> Any:
        """Take the name by which `group_folds` was known first."""
        return "group_folds" if scheme == "subject_folds" else scheme

    @field_validator("held_out", mode="before")
    @classmethod
    def _as_text(cls, values: Any) -> Any:
        """Take numbers for the text that they are in the tables: YAML reads `12` as a number."""
        return tuple(map(str, values)) if isinstance(values, (list, tuple)) else values

    @model_validator(mode="after")
    def _check(self) -> SplitOptions:
        needed = _NEEDED.get(self.scheme)
        if needed and not getattr(self, needed):
            raise ValueError(f"scheme '{self.scheme}' needs `{needed}`")
        if self.scheme in ("temporal", "rolling_window") and self.n_folds < 3:
            raise ValueError(f"scheme '{self.scheme}' needs `n_folds` of 3 or more")
        if list(self.age_edges_years) != sorted(set(self.age_edges_years)):
            raise ValueError(f"age_edges_years {self.age_edges_years} do not rise")
        return self
