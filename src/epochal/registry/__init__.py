"""Bundles in MLflow's model registry: versions, stages, promotion, and the way to a server."""
