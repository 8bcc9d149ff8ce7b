"""Exported networks with weights of 8 bits, kept only where they say the same."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from epochal.models.fitted_model import FittedModel
from epochal.models.sequences import predict_sequences
from epochal.models.training.epoch_rows import ABSENT
from epochal.options.results import ExportOptions
from epochal.serving.entries import ModelEntry, QuantisedEntry
from epochal.serving.sessions import open_session

logger = logging.getLogger(__name__)
Exported = Mapping[str, tuple[ModelEntry, bytes]]
# What ONNX Runtime multiplies in 8 bits. Convolutions it could, too, but on processors they then
# take several times as long; they keep their weights.
_OPERATORS = ("MatMul", "Gemm", "LSTM", "Attention")
_N_COMPARED = 4000  # epochs
_N_TIMED = 30


def quantise_models(
    exported: Exported,
    fitted: Mapping[str, FittedModel],
    table: pd.DataFrame,
    options: ExportOptions,
) -> dict[str, tuple[QuantisedEntry, bytes]]:
    """Return the networks' files of 8 bits that agree with the float ones, and how well.

    They are compared on epochs of subjects held out: those of the role `test` in `table` (what
    `join_table` returns), else `val`, else `train`. A model without a weight that can be quantised,
    and one whose labels agree on too few epochs, is left out, and the log says why.
    """
    if not options.int8:
        return {}
    role = next(name for name in ("test", "val", "train") if (table["role"] == name).any())
    rows = _take_recordings(table[table["role"] == role])
    found = {}
    for name, (entry, content) in exported.items():
        small = quantise(content) if entry.family == "deep" else None
        if small is None:
            continue
        judged = compare(entry, content, small, fitted[name], rows, compared_on=role)
        if judged.agreement >= options.int8_agreement:
            found[name] = (judged, small)
        else:
            logger.warning(
                "'%s' is not written in 8 bits: %.2f %% of its labels agree, %.2f %% are wanted",
                name, 100 * judged.agreement, 100 * options.int8_agreement,
            )  # fmt: skip
    return found


def quantise(content: bytes) -> bytes | None:
    """Return a model with weights of 8 bits, quantised dynamically; None where it has none such.

    Weights symmetric and by output channel; activations by the range of each call. See
    https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load_from_string(content)
    if not {node.op_type for node in model.graph.node} & set(_OPERATORS):
        return None
    root, level = logging.getLogger(), logging.getLogger().level
    with TemporaryDirectory() as folder:
        given, made = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(_forget_shapes(model), given)
        root.setLevel(logging.ERROR)  # it advises on standard pre-processing
        try:
            quantize_dynamic(
                given, made, op_types_to_quantize=list(_OPERATORS), per_channel=True,
                weight_type=QuantType.QInt8,
            )  # fmt: skip
        finally:
            root.setLevel(level)
        small = made.read_bytes()
    return small if len(small) < len(content) else None


def compare(
    entry: ModelEntry,
    content: bytes,
    small: bytes,
    model: FittedModel,
    rows: pd.DataFrame,
    *,
    compared_on: str,
) -> QuantisedEntry:
    """Say how a model's two files differ on some rows: labels, probabilities, size, time."""
    one, other = (_answer(entry, open_session(file), rows, model) for file in (content, small))
    known = model.knows(rows) & np.isfinite(one).all(axis=1)
    same = one[known].argmax(axis=1) == other[known].argmax(axis=1)
    differences = np.abs(one[known] - other[known])
    return QuantisedEntry(
        file=entry.file.removesuffix(".onnx") + ".int8.onnx",
        agreement=round(float(same.mean()), 6) if len(same) else 0.0,
        largest_difference=round(float(differences.max(initial=0.0)), 6),
        n_epochs=int(known.sum()),
        compared_on=compared_on,
        size_ratio=round(len(small) / len(content), 4),
        latency_ratio=round(_time(entry, small, model) / _time(entry, content, model), 3),
    )


def _take_recordings(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of so many whole recordings as have about the epochs wanted."""
    counts = rows.groupby("recording_id", sort=False).size().cumsum()
    kept = counts.index[: int((counts < _N_COMPARED).sum()) + 1]
    return rows[rows["recording_id"].isin(kept)]


def _forget_shapes(model: Any) -> Any:
    """Drop the shapes noted within the graph: those of an exporter may contradict inferred ones."""
    del model.graph.value_info[:]
    return model


def _answer(entry: ModelEntry, session: Any, rows: pd.DataFrame, model: FittedModel) -> np.ndarray:
    """Return probabilities of rows as a `Scorer` gets them, `(n_rows, n_classes)`, uncalibrated."""
    if entry.sequence is None:
        name = session.get_inputs()[0].name
        return session.run(None, {name: rows[entry.columns].to_numpy(np.float32)})[-1]
    given, sequence = model.take(rows), entry.sequence

    def run(batch: dict[str, np.ndarray]) -> np.ndarray:
        return session.run(None, {name: batch[name] for name in sequence.inputs})[0]

    proba = np.full((len(rows), len(entry.classes)), np.nan)
    for recording_id, places in given.row_of.items():
        there = places != ABSENT
        beside = np.full((len(places), len(entry.columns)), np.nan, dtype=np.float32)
        beside[there] = given.features[places[there]]
        found = predict_sequences(
            given.store[recording_id], beside, run, length=sequence.length, causal=sequence.causal
        )
        proba[places[there]] = found[there]
    return proba


def _time(entry: ModelEntry, content: bytes, model: FittedModel) -> float:
    """Return the median seconds of one call: for one epoch, or one sequence of them."""
    session = open_session(content)
    given = {one.name: _example(one, entry, model) for one in session.get_inputs()}
    return _median_time(lambda: session.run(None, given))


def _example(given: Any, entry: ModelEntry, model: FittedModel) -> np.ndarray:
    if entry.sequence is None:
        return np.zeros((1, len(entry.columns)), dtype=np.float32)
    shape = (1, entry.sequence.length)
    if given.name == "features":
        return np.zeros((*shape, len(entry.columns)), dtype=np.float32)
    assert model.store is not None
    array = next(iter(model.store.values())).arrays[given.name]
    return np.zeros((*shape, *array.shape[1:]), dtype=np.float32)


def _median_time(call: Callable[[], Any]) -> float:
    taken = []
    for _ in range(_N_TIMED):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))
