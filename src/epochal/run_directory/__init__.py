"""Run directories: train on tables and HDF5 files of rows, predict, evaluate, analyze, optimize."""
