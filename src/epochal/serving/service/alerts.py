"""Alerts by the operator's rules, over scored recordings and live streams.

An alert names the work that it came from by the service's own id, never a file or a person.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pandas as pd

from epochal.labels import PROBA
from epochal.serving.bundle import Manifest
from epochal.serving.messages.alerts import Alert, Kind
from epochal.serving.service.alert_rules import (
    AlertRule,
    Episode,
    Watch,
    check_labels,
    find_episodes,
    read_rules,
)
from epochal.serving.service.metrics import Metrics
from epochal.serving.service.options import ServiceOptions
from epochal.serving.service.shelf import Shelf, Shelved
from epochal.serving.service.webhook import Webhook

logger = logging.getLogger(__name__)
_N_KEPT = 1000


class Alerts:
    """The rules of a service, and the alerts that it raised lately."""

    def __init__(self, options: ServiceOptions, *, shelf: Shelf, metrics: Metrics) -> None:
        from_file = () if options.alert_file is None else read_rules(options.alert_file)
        self.rules = (*from_file, *options.alerts)
        held = {name: shelf.get(name).scorer.manifest.classes for name in shelf.names}
        check_labels(self.rules, held)
        self._metrics, self._lock = metrics, threading.Lock()
        self._recent: deque[Alert] = deque(maxlen=_N_KEPT)
        self._webhook = _webhook_of(options, metrics)
        self._expect(shelf.names)

    def recent(self) -> list[Alert]:
        """Return what was raised lately, the latest first."""
        with self._lock:
            return list(reversed(self._recent))

    def see_recording(
        self, shelved: Shelved, epochs: pd.DataFrame, *, source: str, data_source: str
    ) -> list[Alert]:
        """Raise the alerts of a scored recording: `epochs` as in `Scored`."""
        length_s = shelved.scorer.manifest.ingestion.epoch_length_s
        episodes = find_episodes(epochs, self.of_bundle(shelved.name), length_s)
        about = _About(shelved, "recording", source, data_source)
        return [self._raise(one, about) for one in episodes]

    def stream(self, shelved: Shelved, *, source: str, data_source: str) -> StreamAlerts:
        """Return what watches one live stream."""
        return StreamAlerts(self, _About(shelved, "stream", source, data_source))

    def of_bundle(self, name: str) -> list[AlertRule]:
        """Return the rules that hold for a bundle."""
        return [rule for rule in self.rules if not rule.bundles or name in rule.bundles]

    def start(self) -> None:
        """Begin to deliver."""
        if self._webhook is not None:
            self._webhook.start()

    def stop(self) -> None:
        """Deliver what waits, and end."""
        if self._webhook is not None:
            self._webhook.stop()

    def _expect(self, bundles: Iterable[str]) -> None:
        """Count from 0, whatever a bundle's classes: its next version may have others."""
        for name in bundles:
            for rule in self.of_bundle(name):
                self._metrics.expect_alert(name, rule.label)

    def _raise(self, episode: Episode, about: _About) -> Alert:
        alert = _describe(episode, about)
        with self._lock:
            self._recent.append(alert)
        self._metrics.alerted(alert.bundle, alert.label)
        facts = {"alert": alert.id, "rule": alert.rule, "source": alert.source}
        logger.warning("alert", extra={"facts": facts})
        if self._webhook is not None:
            self._webhook.send(alert.model_dump())
        return alert


class StreamAlerts:
    """The rules over one live stream; each episode is told of once."""

    def __init__(self, alerts: Alerts, about: _About) -> None:
        self._alerts, self._about = alerts, about
        length_s = about.manifest.ingestion.epoch_length_s
        rules = alerts.of_bundle(about.shelved.name)
        self._watches = [(rule.label, Watch(rule, length_s)) for rule in rules]

    def see(self, onset_s: float, proba: Mapping[str, float]) -> list[Alert]:
        """Take a scored epoch, its probabilities by class, and return the alerts it completes."""
        nan = float("nan")
        seen = (watch.see(onset_s, proba.get(label, nan)) for label, watch in self._watches)
        return [self._alerts._raise(one, self._about) for one in seen if one is not None]


class _About:
    """What an alert is about."""

    def __init__(self, shelved: Shelved, kind: Kind, source: str, data_source: str) -> None:
        self.shelved, self.kind, self.source = shelved, kind, source
        self.data_source = data_source

    @property
    def manifest(self) -> Manifest:
        return self.shelved.scorer.manifest


def probabilities(row: Mapping[str, object], classes: Iterable[str]) -> dict[str, float]:
    """Return the probabilities of a row of a table of scored epochs, by class."""
    return {name: float(row[f"{PROBA}{name}"]) for name in classes}  # type: ignore[arg-type]


def _describe(episode: Episode, about: _About) -> Alert:
    rule, manifest = episode.rule, about.manifest
    rate, words = _false_alarms(rule, manifest)
    return Alert(
        id=uuid.uuid4().hex[:12],
        raised_at=datetime.now(UTC).isoformat(timespec="seconds"),
        rule=rule.name,
        label=rule.label,
        bundle=about.shelved.name,
        model=manifest.headline,
        kind=about.kind,
        source=about.source,
        onset_s=round(episode.onset_s, 3),
        duration_s=round(episode.duration_s, 3),
        peak_probability=round(episode.peak, 6),
        data_source=about.data_source,
        false_alarms_per_hour=rate,
        false_alarms=words,
    )


def _false_alarms(rule: AlertRule, manifest: Manifest) -> tuple[float | None, str]:
    """Return how often such an alert is false: of the rule, else of the class in the bundle."""
    if rule.false_alarms_per_hour is not None:
        rate = rule.false_alarms_per_hour
        return rate, f"{rate:g} false alarms per hour, the operator's figure for this rule"
    of_class = manifest.metrics.get(f"false_alarms_per_hour_{rule.label}")
    if isinstance(of_class, int | float):
        told = f"{of_class:g} false alarms per hour in the bundle's evaluation, of any duration"
        return float(of_class), f"{told} ({manifest.data_source} data)"
    return None, "how often this alert is false is not known"


def _webhook_of(options: ServiceOptions, metrics: Metrics) -> Webhook | None:
    if options.webhook_url is None or options.webhook_secret is None:
        return None
    secret = options.webhook_secret.get_secret_value()
    return Webhook(str(options.webhook_url), secret, metrics=metrics)
