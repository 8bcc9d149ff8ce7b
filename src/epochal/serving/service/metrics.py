"""What a service measures of itself, for Prometheus: a registry of its own for each application.

Labels take few values: templates of routes, names of bundles, classes. Nothing of a caller or of
a recording is in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Literal, get_args

import pandas as pd
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from epochal import __version__
from epochal.serving.service.collectors import BundleFacts, SystemFacts, add_process
from epochal.serving.service.shelf import Shelf

Outcome = Literal["sent", "failed", "dropped"]  # of an alert at the webhook
_REQUEST_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_INFERENCE_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_CONFIDENCE = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_UPLOAD_BYTES = tuple(4.0**power for power in range(5, 17))  # 1 KiB to 4 GiB
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"])


class Metrics:
    """The measures of one application; each method takes one event down."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._make_requests()
        self._make_models()
        self._make_work()
        add_process(self.registry)
        self.registry.register(SystemFacts())
        self._gauge("epochal_build_info", "The version that serves.", ["version"]).labels(
            __version__
        ).set(1)

    def encode(self, accept: str) -> tuple[bytes, str]:
        """Return all measures and their media type, in the format that a scraper asks for."""
        encoder, media_type = choose_encoder(accept)
        return encoder(self.registry), media_type

    # Requests

    @contextmanager
    def in_flight(self, kind: str) -> Iterator[None]:
        """Count a request, or a WebSocket, as under way."""
        gauge = self._in_flight.labels(kind)
        gauge.inc()
        try:
            yield
        finally:
            gauge.dec()

    def answered(self, method: str, route: str, *, status: int, seconds: float) -> None:
        """Take down an answered request."""
        known = method if method in _METHODS else "OTHER"  # anybody can make up methods
        self._requests.labels(known, route, str(status)).observe(seconds)

    def turned_away(self, reason: str) -> None:
        """Count a request that met a limit: rate, slow."""
        self._turned_away.labels(reason).inc()

    # Models

    @contextmanager
    def inference(self, bundle: str, model: str) -> Iterator[None]:
        """Time a model's answer."""
        began_s = perf_counter()
        yield
        self.inferred(bundle, model, perf_counter() - began_s)

    def inferred(self, bundle: str, model: str, seconds: float) -> None:
        """Take down how long a model's answer took."""
        self._inference.labels(bundle, model).observe(seconds)

    def scored(self, bundle: str, table: pd.DataFrame, drift: Mapping[str, Any] | None) -> None:
        """Take down a scored recording: its table of epochs, and its verdict of drift."""
        known = table["label"].astype(str) != ""
        for label, count in table.loc[known, "label"].value_counts().items():
            self._epochs.labels(bundle, str(label)).inc(int(count))
        confidence = self._confidence.labels(bundle)
        for value in table.loc[known, "confidence"]:
            confidence.observe(float(value))
        self._count_flags(bundle, table)
        if "abstain" in table:
            self._abstentions.labels(bundle).inc(int(table["abstain"].sum()))
        self.drifted(bundle, drift)

    def scored_epoch(
        self,
        bundle: str,
        label: str,
        *,
        confidence: float,
        flags: Iterable[str] = (),
        abstain: bool = False,
    ) -> None:
        """Take down one epoch, as streams and JSON answers score them."""
        if label:
            self._epochs.labels(bundle, label).inc()
            self._confidence.labels(bundle).observe(confidence)
        for flag in flags:
            self._flagged.labels(bundle, flag).inc()
        if abstain:
            self._abstentions.labels(bundle).inc()

    def drifted(self, bundle: str, verdict: Mapping[str, Any] | None) -> None:
        """Show the latest verdict of drift; one on too few epochs changes nothing."""
        if not verdict or verdict.get("drift") is None:
            return
        self._drift.labels(bundle).set(float(verdict["drift"]))
        self._drift_score.labels(bundle).set(float(verdict.get("score") or math.nan))
        self._drift_limit.labels(bundle).set(float(verdict.get("limit") or math.nan))

    def refused(self, bundle: str) -> None:
        """Count a recording that a bundle could not score."""
        self._refused.labels(bundle).inc()

    # Work beside requests

    def uploaded(self, n_bytes: int) -> None:
        """Take down an upload that has wholly arrived."""
        self._uploads.observe(n_bytes)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count a live stream as open."""
        with self._streams.track_inprogress():
            yield

    def expect_alert(self, bundle: str, label: str) -> None:
        """Show that there may be such an alert: without the 0 the first one is no increase."""
        self._alerts.labels(bundle, label)

    def alerted(self, bundle: str, label: str) -> None:
        """Count an alert."""
        self._alerts.labels(bundle, label).inc()

    def delivered(self, outcome: str) -> None:
        """Count what became of an alert's delivery: sent, failed, dropped."""
        self._deliveries.labels(outcome).inc()

    def watch_queue(self, taken: Callable[[], int], places: int) -> None:
        """Show how much of the queue of workers is taken."""
        self._gauge("epochal_queue_requests", "Requests being worked on or waiting.").set_function(
            taken
        )
        self._gauge("epochal_queue_places", "How many of them there may be.").set(places)

    def watch_shelf(self, shelf: Shelf) -> None:
        """Show what bundles are loaded, and count from 0 what comes of them."""
        self.registry.register(BundleFacts(shelf))
        for name in shelf.names:
            self._refused.labels(name)
            self._abstentions.labels(name)
            for label in shelf.get(name).scorer.manifest.classes:
                self._epochs.labels(name, label)

    def watch_jobs(self, count: Callable[[], Mapping[str, int]], states: Iterable[str]) -> None:
        """Show how many jobs are in each state."""
        for state in states:
            self._jobs.labels(state).set_function(lambda state=state: count().get(state, 0))  # type: ignore[misc]

    # The measures themselves

    def _make_requests(self) -> None:
        self._requests = self._histogram(
            "epochal_request_seconds", "From a request to the end of its answer; of a "
            "WebSocket, how long it was open.", ["method", "route", "status"], _REQUEST_S,
        )  # fmt: skip
        self._in_flight = self._gauge(
            "epochal_in_flight_requests", "Requests and WebSockets under way.", ["kind"]
        )
        for kind in ("http", "websocket"):
            self._in_flight.labels(kind)
        self._turned_away = self._counter(
            "epochal_turned_away", "Requests that met a limit.", ["reason"]
        )
        for reason in ("rate", "slow"):
            self._turned_away.labels(reason)

    def _make_models(self) -> None:
        of_bundle = ["bundle"]
        self._inference = self._histogram(
            "epochal_inference_seconds", "One model's answer.", ["bundle", "model"], _INFERENCE_S
        )
        self._confidence = self._histogram(
            "epochal_confidence", "Probability of the label given.", of_bundle, _CONFIDENCE
        )
        self._epochs = self._counter("epochal_epochs", "Epochs labelled.", ["bundle", "label"])
        self._flagged = self._counter(
            "epochal_flagged_epochs", "Epochs flagged.", ["bundle", "flag"]
        )
        self._abstentions = self._counter(
            "epochal_abstentions", "Epochs that the model had better not answer.", of_bundle
        )
        self._refused = self._counter("epochal_refused", "Recordings not scored.", of_bundle)
        self._drift = self._gauge("epochal_drift", "1: the latest recording drifts.", of_bundle)
        self._drift_score = self._gauge(
            "epochal_drift_score", "Its score, in spreads of left-out subjects.", of_bundle
        )
        self._drift_limit = self._gauge(
            "epochal_drift_limit", "Beyond which a score is drift.", of_bundle
        )

    def _make_work(self) -> None:
        self._uploads = self._histogram(
            "epochal_upload_bytes", "Size of an upload.", [], _UPLOAD_BYTES
        )
        self._streams = self._gauge("epochal_open_streams", "Live streams.")
        self._jobs = self._gauge("epochal_jobs", "Jobs by state.", ["state"])
        self._alerts = self._counter(
            "epochal_alerts", "Alerts by the operator's rules.", ["bundle", "label"]
        )
        self._deliveries = self._counter(
            "epochal_alert_deliveries", "What became of them at the webhook.", ["outcome"]
        )
        for outcome in get_args(Outcome):
            self._deliveries.labels(outcome)

    def _count_flags(self, bundle: str, table: pd.DataFrame) -> None:
        flags = table["flags"].astype(str).str.split(";").explode()
        for flag, count in flags[flags != ""].value_counts().items():
            self._flagged.labels(bundle, str(flag)).inc(int(count))

    def _gauge(self, name: str, what: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(name, what, tuple(labels), registry=self.registry)

    def _counter(self, name: str, what: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(name, what, tuple(labels), registry=self.registry)

    def _histogram(
        self, name: str, what: str, labels: Iterable[str], buckets: tuple[float, ...]
    ) -> Histogram:
        return Histogram(name, what, tuple(labels), registry=self.registry, buckets=buckets)
