"""Networks behind scikit-learn's interface, so that they are cross-fitted like any other model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline, make_pipeline

from epochal.epoch_inputs import EpochInputs, InputStore
from epochal.leakage import refuse_known_subjects, refuse_overlapping_windows
from epochal.models.classical import prepare_columns
from epochal.models.networks.residual_mlp import ResidualMLP
from epochal.models.networks.roster import NETWORKS
from epochal.models.outlines import outline_recordings
from epochal.models.parameters import refuse_unknown
from epochal.models.training.curves import FitPlace, write_curve
from epochal.models.training.losses import make_loss
from epochal.models.training.plain import ONE_AT_A_TIME, train_network
from epochal.models.training.pretrained import read_provenance
from epochal.models.training.workplace import tell_place
from epochal.models.window_network import WindowNetwork
from epochal.options.deep import NetworkModelOptions
from epochal.options.networks import LossOptions


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A network trained by AdamW on a loss of rows, with a one-cycle learning rate.

    `fit` takes `(n_epochs, n_features)` and class numbers; the same seed gives the same network.
    `folder` gets its curve by `name` and `part` (a fold, or the refit); without one it is not kept.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        n_epochs: int = 15,
        batch_size: int = 256,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        width: int = 128,
        n_blocks: int = 2,
        dropout: float = 0.2,
        loss: LossOptions = LossOptions(),  # noqa: B008 (it is frozen)
        name: str = "network",
        folder: str | None = None,
        part: str = "",
    ) -> None:
        self.seed = seed
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.width = width
        self.n_blocks = n_blocks
        self.dropout = dropout
        self.loss = loss
        self.name = name
        self.folder = folder
        self.part = part

    def fit(
        self,
        X: np.ndarray | pd.DataFrame,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
    ) -> NetworkClassifier:
        """Train from scratch; `sample_weight` weighs the rows' losses."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        features = torch.as_tensor(np.asarray(X, dtype=np.float32))
        target = torch.as_tensor(codes)
        given = np.ones(len(codes)) if sample_weight is None else sample_weight
        weights = torch.as_tensor(np.asarray(given, dtype=np.float32))
        with ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network_ = ResidualMLP(
                features.shape[1],
                len(self.classes_),
                width=self.width,
                n_blocks=self.n_blocks,
                dropout=self.dropout,
            )
            self._train(features, target, weights)
        self.network_.eval()
        return self

    def predict_proba(self, X: np.ndarray | pd.DataFrame) -> np.ndarray:
        """Return `(n_epochs, n_classes)`."""
        with torch.inference_mode():
            logits = self.network_(torch.as_tensor(np.asarray(X, dtype=np.float32)))
        return torch.softmax(logits.double(), dim=1).numpy()

    def predict(self, X: np.ndarray | pd.DataFrame) -> np.ndarray:
        """Return the most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _train(self, features: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> None:
        loss_of_rows = make_loss(self.loss.kind, **self.loss.params).per_row

        def loss_of(batch: torch.Tensor) -> torch.Tensor:
            losses = loss_of_rows(self.network_(features[batch]), target[batch])
            return (losses * weights[batch]).mean()

        passes = train_network(
            self.network_,
            loss_of,
            len(features),
            seed=self.seed,
            n_epochs=self.n_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )
        if self.folder is None:
            deque(passes, maxlen=0)
            return
        folder = Path(self.folder) / self.name / self.part
        write_curve(passes, FitPlace(folder, self.name, self.part))


GIVEN = {"seed", "loss", "name", "folder", "part"}  # by the study's options and by each fit


def build_residual_mlp(seed: int, /, **params: Any) -> Pipeline:
    """Build a residual MLP on scaled columns."""
    return make_pipeline(*prepare_columns(), NetworkClassifier(seed=seed, **params))


# Networks over one epoch's columns; those over windows and sequences are in networks.roster.
COLUMN_NETWORKS: dict[str, Callable[..., BaseEstimator]] = {"residual_mlp": build_residual_mlp}


def make_roster(
    name: str, options: NetworkModelOptions, checkpoints: str | None
) -> dict[str, Callable[..., BaseEstimator]]:
    """Return the roster for one model of a study: its kinds build networks by its options."""
    over_columns: dict[str, Callable[..., BaseEstimator]] = {
        kind: partial(build_column_network, kind, name, options, checkpoints)
        for kind in COLUMN_NETWORKS
    }
    over_windows = {
        kind: partial(build_window_network, kind, name, options, checkpoints) for kind in NETWORKS
    }
    return over_columns | over_windows


def build_column_network(
    kind: str,
    name: str,
    options: NetworkModelOptions,
    checkpoints: str | None,
    seed: int,
    /,
    **params: Any,
) -> BaseEstimator:
    """Build a network over columns that leaves its curves with the checkpoints."""
    refuse_unknown(params, NetworkClassifier().get_params().keys() - GIVEN)
    estimator = COLUMN_NETWORKS[kind](seed, loss=options.loss, **params)
    tell_place(estimator, name=name, folder=checkpoints)
    return estimator


def build_window_network(
    kind: str,
    name: str,
    options: NetworkModelOptions,
    checkpoints: str | None,
    seed: int,
    /,
    **network_params: Any,
) -> WindowNetwork:
    """Build a network over windows; what it is trained by is in its options."""
    return WindowNetwork(
        kind, options, name=name, seed=seed, folder=checkpoints, network_params=network_params
    )


def choose_store(
    kind: str, store: InputStore, epochs: pd.DataFrame
) -> Mapping[str, EpochInputs] | None:
    """Return what a kind sees beside columns: windows, the epochs' places alone, or nothing."""
    if kind in COLUMN_NETWORKS:
        return None
    alone = kind in NETWORKS and not NETWORKS[kind].INPUTS
    return outline_recordings(epochs) if alone else store


def refuse_leaks(
    name: str, options: NetworkModelOptions, epochs: pd.DataFrame, splits: pd.DataFrame
) -> None:
    """Raise `LeakageError` where sequences or earlier training saw what a network is judged on."""
    length_s = float(epochs["length_s"].max())
    refuse_overlapping_windows(splits, epochs, reach_s=(options.sequence.n_epochs - 1) * length_s)
    if options.pretrained is not None:
        subjects = read_provenance(Path(options.pretrained))["subjects"]
        refuse_known_subjects(name, subjects, splits)
