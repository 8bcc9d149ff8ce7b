"""The notebooks run from top to bottom in a project of their own, and hold no outputs."""

import importlib
import inspect
import json
import os
import re
import shutil
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from epochal.recording import Channel, Recording
from held_port import HeldPort
from projects import ROOT, copy_of

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
OF_A_STUDY = FOLDER / "01_explore.ipynb"  # the others simulate what they look at
INLINE = "module://matplotlib_inline.backend_inline"
SHARED = ("sleep_nights", "wearable_windows", "wearable_network")
PORTS = ("shell", "iopub", "stdin", "hb", "control")
HOURS = re.compile(r"(?<=\bhours=)[\d.]+")  # of a simulated night


@pytest.fixture(scope="module")
def explored(demo, tmp_path_factory):
    """Return a tiny project whose demo has been run."""
    return copy_of(demo, tmp_path_factory.mktemp("project")).path


@pytest.fixture(params=SHARED)
def module(request, monkeypatch):
    return load(request.param, monkeypatch)


@pytest.fixture
def nights_of(monkeypatch):
    return load("sleep_nights", monkeypatch)


@pytest.fixture
def windows_of(monkeypatch):
    return load("wearable_windows", monkeypatch)


def load(name, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module(name)


@contextmanager
def kernel_manager():
    """Give what starts a kernel, at ports that are held for it until it listens there."""
    with ExitStack() as stack:
        held = {name: stack.enter_context(closing(HeldPort())) for name in PORTS}
        ports = {f"{name}_port": port.number for name, port in held.items()}
        yield AsyncKernelManager(kernel_name="python3", cache_ports=False, **ports)


def execute(notebook: Path, project: Path):
    """Run a notebook in a kernel of its own, as Jupyter does; return its cells with outputs."""
    target = project / "notebooks"
    target.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.py"):
        shutil.copy(path, target)
    text = HOURS.sub("3.0", notebook.read_text(encoding="utf-8"))  # all stages, in less time
    made = nbformat.reads(text, as_version=4)
    env = {**os.environ, "EPOCHAL_TRACKING": "off", "MPLBACKEND": INLINE}
    with kernel_manager() as manager:
        client = NotebookClient(made, manager, timeout=900, startup_timeout=300)
        client.execute(cwd=str(target), env=env, cleanup_kc=True)  # raises what a cell raises
    return [cell for cell in made["cells"] if cell["cell_type"] == "code"]


def pictures(cells):
    return [
        output["data"]["image/png"]
        for cell in cells
        for output in cell["outputs"]
        if "image/png" in output.get("data", {})
    ]


def shown_text(cells):
    return "".join(
        line
        for cell in cells
        for output in cell["outputs"]
        for line in output.get("data", {}).get("text/plain", [])
    )


@pytest.mark.slow
def test_the_notebook_of_a_study_runs_from_top_to_bottom(explored):
    cells = execute(OF_A_STUDY, explored)
    assert all(cell["execution_count"] for cell in cells)
    assert pictures(cells)


@pytest.mark.slow
@pytest.mark.parametrize(
    "notebook", [p for p in NOTEBOOKS if p != OF_A_STUDY], ids=lambda path: path.name
)
def test_a_notebook_that_simulates_runs_with_no_data_at_hand(notebook, tmp_path):
    cells = execute(notebook, tmp_path)
    assert all(cell["execution_count"] for cell in cells)
    assert len(pictures(cells)) >= 5
    assert "simulated" in shown_text(cells)
    made = list((tmp_path / "data/notebooks").glob("*/SIMULATED.txt"))
    assert len(made) == 1


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_without_outputs(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert [cell["execution_count"] for cell in code] == [None] * len(code)


def test_there_is_a_notebook_for_each_subset_of_sleep_edfx_and_one_for_wearables():
    names = {path.name for path in NOTEBOOKS}
    assert names >= {
        "01_explore.ipynb",
        "02_sleep_edfx_cassette.ipynb",
        "03_sleep_edfx_telemetry.ipynb",
        "04_wearable_preprocessing.ipynb",
        "05_wearable_network.ipynb",
    }


def test_every_picture_of_the_notebooks_says_what_its_data_are(module):
    drawing = {
        name: inspect.getsource(function)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name.startswith("draw_") and function.__module__ == module.__name__
    }
    on_given_axes = {name for name, text in drawing.items() if "axes: Axes" in text}
    assert len(drawing) > 3
    for name, text in drawing.items():
        # `draw_snapshot` signs for itself
        assert name in on_given_axes or "sign(figure" in text or "draw_snapshot(" in text, name


class TestNights:
    @pytest.mark.slow
    def test_a_given_folder_is_read_and_nothing_is_simulated(self, nights_of, tmp_path):
        nights_of.write_cohort("sleep", tmp_path / "mine", {"n_subjects": 1, "hours": 0.5})
        simulated = tmp_path / "simulated"
        nights = nights_of.get_nights(tmp_path / "mine", subset="cassette", simulated=simulated)
        assert [night.recording_id for night in nights] == ["SC4001E0"]
        assert not simulated.exists()

    def test_a_rolling_feature_that_looks_ahead_is_found(self, nights_of):
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"x": rng.normal(size=40), "recording_id": "a", "run": 0})
        table.loc[20:, "recording_id"] = "b"
        by_night = table.groupby("recording_id")["x"]
        past = by_night.transform(lambda x: x.rolling(5, min_periods=1).mean())
        right = nights_of.check_rolling(table.assign(x__past5=past), "x", 5)
        centred = by_night.transform(lambda x: x.rolling(5, center=True, min_periods=1).mean())
        wrong = nights_of.check_rolling(table.assign(x__past5=centred), "x", 5)
        assert right["largest difference"] < 1e-12
        assert right["rows compared"] == 40
        assert wrong["largest difference"] > 0.1

    def test_a_rolling_feature_that_crosses_nights_is_found(self, nights_of):
        table = pd.DataFrame({"x": np.arange(20.0), "recording_id": ["a"] * 10 + ["b"] * 10})
        table = table.assign(run=0, x__past5=table["x"].rolling(5, min_periods=1).mean())
        assert nights_of.check_rolling(table, "x", 5)["largest difference"] == pytest.approx(2.0)

    def test_the_closest_pairs_leave_out_a_feature_with_itself(self, nights_of):
        x = np.random.default_rng(0).normal(size=(50, 2))
        table = pd.DataFrame({"a": x[:, 0], "b": -x[:, 0] + 0.01 * x[:, 1], "c": x[:, 1]})
        pairs = nights_of.closest_pairs(table.corr(), n=1)
        assert pairs[["feature", "other"]].to_numpy().tolist() == [["a", "b"]]
        assert pairs["ρ"][0] < -0.99


class TestWindows:
    def test_35_hz_keeps_what_it_can_hold_and_removes_what_it_cannot(self, windows_of):
        assert windows_of.share_that_survives(10.0) == pytest.approx(1.0, abs=0.02)
        assert windows_of.share_that_survives(25.0) < 0.01

    def test_resampling_moves_no_event_in_time(self, windows_of):
        time_s = np.arange(0, 20, 1 / 700)
        bump = np.exp(-(((time_s - 8.0) / 0.2) ** 2)).astype(np.float32)
        slow = windows_of.resample(Channel("x", "uV", 700.0, bump, start_s=3.0), 35.0)
        assert (slow.sfreq, slow.start_s, len(slow.data)) == (35.0, 3.0, 700)
        assert slow.data.argmax() / 35 == pytest.approx(8.0, abs=1 / 35)

    @pytest.mark.slow
    def test_rmssd_of_a_known_ecg_is_right_at_the_native_rate_and_not_at_35_hz(self, windows_of):
        table = windows_of.compare_beats(*known_heart(windows_of))
        rmssd = table.set_index("rate")["RMSSD [ms]"]
        assert rmssd["700 Hz"] == pytest.approx(20.0, abs=1.0)
        assert abs(rmssd["35 Hz"] - 20.0) > 5.0

    @pytest.mark.slow
    def test_windows_overlap_by_half(self, windows_of):
        recording, _ = known_heart(windows_of, length_s=180)
        onsets_s = windows_of.lay_windows([recording])["onset_s"]
        assert onsets_s.tolist() == [0, 30, 60, 90, 120]


def known_heart(windows_of, length_s=60):
    """Return a chest whose beats are 790 and 810 ms apart in turn, so that RMSSD is 20 ms."""
    time_s = np.arange(0, length_s, 1 / 700)
    beats_s = np.cumsum(np.tile([0.79, 0.81], round(length_s / 1.6) + 1))
    ecg_uv = sum(1000 * np.exp(-(((time_s - at) / 0.012) ** 2)) for at in beats_s)
    flat = np.linspace(1, 2, len(time_s))
    channels = tuple(
        Channel(name, unit, 700.0, np.asarray(data, dtype=np.float32))
        for name, unit, data in (("ECG", "uV", ecg_uv), ("EDA", "uS", flat), ("RESP", "%", flat))
    )
    label = pd.DataFrame({"onset_s": [0.0], "duration_s": [length_s], "label": ["baseline"]})
    recording = Recording("S2", "S2", channels, annotations=label, data_source="simulated")
    return recording, windows_of.lay_windows([recording])
