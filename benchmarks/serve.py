"""`epochal serve`: latency, throughput, what it adds to ONNX Runtime, and its memory.

The sleep bundle that ships with the package is served by a process of its own, with one thread for
an inference; the clients are another process, and both share two cores. The peers are ONNX Runtime
called directly with the same row, and the least that can serve it: one FastAPI route that checks
nothing (serving/bare.py). One client at a time is "unloaded". Processor time is that of the
server's process for one request, which other work on the machine hardly touches.

`python benchmarks/serve.py [BUNDLE]`; a bundle of harmful_eeg's also shows what its networks take
in floats and in 8 bits.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from serving.networks import measure_networks

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "serve.json"
SLEEP = HERE.parent / "src" / "epochal" / "bundles" / "sleep"
HARMFUL = HERE.parent / "data" / "harmful_eeg" / "07_model_output" / "bundle"
LOAD, BARE = HERE / "serving" / "load.py", HERE / "serving" / "bare.py"
ORT = "onnxruntime: session.run of the same row, in this process"
LEAST = "one FastAPI route over onnxruntime, nothing checked"
N_CLIENTS, N_EACH, N_ALONE, N_WARM = 50, 40, 400, 60
N_MEMORY_WARM, N_MEMORY = 2000, 10_000
TARGET_MS = 3.0
LIBRARIES = ("numpy", "onnxruntime", "fastapi", "uvicorn", "pydantic", "httptools", "uvloop")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Measured(NamedTuple):
    """Milliseconds of every answer, requests a second, and the server's processor time for one."""

    ms: np.ndarray
    per_s: float
    processor_ms: float

    def at(self, percent: float) -> float:
        """Return a percentile of the milliseconds."""
        return float(np.percentile(self.ms, percent))


class Served(NamedTuple):
    """A server: its process and its port."""

    process: subprocess.Popen
    port: int

    def ask(self, body: Path, *, n_clients: int, n_each: int) -> Measured:
        """Return what a load costs."""
        before_s = processor_s(self.process.pid)
        command = [sys.executable, LOAD, self.port, "/predict", body, n_clients, n_each]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"the load failed: {done.stderr[-500:]}")
        used_s = processor_s(self.process.pid) - before_s
        told = json.loads(done.stdout)
        n_asked = n_clients * n_each
        return Measured(
            np.array(told["seconds"]) * 1e3, n_asked / told["all_s"], used_s / n_asked * 1e3
        )


def main() -> None:
    """Measure, and write the rows."""
    on_two_cores()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        row, signals = write_bodies(folder)
        with ours(folder) as server, least(folder) as bare:
            rows = measure_row(server, bare, row)
            rows += measure_signals(server, signals)
            rows += measure_load(server, bare, row)
            rows += measure_memory(server, row, signals)
    harmful = Path(sys.argv[1]) if sys.argv[1:] else HARMFUL
    rows += measure_networks(harmful) if harmful.is_dir() else []
    report = {
        "name": "serve",
        "rows": rows,
        "load_average": round(os.getloadavg()[0], 1),
        "data_source": "real",
        "versions": {"python": platform.python_version()} | dict(versions()),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def on_two_cores() -> None:
    """Keep this process and all that it starts on two cores."""
    os.environ.update(ONE_THREAD)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:2]))


def write_bodies(folder: Path) -> tuple[Path, Path]:
    """Write a row of features within the training range, and an epoch of a simulated night."""
    import edfio

    from epochal.serving.bundle import read_manifest
    from epochal.simulation.sleep import Options, write_night

    manifest = read_manifest(SLEEP)
    random = np.random.default_rng(0)
    columns = columns_of(manifest)
    features = {
        name: float(random.uniform(*manifest.reference.get(name, (-1.0, 1.0)))) for name in columns
    }
    write_night(folder, Options(hours=1, part="telemetry", n_subjects=1), 0, 1)
    night = edfio.read_edf(next(folder.rglob("*-PSG.edf")))
    wanted = manifest.required_channels
    signals = {
        one.label: one.data[:3000].round(2).tolist() for one in night.signals if one.label in wanted
    }
    made = {"row": {"features": features}, "epoch": {"signals": signals, "sfreq": 100}}
    for name, body in made.items():
        (folder / f"{name}.json").write_text(json.dumps(body), encoding="utf-8")
    (folder / "columns.json").write_text(json.dumps(columns), encoding="utf-8")
    return folder / "row.json", folder / "epoch.json"


def columns_of(manifest: Any) -> list[str]:
    """Return the columns of a bundle's headline."""
    (headline,) = [one for one in manifest.models if one.name == manifest.headline]
    return list(headline.columns)


@contextmanager
def ours(folder: Path) -> Iterator[Served]:
    """Give the bundle served by `epochal serve`."""
    port = free_port()
    command = [sys.executable, "-m", "epochal", "serve", "--bundle", f"sleep={SLEEP}"]
    given = {
        "EPOCHAL_SERVE_WORK_FOLDER": str(folder / "work"),
        "EPOCHAL_SERVE_RESULTS_FOLDER": str(folder / "results"),
        "EPOCHAL_SERVE_WATCH_S": "0",
    }
    with started([*command, "--port", str(port)], port, given) as served:
        yield served


@contextmanager
def least(folder: Path) -> Iterator[Served]:
    """Give the headline's network behind the least route."""
    from epochal.serving.bundle import read_manifest

    manifest, port = read_manifest(SLEEP), free_port()
    (headline,) = [one for one in manifest.models if one.name == manifest.headline]
    command = [sys.executable, BARE, SLEEP / headline.file, folder / "columns.json", port]
    with started(list(map(str, command)), port, {}) as served:
        yield served


@contextmanager
def started(command: list[str], port: int, given: dict[str, str]) -> Iterator[Served]:
    """Give a server that answers; it is gone at the end."""
    import httpx

    process = subprocess.Popen(command, env={**os.environ, **given}, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                httpx.get(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        else:
            sys.exit(f"{command[1]} never answered")
        yield Served(process, port)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def measure_row(server: Served, bare: Served, body: Path) -> list[dict[str, Any]]:
    """Compare one row of features, one client, with ONNX Runtime alone and with the least route."""
    direct_ms, direct_cpu_ms = call_directly(body)
    for one in (server, bare):
        one.ask(body, n_clients=1, n_each=N_WARM)
    mine, theirs = (one.ask(body, n_clients=1, n_each=N_ALONE) for one in (server, bare))
    what = f"/predict, one row of {n_columns(body)} features, unloaded"
    overhead_ms = mine.at(50) - direct_ms
    overhead_cpu_ms = mine.processor_ms - direct_cpu_ms
    return [
        make_row(f"{what}, p50", "ms", mine.at(50), LEAST, theirs.at(50)),
        make_row(f"{what}, p50 of ONNX Runtime alone", "ms", mine.at(50), ORT, direct_ms),
        make_row(f"{what}, overhead at p50", "ms", overhead_ms, "target", TARGET_MS),
        make_row(f"{what}, processor time of the overhead", "ms", overhead_cpu_ms, "target",
                 TARGET_MS),
        make_row(f"{what}, processor time", "ms", mine.processor_ms, LEAST, theirs.processor_ms),
    ]  # fmt: skip


def n_columns(body: Path) -> int:
    """Count the features of a row."""
    return len(json.loads(body.read_bytes())["features"])


def call_directly(body: Path) -> tuple[float, float]:
    """Return milliseconds and processor milliseconds of the headline's session, at p50 and mean."""
    from epochal.serving.bundle import read_bundle
    from epochal.serving.sessions import open_session

    bundle = read_bundle(SLEEP)
    (entry,) = [one for one in bundle.manifest.models if one.name == bundle.manifest.headline]
    session = open_session(bundle.files[entry.file])
    features = json.loads(body.read_bytes())["features"]
    row = np.array([[features[name] for name in entry.columns]], dtype=np.float32)
    given = {session.get_inputs()[0].name: row}
    return time_call(lambda: session.run(None, given))


def time_call(call: Callable[[], Any], n_calls: int = N_ALONE) -> tuple[float, float]:
    """Return the median milliseconds of a call, and its mean processor milliseconds."""
    for _ in range(20):
        call()
    seconds = []
    began_s = time.process_time()
    for _ in range(n_calls):
        at_s = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - at_s)
    used_s = time.process_time() - began_s
    return statistics.median(seconds) * 1e3, used_s / n_calls * 1e3


def measure_signals(server: Served, body: Path) -> list[dict[str, Any]]:
    """Compare one epoch of signals with its features and its model computed in this process."""
    from epochal.serving.answering import answer_recording
    from epochal.serving.bundle import Scorer, read_bundle
    from epochal.serving.messages.requests import PredictRequest
    from epochal.serving.payloads import make_recording

    scorer = Scorer(read_bundle(SLEEP))
    sample = PredictRequest.model_validate_json(body.read_bytes())
    recording = make_recording(sample, scorer.manifest).recording
    direct_ms, direct_cpu_ms = time_call(lambda: answer_recording(recording, scorer), 60)
    server.ask(body, n_clients=1, n_each=10)
    mine = server.ask(body, n_clients=1, n_each=100)
    what = "/predict, one epoch of 3 channels at 100 Hz, unloaded"
    peer = "the same features and model, computed in this process"
    overhead_cpu_ms = mine.processor_ms - direct_cpu_ms
    return [
        make_row(f"{what}, p50", "ms", mine.at(50), peer, direct_ms),
        make_row(f"{what}, overhead at p50", "ms", mine.at(50) - direct_ms, "target", TARGET_MS),
        make_row(f"{what}, processor time of the overhead", "ms", overhead_cpu_ms, "target",
                 TARGET_MS),
    ]  # fmt: skip


def measure_load(server: Served, bare: Served, body: Path) -> list[dict[str, Any]]:
    """Compare many clients at once: latencies, and requests a second."""
    mine, theirs = (
        one.ask(body, n_clients=N_CLIENTS, n_each=N_EACH) for one in (server, bare)
    )  # after one client each: they are warm
    what = f"/predict, one row, {N_CLIENTS} clients on two cores"
    rows = [
        make_row(f"{what}, p{percent}", "ms", mine.at(percent), LEAST, theirs.at(percent))
        for percent in (50, 95, 99)
    ]
    faster = make_row(f"{what}, throughput", "1/s", mine.per_s, LEAST, theirs.per_s)
    return [*rows, faster | {"ratio": round(mine.per_s / theirs.per_s, 2)}]


def measure_memory(server: Served, row: Path, signals: Path) -> list[dict[str, Any]]:
    """Return by how much the process grows over thousands of requests, rows and epochs mixed."""
    sizes = [0.0, 0.0]
    asked = 0
    for at, until in enumerate((N_MEMORY_WARM, N_MEMORY)):
        n_epochs = (until - asked) // 100
        server.ask(signals, n_clients=4, n_each=n_epochs // 4)
        server.ask(row, n_clients=4, n_each=(until - asked - n_epochs) // 4)
        asked, sizes[at] = until, resident_mb(server.process.pid)
    what = f"memory after {N_MEMORY} requests, beside that after {N_MEMORY_WARM}"
    peer = f"after {N_MEMORY_WARM} requests"
    return [make_row(what, "MB", sizes[1], peer, sizes[0])]


def processor_s(pid: int) -> float:
    """Return a process's seconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Return how much memory a process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def make_row(case: str, unit: str, mine: float, peer_name: str, peer: float) -> dict[str, Any]:
    """Return a row; its ratio says how many times better ours is."""
    return {
        "case": case,
        "unit": unit,
        "ours": round(mine, 3),
        "peer_name": peer_name,
        "peer": round(peer, 3),
        "ratio": round(peer / mine, 2) if mine > 0 else None,
    }


def versions() -> Iterator[tuple[str, str]]:
    """Yield the libraries that are there and their versions."""
    for name in LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"


if __name__ == "__main__":
    main()
