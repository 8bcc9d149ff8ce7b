"""Fitted models as ONNX, each checked against its original on real rows."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from epochal.errors import EpochalError
from epochal.models.export_trees import export_hist, export_xgboost, floor_to_single
from epochal.models.fitted_model import FittedModel
from epochal.models.imputing import MedianImputer
from epochal.models.onnx_terms import OPSET, PARITY
from epochal.serving.sessions import open_session

_EXACT = {"HistGradientBoosting": 1e-6}  # computed in double precision, as the original


def export_model(model: FittedModel, rows: pd.DataFrame) -> bytes:
    """Return the model as ONNX: float32 columns in, probabilities in the last output.

    A kind that has no ONNX form, or an export that differs from the original on `rows` by more
    than 1e-4 (1e-6 of HistGradientBoosting), raises `EpochalError`.
    """
    if model.store is not None:
        from epochal.models.export_network import export_network

        return export_network(model)
    content = _convert(model)
    difference = _measure_difference(model, content, rows[model.columns])
    allowed = _EXACT.get(type(_last_step(model)).__name__, PARITY)
    if not difference <= allowed:
        raise EpochalError(
            f"Model '{model.name}': its ONNX form differs by {difference:.2g} in probability; "
            f"{allowed:g} is allowed"
        )
    return content


def _measure_difference(model: FittedModel, content: bytes, columns: pd.DataFrame) -> float:
    """Return the largest difference of a probability between the export and its original."""
    if columns.empty:
        return 0.0
    session = open_session(content)
    values = columns.to_numpy(np.float32)
    exported = session.run(None, {session.get_inputs()[0].name: values})[-1]
    return float(np.abs(exported - model.estimator.predict_proba(columns)).max())


def _convert(model: FittedModel) -> bytes:
    kind = type(_last_step(model)).__name__
    if kind not in _CONVERTERS:
        raise EpochalError(f"Model '{model.name}': no ONNX form for {kind}")
    return _CONVERTERS[kind](model.estimator, len(model.columns))


def _last_step(model: FittedModel) -> Any:
    estimator = model.estimator
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _from_sklearn(estimator: Any, n_columns: int) -> bytes:
    from skl2onnx import to_onnx, update_registered_converter
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs
    from skl2onnx.operator_converters.imputer_op import convert_sklearn_imputer
    from skl2onnx.shape_calculators.imputer import calculate_sklearn_imputer_output_shapes

    update_registered_converter(  # it has its parent's form
        MedianImputer,
        "EpochalMedianImputer",
        calculate_sklearn_imputer_output_shapes,
        convert_sklearn_imputer,
    )
    exported = to_onnx(
        estimator,
        initial_types=[("features", FloatTensorType([None, n_columns]))],
        options={"zipmap": False},
        target_opset=OPSET,
    )
    # Without its other output, the label, whose nodes cannot run on no rows at all.
    return select_model_inputs_outputs(exported, ["probabilities"]).SerializeToString()


def _from_lightgbm(estimator: Any, n_columns: int) -> bytes:
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    exported = convert_lightgbm(
        _round_thresholds_down(estimator.booster_),
        name="lightgbm",  # else a random one, and no two bundles alike
        initial_types=[("features", FloatTensorType([None, n_columns]))],
        zipmap=False,
        target_opset=15,  # the newest that the converter writes
    )
    return exported.SerializeToString()


def _round_thresholds_down(booster: Any) -> Any:
    """Return the booster with single-precision thresholds that decide as the double ones do.

    For a float32 value, x ≤ t exactly when x ≤ the largest float32 that is not above t; rounding to
    the nearest instead, as the converter does, sends equal values down the other branch.
    """
    from lightgbm import Booster

    text = re.sub(r"(?m)^tree_sizes=.*\n", "", booster.model_to_string())  # lengths change
    return Booster(model_str=re.sub(r"(?m)^threshold=(.+)$", _floor_line, text))


def _floor_line(line: re.Match[str]) -> str:
    exact = np.array(line[1].split(), dtype=np.float64)
    return "threshold=" + " ".join(repr(float(value)) for value in floor_to_single(exact))


def _from_xgboost(estimator: Any, n_columns: int) -> bytes:
    return export_xgboost(estimator.model_, n_columns)


def _from_mean(estimator: Any, n_columns: int) -> bytes:
    """Return a weighted mean of exponentials, scaled to sum 1, as ONNX."""
    from onnx import TensorProto, helper, numpy_helper

    n_classes = len(estimator.classes_)
    mixing = np.kron(estimator.weights_[:, None], np.eye(n_classes)).astype(np.float32)
    nodes = [
        helper.make_node("Exp", ["features"], ["proba"]),
        helper.make_node("MatMul", ["proba", "mixing"], ["mixed"]),
        helper.make_node("ReduceSum", ["mixed", "axis"], ["total"], keepdims=1),
        helper.make_node("Div", ["mixed", "total"], ["probabilities"]),
    ]
    given = helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, n_columns])
    made = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, n_classes])
    constants = [
        numpy_helper.from_array(mixing, "mixing"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
    ]
    graph = helper.make_graph(nodes, "weighted_mean", [given], [made], constants)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def _from_network(estimator: Pipeline, n_columns: int) -> bytes:
    import torch

    from epochal.models.networks.prepared import PreparedNetwork

    imputer, scaler, classifier = (step for _, step in estimator.steps)
    module = PreparedNetwork(
        classifier.network_, median=imputer.statistics_, mean=scaler.mean_, scale=scaler.scale_
    )
    buffer: Any = io.BytesIO()
    axes = {"features": {0: "n_epochs"}, "probabilities": {0: "n_epochs"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's age; the newer one takes ten seconds
        torch.onnx.export(
            module.eval(), (torch.zeros(2, n_columns),), buffer, dynamo=False,
            input_names=["features"], output_names=["probabilities"], dynamic_axes=axes,
            opset_version=OPSET,
        )  # fmt: skip
    return buffer.getvalue()


_CONVERTERS: dict[str, Callable[[Any, int], bytes]] = {
    "NetworkClassifier": _from_network,
    "LGBMClassifier": _from_lightgbm,
    "EncodedXGBoost": _from_xgboost,
    "HistGradientBoosting": export_hist,
    "LogisticRegression": _from_sklearn,
    "GaussianNB": _from_sklearn,
    "RandomForestClassifier": _from_sklearn,
    "WeightedMean": _from_mean,
}
