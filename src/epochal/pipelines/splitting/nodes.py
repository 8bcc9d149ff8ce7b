"""Nodes of splitting."""

import pandas as pd

from epochal.leakage import refuse_shared_subjects
from epochal.options import SplitOptions, StudyOptions
from epochal.splits import split_subjects


def make_splits(epochs: pd.DataFrame, splitting: SplitOptions, study: StudyOptions) -> pd.DataFrame:
    """Give every epoch of a scored subject a role and a fold, and check that no subject has two."""
    splits = split_subjects(epochs, splitting, seed=study.seed)
    refuse_shared_subjects(splits)
    return splits
