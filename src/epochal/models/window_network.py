"""Networks over windows behind scikit-learn's interface, so that they are cross-fitted like any."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin

from epochal import __version__
from epochal.epoch_inputs import EpochInputs
from epochal.errors import EpochalError, did_you_mean
from epochal.models.networks.adversarial import SiteAdversary
from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.roster import NETWORKS, network_parameters
from epochal.models.networks.scaled import Probabilities, ScaledNetwork, measure_scale
from epochal.models.parameters import refuse_unknown
from epochal.models.sequences import predict_sequences
from epochal.models.training.augmenter import Augmenter
from epochal.models.training.batches import Batch, Order, SequenceData, load_batches
from epochal.models.training.curves import FitPlace
from epochal.models.training.devices import choose_device
from epochal.models.training.epoch_rows import ABSENT, EpochRows, Sequences
from epochal.models.training.losses import make_loss
from epochal.models.training.plain import ONE_AT_A_TIME, refuse_divergence
from epochal.models.training.pretrained import load_pretrained, pretrain, read_provenance
from epochal.models.training.sampling import make_sampler
from epochal.models.training.targets import RowTargets, part_subjects
from epochal.models.training.trainer import NetworkTraining, train
from epochal.models.training.workplace import open_workplace
from epochal.options.deep import PROVENANCE, WEIGHTS, NetworkModelOptions

_N_MEASURED = 512  # sequences that scales are measured on


class WindowNetwork(ClassifierMixin, BaseEstimator):
    """A network of the roster over windows of a store, trained as its options say.

    `fit` takes `EpochRows` and `RowTargets`. The same seed gives the same network, unless the fit
    was interrupted. `folder` keeps the best weights, the curves and an interrupted fit's state by
    `part` (a fold, or the refit); without one nothing is kept.
    """

    def __init__(
        self,
        kind: str,
        options: NetworkModelOptions,
        *,
        name: str = "network",
        seed: int = 0,
        folder: str | None = None,
        part: str = "",
        network_params: dict[str, Any] | None = None,
    ) -> None:
        self.kind = kind
        self.options = options
        self.name = name
        self.seed = seed
        self.folder = folder
        self.part = part
        self.network_params = network_params

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs in the order in which the network takes them."""
        return self.scaled_.names

    @property
    def causal(self) -> bool:
        """Whether what it says of an epoch depends on no later one, its inputs aside."""
        return self.scaled_.network.CAUSAL or self.length == 1

    @property
    def sees(self) -> tuple[str, ...]:
        """The inputs that its kind looks at, the columns aside."""
        return NETWORKS[self.kind].INPUTS

    @property
    def length(self) -> int:
        """How many epochs a sequence has."""
        return self.options.sequence.n_epochs

    def fit(self, X: EpochRows, y: RowTargets) -> WindowNetwork:
        """Train from scratch, or from pre-trained weights, or from where a fit was interrupted."""
        self.classes_ = y.present
        folder = Path(self.folder) / self.name / self.part if self.folder else None
        workplace = open_workplace(folder, self._made_from(X, y))
        with ONE_AT_A_TIME, torch.random.fork_rng(), workplace as place:
            torch.manual_seed(self.seed)
            self.scaled_ = self._build(X, y.known)
            if not (place / WEIGHTS).is_file():
                at = FitPlace(place, self.name, self.part)
                self._begin(X, at)
                self._train(X, y.among(self.classes_), at)
                refuse_divergence(self.scaled_)
                self._store(place, y)
            weights = torch.load(place / WEIGHTS, weights_only=True)
            self.scaled_.load_state_dict(weights)
        self.scaled_.eval()
        return self

    def predict_proba(self, X: EpochRows) -> np.ndarray:
        """Return `(n_rows, n_classes)`."""
        proba = np.full((len(X), len(self.classes_)), np.nan)
        module = Probabilities(self.scaled_).to(choose_device())

        def run(batch: dict[str, np.ndarray]) -> np.ndarray:
            given = (torch.as_tensor(batch[name]).to(choose_device()) for name in self.input_names)
            return module(*given).double().cpu().numpy()

        with torch.inference_mode():
            for recording_id, rows in X.row_of.items():
                there = rows != ABSENT
                found = self._predict(X.store[recording_id], X.features, rows, run)
                proba[rows[there]] = found[there]
        module.cpu()
        return proba

    def predict(self, X: EpochRows) -> np.ndarray:
        """Return the most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _predict(
        self, inputs: EpochInputs, features: np.ndarray, rows: np.ndarray, run: Any
    ) -> np.ndarray:
        beside = np.full((len(rows), features.shape[1]), np.nan, dtype=np.float32)
        beside[rows != ABSENT] = features[rows[rows != ABSENT]]
        return predict_sequences(inputs, beside, run, length=self.length, causal=self.causal)

    def refuse_misfits(
        self, prepared: Collection[str], *, channels: Sequence[str] | None = None
    ) -> None:
        """Raise `EpochalError` for a kind, or options of its training, that fit no such inputs.

        `prepared` are the names of the inputs that there are, `channels` those of the signal, None
        where they are not known yet.
        """
        if self.kind not in NETWORKS:
            raise EpochalError(f"no kind '{self.kind}'{did_you_mean(self.kind, NETWORKS)}")
        refuse_unknown(self.network_params or {}, network_parameters(self.kind))
        network, options = NETWORKS[self.kind], self.options
        for name in network.INPUTS:
            if name not in prepared:
                raise EpochalError(
                    f"{self.kind} sees '{name}', which is not prepared "
                    f"(feature_engineering.network_inputs.{name})"
                )
        if self.length > 1 and not network.SEQUENTIAL:
            raise EpochalError(f"{self.kind} sees each epoch by itself (sequence.n_epochs: 1)")
        if self.length == 1 and options.pretraining.hides_epochs:
            raise EpochalError(
                "pretraining.span_s: null hides whole epochs, which are filled in from their "
                "neighbours: none are seen (sequence.n_epochs: 1)"
            )
        if options.augmentations and not network.INPUTS:
            raise EpochalError(f"{self.kind} sees columns alone: no `augmentations` change them")
        make_loss(options.loss.kind, **options.loss.params)
        if channels is not None:
            Augmenter(options.augmentations, sfreq=1.0, channel_names=channels).refuse_idle(
                network.INPUTS
            )

    def make(self, shape: dict[str, Any]) -> EpochNetwork:
        """Make the network, not trained, for inputs of a shape: what every network is told."""
        return NETWORKS[self.kind](**shape, **(self.network_params or {}))

    def _build(self, X: EpochRows, training: np.ndarray) -> ScaledNetwork:
        """Make the network of the roster for these inputs, with the training rows' scales."""
        self.refuse_misfits(X.any_inputs.arrays, channels=X.any_inputs.channels)
        network = self.make(_shape_of(X, self.sees, len(self.classes_)))
        sequences = self._sequences(X, network, training)
        drawn = np.linspace(0, len(sequences) - 1, min(_N_MEASURED, len(sequences))).astype(int)
        batch = sequences.__getitems__(list(np.unique(drawn)))
        names = (*network.INPUTS, *(("features",) if X.features.shape[1] else ()))
        # (B, L, C, ...): axis 2 is the channel, or the column
        return ScaledNetwork(network, {name: measure_scale(batch[name], 2) for name in names})

    def _sequences(self, X: EpochRows, network: EpochNetwork, only: np.ndarray) -> Sequences:
        step, length = self.options.sequence.step, self.length
        return Sequences(X, network.INPUTS, length=length, step=step, only=only)

    def _begin(self, X: EpochRows, place: FitPlace) -> None:
        """Take pre-trained weights, or pre-train on all training rows, labelled or not."""
        network = self.scaled_.network
        if self.options.pretrained is not None:
            folder, params = Path(self.options.pretrained), self.network_params or {}
            load_pretrained(network, folder, kind=self.kind, params=params)
        if self.options.pretraining.task is not None:
            everything = self._sequences(X, network, np.ones(len(X), dtype=bool))
            pretrain(
                self.scaled_,
                everything,
                X.any_inputs,
                self.options.pretraining,
                seed=self.seed,
                place=place,
            )

    def _train(self, X: EpochRows, y: RowTargets, place: FitPlace) -> None:
        share = self.options.training.validation_share
        training, validating = part_subjects(y, share, seed=self.seed)
        data = [self._data(X, y, rows) for rows in (training, validating)]
        module = self._module(X, data[0])
        order = self._order(data[0], module)
        options = self.options.training
        n_workers = options.n_workers
        train(
            module,
            load_batches(data[0], options.batch_size, order=order, n_workers=n_workers),
            load_batches(data[1], options.batch_size, n_workers=n_workers)
            if len(data[1])
            else None,
            place,
            monitor="val_loss" if y.soft else "val_kappa",
        )

    def _data(self, X: EpochRows, y: RowTargets, rows: np.ndarray) -> SequenceData:
        sequences = self._sequences(X, self.scaled_.network, rows)
        return SequenceData(sequences, y, self._site_codes(sequences))

    def _site_codes(self, sequences: Sequences) -> np.ndarray:
        known = sorted({*sequences.sites} - {""})
        return np.array([known.index(one) if one else -1 for one in sequences.sites], dtype=int)

    def _module(self, X: EpochRows, data: SequenceData) -> NetworkTraining:
        options, inputs = self.options, X.any_inputs
        augmenter = Augmenter(
            options.augmentations, sfreq=inputs.sfreq, channel_names=inputs.channels
        )
        adversary = None
        if options.domain_weight > 0:
            adversary = SiteAdversary(self.scaled_.network.width, _count_sites(data))
        return NetworkTraining(
            self.scaled_,
            make_loss(options.loss.kind, **options.loss.params),
            options.training,
            n_sequences=len(data),
            change=partial(_augment, augmenter),
            seed=self.seed,
            adversary=adversary,
            domain_weight=options.domain_weight,
            remembers=options.sampling.kind == "hard",
        )

    def _order(self, data: SequenceData, module: NetworkTraining) -> Order:
        sample = make_sampler(self.options.sampling, classes=data.classes, votes=data.votes)
        return Order(partial(_draw, sample, data.codes, module, self.seed))

    def _store(self, place: Path, y: RowTargets) -> None:
        """Write the weights, and on whom they were trained, before this fit too."""
        subjects = set(map(str, y.subjects))
        if self.options.pretrained is not None:
            subjects |= set(read_provenance(Path(self.options.pretrained))["subjects"])
        provenance = {
            "kind": self.kind,
            "network_params": self.network_params or {},
            "subjects": sorted(subjects),
            "epochal_version": __version__,
        }
        (place / PROVENANCE).write_text(json.dumps(provenance, indent=2), encoding="utf-8")
        torch.save(self.scaled_.state_dict(), place / f".{WEIGHTS}")
        (place / f".{WEIGHTS}").rename(place / WEIGHTS)

    def _made_from(self, X: EpochRows, y: RowTargets) -> Any:
        """Return all that a fit follows from."""
        store = getattr(X.store, "key", "")
        runs = [X.store[recording_id].run for recording_id in X.row_of]
        how = (self.kind, self.options.traits(), self.network_params, self.seed, __version__)
        rows = (X.keys.to_dict("list"), X.features, y.subjects, y.targets, y.weights)
        return how, rows, store, runs


def _count_sites(data: SequenceData) -> int:
    """Return how many sites there are to unlearn; fewer than two raise `EpochalError`."""
    if data.n_domains < 2:
        raise EpochalError(
            "domain_weight: fewer than two sites are known of the training recordings; the "
            "summary of recordings (recordings.csv) says which"
        )
    return data.n_domains


def _shape_of(X: EpochRows, seen: Collection[str], n_classes: int) -> dict[str, Any]:
    """Return what a network is told of the inputs of some rows."""
    inputs = X.any_inputs
    signal = inputs.arrays.get("signal", np.empty((0, 0, 0)))
    shape = {
        "n_channels": signal.shape[1],
        "n_times": signal.shape[2],
        "sfreq": inputs.sfreq,
        "n_classes": n_classes,
        "n_features": X.features.shape[1],
    }
    if "spectrogram" in seen:
        shape["spectrogram_shape"] = inputs.arrays["spectrogram"].shape[1:]
    return shape


def _draw(
    sample: Callable[..., np.ndarray],
    codes: np.ndarray,
    module: NetworkTraining,
    seed: int,
    number: int,
) -> np.ndarray:
    """Return the sequences of a pass."""
    return sample(codes, module.sequence_losses, epoch=number, seed=seed)


def _augment(augmenter: Augmenter, inputs: Batch, generator: torch.Generator) -> Batch:
    """Change the scaled inputs that a network looks at."""
    if not augmenter.steps:
        return inputs
    signal, spectrogram = augmenter(
        inputs.get("signal"), inputs.get("spectrogram"), generator=generator
    )
    changed = {"signal": signal, "spectrogram": spectrogram}
    return inputs | {name: value for name, value in changed.items() if value is not None}
