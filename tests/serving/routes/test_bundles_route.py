from dataclasses import replace

import pytest

from builders import make_bundle
from epochal.serving.bundle import write_bundle
from service_material import NAME, client_of


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("service")) as made:
        yield made


def test_every_model_of_every_bundle_is_listed_once(client):
    lines = client.get("/api/models").json()
    names = [line["model"] for line in lines]
    manifest = make_bundle().manifest
    assert sorted(names) == sorted(
        [*(entry.name for entry in manifest.models), *manifest.smoothing]
    )
    assert {line["bundle"] for line in lines} == {NAME}


def test_one_model_is_the_headline(client):
    headlines = [line["model"] for line in client.get("/api/models").json() if line["headline"]]
    assert headlines == [make_bundle().manifest.headline]


def test_a_smoothing_that_looks_ahead_is_no_causal_model(client):
    causal = {line["model"]: line["causal"] for line in client.get("/api/models").json()}
    kinds = {name: one.kind for name, one in make_bundle().manifest.smoothing.items()}
    assert kinds  # else this would show nothing
    for name, kind in kinds.items():
        assert causal[name] == (kind == "forward" and causal["stack"])


def filtering_both_ways(bundle):
    options = bundle.manifest.feature_engineering
    eeg = options.signals["eeg"].model_copy(update={"band_hz": (0.3, 30.0)})
    changed = options.model_copy(update={"signals": {"eeg": eeg}, "filters": "zero_phase"})
    manifest = bundle.manifest.model_copy(update={"feature_engineering": changed})
    return replace(bundle, manifest=manifest)


@pytest.mark.slow
def test_no_model_is_causal_where_the_filters_look_ahead(tmp_path):
    bundle = filtering_both_ways(make_bundle())
    assert all(entry.causal for entry in bundle.manifest.models)  # by their columns alone
    write_bundle(tmp_path / "bundle", bundle)
    with client_of(tmp_path) as client:
        lines = client.get("/api/models").json()
    assert {line["causal"] for line in lines} == {False}


def test_a_bundle_in_a_line_says_what_it_needs_and_what_it_stands_on(client):
    (line,) = client.get("/api/bundles").json()
    manifest = make_bundle().manifest
    assert line["required_channels"] == manifest.required_channels
    assert line["data_source"] == manifest.data_source
    assert line["epoch_length_s"] == 30.0


def test_all_that_a_bundle_says_of_itself_has_its_card(client):
    facts = client.get("/api/bundle", params={"name": NAME}).json()
    assert facts["manifest"]["classes"] == list(make_bundle().manifest.classes)
    assert "medical device" in facts["card"]


def test_an_unknown_bundle_is_not_found_by_name(client):
    answer = client.get("/api/bundle", params={"name": "tinny"})
    assert answer.status_code == 404
    assert "did you mean 'tiny'" in answer.json()["detail"]


@pytest.mark.slow
def test_a_promoted_bundle_is_taken_up_on_demand(tmp_path):
    with client_of(tmp_path) as client:
        assert client.post("/api/bundles/refresh").json() == {"taken_up": [], "errors": {}}
        (tmp_path / "bundle").rename(tmp_path / "old")
        write_bundle(tmp_path / "bundle", make_bundle("lightgbm"))
        assert client.post("/api/bundles/refresh").json()["taken_up"] == [NAME]
        assert client.get("/api/bundle").json()["manifest"]["headline"] == "lightgbm"
