"""`kedro run` and `epochal run`: what is misspelt is refused with a suggestion."""

import shutil

import pytest
from click.testing import CliRunner

from epochal.cli import cli
from projects import make_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_project(tmp_path)


def run(*arguments):
    return CliRunner().invoke(cli, ["run", *arguments])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--env", "weareble_stress"],
            "No environment 'weareble_stress'; did you mean 'wearable_stress'?",
        ),
        (["--pipeline", "ingestoin"], "No pipeline 'ingestoin'; did you mean 'ingestion'?"),
        (["--pipelines", "splitting,stackin"], "No pipeline 'stackin'; did you mean 'stacking'?"),
        (["--params", "splittin.n_folds=3"], "No parameter 'splittin'; did you mean 'splitting'?"),
        (["--env", "base"], "No environment 'base'"),
        (["--to-outputs", "leaderbord"], "No dataset 'leaderbord'; did you mean 'leaderboard'?"),
        (["--from-inputs", "epocs"], "No dataset 'epocs'; did you mean 'epochs'?"),
        (["--nodes", "list_source"], "No node 'list_source'; did you mean 'list_sources'?"),
    ],
)
def test_a_misspelt_name_is_wrong_usage_with_a_suggestion(project, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("splitting.n_fold=3", "n_fold"),
        ("splitting.n_folds=many", "n_folds"),
        ("ingestion.reader=sleep_edf", "did you mean 'sleep_edfx'?"),
        ("ingestion.source=files", "source 'files' needs `path`"),
        ("ingestion.simulator_options.n_subjects=0", "n_subjects"),
    ],
)
def test_a_wrong_value_stops_the_run_before_any_node_in_one_line(project, parameter, message):
    result = run("--params", parameter)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (project.path / "data").exists()


@pytest.mark.slow
def test_a_copied_study_that_still_names_the_old_one_is_refused_with_the_old_ones_data_untouched(
    project,
):
    assert run("--to-outputs", "sources").exit_code == 0
    before = written_below(project.path / "data")
    shutil.copytree(project.path / "conf/demo", project.path / "conf/copied")
    fewer = ["--to-outputs", "sources", "--params", "ingestion.simulator_options.n_subjects=2"]
    line = (
        "Error: conf/copied/globals.yml names the study 'demo', another environment's, whose data "
        "it would overwrite; write 'copied', or a name that no environment has"
    )
    done = project.command("run", "--env", "copied", *fewer, check=False)
    assert (done.returncode, done.stdout.strip()) == (1, line)
    result = run("--env", "copied", *fewer)
    assert (result.exit_code, result.output.strip()) == (1, line)
    assert written_below(project.path / "data") == before


def written_below(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_preset_in_a_file_is_taken_and_its_faults_are_named(project):
    preset = project.path / "fast.yml"
    preset.write_text("run: {env: demo, params: {splitting: {n_fold: 3}}}")
    result = run("--config", str(preset))
    assert result.exit_code == 1
    assert "no option 'n_fold'; did you mean 'n_folds'?" in result.output
    assert not (project.path / "data").exists()


@pytest.mark.slow
def test_a_missing_folder_of_raw_files_is_named(project):
    result = run(
        "--pipeline", "ingestion", "--params", "ingestion.source=files,ingestion.path=nowhere"
    )
    assert result.exit_code == 1
    assert "nowhere: no such folder (ingestion.path)" in result.output


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--pipeline", "--pipelines"])
def test_one_pipeline_runs_without_a_warning(project, option):
    result = run(option, "ingestion")
    assert result.exit_code == 0, result.output
    assert "deprecated" not in result.output
    assert (project.path / "data/demo/03_primary/epochs.parquet").exists()


@pytest.mark.slow
def test_without_a_configuration_the_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("--env", "demo")
    assert result.exit_code == 2
    assert "No configuration folder" in result.output
