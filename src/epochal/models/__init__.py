"""Classifiers behind scikit-learn's interface, their cross-fitting, stacking and smoothing."""
