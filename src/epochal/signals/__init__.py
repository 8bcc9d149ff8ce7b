"""Filtering, cutting into epochs, and signal quality."""
