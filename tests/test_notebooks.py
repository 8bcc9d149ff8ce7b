"""The notebooks run from top to bottom in a project of their own, and hold no outputs."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from projects import ROOT, make_project

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """Return a tiny project whose demo has been run, as far as the notebooks look."""
    project = make_project(tmp_path_factory.mktemp("project"))
    project.command("run", "--to-outputs", "leaderboard", EPOCHAL_TRACKING="off")
    return project


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_from_top_to_bottom(notebook, explored):
    copy = explored.path / "notebooks" / notebook.name
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(notebook, copy)
    (copy.parent / "pytest.ini").write_text("[pytest]\n")  # not the project's own settings
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbmake", "--overwrite", "-p", "no:cacheprovider", copy],
        cwd=copy.parent,
        env={**os.environ, "EPOCHAL_TRACKING": "off", "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    cells = json.loads(copy.read_text(encoding="utf-8"))["cells"]
    assert all(cell["execution_count"] for cell in cells if cell["cell_type"] == "code")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_without_outputs(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert [cell["execution_count"] for cell in code] == [None] * len(code)


def test_there_is_an_exploring_notebook():
    assert "01_explore.ipynb" in {path.name for path in NOTEBOOKS}
