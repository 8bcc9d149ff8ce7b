"""Networks over windows as ONNX: inputs as prepared in, probabilities out."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import torch

from epochal.errors import EpochalError
from epochal.models.fitted_model import FittedModel
from epochal.models.networks.scaled import Probabilities
from epochal.models.onnx_terms import OPSET, PARITY
from epochal.models.window_network import WindowNetwork
from epochal.serving.entries import SequenceEntry
from epochal.serving.sessions import open_session

_N_COMPARED = 8  # sequences


def describe_sequence(model: FittedModel) -> SequenceEntry:
    """Return how a network over windows is to be given a recording."""
    estimator = model.estimator
    return SequenceEntry(
        inputs=list(estimator.input_names), length=estimator.length, causal=estimator.causal
    )


def export_network(model: FittedModel) -> bytes:
    """Return a network over windows as ONNX, float32 inputs `(B, L, …)` by name.

    A probability that differs from the original's by more than 1e-4, on windows that it was trained
    on or random ones in their place, raises `EpochalError`.
    """
    module = Probabilities(model.estimator.scaled_).cpu().eval()
    batch = _example(model)
    content = write_network(module, batch)
    exported = open_session(content).run(None, {n: v.numpy() for n, v in batch.items()})[0]
    with torch.inference_mode():
        expected = module(*batch.values()).numpy()
    difference = float(np.abs(exported - expected).max())
    if not difference <= PARITY:
        raise EpochalError(
            f"Model '{model.name}': its ONNX form differs by {difference:.2g} in probability; "
            f"{PARITY:g} is allowed"
        )
    return content


def write_network(module: Probabilities, batch: dict[str, torch.Tensor]) -> bytes:
    """Write a network as ONNX by an example of its inputs; the number of sequences stays free."""
    buffer: Any = io.BytesIO()
    axes = {name: {0: "n_sequences"} for name in (*batch, "probabilities")}
    two = tuple(values[:2] for values in batch.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's age; the newer one takes half a minute
        torch.onnx.export(
            module, two, buffer, dynamo=False, input_names=list(batch),
            output_names=["probabilities"], dynamic_axes=axes, opset_version=OPSET,
        )  # fmt: skip
    return buffer.getvalue()


def _example(model: FittedModel) -> dict[str, torch.Tensor]:
    """Return sequences in the network's inputs: windows of the store, side features unknown."""
    estimator: WindowNetwork = model.estimator
    assert model.store is not None  # the caller asked
    inputs = next(iter(model.store.values()))
    shape = (_N_COMPARED, estimator.length)
    places = np.resize(np.arange(len(inputs)), shape)
    arrays = {
        name: np.asarray(inputs.arrays[name], dtype=np.float32)[places]
        for name in estimator.input_names
        if name != "features"
    }
    if "features" in estimator.input_names:
        arrays["features"] = np.full((*shape, len(model.columns)), np.nan, dtype=np.float32)
    return {name: torch.as_tensor(arrays[name]) for name in estimator.input_names}
