"""`epochs` → `splits`, and with `features` the tables of each role and cohort."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.splitting.nodes import consolidate_cohorts, make_split_tables, make_splits


def create_pipeline() -> Pipeline:
    """Split epochs into roles and folds, and write the tables that follow from that."""
    return Pipeline(
        [
            Node(
                make_splits,
                ["epochs", "recording_summary", "params:splitting", "params:study"],
                ["splits", "split_report", "bout_adjacency"],
                name="make_splits",
            ),
            Node(
                make_split_tables,
                ["features", "epochs", "splits"],
                ["train_table", "val_table", "test_table"],
                name="make_split_tables",
            ),
            Node(
                consolidate_cohorts,
                ["features", "epochs", "splits", "recording_summary", "params:splitting"],
                "cohort_tables",
                name="consolidate_cohorts",
            ),
        ]
    )
