"""Messages of the Open Inference Protocol (V2), as far as features in and probabilities out ask.

https://github.com/open-inference/open-inference-protocol, specification/protocol.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from epochal.serving.messages.requests import Number

FEATURES, PROBABILITIES, LABEL = "features", "probabilities", "label"
Datatype = Literal["FP32", "FP64"]


class _Lenient(BaseModel):
    """The protocol lets anybody add parameters."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class InputTensor(_Lenient):
    """A tensor of features, row by row."""

    name: str = Field(description=f"`{FEATURES}`.")
    shape: list[int] = Field(description="`[n_epochs, n_features]`.", min_length=1, max_length=8)
    datatype: str = Field(description="FP32 or FP64.")
    data: list[Number | None] | list[list[Number | None]] = Field(
        description="Flat or nested, in the model's order of columns; null is a missing value."
    )
    parameters: dict[str, Any] | None = None


class OutputWanted(_Lenient):
    """An output that is asked for."""

    name: str
    parameters: dict[str, Any] | None = None


class InferRequest(_Lenient):
    """Rows of features for one model; they are one run of epochs in order."""

    id: str | None = Field(None, max_length=200, description="Given back in the answer.")
    inputs: list[InputTensor] = Field(min_length=1)
    outputs: list[OutputWanted] | None = None
    parameters: dict[str, Any] | None = None


class OutputTensor(BaseModel):
    """An answer's tensor, flat."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float | str | None]
    parameters: dict[str, Any] | None = None


class InferAnswer(BaseModel):
    """Probabilities and labels; what they stand on is in the parameters."""

    model_name: str
    model_version: str
    id: str | None = None
    parameters: dict[str, Any]
    outputs: list[OutputTensor]


class TensorFacts(BaseModel):
    """A tensor's name, type and shape; -1 stands for any number of epochs."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] | None = None


class ModelFacts(BaseModel):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    platform: str = "onnxruntime"
    inputs: list[TensorFacts]
    outputs: list[TensorFacts]
    parameters: dict[str, Any]


class ServerFacts(BaseModel):
    """What serves, and which extensions of the protocol it knows."""

    name: str = "epochal"
    version: str
    extensions: list[str] = Field(default_factory=list)


class Live(BaseModel):
    """That the server lives."""

    live: bool = True


class IsReady(BaseModel):
    """Whether the server, or a model, can answer."""

    ready: bool
    name: str | None = None
