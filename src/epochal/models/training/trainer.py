"""The training of a network over windows, by Lightning: one pass after another, and the best kept.

Lightning chooses the device and mixed precision, averages over several GPUs, keeps the best weights
and an interrupted fit's state; what is learnt, and from what, is said here.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader

from epochal.errors import EpochalError
from epochal.metrics import confusion, kappa
from epochal.models.networks.adversarial import SiteAdversary, reversal_strength
from epochal.models.networks.crf import ConditionalRandomField
from epochal.models.networks.scaled import ScaledNetwork
from epochal.models.training.batches import Batch, Order
from epochal.models.training.curves import (
    CurvePoint,
    FitPlace,
    note_point,
    read_points,
    tell_point,
)
from epochal.models.training.losses import Loss
from epochal.models.training.processes import choose_devices, gather, refuse_missing_devices
from epochal.models.training.randomness import random_states, restore_random_states
from epochal.models.training.schedules import SCHEDULES
from epochal.models.training.together import run_together
from epochal.options.networks import TrainingOptions

LAST = Path("last.ckpt")
_STATE = "epochal"  # what a checkpoint holds beside Lightning's own
Change = Callable[[Batch, torch.Generator], Batch]


class NetworkTraining(pl.LightningModule):
    """What Lightning trains: the network, its loss, and the validation figures of each pass.

    `change` augments a training batch's scaled inputs, by random numbers that follow from `seed`.
    `adversary` learns the sites that the network unlearns, as strongly as `domain_weight` says. One
    that `remembers` has each sequence's mean loss of the last pass in `sequence_losses`.
    """

    def __init__(
        self,
        network: ScaledNetwork,
        loss: Loss,
        options: TrainingOptions,
        *,
        n_sequences: int,
        change: Change | None = None,
        seed: int = 0,
        adversary: SiteAdversary | None = None,
        domain_weight: float = 0.0,
        remembers: bool = False,
    ) -> None:
        super().__init__()
        self.network, self.adversary = network, adversary
        self.n_steps = 1  # of the whole training; `train` counts them
        self.sequence_losses = np.full(n_sequences, np.nan)
        self._loss, self._options, self._change = loss, options, change
        self._generator = torch.Generator().manual_seed(seed)
        self._domain_weight, self._remembers = domain_weight, remembers
        self._judged: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._seen: list[tuple[np.ndarray, np.ndarray]] = []  # places and losses, batch by batch

    def on_fit_start(self) -> None:
        """Of several processes, let no two draw the same random numbers."""
        if self.trainer.world_size > 1:
            drawn = int(torch.randint(2**62, (), generator=self._generator))
            self._generator.manual_seed(drawn + self.global_rank)
            torch.manual_seed(drawn + self.global_rank)

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        del index
        inputs = self.network.scale_all(batch)
        if self._change is not None:  # of what is scaled: silence is 0 on every channel
            inputs = self._change(inputs, self._generator)
        representation = self.network.network.represent(**inputs)
        loss = self._task_loss(representation, batch)
        n_rows = len(batch["places"])
        self.log(
            "train_loss", loss, on_step=False, on_epoch=True, batch_size=n_rows, sync_dist=True
        )
        return loss if self.adversary is None else loss + self._domain_loss(representation, batch)

    def on_train_epoch_end(self) -> None:
        """Keep the pass's losses by sequence, those that other processes saw included."""
        if self._remembers:
            for places, losses in (one for seen in gather(self._seen) for one in seen):
                self.sequence_losses[places] = losses
            self._seen.clear()

    def validation_step(self, batch: Batch, index: int) -> None:
        """Keep what the network says of the validation rows until all have been seen."""
        del index
        representation = self.network.network.represent(**self.network.scale_all(batch))
        loss = self._task_loss(representation, batch)
        weight = float(batch["weights"].sum())
        self.log("val_loss", loss, on_epoch=True, batch_size=max(1, round(weight)), sync_dist=True)
        targets, counted = batch["targets"], batch["weights"] > 0
        codes = targets.argmax(dim=-1) if targets.is_floating_point() else targets
        guess = self.network.network.head(representation).argmax(dim=-1)
        self._judged.append((codes[counted].cpu(), guess[counted].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log κ and accuracy of all validation rows: scores to select by, no performance."""
        judged = [one for of_process in gather(self._judged) for one in of_process]
        truth, guess = (torch.cat([one[place] for one in judged]) for place in (0, 1))
        self._judged.clear()
        table = confusion(truth.numpy(), guess.numpy(), self.network.network.n_classes)
        self.log("val_kappa", float(kappa(table)))
        self.log("val_accuracy", float(np.trace(table) / max(1, table.sum())))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save what the next pass follows from beside the weights."""
        checkpoint[_STATE] = {
            "sequence_losses": self.sequence_losses,
            "random": random_states(),
            "change": self._generator.get_state(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on as the fit that was interrupted would have."""
        state = checkpoint[_STATE]
        self.sequence_losses[:] = state["sequence_losses"]
        restore_random_states(state["random"])
        self._generator.set_state(state["change"])

    def configure_optimizers(self) -> Any:
        """Return AdamW and the schedule of its learning rate."""
        options = self._options
        optimiser = torch.optim.AdamW(
            self.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
        )
        rate = SCHEDULES[options.schedule]
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: rate(step / self.n_steps)
        )
        return [optimiser], [{"scheduler": schedule, "interval": "step"}]

    def _task_loss(self, representation: torch.Tensor, batch: Batch) -> torch.Tensor:
        head, targets, weights = self.network.network.head, batch["targets"], batch["weights"]
        flat = targets.flatten(0, 1)
        if self._remembers and self.training:
            with torch.no_grad():
                losses = self._loss.per_row(head(representation).flatten(0, 1), flat)
            self._remember(batch, losses)
        if isinstance(head, ConditionalRandomField) and not targets.is_floating_point():
            return head.loss(representation, targets, weights)
        return self._loss(head(representation).flatten(0, 1), flat, weights.flatten())

    def _remember(self, batch: Batch, losses: torch.Tensor) -> None:
        """Keep each sequence's mean loss, for an order that looks at it."""
        of_sequences = losses.reshape(batch["weights"].shape).nanmean(dim=1)
        self._seen.append((batch["places"].cpu().numpy(), of_sequences.cpu().numpy()))

    def _domain_loss(self, representation: torch.Tensor, batch: Batch) -> torch.Tensor:
        assert self.adversary is not None  # the caller asked
        strength = self._domain_weight * reversal_strength(self.global_step / self.n_steps)
        embedding = representation[..., : self.network.network.width]
        return self.adversary.loss(embedding, batch["domains"], strength=strength)


def train(
    module: NetworkTraining,
    batches: DataLoader[Batch],
    validation: DataLoader[Batch] | None,
    place: FitPlace,
    *,
    monitor: str = "val_kappa",
) -> None:
    """Train until the passes, the time or the patience are over, and take the best weights.

    The best weights and the state of an interrupted fit lie in its place; a later call goes on from
    there. `monitor` is `val_kappa` or `val_loss`. Without validation rows the last weights count.
    More devices than there are, and what Lightning cannot do here, raise `EpochalError`.
    """
    n_devices = module._options.devices
    fit = partial(_fit, module, batches, validation, place, monitor)
    if n_devices == 1:
        fit()
        return
    refuse_missing_devices(n_devices)
    n_told = len(read_points(place.folder))
    module.load_state_dict(run_together(fit, n_devices))
    module.eval()
    for point in read_points(place.folder)[n_told:]:  # nobody listens in the other processes
        tell_point(point)


def _fit(
    module: NetworkTraining,
    batches: DataLoader[Batch],
    validation: DataLoader[Batch] | None,
    place: FitPlace,
    monitor: str,
) -> dict[str, Any]:
    """Train in this process, alone or beside others; return the weights that count."""
    options, order = module._options, batches.sampler
    assert isinstance(order, Order)  # `load_batches` was given one
    n_batches = order.count_batches(
        options.max_epochs, batch_size=options.batch_size, n_processes=options.devices
    )
    module.n_steps = max(1, sum(n_batches))
    best, last = _keep_weights(options, place.folder, monitor)
    callbacks: list[Callback] = [_NextPass(order), _Curves(place)]
    callbacks += [last] if validation is None else [best, last]
    if validation is not None and options.patience is not None:
        callbacks.append(EarlyStopping(monitor, mode=_MODES[monitor], patience=options.patience))
    with _quiet(), _in_one_line():
        # Lightning counts a pass's batches once: where passes differ, anew for each
        trainer = _make_trainer(options, callbacks, place.folder, recount=len(set(n_batches)) > 1)
        state = place.folder / LAST
        resume = str(state) if state.is_file() else None
        trainer.fit(module, batches, validation, ckpt_path=resume, weights_only=False)
    if validation is not None:
        # this fit wrote it itself, a moment ago
        saved = torch.load(  # nosec B614
            best.best_model_path, map_location="cpu", weights_only=False
        )
        module.load_state_dict(saved["state_dict"])
    module.cpu().eval()
    return module.state_dict()


def _keep_weights(
    options: TrainingOptions, folder: Path, monitor: str
) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """Return who keeps the best weights, and who the last state.

    By themselves: `save_last` leaves out the passes that are not among the best.
    """
    best = ModelCheckpoint(
        dirpath=folder,
        filename="best-{epoch:03d}-{" + monitor + ":.4f}",
        monitor=monitor,
        mode=_MODES[monitor],
        save_top_k=options.keep_checkpoints,
        enable_version_counter=False,
    )
    return best, ModelCheckpoint(dirpath=folder, filename=LAST.stem, enable_version_counter=False)


def _make_trainer(
    options: TrainingOptions, callbacks: list[Callback], folder: Path, *, recount: bool
) -> pl.Trainer:
    watched = sys.stderr.isatty()
    return pl.Trainer(
        accelerator="auto",
        **choose_devices(options.devices),
        precision=_precision(options.precision),
        max_epochs=options.max_epochs,
        max_time=timedelta(minutes=options.max_minutes) if options.max_minutes else None,
        reload_dataloaders_every_n_epochs=int(recount),
        gradient_clip_val=options.gradient_clip,
        callbacks=[*callbacks, TQDMProgressBar(leave=False)] if watched else callbacks,
        default_root_dir=folder,
        logger=False,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=watched,
        inference_mode=False,  # the saved weights must stay ordinary tensors
    )


def _precision(wanted: str) -> Any:
    """Return Lightning's name of a precision; `auto` is mixed where a GPU is."""
    if wanted != "auto":
        return "32-true" if wanted == "32" else wanted
    if not torch.cuda.is_available():
        return "32-true"
    emulated = {"including_emulation": False}  # before Ampere: slow, and without convolutions
    return "bf16-mixed" if torch.cuda.is_bf16_supported(**emulated) else "16-mixed"


class _NextPass(Callback):
    """Tell the order which pass comes next before Lightning asks how long it is."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After each pass comes the next."""
        self._order.set_epoch(trainer.current_epoch + 1)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """After the pass that a checkpoint was written at the end of, too."""
        self._order.set_epoch(checkpoint["epoch"] + 1)


class _Curves(Callback):
    """Note what is known after each pass, as it happens."""

    def __init__(self, place: FitPlace) -> None:
        self._place = place
        self._began_s = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note a pass; its validation, if any, has been made by now."""
        # asked for in every process, since they find the means together
        found = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if not trainer.is_global_zero:
            return
        point = CurvePoint(
            model=self._place.model,
            part=self._place.part,
            epoch=trainer.current_epoch + 1,
            train_loss=found.get("train_loss", float("nan")),
            learning_rate=float(trainer.optimizers[0].param_groups[0]["lr"]),
            seconds=time.monotonic() - self._began_s,
            **{key: found.get(key) for key in ("val_loss", "val_kappa", "val_accuracy")},
        )
        note_point(point, self._place.folder)


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Say in a line what Lightning cannot do here."""
    try:
        yield
    except MisconfigurationException as error:
        raise EpochalError(f"training: {str(error).splitlines()[0]}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice from the user's screen; errors come through."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


_MODES = {"val_kappa": "max", "val_loss": "min"}
