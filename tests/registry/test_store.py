"""Registered bundles in a real store of MLflow: SQLite and a folder, in a temporary place."""

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from builders import make_bundle
from epochal.errors import EpochalError
from epochal.registry.fetching import KEPT, fetch
from epochal.registry.store import (
    describe_bundle,
    find_version,
    list_versions,
    log_and_register,
    open_registry,
    promote,
    register_bundle,
    roll_back,
)
from epochal.serving.bundle import CARD, MANIFEST, Scorer, read_bundle, write_bundle
from epochal.serving.service.shelf import Shelf

pytestmark = [
    pytest.mark.slow,  # MLflow's own start
    pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed"),
]


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """Return the client of a store in which its tables are made, once: it takes seconds."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("store")
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db", f"sqlite:///{folder}/mlflow.db")
    client.create_experiment("made", artifact_location=f"file://{folder}/artifacts")
    return client


@pytest.fixture
def client(empty):
    yield empty
    for name in {one.name for one in list_versions(empty)}:
        empty.delete_registered_model(name)


def write_version(folder, number):
    """Write a bundle that differs from others in a figure."""
    bundle = make_bundle()
    metrics = {**bundle.manifest.metrics, "kappa": round(0.5 + number / 100, 2)}
    manifest = bundle.manifest.model_copy(update={"metrics": metrics})
    write_bundle(folder / f"bundle{number}", replace(bundle, manifest=manifest))
    return folder / f"bundle{number}"


@pytest.fixture
def three(client, tmp_path):
    """Return a client with three versions registered."""
    for number in (1, 2, 3):
        log_and_register(client, write_version(tmp_path, number))
    return client


def test_a_bundle_is_registered_under_its_studys_name_with_figures_and_data_source(
    client, tmp_path
):
    folder = write_version(tmp_path, 7)
    made = log_and_register(client, folder)
    assert (made.name, made.version, made.stages) == ("made", 1, ("staging",))
    assert made.tags == describe_bundle(folder)
    assert made.tags["data_source"] == "simulated"
    assert made.tags["kappa"] == "0.57"
    assert made.tags["headline"] == make_bundle().manifest.headline
    run = client.get_run(made.run_id)
    assert run.data.metrics["kappa"] == 0.57
    assert run.info.status == "FINISHED"


def test_the_same_bundle_is_not_registered_twice(client, tmp_path):
    folder = write_version(tmp_path, 1)
    first = log_and_register(client, folder)
    assert register_bundle(client, folder, run_id=first.run_id).version == 1
    assert len(list_versions(client, "made")) == 1


def test_the_newest_version_is_staging_and_the_others_are_at_no_stage(three):
    found = {one.version: one.stages for one in list_versions(three, "made")}
    assert found == {1: (), 2: (), 3: ("staging",)}


def test_promotion_moves_the_champion_and_rollback_goes_back_step_by_step(three):
    assert promote(three, "made:1")[1] is None
    for number, before in ((2, 1), (3, 2)):
        chosen, was = promote(three, f"made:{number}")
        assert (chosen.version, was.version) == (number, before)
        assert "champion" in chosen.stages
    assert find_version(three, "made@champion").version == 3
    for number, replaced in ((2, 3), (1, 2)):
        chosen, was = roll_back(three, "made")
        assert (chosen.version, was.version) == (number, replaced)
        assert find_version(three, "made@champion").version == number
    with pytest.raises(EpochalError, match="nothing was at the stage 'champion' before version 1"):
        roll_back(three, "made")


def test_promoting_what_is_there_already_is_not_remembered(three):
    promote(three, "made:1")
    promote(three, "made:1")
    with pytest.raises(EpochalError, match="before version 1"):
        roll_back(three, "made")


def test_a_version_deleted_since_is_skipped_by_rollback(three):
    for number in (1, 2, 3):
        promote(three, f"made:{number}")
    three.delete_model_version("made", "2")
    assert roll_back(three, "made")[0].version == 1


def test_stages_do_not_mix(three):
    promote(three, "made:1", "challenger")
    promote(three, "made:2")
    assert find_version(three, "made@challenger").version == 1
    with pytest.raises(EpochalError, match="no stage 'champ'; did you mean 'champion'"):
        promote(three, "made:1", "champ")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("mad", "No registered bundle 'mad'; did you mean 'made'"),
        ("made@champion", "nothing is at the stage 'champion'; there are: staging"),
        ("made:9", "no version 9; there are: 1, 2, 3"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(three, spec, reason):
    with pytest.raises(EpochalError, match=reason):
        find_version(three, spec)


def test_a_bare_name_is_its_newest_version(three):
    assert find_version(three, "made").version == 3


def test_a_store_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(EpochalError, match=r"mlflow\.db: no registry there"):
        open_registry()
    assert not list(tmp_path.iterdir())


def test_a_fetched_bundle_is_whole_and_scores(three, tmp_path):
    chosen, changed = fetch(three, "made:2", tmp_path / "served")
    assert (chosen.version, changed) == (2, True)
    assert read_bundle(tmp_path / "served").manifest.metrics["kappa"] == 0.52
    assert not fetch(three, "made:2", tmp_path / "served")[1]


def test_a_shelf_takes_up_a_promoted_bundle_and_who_holds_the_old_one_keeps_it(three, tmp_path):
    promote(three, "made:1")
    fetch(three, "made@champion", tmp_path / "served")
    shelf = Shelf({"made": tmp_path / "served"})
    held = shelf.get("made")
    assert shelf.refresh() == []
    promote(three, "made:3")
    fetch(three, "made@champion", tmp_path / "served")
    assert shelf.refresh() == ["made"]
    assert shelf.get("made").scorer.manifest.metrics["kappa"] == 0.53
    assert held.scorer.manifest.metrics["kappa"] == 0.51
    roll_back(three, "made")
    fetch(three, "made@champion", tmp_path / "served")
    assert shelf.refresh() == ["made"]
    assert shelf.get("made").scorer.manifest.metrics["kappa"] == 0.51


def test_a_bundle_swapped_while_it_is_read_is_read_from_one_version(three, tmp_path, monkeypatch):
    from epochal.serving import bundle as bundles

    fetch(three, "made:1", tmp_path / "served")
    real = bundles._read_manifest

    def swap_then_go_on(path):
        monkeypatch.setattr(bundles, "_read_manifest", real)
        found = real(path)
        fetch(three, "made:2", tmp_path / "served")
        return found

    monkeypatch.setattr(bundles, "_read_manifest", swap_then_go_on)
    found = read_bundle(tmp_path / "served")
    assert found.manifest.metrics["kappa"] == 0.51
    assert Scorer(found).models


def test_a_folder_that_is_no_link_is_never_replaced(three, tmp_path):
    folder = write_version(tmp_path, 9)
    with pytest.raises(EpochalError, match="there is something else already"):
        fetch(three, "made", folder)
    assert read_bundle(folder).manifest.metrics["kappa"] == 0.59


def test_a_damaged_artifact_never_takes_the_place_of_a_whole_one(three, tmp_path):
    fetch(three, "made:1", tmp_path / "served")
    run_id = find_version(three, "made:2").run_id
    place = three.get_run(run_id).info.artifact_uri.removeprefix("file://")
    path = Path(place) / "bundle" / MANIFEST
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"hashes": {CARD: "0" * 64}}))
    with pytest.raises(EpochalError, match="changed since the bundle was written"):
        fetch(three, "made:2", tmp_path / "served")
    assert read_bundle(tmp_path / "served").manifest.metrics["kappa"] == 0.51
    left = [one.name for one in (tmp_path / "served.versions").iterdir()]
    assert len(left) == 1  # nothing half fetched stays behind


def test_only_the_last_versions_stay_on_disk(client, tmp_path):
    for number in range(1, KEPT + 3):
        log_and_register(client, write_version(tmp_path, number))
        fetch(client, "made", tmp_path / "served")
    left = sorted(one.name[:6] for one in (tmp_path / "served.versions").iterdir())
    assert left == ["made-3", "made-4", "made-5"]
