"""Scoring with an exported bundle: no pickle, no training library."""
