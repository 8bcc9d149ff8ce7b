"""The epochs just past, as far as the next ones still look back on them."""

from __future__ import annotations

from dataclasses import replace
from math import lcm

import numpy as np
import pandas as pd

from epochal.epoch_inputs import EpochInputs
from epochal.features.extraction import finish_features
from epochal.options.features import ContextOptions, FeatureOptions
from epochal.serving.bundle import Scorer
from epochal.serving.stream.chains import Arrays, under

INDEX = ["recording_id", "epoch", "onset_s", "length_s", "run"]


class FeatureHistory:
    """Epochs' own features: the calibration period's, and the last ones', for their context."""

    def __init__(self, options: FeatureOptions, *, step_s: float, recording_id: str) -> None:
        self._options, self._step_s, self._recording_id = options, step_s, recording_id
        self._n_past = count_past(options.context, step_s)
        self._calibrates = "calibration" in options.context.normalise
        self._epochs = pd.DataFrame()
        self._own = pd.DataFrame()

    def finish(self, own: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
        """Return new epochs' features with their context, and remember what later ones need."""
        n_new = len(epochs)
        self._epochs = join_rows(self._epochs, epochs[INDEX])
        self._own = join_rows(self._own, own)
        rows, index = self._own, self._epochs
        if "running" in self._options.context.normalise:
            rows, index = self._with_regular_steps()
        features = finish_features(rows, index, self._options).iloc[: len(self._own)]
        self._forget()
        return features.iloc[len(features) - n_new :].reset_index(drop=True)

    def _with_regular_steps(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Add empty epochs of another run, so that the usual step is told though little is kept."""
        n_more = 4 + self._epochs["run"].nunique()
        last_s = float(self._epochs["onset_s"].iloc[-1])
        more = pd.DataFrame({"onset_s": last_s + self._step_s * np.arange(1, n_more + 1)})
        more = more.assign(recording_id=self._recording_id, epoch=-1, run=-1, length_s=self._step_s)
        none = pd.DataFrame(np.nan, index=range(n_more), columns=self._own.columns)
        none = none.astype(self._own.dtypes)
        return join_rows(self._own, none), join_rows(self._epochs, more[INDEX])

    def _forget(self) -> None:
        place = np.arange(len(self._epochs))
        kept = place >= len(place) - self._n_past
        if self._calibrates:
            start_s = self._epochs["onset_s"].iloc[0]
            kept |= self._epochs["onset_s"] < start_s + self._options.context.calibration_s
        self._epochs = self._epochs[kept].reset_index(drop=True)
        self._own = self._own[kept].reset_index(drop=True)

    def pack(self) -> Arrays:
        """Return what `unpack` needs."""
        epochs = self._epochs.drop(columns="recording_id", errors="ignore")
        parts = {"epochs": pack_frame(epochs), "own": pack_frame(self._own)}
        return {f"{part}/{name}": a for part, found in parts.items() for name, a in found.items()}

    def unpack(self, arrays: Arrays) -> None:
        """Take up where another history was."""
        epochs = unpack_frame(under(arrays, "epochs"))
        self._epochs = epochs.assign(recording_id=self._recording_id) if len(epochs) else epochs
        self._own = unpack_frame(under(arrays, "own"))


class RunHistory:
    """The last epochs of the run: their features and inputs, that networks look back on."""

    def __init__(self, scorer: Scorer) -> None:
        lengths = [e.sequence.length for e in scorer.models.values() if e.sequence is not None]
        if not scorer.sees_windows():
            lengths = []
        self._lead = max((n - max(1, n // 2) for n in lengths), default=0)
        # Sequences begin at multiples of half their length; all of them do at multiples of this.
        self._grid = lcm(*(max(1, n // 2) for n in lengths))
        self.n_done = 0  # epochs of the run, those forgotten included
        self._features = pd.DataFrame()
        self._inputs: EpochInputs | None = None

    def begin_run(self) -> None:
        """Forget the run before: nothing reads across a gap."""
        self.n_done, self._features, self._inputs = 0, pd.DataFrame(), None

    def extend(
        self, features: pd.DataFrame, inputs: EpochInputs | None
    ) -> tuple[pd.DataFrame, EpochInputs | None, int]:
        """Return features and inputs of new epochs, after those that they look back on.

        Also how many those are. Laid from the first row, sequences are those of the whole run.
        """
        n_lead = len(self._features)
        features = join_rows(self._features, features)
        if inputs is not None and self._inputs is not None:
            inputs = join_inputs(self._inputs, inputs)
        self.n_done += len(features) - n_lead
        first = max(0, self.n_done - self._lead) // self._grid * self._grid
        n_kept = self.n_done - first if self._lead else 0
        kept = np.arange(len(features)) >= len(features) - n_kept
        self._features = features[kept].reset_index(drop=True)
        self._inputs = None if inputs is None else inputs.take(kept)
        return features, inputs, n_lead

    def pack(self) -> Arrays:
        """Return what `unpack` needs."""
        found = {"n_done": np.array(self.n_done)}
        found |= {
            f"features/{n}": a
            for n, a in pack_frame(
                self._features.drop(columns="recording_id", errors="ignore")
            ).items()
        }
        if self._inputs is not None:
            found |= {f"inputs/{name}": array for name, array in self._inputs.arrays.items()}
            found |= {f"rows/{n}": getattr(self._inputs, n) for n in ("epoch", "run", "known")}
        return found

    def unpack(self, arrays: Arrays, like: EpochInputs | None) -> None:
        """Take up where another history was; `like` has the rest of what its inputs were."""
        self.n_done = int(arrays["n_done"])
        self._features = unpack_frame(under(arrays, "features"))
        if len(self._features):
            self._features.insert(0, "recording_id", "")
        rows = under(arrays, "rows")
        if like is not None and rows:
            self._inputs = replace(
                like,
                arrays=under(arrays, "inputs"),
                epoch=rows["epoch"],
                run=rows["run"],
                known=rows["known"],
            )


def count_past(context: ContextOptions, step_s: float) -> int:
    """Return how many epochs back the context of an epoch reaches."""
    running = max(2, round(context.running_s / step_s)) if "running" in context.normalise else 0
    return running + max((*context.causal_epochs, *context.lags), default=0)


def join_rows(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of two tables as one; the first may be nothing yet."""
    if not len(first):
        return second.reset_index(drop=True)
    return pd.concat([first, second], ignore_index=True)


def join_inputs(first: EpochInputs, second: EpochInputs) -> EpochInputs:
    """Return the inputs of two stretches as one."""
    arrays = {n: np.concatenate([a, second.arrays[n]]) for n, a in first.arrays.items()}
    return replace(
        second,
        arrays=arrays,
        epoch=np.concatenate([first.epoch, second.epoch]),
        run=np.concatenate([first.run, second.run]),
        known=np.concatenate([first.known, second.known]),
    )


def pack_frame(frame: pd.DataFrame) -> Arrays:
    """Return a table of numbers as arrays, each column in its own precision."""
    found = {"names": np.array([str(name) for name in frame.columns], dtype=str)}
    for dtype in sorted({str(one) for one in frame.dtypes}):
        columns = frame.columns[[str(one) == dtype for one in frame.dtypes]]
        found[f"{dtype}/names"] = np.array([str(name) for name in columns], dtype=str)
        found[f"{dtype}/values"] = frame[columns].to_numpy()
    return found


def unpack_frame(arrays: Arrays) -> pd.DataFrame:
    """Return the table that `pack_frame` made arrays of."""
    columns: dict[str, np.ndarray] = {}
    for dtype in {name.split("/")[0] for name in arrays if "/" in name}:
        names, values = arrays[f"{dtype}/names"], arrays[f"{dtype}/values"]
        columns |= {str(name): values[:, place] for place, name in enumerate(names)}
    return pd.DataFrame({str(name): columns[str(name)] for name in arrays["names"]})
