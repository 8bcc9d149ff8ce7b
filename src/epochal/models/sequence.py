"""Networks over the samples of windows, behind scikit-learn's interface and as ONNX."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import nn

from epochal.errors import EpochalError
from epochal.models.downsampling import shorten
from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.cnn1d import CNN1D
from epochal.models.networks.lstm import LSTM
from epochal.models.onnx_terms import OPSET, PARITY
from epochal.models.training.plain import ONE_AT_A_TIME, train_network
from epochal.serving.sessions import open_session

_CHUNK = 2048
_LOG = logging.getLogger(__name__)


class WindowByWindow(nn.Module):
    """A network of epochs over windows one by one: `(B, n_channels, n_times)` → `(B, n_classes)`.

    Only for networks that count in samples: what a window's rate was, nobody says.
    """

    def __init__(
        self,
        network: type[EpochNetwork],
        n_channels: int,
        n_times: int,
        n_classes: int,
        **params: Any,
    ) -> None:
        super().__init__()
        self.network = network(
            n_channels=n_channels, n_times=n_times, sfreq=1.0, n_classes=n_classes, **params
        )

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Return logits `(B, n_classes)`."""
        return self.network(windows.unsqueeze(1))[:, 0]


NETWORKS: dict[str, Callable[..., WindowByWindow]] = {
    "lstm": partial(WindowByWindow, LSTM),
    "cnn1d": partial(WindowByWindow, CNN1D),
}


class SequenceClassifier(ClassifierMixin, BaseEstimator):
    """A network over windows, trained by AdamW on cross-entropy with a one-cycle learning rate.

    `fit` takes `(n_epochs, n_channels, n_times)` and class numbers, and weights of the epochs where
    there are any; the same seed gives the same network. Samples are scaled by one mean and one
    standard deviation per channel, so that amplitudes stay comparable between windows; one that is
    not finite counts as the mean. `network_params` go to the network.
    """

    def __init__(
        self,
        network: str,
        *,
        seed: int = 0,
        n_epochs: int = 3,
        batch_size: int = 32,
        predict_batch_size: int = 1024,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        verbose: int = 0,
        network_params: dict[str, Any] | None = None,
    ) -> None:
        self.network = network
        self.seed = seed
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.predict_batch_size = predict_batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.verbose = verbose
        self.network_params = network_params

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> SequenceClassifier:
        """Train from scratch."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.mean_, self.scale_ = _measure_scale(X)
        weights = np.ones(len(codes)) if sample_weight is None else sample_weight
        with ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network_ = NETWORKS[self.network](
                *X.shape[1:], len(self.classes_), **self.network_params or {}
            ).to(_device())
            self._train(X, torch.as_tensor(codes), torch.as_tensor(weights, dtype=torch.float32))
        self.network_.cpu().eval()
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return `(n_epochs, n_classes)`."""
        network, parts = self.network_.to(_device()), [np.empty((0, len(self.classes_)))]
        with torch.inference_mode():
            for first in range(0, len(X), self.predict_batch_size):
                logits = network(self._scale(X[first : first + self.predict_batch_size]))
                parts.append(torch.softmax(logits.double(), dim=1).cpu().numpy())
        network.cpu()
        return np.concatenate(parts)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each window."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _train(self, X: np.ndarray, codes: torch.Tensor, weights: torch.Tensor) -> None:
        def loss_of(batch: torch.Tensor) -> torch.Tensor:
            logits = self.network_(self._scale(X[batch.numpy()]))
            target = codes[batch].to(logits.device)
            losses = nn.functional.cross_entropy(logits, target, reduction="none")
            return (losses * weights[batch].to(logits.device)).mean()

        passes = train_network(
            self.network_,
            loss_of,
            len(X),
            seed=self.seed,
            n_epochs=self.n_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )
        for epoch, done in enumerate(passes, start=1):
            if self.verbose:
                _LOG.info(
                    "%s epoch %d/%d: loss %.4f", self.network, epoch, self.n_epochs, done.loss
                )

    def _scale(self, X: np.ndarray) -> torch.Tensor:
        known = np.where(np.isfinite(X), X, self.mean_)
        return torch.as_tensor((known - self.mean_) / self.scale_, dtype=torch.float32).to(
            _device()
        )


class ExportedNetwork(nn.Module):
    """From samples as recorded to probabilities: `(B, n_times)` of one channel → `(B, n_classes)`.

    Downsampling is a mean of neighbours, counted from the window's end (`shorten`).
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, classifier: SequenceClassifier, *, downsample: int) -> None:
        super().__init__()
        self.network = classifier.network_
        self.downsample = downsample
        self.register_buffer("mean", torch.as_tensor(classifier.mean_))
        self.register_buffer("scale", torch.as_tensor(classifier.scale_))

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Return probabilities."""
        windows = samples[:, samples.shape[1] % self.downsample :].unsqueeze(1)  # (B, 1, T)
        if self.downsample > 1:
            windows = nn.functional.avg_pool1d(windows, self.downsample)
        known = torch.where(windows.abs() < torch.inf, windows, self.mean)
        return torch.softmax(self.network((known - self.mean) / self.scale), dim=1)


def export_sequence(
    classifier: SequenceClassifier, windows: np.ndarray, *, downsample: int, name: str
) -> bytes:
    """Return ONNX: float32 samples `(n_epochs, n_times)` as recorded in, probabilities out.

    `windows` `(n_epochs, n_times)` are real ones on which the export is checked: a probability that
    differs by more than 1e-4 raises `EpochalError`.
    """
    module = ExportedNetwork(classifier, downsample=downsample).eval()
    buffer: Any = io.BytesIO()
    axes = {"features": {0: "n_epochs"}, "probabilities": {0: "n_epochs"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's age; the newer one takes half a minute
        torch.onnx.export(
            module, (torch.zeros(2, windows.shape[1]),), buffer, dynamo=False,
            input_names=["features"], output_names=["probabilities"], dynamic_axes=axes,
            opset_version=OPSET,
        )  # fmt: skip
    content = buffer.getvalue()
    exported = open_session(content).run(None, {"features": windows.astype(np.float32)})[0]
    expected = classifier.predict_proba(shorten(windows, downsample)[:, None])
    difference = float(np.abs(exported - expected).max()) if len(windows) else 0.0
    if not difference <= PARITY:
        raise EpochalError(
            f"Model '{name}': its ONNX form differs by {difference:.2g} in probability; "
            f"{PARITY:g} is allowed"
        )
    return content


def _measure_scale(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each channel's finite samples, `(n_channels, 1)`."""
    count, total, squares = (np.zeros(X.shape[1]) for _ in range(3))
    for first in range(0, len(X), _CHUNK):  # a copy of all windows would be as large as they are
        some = X[first : first + _CHUNK].astype(np.float64)
        finite = np.isfinite(some)
        some[~finite] = 0.0
        count += finite.sum(axis=(0, 2))
        total += some.sum(axis=(0, 2))
        squares += np.square(some).sum(axis=(0, 2))
    mean = total / np.maximum(count, 1)
    sd = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0.0))
    scale = np.where(sd > 0, sd, 1.0)
    return mean.astype(np.float32)[:, None], scale.astype(np.float32)[:, None]


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
