"""Features as tensors: shapes checked, names given, answers turned back into tensors."""

from __future__ import annotations

import numpy as np

from epochal.errors import EpochalError
from epochal.serving.answering import Answers
from epochal.serving.messages.tensors import (
    FEATURES,
    LABEL,
    PROBABILITIES,
    InferRequest,
    InputTensor,
    OutputTensor,
)
from epochal.serving.payloads import as_array
from epochal.serving.rows import Rows

DATATYPES = ("FP32", "FP64")


def read_features(request: InferRequest, columns: list[str]) -> Rows:
    """Return the features of a request; a wrong name, type or shape raises `EpochalError`."""
    if len(request.inputs) != 1 or request.inputs[0].name != FEATURES:
        given = ", ".join(one.name for one in request.inputs)
        raise EpochalError(f"the inputs are {given}; there is one, '{FEATURES}'")
    (tensor,) = request.inputs
    if tensor.datatype not in DATATYPES:
        raise EpochalError(f"datatype {tensor.datatype}; there are {' and '.join(DATATYPES)}")
    _check_shape(tensor, len(columns))
    values = as_array(tensor.data)
    if values.size != tensor.shape[0] * len(columns) or values.shape[0] not in (
        values.size,
        tensor.shape[0],
    ):
        shown = " x ".join(map(str, values.shape))
        raise EpochalError(f"data holds {shown} values; its shape says {tensor.shape}")
    if (np.abs(values) > np.finfo(np.float32).max).any():
        raise EpochalError("data holds a number that FP32 cannot")
    return Rows(columns, values.reshape(tensor.shape))


def write_outputs(
    answers: Answers, classes: tuple[str, ...], request: InferRequest
) -> list[OutputTensor]:
    """Return the outputs that were asked for, all by default; an unknown one raises."""
    datatype = request.inputs[0].datatype
    proba, labels = answers.proba, answers.labels(classes)
    made = {
        PROBABILITIES: OutputTensor(
            name=PROBABILITIES,
            shape=list(proba.shape),
            datatype=datatype,
            data=[one if np.isfinite(one) else None for one in proba.ravel().tolist()],
            parameters={"classes": list(classes)},
        ),
        LABEL: OutputTensor(name=LABEL, shape=[len(labels)], datatype="BYTES", data=list(labels)),
    }
    wanted = [one.name for one in request.outputs or []] or list(made)
    unknown = [name for name in wanted if name not in made]
    if unknown:
        raise EpochalError(f"no output '{unknown[0]}'; there are {', '.join(made)}")
    return [made[name] for name in dict.fromkeys(wanted)]


def _check_shape(tensor: InputTensor, n_columns: int) -> None:
    shape = tensor.shape
    if len(shape) != 2 or shape[0] < 1 or shape[1] != n_columns:
        raise EpochalError(f"shape {shape}; it must be [n_epochs, {n_columns}], n_epochs from 1")
