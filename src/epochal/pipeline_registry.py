"""The graph: eight pipelines, the same for every study."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

PIPELINES = (
    "ingestion",
    "feature_engineering",
    "splitting",
    "classical_models",
    "deep_models",
    "stacking",
    "evaluation",
    "serving_export",
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return the eight pipelines by name, and all of them as `__default__`."""
    pipelines = find_pipelines(raise_errors=True)
    pipelines["__default__"] = sum(pipelines.values(), Pipeline([]))
    return pipelines
