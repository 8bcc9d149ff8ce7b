"""The features of an epoch: `{name: column}` of pure functions over arrays of windows."""

from epochal.features.extraction import FEATURE_SETS, extract_features

__all__ = ["FEATURE_SETS", "extract_features"]
