"""The training of a network over windows, by Lightning: one pass after another, and the best kept.

Lightning chooses the device, mixed precision and the strategy over several GPUs, keeps the best
weights and an interrupted fit's state; what is learnt, and from what, is said here.
"""

from __future__ import annotations

import logging
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from torch.utils.data import DataLoader

from epochal.metrics import confusion, kappa
from epochal.models.networks.adversarial import SiteAdversary, reversal_strength
from epochal.models.networks.crf import ConditionalRandomField
from epochal.models.networks.scaled import ScaledNetwork
from epochal.models.training.batches import Batch
from epochal.models.training.curves import CurvePoint, note_point
from epochal.models.training.losses import Loss
from epochal.options.networks import TrainingOptions

LAST = "last.ckpt"
_LEAST_RATE = 0.01  # of the highest learning rate
Change = Callable[[Batch], Batch]


class NetworkTraining(pl.LightningModule):
    """What Lightning trains: the network, its loss, and the validation figures of each pass.

    `change` augments a training batch's scaled inputs. `adversary` learns the sites that the
    network unlearns, as strongly as `domain_weight` says. One that `remembers` has each sequence's
    mean loss of the last pass in `sequence_losses`.
    """

    def __init__(
        self,
        network: ScaledNetwork,
        loss: Loss,
        options: TrainingOptions,
        *,
        n_sequences: int,
        change: Change | None = None,
        adversary: SiteAdversary | None = None,
        domain_weight: float = 0.0,
        remembers: bool = False,
    ) -> None:
        super().__init__()
        self.network, self.adversary = network, adversary
        self._loss, self._options, self._change = loss, options, change
        self._domain_weight, self._remembers = domain_weight, remembers
        self._judged: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.sequence_losses = np.full(n_sequences, np.nan)

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        del index
        inputs = self.network.scale_all(batch)
        if self._change is not None:  # of what is scaled: silence is 0 on every channel
            inputs = self._change(inputs)
        representation = self.network.network.represent(**inputs)
        loss = self._task_loss(representation, batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch["places"]))
        return loss if self.adversary is None else loss + self._domain_loss(representation, batch)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Keep what the network says of the validation rows until all have been seen."""
        del index
        representation = self.network.network.represent(**self.network.scale_all(batch))
        loss = self._task_loss(representation, batch)
        weight = float(batch["weights"].sum())
        self.log("val_loss", loss, on_epoch=True, batch_size=max(1, round(weight)))
        targets, counted = batch["targets"], batch["weights"] > 0
        codes = targets.argmax(dim=-1) if targets.is_floating_point() else targets
        guess = self.network.network.head(representation).argmax(dim=-1)
        self._judged.append((codes[counted].cpu(), guess[counted].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log κ and accuracy of the validation rows: scores to select by, no performance."""
        truth, guess = (torch.cat([one[place] for one in self._judged]) for place in (0, 1))
        self._judged.clear()
        table = confusion(truth.numpy(), guess.numpy(), self.network.network.n_classes)
        self.log("val_kappa", float(kappa(table)))
        self.log("val_accuracy", float(np.trace(table) / max(1, table.sum())))

    def configure_optimizers(self) -> Any:
        """Return AdamW and the schedule of its learning rate."""
        options = self._options
        optimiser = torch.optim.AdamW(
            self.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
        )
        n_steps = max(1, int(self.trainer.estimated_stepping_batches))
        share = _SCHEDULES[options.schedule]
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: share(step / n_steps))
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
        self.sequence_losses[batch["places"].cpu().numpy()] = of_sequences.cpu().numpy()

    def _domain_loss(self, representation: torch.Tensor, batch: Batch) -> torch.Tensor:
        assert self.adversary is not None  # the caller asked
        progress = self.global_step / max(1, int(self.trainer.estimated_stepping_batches))
        strength = self._domain_weight * reversal_strength(progress)
        embedding = representation[..., : self.network.network.width]
        return self.adversary.loss(embedding, batch["domains"], strength=strength)


def train(
    module: NetworkTraining,
    batches: DataLoader[Batch],
    validation: DataLoader[Batch] | None,
    *,
    folder: Path,
    name: str,
    part: str,
    monitor: str = "val_kappa",
) -> None:
    """Train until the passes, the time or the patience are over, and take the best weights.

    The best weights and the state of an interrupted fit lie in `folder`; a later call goes on from
    there. `monitor` is `val_kappa` or `val_loss`. Without validation rows the last weights count.
    """
    options = module._options
    best = ModelCheckpoint(
        dirpath=folder,
        filename="best-{epoch:03d}-{" + monitor + ":.4f}" if validation else "{epoch:03d}",
        monitor=monitor if validation else None,
        mode=_MODES[monitor],
        save_top_k=options.keep_checkpoints if validation else 1,
        save_last=True,
        enable_version_counter=False,
    )
    callbacks: list[Callback] = [_Curves(folder, name, part), best]
    if validation is not None and options.patience is not None:
        callbacks.append(EarlyStopping(monitor, mode=_MODES[monitor], patience=options.patience))
    if sys.stderr.isatty():
        callbacks.append(TQDMProgressBar(leave=False))
    last = folder / LAST
    with _quiet():
        trainer = _make_trainer(options, callbacks, folder)
        resume = str(last) if last.is_file() else None
        trainer.fit(module, batches, validation, ckpt_path=resume, weights_only=False)
    if validation is not None:
        # this fit wrote it itself, a moment ago
        saved = torch.load(  # nosec B614
            best.best_model_path, map_location="cpu", weights_only=False
        )
        module.load_state_dict(saved["state_dict"])
    module.cpu().eval()


def _make_trainer(options: TrainingOptions, callbacks: list[Callback], folder: Path) -> pl.Trainer:
    return pl.Trainer(
        accelerator="auto",  # several GPUs: Lightning's own strategy
        precision=_precision(options.precision),
        max_epochs=options.max_epochs,
        max_time=timedelta(minutes=options.max_minutes) if options.max_minutes else None,
        gradient_clip_val=options.gradient_clip,
        callbacks=callbacks,
        default_root_dir=folder,
        logger=False,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        inference_mode=False,  # the saved weights must stay ordinary tensors
    )


def _precision(wanted: str) -> Any:
    """Return Lightning's name of a precision; `auto` is mixed where a GPU is."""
    if wanted != "auto":
        return "32-true" if wanted == "32" else wanted
    if not torch.cuda.is_available():
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


class _Curves(Callback):
    """Note what is known after each pass, as it happens."""

    def __init__(self, folder: Path, name: str, part: str) -> None:
        self._folder, self._name, self._part = folder, name, part
        self._began_s = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note a pass; its validation, if any, has been made by now."""
        if not trainer.is_global_zero:
            return
        found = {name: float(value) for name, value in trainer.callback_metrics.items()}
        point = CurvePoint(
            model=self._name,
            part=self._part,
            epoch=trainer.current_epoch + 1,
            train_loss=found.get("train_loss", float("nan")),
            learning_rate=float(trainer.optimizers[0].param_groups[0]["lr"]),
            seconds=time.monotonic() - self._began_s,
            **{key: found.get(key) for key in ("val_loss", "val_kappa", "val_accuracy")},
        )
        note_point(point, self._folder)


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


def _one_cycle(progress: float) -> float:
    """Rise, then fall by a cosine: one cycle of Smith and Topin 2018, arXiv:1708.07120."""
    rise = 0.3
    if progress < rise:
        return _LEAST_RATE + (1 - _LEAST_RATE) * progress / rise
    return _cosine((progress - rise) / (1 - rise))


def _cosine(progress: float) -> float:
    return _LEAST_RATE + (1 - _LEAST_RATE) * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def _constant(progress: float) -> float:
    del progress
    return 1.0


_MODES = {"val_kappa": "max", "val_loss": "min"}
_SCHEDULES = {"one_cycle": _one_cycle, "cosine": _cosine, "constant": _constant}
