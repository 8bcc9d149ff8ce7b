"""`features`, `epochs`, `splits` → fitted networks and their predictions."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.deep_models.nodes import fit_deep, predict_deep

TABLES = ["features", "epochs", "splits"]
OPTIONS = ["params:deep_models", "params:study"]


def create_pipeline() -> Pipeline:
    """Fit each network as a piece, then gather the predictions."""
    return Pipeline(
        [
            Node(fit_deep, [*TABLES, "network_inputs", *OPTIONS], "deep_fitted", name="fit_deep"),
            Node(
                predict_deep,
                ["deep_fitted", *TABLES, *OPTIONS],
                "deep_predictions",
                name="predict_deep",
            ),
        ]
    )
