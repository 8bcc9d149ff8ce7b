"""Predictions and epochs → leaderboard, trust in the probabilities, and figures."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.evaluation.nodes import (
    compare_models,
    draw_figures,
    examine_calibration,
    gather_families,
    judge_unseen_subjects,
    make_leaderboard,
)


def create_pipeline() -> Pipeline:
    """Gather all predictions, score and compare them, examine their probabilities, draw them."""
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
                compare_models,
                ["predictions", "epochs", "leaderboard", "params:evaluation", "params:study"],
                "comparisons",
                name="compare_models",
            ),
            Node(
                examine_calibration,
                ["predictions", "epochs", "leaderboard", "params:evaluation", "params:study"],
                ["calibration", "reliability", "reliability_figure"],
                name="examine_calibration",
            ),
            Node(
                judge_unseen_subjects,
                ["predictions", "epochs", "params:evaluation", "params:study"],
                ["conformal", "abstention", "risk_coverage", "risk_coverage_figure"],
                name="judge_unseen_subjects",
            ),
            Node(
                draw_figures,
                ["predictions", "epochs", "leaderboard", "params:study"],
                ["confusion_figure", "timeline_figure"],
                name="draw_figures",
            ),
        ]
    )
