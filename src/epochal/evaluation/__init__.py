"""Evaluation of predictions; nothing here fits a classifier."""
