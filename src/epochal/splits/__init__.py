"""Roles and folds of epochs: who trains, who is held out, and what a model may be fitted on."""

from epochal.splits.schemes import split_subjects
from epochal.splits.table import (
    HELD_OUT,
    SPLIT_COLUMNS,
    folds_to_predict,
    inner_parts,
    kept_rows,
    rows_to_fit,
    unit_of,
)

__all__ = [
    "HELD_OUT",
    "SPLIT_COLUMNS",
    "folds_to_predict",
    "inner_parts",
    "kept_rows",
    "rows_to_fit",
    "split_subjects",
    "unit_of",
]
