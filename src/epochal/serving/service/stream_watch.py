"""What becomes of a stream's epochs beside their way to the caller: measures and alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from epochal.serving.messages.alerts import Alert, StreamAlert
from epochal.serving.service import logs
from epochal.serving.service.alerts import probabilities
from epochal.serving.service.shelf import Shelved
from epochal.serving.service.state import Service


class StreamWatch:
    """One live stream's measures and alerts; `source` is an id that may be shown, no token."""

    def __init__(
        self, service: Service, shelved: Shelved, *, source: str, data_source: str
    ) -> None:
        self._metrics, self._name = service.metrics, shelved.name
        self._classes = shelved.scorer.manifest.classes
        self._alerts = service.alerts.stream(shelved, source=source, data_source=data_source)
        self._n_epochs = 0

    def see(self, epochs: Sequence[Mapping[str, Any]]) -> list[StreamAlert]:
        """Take epochs down, each once and in order as `StreamScorer` returns them.

        What is returned are the alerts that they complete.
        """
        if not epochs:
            return []
        self._metrics.scored(self._name, pd.DataFrame(list(epochs)), None)
        self._n_epochs += len(epochs)
        logs.note(bundle=self._name, n_epochs=self._n_epochs)
        return [
            StreamAlert(epoch=one["epoch"], **alert.model_dump())
            for one in epochs
            for alert in self._raised_by(one)
        ]

    def _raised_by(self, epoch: Mapping[str, Any]) -> list[Alert]:
        return self._alerts.see(epoch["onset_s"], probabilities(epoch, self._classes))
