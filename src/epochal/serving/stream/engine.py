"""What a stream computes with: the chains of its signals, the epochs just past, the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from epochal.epoch_inputs import EpochInputs
from epochal.features import prepare_inputs
from epochal.features.extraction import finish_features, own_features
from epochal.features.preparation import prepare_recording
from epochal.models.smoothing import SmoothingMemory
from epochal.options.features import FeatureOptions
from epochal.readers.substitution import substitutions_of
from epochal.recording import Channel, Recording
from epochal.serving.bundle import Scorer
from epochal.serving.scoring import (
    name_flags,
    outside_reference,
    refuse_lacking_columns,
    tabulate,
)
from epochal.serving.stream.chains import Arrays, Chain, under
from epochal.serving.stream.history import FeatureHistory, RunHistory
from epochal.serving.stream.planning import causal_options, plan_chains
from epochal.serving.stream.tails import find_period
from epochal.signals.epoching import assess_epochs


class Engine:
    """Turns blocks of samples, and the epochs that lie in them, into rows of results.

    A recording that lacks what the bundle needs raises `RecordingError`. One most of whose epochs
    are unlike the training data is not refused, as `score_recording` would: a stream cannot know,
    and flags each of them (`outside_reference`).
    """

    def __init__(self, recording: Recording, scorer: Scorer) -> None:
        self._recording, self._scorer = recording, scorer
        self._substituted = substitutions_of(recording)
        self._ingestion = scorer.manifest.ingestion
        self._sees_windows = scorer.sees_windows()
        length_s = self._ingestion.epoch_length_s
        self._given = causal_options(scorer.manifest.feature_engineering, length_s)
        self._no_inputs = self._rehearse(self._given)
        self._plan = plan_chains(
            prepare_recording(recording, self._given),
            self._given,
            self._ingestion,
            networks=self._sees_windows,
        )
        self._raw = {one.name: Chain(one) for one in recording.channels}
        period_s = find_period([chain.sfreq for chain in self._raw.values()])
        for chain in self._raw.values():
            chain.tail.period = max(1, round(period_s * chain.sfreq))
        step_s = self._ingestion.epoch_step_s or length_s
        self._history = FeatureHistory(
            self._plan.options, step_s=step_s, recording_id=recording.recording_id
        )
        self._run_history, self._memory = RunHistory(scorer), SmoothingMemory()

    def begin_run(self, at_s: float) -> None:
        """Begin anew what does not cross a gap."""
        for chain in self._chains():
            chain.begin_run(at_s)
        self._run_history.begin_run()
        self._memory = SmoothingMemory()

    def end_run(self, at_s: float) -> None:
        """Tell the filters where the run ends."""
        for chain in self._chains():
            chain.end_run(at_s)

    def skip_to(self, at_s: float) -> None:
        """Leave out what lies before a time."""
        for chain in self._chains():
            chain.skip_to(at_s)

    def feed(self, block: Mapping[str, np.ndarray]) -> None:
        """Take samples by declared channel, all up to the same time."""
        channels = tuple(
            replace(one, data=block[self._substituted.get(one.name, one.name)])
            for one in self._recording.channels
        )
        for one in channels:
            self._raw[one.name].feed(np.asarray(one.data))
        given = replace(self._recording, channels=channels)
        prepared = {one.name: one for one in prepare_recording(given, self._given).channels}
        for chain in self._plan.chains.values():
            chain.feed(np.asarray(prepared[chain.source].data))

    def covers(self, onset_s: float) -> bool:
        """Say whether all samples of an epoch are there: rounding may ask for one more."""
        length_s = self._ingestion.epoch_length_s
        return all(chain.covers(onset_s, length_s) for chain in self._raw.values()) and all(
            self._plan.chains[one.chain].covers(onset_s - one.before_s, one.length_s)
            for one in self._plan.reaches
        )

    def score(
        self, epochs: pd.DataFrame, *, run: int, start_s: float, end_s: float
    ) -> pd.DataFrame:
        """Return the results of new epochs of the run that lies between two times."""
        scorer, here = self._scorer, epochs.assign(run=0)
        flags = assess_epochs(self._hold(self._raw), here, self._ingestion)
        here = pd.concat([here, flags], axis=1)
        derived = replace(self._hold(self._plan.chains), runs=((start_s, end_s),))
        own = own_features(derived, here, self._plan.options)
        inputs = None
        if self._sees_windows:
            inputs = prepare_inputs(derived, here, self._plan.options)
            inputs = replace(inputs, run=np.full(len(here), run))
        features = self._history.finish(own, here.assign(run=run))
        proba = self._predict(features, inputs)
        usable = scorer.known_rows(features, inputs=inputs)
        proba[~usable] = np.nan
        outside = outside_reference(features, scorer.manifest)
        named = name_flags(here, outside, usable, substituted=bool(self._substituted))
        return tabulate(here, proba, named, scorer)

    def forget_before(self, onset_s: float) -> None:
        """Drop the samples that no epoch from a time on looks back on."""
        for chain in self._raw.values():
            chain.forget_before(onset_s)
        before_s: dict[str, float] = {}
        for one in self._plan.reaches:
            before_s[one.chain] = max(before_s.get(one.chain, 0.0), one.before_s)
        for name, chain in self._plan.chains.items():
            chain.forget_before(onset_s - before_s[name])

    def pack(self) -> Arrays:
        """Return what `unpack` needs."""
        parts = {f"chains/{n}": chain.pack() for n, chain in enumerate(self._chains())}
        parts |= {"history": self._history.pack(), "run": self._run_history.pack()}
        known = {n: a for n, a in self._memory.expected.items() if a is not None}
        parts["smoothing"] = known
        return {f"{part}/{n}": array for part, found in parts.items() for n, array in found.items()}

    def unpack(self, arrays: Arrays) -> None:
        """Take up where another engine of the same bundle and channels was."""
        for number, chain in enumerate(self._chains()):
            chain.unpack(under(arrays, f"chains/{number}"))
        self._history.unpack(under(arrays, "history"))
        self._run_history.unpack(under(arrays, "run"), self._no_inputs)
        self._memory = SmoothingMemory(expected={**under(arrays, "smoothing")})

    def _predict(self, features: pd.DataFrame, inputs: EpochInputs | None) -> np.ndarray:
        features, inputs, n_lead = self._run_history.extend(features, inputs)
        self._memory.n_lead = n_lead
        return self._scorer.predict(features, inputs=inputs, memory=self._memory)

    def _rehearse(self, options: FeatureOptions) -> EpochInputs | None:
        """Go through all of it without an epoch: what is missing is refused before any sample."""
        none = lay_rows(self._recording, np.empty(0), length_s=1.0).assign(run=0)
        none = none.join(assess_epochs(self._recording, none, self._ingestion))
        own = own_features(self._recording, none, options)
        features = finish_features(own, none, options)
        refuse_lacking_columns(self._recording, features, self._scorer)
        return prepare_inputs(self._recording, none, options) if self._sees_windows else None

    def _chains(self) -> Iterator[Chain]:
        yield from self._raw.values()
        yield from self._plan.chains.values()

    def _hold(self, chains: Mapping[str, Chain]) -> Recording:
        """Return the recording with what the chains hold of it."""
        channels: tuple[Channel, ...] = tuple(one.channel(name) for name, one in chains.items())
        return replace(self._recording, channels=channels)


def lay_rows(
    recording: Recording, onsets_s: np.ndarray, *, length_s: float, first: int = 0
) -> pd.DataFrame:
    """Return epochs as `index_epochs` has them, but for their flags, numbered from `first`."""
    return pd.DataFrame(
        {
            "recording_id": recording.recording_id,
            "subject_id": recording.subject_id,
            "epoch": first + np.arange(len(onsets_s)),
            "onset_s": onsets_s,
            "length_s": length_s,
            "label": pd.Series(pd.NA, index=range(len(onsets_s)), dtype="string"),
            "data_source": recording.data_source,
        }
    )
