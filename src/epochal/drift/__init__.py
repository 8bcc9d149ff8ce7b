"""Drift: whether incoming recordings are like those that a bundle's models have learnt from.

Domain code of numpy, scipy and pandas alone: serving uses it, and so does the export of a bundle.
"""
