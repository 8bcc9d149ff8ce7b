"""Fitted models → `bundle`.

The refits themselves are made by the pipelines of the families, `stacking` included. This one
writes each one's file (ONNX), of networks a second one of 8 bits where conf wants it, and, beside
them, `feature_order.json`, `class_mapping.json`, `scaler.json`, `config.json`, `metrics.json`,
`answers.json` (prediction sets, abstention), `drift.json`, the manifest with the hashes of all, and
the model card. A run of it puts a new bundle in the place of the one that was there: nothing is to
be forced.
"""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.serving_export.nodes import (
    assemble_bundle,
    describe_training,
    describe_trust,
    export_models,
    quantise_models,
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
                quantise_models,
                [
                    "exported_models",
                    "deep_fitted",
                    "features",
                    "epochs",
                    "splits",
                    "params:serving_export",
                ],
                "quantised_models",
                name="quantise_models",
            ),
            Node(
                describe_training,
                [
                    "features",
                    "epochs",
                    "splits",
                    "recording_summary",
                    "predictions",
                    "params:stacking",
                    "params:study",
                ],
                "training_description",
                name="describe_training",
            ),
            Node(
                describe_trust,
                [
                    "recordings",
                    "features",
                    "epochs",
                    "splits",
                    "predictions",
                    "leaderboard",
                    "params:serving_export",
                    "params:feature_engineering",
                    "params:evaluation",
                    "params:study",
                ],
                "trust_description",
                name="describe_trust",
            ),
            Node(
                assemble_bundle,
                [
                    "exported_models",
                    "quantised_models",
                    "classical_fitted",
                    "deep_fitted",
                    "stack_fitted",
                    "training_description",
                    "trust_description",
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
