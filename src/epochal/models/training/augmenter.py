"""Augmentations as a study lists them, applied to batches of windows."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, overload

import torch
from torch import Generator, Tensor

from epochal.errors import EpochalError, did_you_mean
from epochal.models.training.augmentation import AUGMENTATIONS, OF_SIGNALS, OF_SPECTROGRAMS
from epochal.models.training.mirroring import mirror_channels
from epochal.options.network_inputs import QUALITY
from epochal.options.networks import AugmentationOptions

GIVEN = ("generator", "sfreq", "channel_names")  # by the augmenter, not by the study
REGIONS = ("LL", "RL", "LP", "RP")  # of a spectrogram, as HMS orders them


class Augmenter:
    """Applies changes one after the other, each to the share of sequences that it is meant for.

    A change of both the signal and the spectrogram befalls both of a sequence, or neither. Flags of
    quality are no signal, and stay. An unknown kind or parameter, and channels whose sides cannot
    be exchanged, raise `EpochalError` at once.
    """

    def __init__(
        self,
        steps: Sequence[AugmentationOptions],
        *,
        sfreq: float,
        channel_names: Sequence[str] = (),
        region_names: Sequence[str] = REGIONS,
    ) -> None:
        self.steps, self.sfreq, self.region_names = tuple(steps), sfreq, tuple(region_names)
        self.channel_names = tuple(name for name in channel_names if name != QUALITY)
        self.flagged = QUALITY in channel_names
        for step in steps:
            _check(step, self.channel_names)

    def refuse_idle(self, inputs: Sequence[str]) -> None:
        """Raise `EpochalError` for a change of none of the inputs that a network sees."""
        of_input = {"signal": OF_SIGNALS, "spectrogram": OF_SPECTROGRAMS}
        changing = {kind for name in inputs for kind in of_input[name]}
        for step in self.steps:
            if step.kind not in changing:
                seen = " and ".join(inputs) or "columns"
                raise EpochalError(f"the augmentation '{step.kind}' changes nothing of {seen}")

    @overload
    def __call__(
        self, signal: Tensor, spectrogram: Tensor | None = None, *, generator: Generator
    ) -> tuple[Tensor, Tensor | None]: ...

    @overload
    def __call__(
        self, signal: None, spectrogram: Tensor | None = None, *, generator: Generator
    ) -> tuple[None, Tensor | None]: ...

    def __call__(
        self, signal: Tensor | None, spectrogram: Tensor | None = None, *, generator: Generator
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return changed signals `(B, L, C, T)` and spectrograms `(B, L, C, F, T)`; None stays."""
        flags = None
        if signal is not None and self.flagged:
            signal, flags = signal.tensor_split([-1], dim=2)
        n_sequences = next((len(one) for one in (signal, spectrogram) if one is not None), 0)
        for step in self.steps:
            drawn = torch.rand(n_sequences, generator=generator, device=generator.device)
            chosen = drawn < step.probability
            if step.kind in OF_SIGNALS and signal is not None:
                changed = self._change(signal, step, generator, self.channel_names)
                signal = _choose(chosen, changed, signal)
            if step.kind in OF_SPECTROGRAMS and spectrogram is not None:
                changed = self._change(spectrogram, step, generator, self.region_names)
                spectrogram = _choose(chosen, changed, spectrogram)
        if signal is not None and flags is not None:
            signal = torch.cat([signal, flags], dim=2)
        return signal, spectrogram

    def _change(
        self, values: Tensor, step: AugmentationOptions, generator: Generator, names: Sequence[str]
    ) -> Tensor:
        change = AUGMENTATIONS[step.kind]
        params: dict[str, Any] = dict(step.params)
        if "channel_names" in inspect.signature(change).parameters:
            params["channel_names"] = names
        return change(values, generator=generator, sfreq=self.sfreq, **params)


def _choose(chosen: Tensor, changed: Tensor, values: Tensor) -> Tensor:
    chosen = chosen.to(values.device).reshape(-1, *[1] * (values.ndim - 1))
    return torch.where(chosen, changed, values)


def _check(step: AugmentationOptions, channel_names: tuple[str, ...]) -> None:
    if step.kind not in AUGMENTATIONS:
        raise EpochalError(f"no augmentation '{step.kind}'{did_you_mean(step.kind, AUGMENTATIONS)}")
    allowed = list(inspect.signature(AUGMENTATIONS[step.kind]).parameters)[1:]
    free = [name for name in allowed if name not in GIVEN]
    for name in step.params:
        if name not in free:
            raise EpochalError(
                f"the augmentation '{step.kind}' takes no '{name}'{did_you_mean(name, free)}"
            )
    if step.kind == "left_right_flip":
        mirror_channels(channel_names)
