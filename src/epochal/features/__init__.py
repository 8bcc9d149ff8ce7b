"""The features of an epoch: `{name: column}` of pure functions over arrays of windows."""

from epochal.features.extraction import extract_features
from epochal.features.network_inputs import prepare_inputs
from epochal.features.roster import FEATURE_SETS

__all__ = ["FEATURE_SETS", "extract_features", "prepare_inputs"]
