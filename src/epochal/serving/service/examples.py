"""Examples for the OpenAPI schema that the service's own bundles really answer."""

from __future__ import annotations

from typing import Any

import pandas as pd

from epochal.serving.bundle import Manifest, Scorer
from epochal.serving.service.shelf import Shelf

_PLACES = range(5, 95, 3)  # of the percentiles: epochs from all over the training range
Examples = dict[str, tuple[str, Any]]


def predict_examples(shelf: Shelf) -> Examples:
    """Return bodies for `/predict`."""
    row = example_row(shelf)
    if row is None:
        return {}
    return {
        "row": ("One row of features", {"features": row}),
        "matrix": (
            "The same as a matrix",
            {"features": {"columns": list(row), "rows": [list(row.values())]}},
        ),
    }


def batch_examples(shelf: Shelf) -> Examples:
    """Return bodies for `/predict_batch`."""
    row = example_row(shelf)
    if row is None:
        return {}
    return {
        "run": (
            "Three epochs that follow one another",
            {"features": {"columns": list(row), "rows": [list(row.values())] * 3}},
        ),
        "samples": (
            "Two epochs that know nothing of one another",
            {"samples": [{"features": row}, {"features": row, "data_source": "simulated"}]},
        ),
    }


def drift_examples(shelf: Shelf) -> Examples:
    """Return bodies for `/drift`."""
    reference = shelf.get().scorer.drift_reference if shelf.names else None
    if reference is None:
        return {}
    known = {name: one.percentiles for name, one in reference.features.items()}
    rows = [[float(f"{one[place]:.4g}") for one in known.values()] for place in _PLACES]
    return {"run": ("Thirty epochs", {"features": {"columns": list(known), "rows": rows}})}


def infer_examples(shelf: Shelf) -> Examples:
    """Return bodies for `/v2/models/{name}/infer`."""
    row = example_row(shelf)
    if row is None:
        return {}
    tensor = {
        "name": "features",
        "shape": [1, len(row)],
        "datatype": "FP32",
        "data": list(row.values()),
    }
    return {"row": ("One epoch", {"id": "1", "inputs": [tensor]})}


def example_row(shelf: Shelf) -> dict[str, float] | None:
    """Return a row for the default bundle's headline; None where it sees the samples themselves.

    The middle of the training range, or 0 where that is not known.
    """
    if not shelf.names:
        return None
    scorer = shelf.get().scorer
    if scorer.sees_windows():
        return None
    return {name: _middle(scorer.manifest, name) for name in columns_of_model(scorer)}


def columns_of_model(scorer: Scorer, model: str | None = None) -> list[str]:
    """Return the columns that a model needs, in its order; of a stack, its base models' in turn."""
    return scorer.lacking_columns(pd.DataFrame(), model)


def _middle(manifest: Manifest, name: str) -> float:
    low, high = manifest.reference.get(name, (0.0, 0.0))
    return float(f"{(low + high) / 2:.4g}")
