"""Networks beside braindecode's, ONNX Runtime beside PyTorch, lazy windows beside tensors.

Three parts, all by one thread. *Peers*: forward and training steps of our networks and of the
four sleep stagers of braindecode that come nearest by their role, untrained, over the same 30 s
of 2 channels at 100 Hz (1 beside AttnSleep, which takes no more); the numbers of parameters stand
beside, since some are far from alike. *Latency* (`deep/latency.py`): every network of the roster at
its study's shape, as it is exported. *Loading* (`deep/loading.py`): training from a study's files
beside training from memory, Lightning beside a plain loop, and memory over few and many recordings.
Those compared take turns, and the processor's time is compared: medians, but for the peers the
least, since a busy machine shares its caches and memory, which slows a network of many parameters
more than a small one. Still, run it on a quiet machine.

`EPOCHAL_DEEP_PEERS` names a virtual environment with PyTorch and `deep/requirements.txt`; without
it, one is made in the user's cache. Run it with `python benchmarks/deep.py`, or one part with
`python benchmarks/deep.py peers`, which leaves the rows of the others as they are.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
import venv
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / "deep"
RESULTS = HERE / "results" / "deep.json"
LIBRARIES = ("torch", "onnxruntime", "lightning", "h5py", "numpy")
PEERS = ("torch", "braindecode", "onnxruntime")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
N_ROUNDS, ROUND_S = 9, 0.03
# Ours, the peer of its role, channels, and how 64 epochs are laid: in sequences if ours reads them.
PAIRS = (
    ("cnn1d", "SleepStagerChambon2018", 2, (64, 1)),
    ("cnn_bilstm", "DeepSleepNet", 2, (4, 16)),
    ("cnn_transformer", "AttnSleep", 1, (4, 16)),
    ("cnn_bigru", "USleep", 2, (4, 16)),
)
CASES = (("forward", False), ("onnx", False), ("forward", True), ("train", True))
WAYS = {"forward": "forward", "onnx": "forward, ONNX Runtime", "train": "training step"}


class Worker:
    """A process that runs one network when it is told to."""

    def __init__(self, python: Path, name: str, n_channels: int) -> None:
        self.process = subprocess.Popen(
            [python, FOLDER / "worker.py", name, str(n_channels)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict.fromkeys(THREADS, "1")},
        )
        self.n_parameters = int(self._read())

    def compute(self, way: str, layout: tuple[int, int], n_times: int) -> tuple[float, float]:
        """Return the processor seconds and the seconds of one call, means over some."""
        self.process.stdin.write(f"{way} {layout[0]} {layout[1]} {n_times}\n")
        self.process.stdin.flush()
        processor_s, elapsed_s = map(float, self._read().split())
        return processor_s, elapsed_s

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()

    def _read(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.stderr.read().strip().splitlines()[-1])
        return line


def main() -> None:
    """Measure the parts that are asked for, all if none is, and write the rows."""
    chosen = sys.argv[1:] or list(PARTS)
    if set(chosen) - set(PARTS):
        sys.exit(f"No part {' '.join(chosen)}; there are: {', '.join(PARTS)}")
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    rows = {part: [r for r in found.get("rows", []) if r["part"] == part] for part in PARTS}
    for part in chosen:
        rows[part] = [{"part": part} | row for row in PARTS[part]()]
        write_report([row for part in PARTS for row in rows[part]], found)


def write_report(rows: list[dict[str, object]], found: dict) -> None:
    """Write the rows that there are; `found` is the report before."""
    report = {
        "name": "deep",
        "rows": rows,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES}
        | read_peer_versions(found),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


# --- Peers ----------------------------------------------------------------------------------------
def compare_peers() -> list[dict[str, object]]:
    """Return the rows of all pairs, or one that says why there is no peer."""
    try:
        python = find_peers()
    except (OSError, subprocess.CalledProcessError) as error:
        return [{"case": "beside braindecode", "unit": "ms/epoch", "skipped": str(error)}]
    return [row for pair in PAIRS for row in compare_pair(python, *pair)]


def peers_python() -> Path:
    """Return where the interpreter of the peers' environment is, or would be."""
    given = os.environ.get("EPOCHAL_DEEP_PEERS")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = Path(given) if given else cache / "epochal" / "deep-peers"
    return folder / "bin" / "python"


def find_peers() -> Path:
    """Return the interpreter of the peers' environment; make the environment if there is none."""
    python = peers_python()
    if not python.exists():
        venv.create(python.parents[1], with_pip=True)
        install = [python, "-m", "pip", "install", "-q"]
        torch = f"torch=={version('torch').split('+')[0]}"  # ours, before braindecode asks for any
        subprocess.run([*install, torch], check=True)
        subprocess.run([*install, "-r", FOLDER / "requirements.txt"], check=True)
    return python


def compare_pair(
    python: Path, ours: str, peer: str, n_channels: int, layout: tuple[int, int]
) -> list[dict[str, object]]:
    """Return the rows of one of our networks beside one of braindecode's."""
    workers: list[Worker] = []
    try:
        workers.append(Worker(Path(sys.executable), ours, n_channels))
        workers.append(Worker(python, peer, n_channels))
        return [
            compare_case(workers, (ours, peer), way, layout if many else (1, 1))
            for way, many in CASES
        ]
    except RuntimeError as error:
        return [{"case": ours, "unit": "ms/epoch", "peer_name": peer, "failed": str(error)}]
    finally:
        for worker in workers:
            worker.stop()


def compare_case(
    workers: list[Worker], names: tuple[str, str], way: str, layout: tuple[int, int]
) -> dict[str, object]:
    """Let both take turns, and compare an epoch's share of a call."""
    n_epochs = layout[0] * layout[1]
    found = [
        [(1e3 * processor_s / n_epochs, elapsed_s) for processor_s, elapsed_s in times]
        for times in take_turns(workers, way, layout)
    ]
    ours, peer = (min(times)[0] for times in found)
    medians = [[statistics.median(some) for some in zip(*times, strict=True)] for times in found]
    batch = "1 epoch" if n_epochs == 1 else f"{n_epochs} epochs"
    return {
        "case": f"{names[0]}: {WAYS[way]}, {batch}, warm, 1 thread",
        "unit": "ms/epoch",
        "ours": round(ours, 4),
        "peer_name": f"braindecode {names[1]}",
        "peer": round(peer, 4),
        "ratio": round(peer / ours, 2),
        "ratio_of_medians": round(medians[1][0] / medians[0][0], 2),
        "ratio_elapsed": round(medians[1][1] / medians[0][1], 2),
        "ours_parameters": workers[0].n_parameters,
        "peer_parameters": workers[1].n_parameters,
    }


def take_turns(
    workers: list[Worker], way: str, layout: tuple[int, int]
) -> list[list[tuple[float, float]]]:
    """Return for each the processor seconds and seconds of every round, after a first call."""
    first_s = [worker.compute(way, layout, 2)[0] for worker in workers]
    n_times = [1 + int(ROUND_S / seconds) for seconds in first_s]
    found: list[list[tuple[float, float]]] = [[] for _ in workers]
    for _ in range(N_ROUNDS):
        for worker, n, times in zip(workers, n_times, found, strict=True):
            times.append(worker.compute(way, layout, n))
    return found


def read_peer_versions(found: dict) -> dict[str, str]:
    """Return the versions in the peers' environment; without one, those found before."""
    python, names = peers_python(), list(PEERS)
    if not python.exists():
        old = found.get("versions", {})
        return {name: text for name, text in old.items() if name.startswith("peers' ")}
    code = f"from importlib.metadata import version as v; print(*map(v, {names}))"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return {f"peers' {n}": v for n, v in zip(names, told.stdout.split(), strict=True)}


# --- The other parts ------------------------------------------------------------------------------
def run_script(name: str) -> list[dict[str, object]]:
    """Return the rows that a script of the folder prints, one a line."""
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, **dict.fromkeys(THREADS, "1")},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


PARTS = {
    "peers": compare_peers,
    "latency": lambda: run_script("latency"),
    "loading": lambda: run_script("loading"),
}

if __name__ == "__main__":
    main()
