"""Features of an 8-hour night of EEG, EOG and EMG at 100 Hz, beside five libraries.

Ours is the whole of `extract_features` from memory: filters, 39 features a channel, and means over
the past 5 and 15 epochs. YASA's is the whole of `SleepStaging.get_features`: a filter, some 20
features a channel, two kinds of smoothing. The others compute what they have of ours, unfiltered.
Each library runs in processes of its own, with one thread for its linear algebra; those compared
take turns, and medians are compared. One-thread times are the processor's: a busy machine does not
count. `EPOCHAL_PEERS` names a virtual environment with `features/requirements.txt`; without it, one
is made in the user's cache. Run it with `python benchmarks/features.py`.
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
import venv
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "features.json"
REQUIREMENTS = HERE / "features" / "requirements.txt"
WORKER = HERE / "features" / "worker.py"
HOURS, EPOCH_S = 8, 30
N_EPOCHS = HOURS * 3600 // EPOCH_S
REPEATS, COLD_REPEATS = 7, 3
# How many epochs of the night a library computes; its time is scaled to the whole.
PARTS = {"yasa": N_EPOCHS, "antropy": N_EPOCHS, "mne-features": 48, "neurokit2": 8, "tsfresh": 1}
LIBRARIES = ("numpy", "scipy", "pandas")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Worker:
    """A process that computes when it is told to."""

    def __init__(self, python: Path, name: str, path: Path, *, n_epochs: int, n_threads: int = 1):
        self.process = subprocess.Popen(
            [python, WORKER, name, path, str(n_epochs), str(n_threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict.fromkeys(THREADS, "1")},
        )

    def compute(self) -> tuple[float, float]:
        """Return the processor seconds and the seconds of one computation."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.stderr.read().strip().splitlines()[-1])
        processor_s, elapsed_s = line.split()
        return float(processor_s), float(elapsed_s)

    def stop(self) -> float:
        """End the process and return the processor seconds of its whole life."""
        return float(self.process.communicate()[0].split()[-1])


def main() -> None:
    """Measure all libraries and write the rows."""
    peers = find_peers()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night.npy"
        np.save(path, simulate_night())
        rows = [compare_warm(peers, name, path) for name in PARTS]
        rows.insert(1, compare_two_threads(peers, path))
        rows.insert(2, compare_cold(peers, "yasa", path))
    report = {
        "name": "features",
        "rows": rows,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES}
        | read_versions(peers),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


def find_peers() -> Path:
    """Return the interpreter of the peers' environment; make the environment if there is none."""
    given = os.environ.get("EPOCHAL_PEERS")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = Path(given) if given else cache / "epochal" / "feature-peers"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", REQUIREMENTS], check=True)
    return python


def simulate_night() -> np.ndarray:
    """Return EEG, EOG and EMG of a simulated telemetry night, float32 in µV."""
    import edfio

    from epochal.simulation.sleep import Options, write_night

    with tempfile.TemporaryDirectory() as folder:
        write_night(Path(folder), Options(hours=HOURS, part="telemetry", n_subjects=1), 0, 1)
        edf = edfio.read_edf(next(Path(folder).rglob("*-PSG.edf")))
        names = ("EEG Fpz-Cz", "EOG horizontal", "EMG submental")
        return np.array([edf.get_signal(name).data for name in names], dtype=np.float32)


def compare_warm(peers: Path, name: str, path: Path) -> dict[str, object]:
    """Compare one library with ours, one thread each, taking turns after a first computation."""
    n_epochs, scale = PARTS[name], N_EPOCHS / PARTS[name]
    try:
        ours, peer = take_turns(
            Worker(Path(sys.executable), "ours", path, n_epochs=N_EPOCHS),
            Worker(peers, name, path, n_epochs=n_epochs),
        )
    except RuntimeError as error:
        return {"case": "warm, 1 thread", "unit": "s", "peer_name": name, "failed": str(error)}
    part = "" if scale == 1 else f" (peer: {n_epochs} epochs of the {N_EPOCHS}, scaled)"
    seconds = (ours[0], peer[0] * scale)
    return row(f"8 h, 3 channels, warm, 1 thread{part}", seconds, name)


def compare_two_threads(peers: Path, path: Path) -> dict[str, object]:
    """Compare two nights side by side in two threads, in seconds a night."""
    ours, peer = take_turns(
        Worker(Path(sys.executable), "ours", path, n_epochs=N_EPOCHS, n_threads=2),
        Worker(peers, "yasa", path, n_epochs=N_EPOCHS, n_threads=2),
    )
    case = "8 h, 3 channels, warm, 2 threads: two nights at once, elapsed seconds a night"
    return row(case, (ours[1] / 2, peer[1] / 2), "yasa")


def compare_cold(peers: Path, name: str, path: Path) -> dict[str, object]:
    """Compare whole processes: interpreter, imports and the first computation."""
    lives: dict[str, list[float]] = {"ours": [], name: []}
    for _ in range(COLD_REPEATS):
        for library, python in (("ours", Path(sys.executable)), (name, peers)):
            worker = Worker(python, library, path, n_epochs=N_EPOCHS)
            worker.compute()
            lives[library].append(worker.stop())
    medians = [statistics.median(seconds) for seconds in lives.values()]
    return row("8 h, 3 channels, cold process, 1 thread", (medians[0], medians[1]), name)


def take_turns(*workers: Worker) -> list[tuple[float, float]]:
    """Return the median processor seconds and seconds of each, after a first computation."""
    found: list[list[tuple[float, float]]] = [[] for _ in workers]
    try:
        for _ in range(REPEATS + 1):
            for worker, times in zip(workers, found, strict=True):
                times.append(worker.compute())
    finally:
        for worker in workers:
            worker.process.kill()
    found = [times[1:] for times in found]
    return [tuple(map(statistics.median, zip(*times, strict=True))) for times in found]


def row(case: str, seconds: tuple[float, float], peer_name: str) -> dict[str, object]:
    ours, peer = seconds
    return {
        "case": case,
        "unit": "s",
        "ours": round(ours, 3),
        "peer_name": peer_name,
        "peer": round(peer, 3),
        "ratio": round(peer / ours, 2),
    }


def read_versions(python: Path) -> dict[str, str]:
    """Return the versions of the peers, as their environment has them."""
    code = f"from importlib.metadata import version as v; print(*map(v, {list(PARTS)}))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return dict(zip(PARTS, found.stdout.split(), strict=True))


if __name__ == "__main__":
    main()
