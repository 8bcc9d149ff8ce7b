"""`recordings`, `epochs` → `features`, and what networks see of the samples."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.feature_engineering.nodes import (
    compute_features,
    compute_inputs,
    gather_features,
)


def create_pipeline() -> Pipeline:
    """Compute features and inputs recording by recording, then gather the features."""
    return Pipeline(
        [
            Node(
                compute_features,
                ["recordings", "epochs", "params:feature_engineering"],
                "feature_parts",
                name="compute_features",
            ),
            Node(
                compute_inputs,
                ["recordings", "epochs", "params:feature_engineering"],
                "network_inputs",
                name="compute_inputs",
            ),
            Node(
                gather_features,
                ["feature_parts", "epochs", "params:study"],
                "features",
                name="gather_features",
            ),
        ]
    )
