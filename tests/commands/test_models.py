"""`epochal models`, against a real store."""

import sys
from importlib.util import find_spec

import pytest
from click.testing import CliRunner

from builders import make_bundle
from epochal.cli import cli
from epochal.serving.bundle import MANIFEST, read_bundle, write_bundle

pytestmark = pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed")


@pytest.fixture
def store(tmp_path):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri, uri)
    client.create_experiment("made", artifact_location=f"file://{tmp_path}/artifacts")
    return uri


def call(*arguments, store=None):
    given = ["models", *map(str, arguments), *(["--store", store] if store else [])]
    return CliRunner().invoke(cli, given)


@pytest.mark.slow
def test_a_bundle_goes_from_registration_to_a_servers_folder_and_back(store, tmp_path):
    for name in ("logistic_regression", "lightgbm"):
        write_bundle(tmp_path / name, make_bundle(name))
    assert "no bundle is registered" in call("list", store=store).output
    first = call("register", tmp_path / "logistic_regression", store=store)
    assert first.output == "registered: made:1 [staging]\n"
    call("register", tmp_path / "lightgbm", store=store)
    told = call("promote", "made:1", store=store)
    assert told.output == "made@champion: version 1 (before: nothing)\n"
    assert "(before: version 1)" in call("promote", "made@staging", store=store).output
    listed = call("list", "made", store=store).output.splitlines()
    assert listed[0].startswith("made:1  data_source simulated, headline logistic_regression")
    assert listed[1].startswith("made:2 [champion, staging]  data_source simulated")
    assert listed[2] == "Research use only, not a medical device."
    out = tmp_path / "served"
    fetched = call("fetch", "made@champion", "--out", out, store=store)
    assert fetched.output == f"{out}: now made:2 (simulated)\n"
    assert read_bundle(out).manifest.headline == "lightgbm"
    rolled = call("rollback", "made", store=store)
    assert rolled.output == "made@champion: version 1 (before: version 2)\n"
    call("fetch", "made@champion", "--out", out, store=store)
    assert read_bundle(out).manifest.headline == "logistic_regression"
    assert ": still made:1" in call("fetch", "made@champion", "--out", out, store=store).output


@pytest.mark.slow
def test_a_damaged_bundle_is_not_registered(store, tmp_path):
    write_bundle(tmp_path / "bundle", make_bundle())
    (tmp_path / "bundle/models/stack.onnx").unlink()
    result = call("register", tmp_path / "bundle", store=store)
    assert (result.exit_code, "missing from the bundle" in result.output) == (1, True)
    assert "no bundle is registered" in call("list", store=store).output


@pytest.mark.slow
def test_without_a_store_one_line_says_how_one_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    result = call("list")
    assert result.exit_code == 1
    assert "`epochal models register BUNDLE` and tracked runs make one" in result.output
    assert "--store names another" in result.output
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.slow
def test_the_first_bundle_registered_makes_the_registry_and_says_where(tmp_path, monkeypatch):
    (tmp_path / "lab").mkdir()
    (tmp_path / "elsewhere").mkdir()
    write_bundle(tmp_path / "bundle", make_bundle())
    monkeypatch.chdir(tmp_path / "elsewhere")
    where = f"sqlite:///{tmp_path}/lab/mlflow.db"
    made = call("register", tmp_path / "bundle", store=where)
    assert made.output == f"made a registry: {where}\nregistered: made:1 [staging]\n"
    again = call("register", tmp_path / "bundle", "--name", "other", store=where)
    assert again.output == "registered: other:1 [staging]\n"
    assert not list((tmp_path / "elsewhere").iterdir())  # files lie beside the store
    fetched = call("fetch", "made", "--out", tmp_path / "served", store=where)
    assert fetched.output == f"{tmp_path}/served: now made:1 (simulated)\n"


def test_no_registry_is_made_where_there_is_no_folder_or_no_whole_bundle(tmp_path):
    write_bundle(tmp_path / "bundle", make_bundle())
    result = call("register", tmp_path / "bundle", store=f"sqlite:///{tmp_path}/typo/mlflow.db")
    assert (result.exit_code, f"no folder {tmp_path}/typo" in result.output) == (1, True)
    (tmp_path / "bundle/models/stack.onnx").unlink()
    assert call("register", tmp_path / "bundle", store=f"sqlite:///{tmp_path}/a.db").exit_code == 1
    assert [one.name for one in tmp_path.iterdir()] == ["bundle"]


def test_without_mlflow_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    result = call("list")
    assert result.exit_code == 1
    assert "pip install 'epochal[tracking]'" in result.output
    assert len(result.output.strip().splitlines()) == 1


@pytest.mark.slow
def test_what_takes_the_place_of_a_folder_is_refused(store, tmp_path):
    write_bundle(tmp_path / "bundle", make_bundle())
    call("register", tmp_path / "bundle", store=store)
    result = call("fetch", "made", "--out", tmp_path / "bundle", store=store)
    assert (result.exit_code, "something else already" in result.output) == (1, True)
    assert (tmp_path / "bundle" / MANIFEST).is_file()
