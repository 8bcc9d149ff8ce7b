"""Gradient-boosted trees as ONNX, where no converter knows the library.

One `TreeEnsembleRegressor` sums the trees' raw scores of each class; a softmax (of two classes, a
logistic function) makes probabilities of them. Thresholds, leaves and sums are of double precision:
in single, three hundred trees of five classes were 1.5e-6 off, so they are 2e-7, and no slower.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from epochal.models.onnx_terms import OPSET

ML_OPSET = 3


class Tree(NamedTuple):
    """One tree, arrays over its nodes; `left` and `right` are 0 where `leaf`."""

    target: int
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    leaf: np.ndarray
    value: np.ndarray


def floor_to_single(values: np.ndarray) -> np.ndarray:
    """Return the largest float32 not above each value: for a float32 x, x ≤ both or neither."""
    exact = np.asarray(values, dtype=np.float64)
    single = exact.astype(np.float32)
    above = single.astype(np.float64) > exact
    single[above] = np.nextafter(single[above], np.float32(-np.inf))
    return single


def export_hist(estimator: Any, n_columns: int) -> bytes:
    """Return scikit-learn's `HistGradientBoostingClassifier` as ONNX."""
    trees = [
        _from_hist(predictor.nodes, target)
        for iteration in estimator._predictors
        for target, predictor in enumerate(iteration)
    ]
    baseline = np.ravel(estimator._baseline_prediction)
    return build_ensemble(trees, baseline, n_columns=n_columns, mode="BRANCH_LEQ")


def export_xgboost(model: Any, n_columns: int) -> bytes:
    """Return an `XGBClassifier`, up to its best iteration, as ONNX."""
    import json

    raw = json.loads(bytes(model.get_booster().save_raw("json")))["learner"]
    forest = raw["gradient_booster"]["model"]
    n_targets = max(1, int(raw["learner_model_param"]["num_class"]))
    n_kept = (getattr(model, "best_iteration", None) or 0) + 1
    early = getattr(model, "early_stopping_rounds", None) is not None
    kept = n_kept * n_targets if early else len(forest["trees"])
    trees = [
        _from_xgboost(tree, int(target))
        for tree, target in zip(forest["trees"][:kept], forest["tree_info"][:kept], strict=True)
    ]
    base = np.ravel(json.loads(raw["learner_model_param"]["base_score"])).astype(float)
    if n_targets == 1:
        base = np.log(base / (1 - base))
    baseline = np.broadcast_to(base, n_targets)
    return build_ensemble(trees, baseline, n_columns=n_columns, mode="BRANCH_LT")


def build_ensemble(
    trees: Iterable[Tree], baseline: np.ndarray, *, n_columns: int, mode: str
) -> bytes:
    """Return ONNX bytes: float32 `(n_epochs, n_columns)` in, probabilities out."""
    from onnx import TensorProto, checker, helper, numpy_helper

    n_targets = len(baseline)
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, n_columns])
    shape = [None, max(2, n_targets)]
    proba = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, shape)
    exact = helper.make_node("Cast", ["features"], ["exact"], to=TensorProto.DOUBLE)
    scores = helper.make_node(
        "TreeEnsembleRegressor",
        ["exact"],
        ["scores"],
        domain="ai.onnx.ml",
        n_targets=n_targets,
        base_values_as_tensor=numpy_helper.from_array(np.array(baseline, dtype=np.float64)),
        **_attributes(list(trees), mode),
    )
    graph = helper.make_graph([exact, scores, *_link(n_targets)], "trees", [features], [proba])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    checker.check_model(model)
    return model.SerializeToString()


def _link(n_targets: int) -> list[Any]:
    """Return the nodes from raw scores to probabilities."""
    from onnx import TensorProto, helper

    if n_targets > 1:
        return [helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1)]
    one = helper.make_tensor("one_value", TensorProto.FLOAT, [1], [1.0])
    return [
        helper.make_node("Constant", [], ["one"], value=one),
        helper.make_node("Sigmoid", ["scores"], ["second"]),
        helper.make_node("Sub", ["one", "second"], ["first"]),
        helper.make_node("Concat", ["first", "second"], ["probabilities"], axis=1),
    ]


def _attributes(trees: list[Tree], mode: str) -> dict[str, Any]:
    """Lay all nodes of all trees one after the other, as the operator wants them."""
    from onnx import numpy_helper

    sizes = [len(tree.leaf) for tree in trees]
    leaf = np.concatenate([tree.leaf for tree in trees])
    tree_ids = np.repeat(np.arange(len(trees)), sizes)
    node_ids = np.concatenate([np.arange(size) for size in sizes])
    targets = np.repeat([tree.target for tree in trees], sizes)
    thresholds = np.concatenate([tree.threshold for tree in trees]).astype(np.float64)
    values = np.concatenate([tree.value for tree in trees]).astype(np.float64)
    return {
        "nodes_treeids": tree_ids.tolist(),
        "nodes_nodeids": node_ids.tolist(),
        "nodes_featureids": _lay(trees, "feature", leaf).tolist(),
        "nodes_values_as_tensor": numpy_helper.from_array(np.where(leaf, 0.0, thresholds)),
        "nodes_modes": np.where(leaf, "LEAF", mode).tolist(),
        "nodes_truenodeids": _lay(trees, "left", leaf).tolist(),
        "nodes_falsenodeids": _lay(trees, "right", leaf).tolist(),
        "nodes_missing_value_tracks_true": _lay(trees, "missing_left", leaf).tolist(),
        "target_treeids": tree_ids[leaf].tolist(),
        "target_nodeids": node_ids[leaf].tolist(),
        "target_ids": targets[leaf].tolist(),
        "target_weights_as_tensor": numpy_helper.from_array(values[leaf]),
    }


def _lay(trees: list[Tree], name: str, leaf: np.ndarray) -> np.ndarray:
    """Lay one whole-number field of all nodes in a row, 0 at the leaves."""
    return np.where(leaf, 0, np.concatenate([getattr(tree, name) for tree in trees])).astype(int)


def _from_hist(nodes: np.ndarray, target: int) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        target,
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        left=nodes["left"],
        right=nodes["right"],
        missing_left=nodes["missing_go_to_left"],
        leaf=leaf,
        value=nodes["value"],
    )


def _from_xgboost(tree: dict[str, Any], target: int) -> Tree:
    left = np.array(tree["left_children"])
    leaf = left < 0
    conditions = np.array(tree["split_conditions"], dtype=np.float64)
    return Tree(
        target,
        feature=np.array(tree["split_indices"]),
        threshold=conditions.astype(np.float32),
        left=left,
        right=np.array(tree["right_children"]),
        missing_left=np.array(tree["default_left"]),
        leaf=leaf,
        value=conditions,  # a leaf's value stands where a split's threshold would
    )
