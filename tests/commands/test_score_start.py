"""What a cold `epochal score` must not import: each of these costs more than a night's features."""

import subprocess
import sys

import pytest

from builders import make_bundle, make_night, write_edf
from epochal.serving.bundle import write_bundle

# not a wish: what was measured to be slow, or is no part of the core
SLOW = (
    "IPython", "PIL", "asyncssh", "captum", "dask", "fastapi", "fsspec", "h5py", "httpx", "httpx2",
    "imblearn", "jinja2", "joblib", "kedro", "kedro_datasets", "lightgbm", "lightning",
    "matplotlib", "mlflow", "mne", "numba", "omegaconf", "optuna", "pandera", "plotly",
    "prometheus_client", "requests", "rich", "scipy.fft", "scipy.integrate", "scipy.interpolate",
    "scipy.io", "scipy.linalg", "scipy.ndimage", "scipy.optimize", "scipy.signal", "scipy.sparse",
    "scipy.spatial", "scipy.special", "scipy.stats", "seaborn", "shap", "sklearn", "sqlalchemy",
    "tensorboard", "torch", "tqdm", "uvicorn", "xgboost", "yaml", "epochal.simulation.sleep",
    "epochal.pipelines", "epochal.models.classical", "epochal.models.deep", "epochal.plots",
)  # fmt: skip
COLD = """
import sys
from epochal.__main__ import main
sys.argv[0] = "epochal"
try:
    main()
finally:
    print("\\nIMPORTED", *sys.modules)
"""


@pytest.fixture(scope="module")
def cold(tmp_path_factory):
    """The output and the modules of a process that scored one night."""
    folder = tmp_path_factory.mktemp("cold")
    write_bundle(folder / "bundle", make_bundle())
    night = make_night(["W"] * 6 + ["N2"] * 6 + ["REM"] * 6, seed=100)
    write_edf(folder / "night.edf", {"EEG": night.channel("EEG").data})
    done = subprocess.run(
        [sys.executable, "-c", COLD, "score", "night.edf", "--bundle", "bundle", "--out", "out"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    said, imported = done.stdout.split("\nIMPORTED ")
    return said, set(imported.split())


@pytest.mark.slow
def test_the_night_is_scored(cold):
    said, imported = cold
    assert said.startswith("night.edf: 18 epochs (W 6, N2 6, REM 6)")
    assert {"numpy", "pandas", "onnxruntime", "epochal.serving.scoring"} <= imported


@pytest.mark.parametrize("module", SLOW)
def test_a_cold_call_does_not_import(cold, module):
    assert module not in cold[1]


@pytest.mark.parametrize("command", ["score", "inspect"])
def test_scoring_asks_for_one_thread_unless_the_user_says_otherwise(monkeypatch, command):
    import os

    import epochal.cli
    from epochal import __main__

    monkeypatch.setattr(epochal.cli, "cli", lambda **given: None)
    monkeypatch.setattr(sys, "argv", ["epochal", command])
    monkeypatch.setattr(__main__.gc, "set_threshold", lambda *given: None)
    for name in __main__._THREADS:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    __main__.main()
    assert os.environ["MKL_NUM_THREADS"] == "3"
    assert os.environ.get("OMP_NUM_THREADS") == ("1" if command == "score" else None)
