"""Kedro datasets of ours: recordings as HDF5, work by the piece, files that are whole or absent."""
