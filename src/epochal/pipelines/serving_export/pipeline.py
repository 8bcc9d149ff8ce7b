"""Fitted models → `bundle`."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.serving_export.nodes import (
    assemble_bundle,
    describe_training,
    export_models,
)


def create_pipeline() -> Pipeline:
    """Export the models, describe their training, put both into a bundle."""
    return Pipeline(
        [
            Node(
                export_models,
                [
                    "classical_fitted",
                    "deep_fitted",
                    "stack_fitted",
                    "features",
                    "predictions",
                    "params:stacking",
                    "params:serving_export",
                ],
                "exported_models",
                name="export_models",
            ),
            Node(
                describe_training,
                [
                    "features",
                    "epochs",
                    "splits",
                    "recording_summary",
                    "params:stacking",
                    "params:study",
                ],
                "training_description",
                name="describe_training",
            ),
            Node(
                assemble_bundle,
                [
                    "exported_models",
                    "training_description",
                    "leaderboard",
                    "params:serving_export",
                    "params:ingestion",
                    "params:feature_engineering",
                    "params:study",
                ],
                "bundle",
                name="assemble_bundle",
            ),
        ]
    )
