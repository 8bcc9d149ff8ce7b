"""What a call costs that has nothing to do, beside plain Kedro starting an empty project.

Each is a whole process: interpreter, imports, configuration, hooks, and what says that all outputs
exist. They take turns, and the medians are compared: seconds, and processor seconds (those a busy
machine does not count). All see the same plugins. The empty project has one node, and its settings
disable kedro-mlflow's hooks, which Kedro imports all the same; `kedro --version` is called where
there is no project, and so imports next to nothing. Run it with `python benchmarks/tool.py`.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from score import MEASURE, make_environment

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "tool.json"
REPEATS = 5
N_RECORDINGS = 150
BIN = Path(sys.executable).parent
INGESTION = [BIN / "kedro", "run", "--pipeline", "ingestion"]
NOTHING = [*INGESTION, "--only-missing-outputs"]
SMALL = "ingestion.simulator_options.hours=0.5,ingestion.snapshot_s=null"
EMPTY, VERSION = "kedro run, an empty project", "kedro --version"
PLUGINS = ("kedro", "kedro-mlflow", "kedro-viz", "mlflow")
# A project with one node, as Kedro's own template leaves it.
EMPTY_PROJECT = {
    "pyproject.toml": '[tool.kedro]\npackage_name = "empty"\nproject_name = "Empty"\n'
    f'kedro_init_version = "{version("kedro")}"\nsource_dir = "src"\n',
    "conf/base/catalog.yml": "made: {type: json.JSONDataset, filepath: made.json}\n",
    "conf/local/.keep": "",
    "src/empty/__init__.py": "",
    "src/empty/settings.py": 'DISABLE_HOOKS_FOR_PLUGINS = ("kedro-mlflow", "kedro_mlflow")\n',
    "src/empty/pipeline_registry.py": "from kedro.pipeline import Node, Pipeline\n\n\n"
    "def make():\n    return {}\n\n\ndef register_pipelines():\n"
    '    return {"__default__": Pipeline([Node(make, None, "made")])}\n',
}


class Case(NamedTuple):
    """A call of ours, and the plain ones that it is held against."""

    what: str
    peers: tuple[str, ...]
    folder: str
    tracking: str = "off"
    command: tuple[str | Path, ...] = tuple(NOTHING)


CASES = (
    Case("epochal --help", (VERSION,), ".", command=(BIN / "epochal", "--help")),
    Case("nothing to do", (EMPTY, VERSION), "demo"),
    Case("nothing to do, with tracking", (EMPTY, VERSION), "demo", "on"),
    Case(f"nothing to do, {N_RECORDINGS} recordings", (EMPTY, VERSION), "many"),
)


def main() -> None:
    """Make the projects, measure in turn, and write the rows."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_projects(folder)
        turns = [measure_all(folder) for _ in range(REPEATS + 1)][1:]  # the first fills caches
    report = {
        "name": "tool",
        "rows": [row for case in CASES for row in make_rows(case, turns)],
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in PLUGINS},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


def make_projects(folder: Path) -> None:
    """Write an empty project, and two of ours whose ingestion has been run."""
    for name, text in EMPTY_PROJECT.items():
        (folder / "empty" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "empty" / name).write_text(text)
    for name, subjects, nights in (("demo", 12, 1), ("many", N_RECORDINGS // 2, 2)):
        shutil.copytree(ROOT / "conf", folder / name / "conf")
        shutil.copy(ROOT / "pyproject.toml", folder / name)
        (folder / name / "src").mkdir()
        cohort = f"ingestion.simulator_options.n_subjects={subjects},"
        cohort += f"ingestion.simulator_options.nights={nights},{SMALL}"
        conf = folder / name / "conf/demo/parameters.yml"
        conf.write_text(given_to(conf.read_text(encoding="utf-8"), cohort), encoding="utf-8")
        subprocess.run(INGESTION, cwd=folder / name, env=environment("off"), check=True)


def given_to(parameters: str, pairs: str) -> str:
    """Return a study's parameters with dotted ones set."""
    import yaml

    made = yaml.safe_load(parameters)
    for pair in pairs.split(","):
        path, value = pair.split("=")
        *sections, last = path.split(".")
        place = made
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = yaml.safe_load(value)
    return yaml.safe_dump(made)


def measure_all(folder: Path) -> dict[str, tuple[float, float]]:
    """Measure every call of ours and both of Kedro's, one after the other."""
    found = {
        EMPTY: measure([BIN / "kedro", "run"], folder / "empty", "off"),
        VERSION: measure([BIN / "kedro", "--version"], folder, "off"),
    }
    for case in CASES:
        found[case.what] = measure(case.command, folder / case.folder, case.tracking)
    return found


def measure(
    command: tuple[str | Path, ...] | list[str | Path], folder: Path, tracking: str
) -> tuple[float, float]:
    """Return the seconds and the processor seconds of a process."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, command)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(tracking),
    )
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stderr.strip()}")
    elapsed_s, processor_s, _ = map(float, done.stdout.split())
    return elapsed_s, processor_s


def environment(tracking: str) -> dict[str, str]:
    """Return what a call is given."""
    return make_environment() | {"EPOCHAL_TRACKING": tracking}


def make_rows(case: Case, turns: list[dict[str, tuple[float, float]]]) -> list[dict[str, object]]:
    """Compare the medians of seconds and of processor seconds."""
    measures = (case.what, f"{case.what}, processor time")
    return [
        {
            "case": what,
            "unit": "s",
            "ours": round(ours := middle(turns, case.what, place), 3),
            "peer_name": peer,
            "peer": round(plain := middle(turns, peer, place), 3),
            "ratio": round(plain / ours, 2),
        }
        for peer in case.peers
        for place, what in enumerate(measures)
    ]


def middle(turns: list[dict[str, tuple[float, float]]], what: str, place: int) -> float:
    """Return the median of a call's seconds, or of its processor seconds."""
    return statistics.median(turn[what][place] for turn in turns)


if __name__ == "__main__":
    main()
