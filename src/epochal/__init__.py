"""Epochal turns biosignal recordings into calibrated, served classifiers of fixed-length epochs."""

import os

# Before numpy, LightGBM or torch start their threads: spinning OpenMP workers make a tiny fit
# hundreds of times slower on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Kedro's telemetry, and MLflow's, would try the network at every run.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# MLflow announces its database's set-up at every first run.
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

__version__ = "0.1.0"
