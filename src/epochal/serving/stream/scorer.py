"""A recording scored while it is being made: samples in, an epoch out as soon as it is complete.

What comes out is what `score_recording` says of the whole recording: the same functions compute it,
over the last seconds instead of all of them, with filters and smoothings that remember.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from epochal import __version__
from epochal.errors import EpochalError
from epochal.provenance import RESEARCH_USE
from epochal.readers.substitution import substitutions_of
from epochal.serving.bundle import Scorer, data_source_of_result
from epochal.serving.scoring import allow_substitutes
from epochal.serving.stream.chains import under
from epochal.serving.stream.declaring import Declaration, declare, refuse_unstreamable
from epochal.serving.stream.engine import Engine, lay_rows
from epochal.serving.stream.intake import Intake
from epochal.serving.stream.saving import pack_state, unpack_state
from epochal.signals.epoching import count_epochs

_LATEST_S = 1e9
_COUNTS = ("n_epochs", "_run", "_n_in_run", "_run_start_s", "unscored_s", "over")

Epoch = dict[str, Any]


class StreamScorer:
    """Scores a stream by a causal bundle; memory does not grow with the stream's length.

    `declared` is a `Declaration`, or what one is made of. A bundle that looks ahead, or that needs
    a channel or a rate that is not declared, raises `EpochalError`. `n_epochs` have been scored;
    `unscored_s` seconds before gaps were too short for one.
    """

    def __init__(self, scorer: Scorer, declared: Declaration | dict[str, Any]) -> None:
        refuse_unstreamable(scorer)
        self.scorer, self.declaration = scorer, declare(declared)
        self.recording = allow_substitutes(
            self.declaration.recording(),
            scorer.manifest,
            allow=self.declaration.allow_substitution,
        )
        self._intake = Intake(self.declaration)
        self._engine = Engine(self.recording, scorer)
        self._ingestion = scorer.manifest.ingestion
        self._step_s = self._ingestion.epoch_step_s or self._ingestion.epoch_length_s
        self.n_epochs, self._run, self._n_in_run = 0, -1, 0
        self._run_start_s, self.unscored_s, self.over = 0.0, 0.0, False
        self._begin_run(max(one.start_s for one in self.recording.channels))

    @classmethod
    def resume(cls, state: bytes, scorer: Scorer) -> StreamScorer:
        """Return a stream as `state` left it.

        Bytes that are no state, one of another format, or one of another bundle raise
        `EpochalError`.
        """
        header, arrays = unpack_state(state, fingerprint=scorer.fingerprint)
        try:
            stream = cls(scorer, header["declaration"])
            for name in _COUNTS:
                setattr(stream, name, type(getattr(stream, name))(header[name]))
            stream._intake.unpack(under(arrays, "intake"))
            stream._engine.unpack(under(arrays, "engine"))
        except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
            raise EpochalError("Not the state of a stream: its parts do not fit") from error
        return stream

    def state(self) -> bytes:
        """Return all that `resume` needs to go on with the same numbers; no pickle in it."""
        header = {
            "fingerprint": self.scorer.fingerprint,
            "declaration": self.declaration.model_dump(mode="json"),
            **{name: getattr(self, name) for name in _COUNTS},
        }
        parts = {"intake": self._intake.pack(), "engine": self._engine.pack()}
        arrays = {f"{part}/{n}": array for part, all_ in parts.items() for n, array in all_.items()}
        return pack_state(header, arrays)

    @property
    def received(self) -> dict[str, int]:
        """How far each channel has come: the number of its next sample, gaps counted."""
        return dict(self._intake.received)

    def describe(self) -> dict[str, Any]:
        """Return what must be said of all results of the stream."""
        manifest, recording = self.scorer.manifest, self.recording
        return {
            "recording_id": recording.recording_id,
            "study": manifest.study,
            "model": manifest.headline,
            "causal": manifest.causal,
            "classes": list(manifest.classes),
            "data_source": data_source_of_result(manifest.data_source, recording.data_source),
            "recording_data_source": recording.data_source,
            "training_data_source": manifest.data_source,
            "in_sample": manifest.saw(recording),
            "epoch_length_s": self._ingestion.epoch_length_s,
            "epoch_step_s": self._step_s,
            "substitutions": substitutions_of(recording),
            "problems": list(recording.problems),
            "caveats": list(manifest.caveats),
            "notice": RESEARCH_USE,
            "epochal_version": __version__,
        }

    def push(self, chunk: Mapping[str, Any]) -> list[Epoch]:
        """Take the next samples of any channels and return the epochs that they complete.

        `chunk` has numbers by channel, as many as there are, in the declared units; NaN or infinity
        is a missing sample. An epoch has the columns of `score_recording`. An undeclared channel,
        something else than numbers, more than an hour at once, or one channel ten minutes ahead of
        another raise `EpochalError`, and nothing of the chunk is taken.
        """
        self._refuse_after_end()
        self._intake.add(chunk)
        end_s = self._intake.end_s
        if count_epochs(end_s - self._run_start_s, self._ingestion) <= self._n_in_run:
            return []
        self._engine.feed(self._intake.take(end_s))
        return self._score(end_s)

    def skip_to(self, at_s: float) -> list[Epoch]:
        """Declare a gap: the next samples lie so many seconds after the stream's start.

        A run ends, and with it an epoch that is not complete; another begins. A time before what
        was received raises `EpochalError`.
        """
        self._refuse_after_end()
        if not self._intake.latest_s <= at_s <= _LATEST_S:
            raise EpochalError(
                f"A gap to {at_s:g} s: samples were received up to {self._intake.latest_s:g} s; "
                "a gap ends later"
            )
        epochs = self._end_run()
        self._intake.skip_to(at_s)
        self._engine.skip_to(at_s)
        self._begin_run(at_s)
        return epochs

    def finish(self) -> list[Epoch]:
        """Say that nothing more comes; return the epochs that only waited for that."""
        if self.over:
            return []
        epochs = self._end_run()
        self.over = True
        return epochs

    def _begin_run(self, at_s: float) -> None:
        self._run, self._n_in_run, self._run_start_s = self._run + 1, 0, at_s
        self._engine.begin_run(at_s)

    def _end_run(self) -> list[Epoch]:
        end_s = max(self._intake.end_s, self._run_start_s)
        self._engine.end_run(end_s)
        self._engine.feed(self._intake.take(end_s, to_nearest=True))
        epochs = self._score(end_s, at_end=True)
        scored_s = 0.0
        if self._n_in_run:
            scored_s = (self._n_in_run - 1) * self._step_s + self._ingestion.epoch_length_s
        self.unscored_s += max(0.0, end_s - self._run_start_s - scored_s)
        return epochs

    def _score(self, end_s: float, *, at_end: bool = False) -> list[Epoch]:
        """Score the epochs of the run that are complete and were not scored yet."""
        n_whole = count_epochs(end_s - self._run_start_s, self._ingestion)
        onsets_s = self._run_start_s + self._step_s * np.arange(self._n_in_run, n_whole)
        if not at_end:
            covered = [self._engine.covers(onset_s) for onset_s in onsets_s]
            onsets_s = onsets_s[np.logical_and.accumulate(covered)] if covered else onsets_s
        if not len(onsets_s):
            return []
        epochs = lay_rows(
            self.recording,
            onsets_s,
            length_s=self._ingestion.epoch_length_s,
            first=self.n_epochs,
        )
        table = self._engine.score(epochs, run=self._run, start_s=self._run_start_s, end_s=end_s)
        self.n_epochs += len(epochs)
        self._n_in_run += len(epochs)
        self._engine.forget_before(self._run_start_s + self._step_s * self._n_in_run)
        return [
            {str(name): value for name, value in row.items()} for row in table.to_dict("records")
        ]

    def _refuse_after_end(self) -> None:
        if self.over:
            raise EpochalError("The stream was finished; nothing more is taken")
