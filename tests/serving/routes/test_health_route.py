import pytest

from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import MANIFEST
from service_material import NAME, client_of, make_options


@pytest.fixture
def client(tmp_path):
    with client_of(tmp_path) as made:
        yield made


def test_a_living_service_says_so_and_for_how_long(client):
    answer = client.get("/health").json()
    assert answer["status"] == "ok"
    assert answer["uptime_s"] >= 0
    assert answer["notice"] == RESEARCH_USE


def test_a_service_with_a_bundle_is_ready(client):
    answer = client.get("/ready")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "bundles": [NAME], "errors": {}}


@pytest.mark.slow
def test_a_service_without_a_bundle_lives_but_is_not_ready(tmp_path):
    with client_of(tmp_path, bundles={}) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503


def test_a_service_that_is_about_to_stop_is_not_ready(client):
    client.app.state.service.stopping = True
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False


@pytest.mark.slow
def test_a_newer_bundle_that_cannot_be_read_is_told_of(tmp_path):
    with client_of(tmp_path) as client:
        (make_options(tmp_path).bundles[NAME] / MANIFEST).write_text("{}")
        client.post("/api/bundles/refresh")
        answer = client.get("/ready")
    assert answer.status_code == 200
    assert "bundle format None" in answer.json()["errors"][NAME]
