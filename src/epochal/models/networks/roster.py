"""The networks that a study can name; importing this imports torch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.cnn1d import CNN1D
from epochal.models.networks.cnn_bigru import CNNBiGRU
from epochal.models.networks.cnn_bilstm import CNNBiLSTM
from epochal.models.networks.cnn_transformer import CNNTransformer
from epochal.models.networks.column_gru import ColumnGRU
from epochal.models.networks.conformer import Conformer
from epochal.models.networks.fusion import AttentionFusion
from epochal.models.networks.lstm import LSTM
from epochal.models.networks.resnet_gru import ResNetGRU
from epochal.models.networks.resnet_se import ResNetSE
from epochal.models.networks.s4d import S4D
from epochal.models.networks.spectrogram_net import SpectrogramNet
from epochal.models.parameters import named_parameters

GIVEN = {"spectrogram_shape"}  # by the inputs, not by the study
NETWORKS: dict[str, type[EpochNetwork]] = {
    "cnn1d": CNN1D,
    "lstm": LSTM,
    "resnet_se": ResNetSE,
    "resnet_gru": ResNetGRU,
    "cnn_bilstm": CNNBiLSTM,
    "cnn_bigru": CNNBiGRU,
    "cnn_transformer": CNNTransformer,
    "conformer": Conformer,
    "s4d": S4D,
    "spectrogram_net": SpectrogramNet,
    "attention_fusion": AttentionFusion,
    "column_gru": ColumnGRU,
}


def network_parameters(kind: str) -> tuple[str, ...]:
    """Return the parameters of a network that a study may set; the others are its inputs' shape."""
    return tuple(set(named_parameters(NETWORKS[kind])) - GIVEN)


def network_values(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of those parameters: the given ones, and elsewhere the network's own."""
    known = inspect.signature(NETWORKS[kind]).parameters
    return {name: given.get(name, known[name].default) for name in network_parameters(kind)}
