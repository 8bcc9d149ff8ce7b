"""Base models' predictions → the meta-learner and its predictions."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.stacking.nodes import fit_stack, predict_stack

TABLES = [
    "classical_predictions",
    "deep_predictions",
    "epochs",
    "splits",
    "params:stacking",
    "params:study",
]


def create_pipeline() -> Pipeline:
    """Fit the stack, then predict and smooth."""
    return Pipeline(
        [
            Node(fit_stack, TABLES, "stack_fitted", name="fit_stack"),
            Node(
                predict_stack, ["stack_fitted", *TABLES], "stack_predictions", name="predict_stack"
            ),
        ]
    )
