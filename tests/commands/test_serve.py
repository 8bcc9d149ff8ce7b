import signal

import pytest
from click.testing import CliRunner

from builders import make_bundle
from epochal.cli import cli
from epochal.commands.serve import named_folders
from epochal.serving.bundle import write_bundle
from service_material import NAME, running


def make_parents(path):
    path.parent.mkdir(parents=True)
    return path


def test_a_folder_serves_under_its_studys_name_or_the_given_one(tmp_path):
    write_bundle(tmp_path / "b", make_bundle())
    study = make_bundle().manifest.study
    assert named_folders((str(tmp_path / "b"),)) == {study: tmp_path / "b"}
    assert named_folders((f"mine={tmp_path / 'b'}",)) == {"mine": tmp_path / "b"}


def test_without_a_name_all_at_hand_are_served_the_demos_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(named_folders(())) == ["sleep", "stress"]
    write_bundle(make_parents(tmp_path / "data/demo/07_model_output/bundle"), make_bundle())
    assert list(named_folders(())) == ["demo", "stress", "sleep"]


def test_a_shipped_bundle_is_served_by_its_name():
    (name, folder), *others = named_folders(("sleep",)).items()
    assert name == "sleep"
    assert (folder / "manifest.json").is_file()
    assert others == []


def test_two_bundles_of_one_name_are_refused(tmp_path):
    write_bundle(tmp_path / "b", make_bundle())
    result = CliRunner().invoke(
        cli, ["serve", "--bundle", str(tmp_path / "b"), "--bundle", str(tmp_path / "b")]
    )
    assert result.exit_code == 2
    assert "give --bundle NAME=FOLDER" in result.output


def test_a_folder_without_a_bundle_is_refused_in_one_line(tmp_path):
    result = CliRunner().invoke(cli, ["serve", "--bundle", f"x={tmp_path}"])
    assert result.exit_code == 1
    assert "no bundle here" in result.output
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_a_real_server_answers_and_stops_when_asked(tmp_path):
    with running(tmp_path, cold=True) as server:
        assert server.get("/ready").json()["bundles"] == [NAME]
        # it finishes what is under way, then ends by the very signal, as its parent expects
        assert server.stop() == -signal.SIGTERM
