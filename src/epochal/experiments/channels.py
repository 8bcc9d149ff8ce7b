"""Some of the channels that a study prepares, for networks that are to do without the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from epochal.epoch_inputs import EpochInputs, InputStore, read_inputs
from epochal.errors import EpochalError, did_you_mean
from epochal.options.network_inputs import QUALITY


@dataclass(frozen=True)
class SomeChannels(InputStore):
    """A store whose signals have only some channels, in the given order; none given: all."""

    names: tuple[str, ...] = ()

    def __getitem__(self, recording_id: str) -> EpochInputs:
        if recording_id not in self._opened:
            inputs = read_inputs(self.paths[recording_id])
            self._opened[recording_id] = choose_channels(inputs, self.names)
        return self._opened[recording_id]


def choose_from(store: InputStore, names: tuple[str, ...]) -> SomeChannels:
    """Return the store with only these channels; its key says so."""
    key = "/".join([store.key, *names])
    return SomeChannels(store.paths, key, names=names)


def choose_channels(inputs: EpochInputs, names: tuple[str, ...]) -> EpochInputs:
    """Return the inputs with some channels of `signal`; an absent one raises `EpochalError`.

    No name leaves all; flags of quality are no channel to choose, and stay. Neighbours are not
    copied: their samples stay in the file until used.
    """
    if not names:
        return inputs
    if QUALITY in inputs.channels and QUALITY not in names:
        names = (*names, QUALITY)
    for name in names:
        if name not in inputs.channels:
            raise EpochalError(
                f"experiment: no channel '{name}' in network_inputs.signal"
                f"{did_you_mean(name, inputs.channels)}"
            )
    signal = inputs.arrays["signal"]
    places = [inputs.channels.index(name) for name in names]
    together = list(range(places[0], places[0] + len(places)))
    chosen = (
        signal[:, places[0] : places[-1] + 1] if places == together else signal[:, np.array(places)]
    )
    arrays: Mapping[str, np.ndarray] = {**inputs.arrays, "signal": chosen}
    return replace(inputs, arrays=arrays, channels=names)
