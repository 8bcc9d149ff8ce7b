import pytest

from builders import make_bundle
from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import Scorer
from rest_material import LABELS, night_features, ruled_bundle, signals, write
from service_material import client_of, write_night

REFERENCE = Scorer(ruled_bundle()).drift_reference


@pytest.fixture
def client(tmp_path):
    bundles = {
        "ruled": write(tmp_path / "ruled", ruled_bundle()),
        "plain": write(tmp_path / "plain", make_bundle()),
    }
    with client_of(tmp_path, bundles=bundles) as made:
        yield made


def rows(shift: float = 0.0, times: int = 2) -> dict:
    table = night_features()[REFERENCE.names] + shift
    return {"columns": REFERENCE.names, "rows": table.to_numpy().tolist() * times}


def test_a_bundle_without_a_reference_says_so(client):
    response = client.get("/drift?bundle=plain")
    assert response.status_code == 404
    assert "has no drift reference" in response.json()["detail"]


def test_before_anything_was_scored_nothing_is_judged(client):
    answer = client.get("/drift").json()
    assert (answer["bundle"], answer["n_seen"], answer["n_epochs"]) == ("ruled", 0, 0)
    assert answer["verdict"]["drift"] is None
    assert (answer["notice"], answer["data_source"]) == (RESEARCH_USE, "simulated")


@pytest.mark.slow
def test_what_was_predicted_is_watched(client):
    client.post("/predict_batch", json=signals(*LABELS * 2))
    answer = client.get("/drift").json()
    assert (answer["n_seen"], answer["n_epochs"]) == (24, 24)
    assert answer["verdict"]["drift"] is not None
    drivers = answer["verdict"]["drivers"]
    assert {"feature", "d", "psi", "d_limit"} <= set(drivers[0])


def test_rows_like_the_training_do_not_drift_and_others_do(client):
    usual = client.post("/drift", json={"features": rows()}).json()
    strange = client.post("/drift", json={"features": rows(5.0)}).json()
    assert usual["verdict"]["drift"] is False
    assert strange["verdict"]["drift"] is True
    assert strange["n_epochs"] == 24


def test_a_file_is_judged_and_not_taken_down(client, tmp_path):
    night = write_night(tmp_path / "night.edf", LABELS * 2)
    answer = client.post(
        "/drift?bundle=ruled", files={"file": ("night.edf", night.read_bytes())}
    ).json()
    assert answer["n_epochs"] == 24
    assert answer["verdict"]["drift"] is not None
    assert client.get("/drift").json()["n_seen"] == 0


@pytest.mark.slow
def test_what_was_scored_is_watched(client, tmp_path):
    night = write_night(tmp_path / "night.edf", LABELS * 2)
    client.post("/score?bundle=ruled", files={"file": ("night.edf", night.read_bytes())})
    assert client.get("/drift").json()["n_seen"] == 24


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"features": {"nix": 1}}, 422, "Unknown column 'nix'"),
        ({"features": {"eeg_log_delta": 1}}, 422, "columns of the drift reference lack"),
        ({"features": []}, 422, "at least 1"),
        ({"features": {"columns": ["a"], "rows": [["x"]]}}, 422, "valid number"),
        ({}, 422, "Field required"),
        ({"features": [{"a": 1}], "more": 1}, 422, "Extra inputs"),
    ],
)
def test_what_cannot_be_judged_is_said(client, body, status, said):
    response = client.post("/drift", json=body)
    assert response.status_code == status
    assert said in response.text


@pytest.mark.slow
def test_a_broken_file_is_refused(client):
    response = client.post("/drift?bundle=ruled", files={"file": ("a.edf", b"x" * 300)})
    assert response.status_code == 422
    plain = client.post("/drift?bundle=plain", files={"file": ("a.edf", b"x" * 300)})
    assert plain.status_code == 404


def test_another_kind_of_body_is_refused(client):
    assert client.post("/drift", content=b"x").status_code == 415
