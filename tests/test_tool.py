"""What starts with every call of the tool: nothing that the call does not use."""

import os
import subprocess
import sys

import pytest

from epochal.pipeline_registry import PIPELINES
from projects import copy_of

MODULES = "import atexit, sys; atexit.register(lambda: print('MODULES', *sys.modules)); "
KEDRO = MODULES + "from kedro.framework.cli import main; main()"
EPOCHAL = MODULES + "from epochal.__main__ import main; main()"
NOTHING_TO_DO = ("run", "--pipeline", "ingestion", "--only-missing-outputs")
# Each takes a tenth of a second or more to import, some of them several seconds.
HEAVY = {"lightgbm", "lightning", "matplotlib", "mlflow", "onnxruntime", "optuna", "pandera"} | {
    "plotly", "pyarrow.parquet", "scipy.signal", "scipy.stats", "shap", "sklearn", "torch"
} | {"kedro_mlflow", "kedro_airflow", "IPython"}  # fmt: skip


@pytest.fixture(scope="module")
def ingested(demo, tmp_path_factory):
    """Return a tiny project whose ingestion has been run."""
    return copy_of(demo, tmp_path_factory.mktemp("project")).path


def imported_by(script, *arguments, cwd=None, **environment):
    """Return what a call in a process of its own said, and the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    said, _, modules = done.stdout.rpartition("MODULES ")
    return said + done.stderr, set(modules.split())


@pytest.mark.slow
def test_help_imports_no_library_but_click():
    _, modules = imported_by(EPOCHAL, "--help")
    assert not {"numpy", "pandas", "pydantic", "scipy", "kedro", "onnxruntime"} & modules


@pytest.mark.parametrize("script", [KEDRO, EPOCHAL], ids=["kedro", "epochal"])
@pytest.mark.parametrize("tracking", ["on", "off"])
@pytest.mark.slow
def test_a_run_with_nothing_to_do_imports_nothing_that_would_do_it(ingested, script, tracking):
    said, modules = imported_by(script, *NOTHING_TO_DO, cwd=ingested, EPOCHAL_TRACKING=tracking)
    assert "Skipping all 4 nodes" in said
    assert not HEAVY & modules
    assert not (ingested / "mlflow.db").exists()


@pytest.mark.slow
def test_only_the_pipelines_that_are_asked_for_are_imported(ingested):
    _, modules = imported_by(KEDRO, *NOTHING_TO_DO, cwd=ingested)
    found = {name for name in modules if name.startswith("epochal.pipelines.")}
    assert {name.split(".")[2] for name in found} == {"ingestion"}


@pytest.mark.slow
def test_a_graph_is_known_before_what_fits_and_trains_is_imported():
    imports = "".join(f"import epochal.pipelines.{name}; " for name in PIPELINES)
    _, modules = imported_by(MODULES + imports)
    assert not {"lightgbm", "lightning", "mlflow", "onnxruntime", "torch", "xgboost"} & modules
