"""What is looked up when a service is scraped: its bundles, its process, the machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from epochal.serving.service.memory_limit import read_memory_limit
from epochal.serving.service.shelf import Shelf, Shelved

_MEMORY = {"MemTotal": "total", "MemAvailable": "available"}
_FACTS = ("bundle", "study", "model", "data_source", "epochal_version", "training_data")


def add_process(registry: CollectorRegistry) -> None:
    """Add `process_…`: time on the processor, memory, open files; on Linux alone."""
    ProcessCollector(registry=registry)


class BundleFacts(Collector):
    """Which version of each bundle answers, since when, and whether a newer one was refused."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def collect(self) -> Iterator[Metric]:
        """Give the facts as they are now."""
        info = GaugeMetricFamily("epochal_bundle_info", "A bundle that answers.", labels=_FACTS)
        loaded = GaugeMetricFamily(
            "epochal_bundle_loaded_seconds", "When, since 1970.", labels=["bundle"]
        )
        stale = GaugeMetricFamily(
            "epochal_bundle_stale", "1: a newer version could not be read.", labels=["bundle"]
        )
        for name in self._shelf.names:
            shelved = self._shelf.get(name)
            info.add_metric(_facts(shelved), 1)
            loaded.add_metric([name], shelved.loaded_at)
            stale.add_metric([name], float(name in self._shelf.errors))
        yield from (info, loaded, stale)


class SystemFacts(Collector):
    """The machine's load and memory, and the service's part of it; nothing that nobody tells.

    `limit` takes the machine's memory in bytes and returns what the service may use of it.
    """

    def __init__(
        self,
        memory: Path = Path("/proc/meminfo"),
        limit: Callable[[float | None], float | None] = read_memory_limit,
    ) -> None:
        self._memory, self._limit = memory, limit

    def collect(self) -> Iterator[Metric]:
        """Give what the machine says now."""
        cores = GaugeMetricFamily("epochal_system_cores", "Processors of the machine.")
        cores.add_metric([], os.cpu_count() or 1)
        yield cores
        if hasattr(os, "getloadavg"):
            load = GaugeMetricFamily("epochal_system_load", "Tasks that run or wait, over 1 min.")
            load.add_metric([], os.getloadavg()[0])
            yield load
        yield from self._memory_families()

    def _memory_families(self) -> Iterator[Metric]:
        of_machine = self._read_machine()
        if of_machine:
            family = GaugeMetricFamily(
                "epochal_system_memory_bytes", "The machine's memory.", labels=["kind"]
            )
            for kind, n_bytes in of_machine.items():
                family.add_metric([kind], n_bytes)
            yield family
        limit = self._limit(of_machine.get("total"))
        if limit is not None:
            family = GaugeMetricFamily("epochal_memory_limit_bytes", "What the service may use.")
            family.add_metric([], limit)
            yield family

    def _read_machine(self) -> dict[str, float]:
        if not self._memory.is_file():
            return {}
        pairs = (
            line.partition(":") for line in self._memory.read_text(encoding="ascii").splitlines()
        )
        return {
            _MEMORY[name]: 1024.0 * int(rest.split()[0])
            for name, _, rest in pairs
            if name in _MEMORY
        }


def _facts(shelved: Shelved) -> list[str]:
    manifest = shelved.scorer.manifest
    return [
        shelved.name,
        manifest.study,
        manifest.headline,
        manifest.data_source,
        manifest.epochal_version,
        manifest.training_data_sha256[:12],
    ]
