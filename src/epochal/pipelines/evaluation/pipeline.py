"""Predictions and epochs → leaderboard and figures."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.evaluation.nodes import draw_figures, gather_families, make_leaderboard


def create_pipeline() -> Pipeline:
    """Gather all predictions, score them, draw them."""
    return Pipeline(
        [
            Node(
                gather_families,
                ["classical_predictions", "deep_predictions", "stack_predictions"],
                "predictions",
                name="gather_families",
            ),
            Node(
                make_leaderboard,
                ["predictions", "epochs", "params:evaluation", "params:study"],
                ["leaderboard", "results_by_task"],
                name="make_leaderboard",
            ),
            Node(
                draw_figures,
                ["predictions", "epochs", "leaderboard", "params:study"],
                ["confusion_figure", "timeline_figure"],
                name="draw_figures",
            ),
        ]
    )
