"""What a report of a scored recording is made from, found once for all kinds of report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from epochal.errors import EpochalError
from epochal.labels import encode, proba_columns
from epochal.options.quality import FAULTS
from epochal.readers.aliases import kind_of, rename_aliases
from epochal.readers.substitution import substitutions_of
from epochal.recording import Channel, Recording
from epochal.reports.panels import Areas, Grid, Marks, Steps, order_of
from epochal.reports.signals import (
    Spectra,
    envelope_panel,
    shown_unit,
    spectra_by_class,
    spectrogram_panel,
)
from epochal.reports.timeline import Panel, TimeAxis
from epochal.serving.bundle import Manifest
from epochal.serving.scoring import Scored, allow_substitutes


@dataclass(frozen=True)
class Material:
    """A scored recording: its signals under the bundle's channel names, its epochs, its bundle."""

    recording: Recording
    epochs: pd.DataFrame
    summary: dict[str, Any]
    manifest: Manifest

    @property
    def classes(self) -> tuple[str, ...]:
        """The bundle's classes."""
        return self.manifest.classes

    @property
    def order(self) -> tuple[int, ...]:
        """Class numbers from the top of a hypnogram down."""
        return order_of(self.classes)

    @property
    def epoch_s(self) -> float:
        """The length of an epoch."""
        return self.manifest.ingestion.epoch_length_s

    @property
    def step_s(self) -> float:
        """From the beginning of one epoch to that of the next."""
        return self.manifest.ingestion.epoch_step_s or self.epoch_s

    @cached_property
    def grid(self) -> Grid:
        """Where the epochs lie."""
        return Grid(self.epochs["onset_s"].to_numpy(dtype=float), self.epoch_s)

    @cached_property
    def codes(self) -> np.ndarray:
        """Class numbers, −1 where an epoch has no label."""
        return encode(self.epochs["label"], self.classes)

    @cached_property
    def proba(self) -> np.ndarray:
        """Probabilities `(n_epochs, n_classes)`."""
        return self.epochs[proba_columns(self.classes)].to_numpy(dtype=float)

    @cached_property
    def flags(self) -> dict[str, np.ndarray]:
        """Per kind of flag that occurs, which epochs have it."""
        named = [set(text.split(";")) - {""} for text in self.epochs["flags"].fillna("")]
        kinds = list(dict.fromkeys(name for flags in named for name in sorted(flags)))
        return {kind: np.array([kind in flags for flags in named]) for kind in kinds}

    @cached_property
    def artefact(self) -> np.ndarray:
        """Which epochs are flagged for a fault of the signal, not for being unusual."""
        faults = [found for kind, found in self.flags.items() if kind in FAULTS]
        return np.logical_or.reduce([np.zeros(len(self.epochs), dtype=bool), *faults])

    @cached_property
    def axis(self) -> TimeAxis:
        """The time that the epochs span."""
        ends = self.grid.ends_s
        return TimeAxis(float(self.grid.onsets_s[0]), float(ends.max()), self.recording.start)

    @property
    def lights(self) -> tuple[float | None, float | None]:
        """When the lights go off and on, in seconds from the recording's start; None: not known."""
        found = (self.recording.metadata.get(f"lights_{which}_s") for which in ("off", "on"))
        off_s, on_s = (None if at is None else float(at) for at in found)
        return off_s, on_s

    def channel_of(self, kind: str) -> Channel | None:
        """Return the first of the bundle's channels of a kind (`EEG`, `EMG`), or of any others.

        One that stands in for another derivation comes under its own name.
        """
        stand_ins = substitutions_of(self.recording)
        used = [*used_channels(self.manifest), *self.recording.channel_names]
        for name in used:
            if kind_of(name) == kind and name in self.recording.channel_names:
                channel = self.recording.channel(name)
                return replace(channel, name=stand_ins.get(name, name))
        return None

    def stage_panels(self) -> list[Panel]:
        """Return the labels, the probabilities and the flags, over time."""
        panels: list[Panel] = [
            Steps("Scored", self.grid, self.codes, self.classes, self.order),
            Areas("Probability\nof each class", self.grid, self.proba, self.order),
        ]
        marks = dict(self.flags)
        if "abstain" in self.epochs:
            marks["abstained"] = self.epochs["abstain"].to_numpy(dtype=bool)
        if marks:
            panels.append(Marks("Flags", self.grid, marks))
        return panels

    def signal_panels(self) -> list[Panel]:
        """Return the spectrogram of the main EEG and the envelope of the EMG, where there are."""
        eeg, emg = self.channel_of("EEG"), self.channel_of("EMG")
        power = spectrogram_panel(eeg, self.axis) if eeg else None
        tone = envelope_panel(emg, self.recording, self.axis) if emg else None
        return [panel for panel in (power, tone) if panel is not None]

    def spectra(self) -> Spectra | None:
        """Return the main EEG's spectrum in each class, of epochs without any flag."""
        eeg = self.channel_of("EEG")
        if eeg is None:
            return None
        clean = (self.epochs["flags"].fillna("") == "").to_numpy()
        return spectra_by_class(eeg, self.grid, self.epochs["label"], clean, self.classes)


def gather(recording: Recording, scored: Scored, manifest: Manifest) -> Material:
    """Put a recording, as it was read, beside what was made of it."""
    if scored.summary["substitutions"]:
        recording = allow_substitutes(recording, manifest, allow=True)
    named = _rename(recording, used_channels(manifest))
    return Material(named, scored.epochs.reset_index(drop=True), scored.summary, manifest)


def used_channels(manifest: Manifest) -> list[str]:
    """Return the channels that the bundle looks at, each once."""
    signals = manifest.feature_engineering.signals.values()
    named = [name for signal in signals for name in signal.channels]
    return list(dict.fromkeys((*named, *manifest.ingestion.quality.channels)))


def _rename(recording: Recording, wanted: Sequence[str]) -> Recording:
    """Give channels the names that the bundle knows; two of one name keep their own."""
    try:
        return rename_aliases(recording, wanted)
    except EpochalError:
        return replace(recording)


def names_in_file(material: Material, original: Recording) -> list[tuple[str, str]]:
    """Return each of the bundle's channels with what it is in the file: name, rate and unit.

    Where a montage makes the derivations, they are told together, and the channels they come from.
    """
    own = original.channels
    montage = material.manifest.feature_engineering.montage
    if montage is not None and montage.bipolar:
        kind = montage.bipolar if isinstance(montage.bipolar, str) else "bipolar"
        known = ", ".join(channel.name for channel in own)
        return [("Derivations", f"{kind}, made of the recorded channels"), ("Recorded", known)]
    renamed = {channel.name: before for channel, before in zip(material.recording.channels, own)}  # noqa: B905
    stand_ins = substitutions_of(material.recording)
    return [(name, _told(name, renamed, stand_ins)) for name in used_channels(material.manifest)]


def _told(name: str, renamed: dict[str, Channel], stand_ins: dict[str, str]) -> str:
    if name in stand_ins:
        return f"{stand_ins[name]} stands in: another derivation"
    if name not in renamed:
        return "not in this recording"
    found = renamed[name]
    spelled = "" if found.name == name else f"called {found.name}, "
    return f"{spelled}{found.sfreq:g} Hz, {shown_unit(found) or 'no unit'}"
