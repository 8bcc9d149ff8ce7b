"""`epochs` → `splits`."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.splitting.nodes import make_splits


def create_pipeline() -> Pipeline:
    """Split whole subjects into roles and folds."""
    return Pipeline(
        [
            Node(
                make_splits,
                ["epochs", "params:splitting", "params:study"],
                "splits",
                name="make_splits",
            )
        ]
    )
