"""Raw files → `recordings`, `epochs`, `snapshots`."""

from kedro.pipeline import Node, Pipeline

from epochal.pipelines.ingestion.nodes import (
    draw_snapshots,
    list_sources,
    make_epochs,
    read_recordings,
)


def create_pipeline() -> Pipeline:
    """Find the raw files, read them one by one, cut them into epochs, draw them."""
    return Pipeline(
        [
            Node(list_sources, "params:ingestion", "sources", name="list_sources"),
            Node(
                read_recordings,
                ["sources", "params:ingestion"],
                "recordings",
                name="read_recordings",
            ),
            Node(
                make_epochs,
                ["sources", "recordings", "params:ingestion", "params:study"],
                ["epochs", "recording_summary"],
                name="make_epochs",
            ),
            Node(
                draw_snapshots,
                ["recordings", "epochs", "params:ingestion"],
                "snapshots",
                name="draw_snapshots",
            ),
        ]
    )
