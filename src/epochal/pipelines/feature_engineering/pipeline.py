"""`recordings`, `epochs` → `features`."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.feature_engineering.nodes import compute_features, gather_features


def create_pipeline() -> Pipeline:
    """Compute features recording by recording, then gather them."""
    return Pipeline(
        [
            Node(
                compute_features,
                ["recordings", "epochs", "params:feature_engineering"],
                "feature_parts",
                name="compute_features",
            ),
            Node(
                gather_features,
                ["feature_parts", "epochs", "params:study"],
                "features",
                name="gather_features",
            ),
        ]
    )
