"""Predictions and epochs → leaderboard, trust in the probabilities, figures, and a report."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.evaluation.browsing_nodes import tabulate_for_browsing
from epochal.pipelines.evaluation.explanation_nodes import explain_best_model
from epochal.pipelines.evaluation.nodes import (
    compare_models,
    draw_figures,
    examine_calibration,
    gather_families,
    judge_unseen_subjects,
    make_leaderboard,
)
from epochal.pipelines.evaluation.report_nodes import score_recordings, write_report
from epochal.pipelines.evaluation.structure_nodes import (
    compare_sleep,
    examine_classes,
    examine_recordings,
    judge_by_people,
)


def create_pipeline() -> Pipeline:
    """Gather, score and compare all predictions, examine their probabilities, draw and report."""
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
            Node(
                score_recordings,
                ["predictions", "epochs", "params:study"],
                "results_by_recording",
                name="score_recordings",
            ),
            Node(
                examine_classes,
                ["predictions", "epochs", "params:study"],
                "results_by_class",
                name="examine_classes",
            ),
            Node(
                examine_recordings,
                [
                    "predictions",
                    "epochs",
                    "results_by_recording",
                    "params:stacking",
                    "params:study",
                ],
                ["structure_by_recording", "recording_distribution"],
                name="examine_recordings",
            ),
            Node(
                compare_sleep,
                ["predictions", "epochs", "leaderboard", "params:study"],
                ["sleep_agreement", "sleep_agreement_figure"],
                name="compare_sleep",
            ),
            Node(
                judge_by_people,
                ["predictions", "epochs", "params:evaluation", "params:study"],
                ["vote_bands", "scorer_agreement"],
                name="judge_by_people",
            ),
            Node(
                tabulate_for_browsing,
                ["predictions", "epochs", "leaderboard", "params:study"],
                ["study_card", "confusions", "roc", "headline_epochs", "playback"],
                name="tabulate_for_browsing",
            ),
            Node(
                write_report,
                {
                    "study": "params:study",
                    "splitting": "params:splitting",
                    "evaluation": "params:evaluation",
                    "epochs": "epochs",
                    "splits": "splits",
                    "predictions": "predictions",
                    "leaderboard": "leaderboard",
                    "by_recording": "results_by_recording",
                    "by_task": "results_by_task",
                    "comparisons": "comparisons",
                    "calibration": "calibration",
                    "reliability": "reliability",
                    "conformal": "conformal",
                    "abstention": "abstention",
                    "summary": "recording_summary",
                    "sleep_agreement": "sleep_agreement",
                    "vote_bands": "vote_bands",
                    "scorer_agreement": "scorer_agreement",
                    "recordings": "recordings",
                },
                "report",
                name="write_report",
            ),
            Node(
                explain_best_model,
                [
                    "classical_fitted",
                    "deep_fitted",
                    "features",
                    "epochs",
                    "splits",
                    "leaderboard",
                    "params:evaluation",
                    "params:feature_engineering",
                    "params:study",
                ],
                ["explanation", "explanation_deletion", "explanation_figure"],
                name="explain_best_model",
            ),
        ]
    )
