"""The nodes that report, called as the pipeline does."""

from dataclasses import fields

import pandas as pd
import pytest

from epochal.pipelines.evaluation.pipeline import create_pipeline
from epochal.pipelines.evaluation.report_nodes import score_recordings, write_report
from made_study import make_results
from page_checks import check_page


@pytest.mark.slow
def test_the_report_is_written_from_what_the_study_found():
    results = make_results()
    given = {field.name: getattr(results, field.name) for field in fields(results)}
    assert "Study report: made" in check_page(write_report(**given)).shown


@pytest.mark.slow
def test_each_recording_is_scored_by_each_model():
    results = make_results()
    table = score_recordings(results.predictions, results.epochs, results.study)
    pd.testing.assert_frame_equal(table, results.by_recording)


def test_the_pipeline_hands_the_report_every_table_and_ends_with_it():
    pipeline = create_pipeline()
    assert "report" in pipeline.outputs()
    (node,) = [node for node in pipeline.nodes if node.name == "write_report"]
    assert {"recordings", "splits", "leaderboard", "sleep_agreement"} <= set(node.inputs)
