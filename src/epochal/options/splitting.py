"""Who is in which role."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from epochal.options.base import Options


class SplitOptions(Options):
    """Who is in which role; whole subjects only."""

    scheme: Literal["leave_one_subject_out", "subject_folds"] = Field(
        description="Every subject a fold and no held-out test, or a held-out test and k folds."
    )
    n_folds: int = Field(5, ge=2, description="Cross-fitting folds, for `subject_folds`.")
    test_share: float = Field(0.2, gt=0, lt=1, description="Share of subjects held out as test.")
    val_share: float = Field(0.1, ge=0, lt=1, description="Share of subjects held out as val.")
