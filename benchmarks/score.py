"""`epochal score` of an 8-hour night from a cold start, beside a YASA script on the same file.

Each is a whole process: interpreter, imports, reading the EDF, features, model, writing the table.
They take turns in pairs, with one thread each, and the medians are compared: seconds, processor
seconds (those a busy machine does not count) and peak memory. The night is a simulated one of
Sleep-EDFx's telemetry part. Ours is scored with the sleep bundle that came with the package, or
else with the demo's, or with the one that is named. `EPOCHAL_PEERS` names a virtual environment
with `features/requirements.txt`; without it, one is made in the user's cache. Run it with
`python benchmarks/score.py [BUNDLE]`.
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
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from features import THREADS, find_peers

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "score.json"
SCRIPT = HERE / "score" / "yasa_script.py"
PACKAGE, DEMO = HERE.parent / "src" / "epochal", HERE.parent / "data" / "demo"
HOURS, REPEATS = 8, 5
PEER = "yasa: mne.io.read_raw_edf + SleepStaging.predict"
LIBRARIES = ("numpy", "scipy", "pandas", "onnxruntime", "edfio")
PEERS = ("yasa", "mne", "numpy", "scipy", "pandas", "lightgbm")
# A small process starts the measured one: the peak of a child counts what its parent had.
MEASURE = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
said = process.stderr.read()
_, status, used = os.wait4(process.pid, 0)
elapsed = time.perf_counter() - began
if status:
    sys.exit(said.decode()[-2000:])
kib = used.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
print(elapsed, used.ru_utime + used.ru_stime, kib * 1024 / 1e6)
"""


class Cost(NamedTuple):
    """What a process took: seconds, processor seconds, and megabytes at its peak."""

    elapsed_s: float
    processor_s: float
    peak_mb: float


def main() -> None:
    """Measure pairs and write the rows."""
    bundle, peers = find_bundle(), find_peers()
    with tempfile.TemporaryDirectory() as folder:
        night, out = write_night(Path(folder)), Path(folder) / "scored"
        ours = [sys.executable, "-m", "epochal", "score", night, "--bundle", bundle, "--out", out]
        pairs = measure_pairs(ours, [peers, SCRIPT, night, Path(folder) / "hypnogram.csv"])
        told = json.loads(next(out.glob("*.json")).read_text(encoding="utf-8"))
    report = {
        "name": "score",
        "rows": make_rows(pairs),
        "pairs": [[list(map(_round, cost)) for cost in pair] for pair in pairs],
        "study": told["study"],
        "model": told["model"],
        "n_epochs": told["n_epochs"],
        "data_source": told["data_source"],
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES}
        | {f"peer {name}": found for name, found in read_versions(peers).items()},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


def find_bundle() -> Path:
    """Return the bundle that is named, else the sleep bundle of the package, else the demo's."""
    if sys.argv[1:]:
        return Path(sys.argv[1])
    shipped = sorted((PACKAGE / "bundles").glob("*/manifest.json"))
    of_sleep = [
        path.parent
        for path in shipped
        if json.loads(path.read_bytes())["recording_kind"] == "polysomnogram"
    ]
    found = [*of_sleep, DEMO / "07_model_output" / "bundle"][0]
    if not found.is_dir():
        sys.exit("No sleep bundle came with the package, and there is no demo: `make demo` first")
    return found


def write_night(folder: Path) -> Path:
    """Write a simulated telemetry night without its hypnogram."""
    from epochal.simulation.sleep import Options, write_night

    write_night(folder, Options(hours=HOURS, part="telemetry", n_subjects=1), 0, 1)
    return next(folder.rglob("*-PSG.edf"))


def measure_pairs(ours: list[str | Path], peer: list[str | Path]) -> list[tuple[Cost, Cost]]:
    """Run both in turn, after a first pair that is not counted: it fills the caches of the disk."""
    pairs = [(measure(ours), measure(peer)) for _ in range(REPEATS + 1)]
    return pairs[1:]


def measure(command: list[str | Path]) -> Cost:
    """Run a command in a process of its own, with one thread."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, command)],
        capture_output=True,
        text=True,
        env=make_environment(),
    )
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stderr.strip()}")
    return Cost(*map(float, done.stdout.split()))


def make_environment() -> dict[str, str]:
    """Return what processes are given: one thread, modules compiled as installers leave them."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | dict.fromkeys(THREADS, "1")


def make_rows(pairs: list[tuple[Cost, Cost]]) -> list[dict[str, object]]:
    """Compare the medians of seconds, processor seconds and peak memory."""
    what = f"{HOURS} h night, cold process, 1 thread"
    ours, peer = (
        Cost(*map(statistics.median, zip(*costs, strict=True)))
        for costs in zip(*pairs, strict=True)
    )
    cases = (
        (what, "s", ours.elapsed_s, peer.elapsed_s),
        (f"{what}, processor time", "s", ours.processor_s, peer.processor_s),
        (f"{what}, peak memory", "MB", ours.peak_mb, peer.peak_mb),
    )
    return [
        {
            "case": case,
            "unit": unit,
            "ours": _round(of_ours),
            "peer_name": PEER,
            "peer": _round(of_peer),
            "ratio": round(of_peer / of_ours, 2),
        }
        for case, unit, of_ours, of_peer in cases
    ]


def _round(value: float) -> float:
    return round(value, 3)


def read_versions(python: Path) -> dict[str, str]:
    """Return the versions of the peer's libraries, as its environment has them."""
    code = f"from importlib.metadata import version as v; print(*map(v, {list(PEERS)}))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return dict(zip(PEERS, found.stdout.split(), strict=True))


if __name__ == "__main__":
    main()
