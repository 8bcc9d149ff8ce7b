"""A project in which documented commands find the files that they name, all simulated and small."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pandas as pd

import epochal
from documented import call_ours
from downloads.small_edfx import small_edfx
from downloads.small_wesad import write_wesad
from epochal.serving.app import create_app
from epochal.serving.service.options import ServiceOptions
from projects import ROOT, make_project
from run_directory import small_runs
from service_material import PATIENCE_S, ended, in_thread

SHIPPED = Path(epochal.__file__).parent / "bundles"
RUN_ID = "20260101-120000"
HOURS = 9  # the pages name lights at 31 500 s
FOLDERS = (
    "data/sleep_edfx/01_raw",
    "data/stress_predict/Raw_data",
    "data/sleep_edf_features",
    "data/slow_oscillation_rows",
    "data/harmful_eeg/01_raw",
    "data/my_mice",
)
NIGHTS = (
    "night.edf",
    "nights/a.edf",
    "more/deep/b.edf",
    "recordings/night1.edf",
    "m01_a.edf",
    "naps/sub-01/eeg/sub-01_task-nap_eeg.edf",
)


def make_documented_project(folder: Path) -> Path:
    """Write conf, bundles, nights, hypnograms and wrist recordings under the names of the pages."""
    make_project(folder)
    (folder / ".venv").symlink_to(sys.prefix)
    shutil.copy(ROOT / ".env.example", folder)
    for study, name in (("demo", "sleep"), ("wearable_stress", "stress")):
        shutil.copytree(SHIPPED / name, folder / f"data/{study}/07_model_output/bundle")
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write_nights(folder)
    _write_wrists(folder)
    write_wesad(folder / "WESAD.zip")
    return folder


def _write_nights(folder: Path) -> None:
    raw = folder / "simulated"
    _ours("simulate", "sleep", raw, "--set", "n_subjects=1", "--set", f"hours={HOURS}")
    night = next(raw.rglob("*-PSG.edf"))
    for name in NIGHTS:
        _link(night, folder / name)
    scored = next(raw.rglob("*-Hypnogram.edf"))
    _link(scored, folder / "SC4162EC-Hypnogram.edf")
    (folder / "mine").mkdir()
    _ours("hypnogram", scored, folder / "mine/night1.csv", "--cut")
    stages = pd.read_csv(folder / "mine/night1.csv")["stage"].fillna("?")
    for name in ("mine/night.txt", "ref.txt"):
        (folder / name).write_text("\n".join(stages) + "\n")
    _ours("score", folder / "night.edf", "--bundle", "sleep", "--out", folder / "before")
    for path in (folder / "before").glob("night.*"):
        _link(path, folder / path.name)


def _write_wrists(folder: Path) -> None:
    raw = folder / "wrists"
    _ours("simulate", "wearable", raw, "--set", "n_subjects=2", "--set", "layout=stress_predict")
    for number, wrist in enumerate(sorted(path.parent for path in raw.rglob("BVP.csv")), 2):
        shutil.copytree(wrist, folder / f"S{number:02d}")
    shutil.make_archive(str(folder / "S03"), "zip", folder / "S03")
    shutil.rmtree(folder / "S03")


def write_rows(folder: Path) -> None:
    """Write a run directory, and the rows that the page predicts and evaluates."""
    shutil.copytree(small_runs.trained("hgb"), folder / "runs" / RUN_ID)
    for path in small_runs.data().glob("*_test*"):
        shutil.copy(path, folder / "data")
    shutil.copy(folder / "data/X_test.h5", folder / "data/X_new.h5")
    shutil.copy(folder / "data/y_test_2.csv", folder / "data/y_new.csv")


def small_sleep_edfx() -> dict[str, bytes]:
    """Return a Sleep-EDFx in small that has all subjects whom the page names."""
    more = [f"sleep-cassette/SC40{n}1E0-PSG.edf" for n in range(5, 10)]
    more += [f"sleep-cassette/SC40{n}1EC-Hypnogram.edf" for n in range(5, 10)]
    return small_edfx() | {name: name.encode() * 50 for name in more}


@contextmanager
def serving_bundle(folder: Path) -> Iterator[str]:
    """Serve the demo's bundle as `sleep`, and write the bodies that the page sends."""
    options = ServiceOptions(
        bundles={"sleep": folder / "data/demo/07_model_output/bundle"},
        work_folder=folder / "work",
        results_folder=folder / "data",
        watch_s=0,
    )
    with in_thread(create_app(options)) as address:
        _write_bodies(folder, f"http://{address}/v2/models/sleep")
        yield address


def _write_bodies(folder: Path, url: str) -> None:
    (told,) = httpx.get(url, timeout=PATIENCE_S).json()["inputs"]
    columns = told["parameters"]["columns"]
    tensor = {"name": "features", "shape": [1, len(columns)], "datatype": "FP32"}
    bodies = {
        "row.json": {"features": dict.fromkeys(columns, 0.0)},
        "tensor.json": {"inputs": [tensor | {"data": [0.0] * len(columns)}]},
    }
    for name, body in bodies.items():
        (folder / name).write_text(json.dumps(body))


def wait_for_job(address: str, job: str) -> None:
    """Wait until a job is over."""
    with httpx.Client(base_url=f"http://{address}", timeout=PATIENCE_S) as client:
        ended(client, f"/api/jobs/{job}")


def copy_project(project: Path, target: Path) -> Path:
    """Copy the project for the commands of a page; files are links, and replaced, never changed."""
    return shutil.copytree(project, target, symlinks=True, copy_function=os.link)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def _ours(*words: object) -> None:
    result = call_ours(["epochal", *map(str, words)])
    assert result.exit_code == 0, result.output
