"""`features`, `epochs`, `splits` → fitted classical models and their predictions."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.classical_models.nodes import fit_classical, predict_classical

TABLES = ["features", "epochs", "splits", "params:classical_models", "params:study"]


def create_pipeline() -> Pipeline:
    """Fit each model as a piece, then gather the predictions."""
    return Pipeline(
        [
            Node(fit_classical, TABLES, "classical_fitted", name="fit_classical"),
            Node(
                predict_classical,
                ["classical_fitted", *TABLES],
                "classical_predictions",
                name="predict_classical",
            ),
        ]
    )
