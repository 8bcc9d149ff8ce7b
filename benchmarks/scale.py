"""10, 50 and 150 simulated nights from raw files to the leaderboard: time, memory and disk a night.

Each size runs in a process of its own, one worker (`sequential`), after a small run that loads
what is loaded once. Time is the processor's, so that a busy machine does not count; peak memory is
what a step takes above what was there when it began (Linux: VmHWM, reset before each step). The
nights have eight hours, and each person two of them: 10 GB of temporary files. Run it with
`python benchmarks/scale.py`; it writes `benchmarks/results/scale.json`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SIZES = (10, 50, 150)
HOURS, NIGHTS_A_PERSON = 8.0, 2
RESULTS = Path(__file__).parent / "results" / "scale.json"
LIBRARIES = ("kedro", "lightgbm", "numpy", "pandas", "pyarrow", "scipy")
# What a step's outputs are called in the catalog.
STEPS = {
    "ingestion, by recording": ("sources", "recordings"),
    "ingestion, the table of epochs": ("epochs", "recording_summary"),
    "features, by recording": ("feature_parts",),
    "features, the table": ("features",),
    "splitting": ("splits", "split_report", "bout_adjacency"),
    "training (LightGBM and the baselines)": ("classical_fitted",),
    "predictions": ("classical_predictions", "deep_fitted", "deep_predictions", "stack_fitted",
                    "stack_predictions", "predictions"),
    "evaluation (the leaderboard)": ("leaderboard", "results_by_task"),
}  # fmt: skip
FOLDERS = {
    "raw files": "01_raw",
    "recordings": "02_intermediate",
    "feature pieces": "04_feature/parts",
    "the table of features": "04_feature/features.parquet",
}
LIGHTGBM = {"params": {"n_estimators": 60, "num_leaves": 15}}
PARAMETERS = {
    "ingestion": {"source": "files", "path": "data/demo/01_raw", "snapshot_s": None},
    "splitting": {"n_folds": 2, "test_share": 0.2, "val_share": 0.2},
    "classical_models": {"models": {"logistic_regression": None, "lightgbm": LIGHTGBM}},
    "deep_models": {"models": {"residual_mlp": None}},
    "evaluation": {"n_bootstrap": 50},
}

Step = dict[str, float]


def main() -> None:
    """Simulate once, measure each size in a process of its own, write the rows."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        simulate(raw)
        measured = {}
        for n in SIZES:
            measured[n] = in_own_process(Path(folder), n)
            print(n, "nights:", json.dumps(measured[n]), file=sys.stderr, flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(build_report(measured), indent=2) + "\n", encoding="utf-8")


def simulate(raw: Path) -> None:
    from epochal.simulation.cohort import write_cohort

    options = {"n_subjects": max(SIZES) // NIGHTS_A_PERSON, "nights": NIGHTS_A_PERSON}
    write_cohort("sleep", raw, {**options, "hours": HOURS})


def in_own_process(folder: Path, n_nights: int) -> dict[str, Any]:
    """Measure one size; the process prints its figures as its last line."""
    done = subprocess.run(
        [sys.executable, __file__, str(folder), str(n_nights)],
        env={**os.environ, "EPOCHAL_BACKEND": "sequential", "EPOCHAL_TRACKING": "off",
             "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def measure(folder: Path, n_nights: int) -> dict[str, Any]:
    """Run the study of the first `n_nights`, after a run that loads what is loaded once."""
    run_study(folder / f"warm{n_nights}", folder / "raw", min(SIZES))
    marks = run_study(folder / f"nights{n_nights}", folder / "raw", n_nights)
    made = folder / f"nights{n_nights}" / "data/demo"
    disk = {name: bytes_in(made / path) / 1e6 for name, path in FOLDERS.items()}
    return {"steps": marks.steps, "disk_mb": disk, "n_epochs": count_epochs(made)}


def run_study(path: Path, raw: Path, n_nights: int) -> Marks:
    """Run one study to its leaderboard, and return what its steps took."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    from projects import make_project

    path.mkdir()
    project = make_project(path)
    project.set(**PARAMETERS)
    link_nights(raw, path / "data/demo/01_raw", n_nights)
    os.chdir(path)
    bootstrap_project(path)
    marks = Marks()
    with KedroSession.create(path) as session:
        session._hook_manager.register(marks)
        session.run(to_outputs=["leaderboard"])
    return marks


def link_nights(raw: Path, folder: Path, n_nights: int) -> None:
    """Link the files of the first nights, and what belongs to all."""
    files = sorted(path for path in raw.rglob("*") if path.is_file() and path.name[0] != ".")
    nights = sorted({path.name[:6] for path in files if path.suffix == ".edf"})[:n_nights]
    for path in files:
        if path.suffix != ".edf" or path.name[:6] in nights:
            target = folder / path.relative_to(raw)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)


class Marks:
    """Kedro hooks that note, for each dataset, the time and the peak since the one before."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self._begin()

    def _begin(self) -> None:
        give_back_memory()
        reset_peak()
        self._seconds, self._resident_mb = time.process_time(), memory_mb("VmRSS")

    @hook_impl
    def before_pipeline_run(self) -> None:
        self._begin()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        self.steps[dataset_name] = {
            "seconds": time.process_time() - self._seconds,
            "peak_mb": memory_mb("VmHWM") - self._resident_mb,
        }
        self._begin()


def give_back_memory() -> None:
    """Hand freed memory back to the system, where the C library can, so that none is reused."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def reset_peak() -> None:
    """Make VmHWM begin anew, where the system can (Linux)."""
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


def memory_mb(field: str) -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    found = re.search(rf"{field}:\s+(\d+)", status.read_text())
    return int(found[1]) * 1024 / 1e6 if found else float("nan")


def bytes_in(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def count_epochs(made: Path) -> int:
    import pandas as pd

    return len(pd.read_parquet(made / "04_feature/features.parquet", columns=["epoch"]))


def seconds_of(measured: dict[str, Any], step: str) -> float:
    return sum(measured["steps"].get(name, {}).get("seconds", 0.0) for name in STEPS[step])


def peak_of(measured: dict[str, Any], step: str) -> float:
    return max(measured["steps"].get(name, {}).get("peak_mb", 0.0) for name in STEPS[step])


def build_report(measured: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Put the figures into the form that `make bench` collects; the peer is the smallest size."""
    rows = []
    for step in ["all steps", *STEPS]:
        names = list(STEPS) if step == "all steps" else [step]
        a_night = {n: sum(seconds_of(m, s) for s in names) / n for n, m in measured.items()}
        rows += rows_of(f"{step}, processor time a night", "s", a_night)
    for step in STEPS:
        rows += rows_of(f"{step}, peak memory above what was there", "MB",
                        {n: peak_of(m, step) for n, m in measured.items()})  # fmt: skip
    for name in FOLDERS:
        rows += rows_of(f"{name}, disk a night", "MB",
                        {n: m["disk_mb"][name] / n for n, m in measured.items()})  # fmt: skip
    return {
        "name": "scale",
        "nights": f"{HOURS:g} h, {NIGHTS_A_PERSON} a person, simulated polysomnography at 100 Hz",
        "n_epochs": {str(n): m["n_epochs"] for n, m in measured.items()},
        "data_source": "simulated",
        "rows": rows,
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }


def rows_of(case: str, unit: str, by_size: dict[int, float]) -> list[dict[str, Any]]:
    smallest = min(by_size)
    return [
        {
            "case": f"{n} nights: {case}",
            "unit": unit,
            "ours": round(value, 4),
            "peer_name": f"{smallest} nights",
            "peer": round(by_size[smallest], 4),
            "ratio": round(by_size[smallest] / value, 3) if value else None,
        }
        for n, value in by_size.items()
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
    else:
        main()
