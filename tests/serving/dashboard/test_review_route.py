import io
import tempfile

import edfio
import pandas as pd
import pytest

from made_results import make_results
from rest_material import pair_bundle, write, write_pair
from service_material import client_of, ended, write_night

START = {"kind": "study", "name": "made", "recording_id": "r4"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    make_results(folder / "data", n_epochs=40)
    return folder


@pytest.fixture(scope="module")
def client(folder):
    with client_of(folder, review_folder=folder / "reviews") as client:
        yield client


@pytest.fixture
def review(client):
    return client.post("/api/reviews", json=START).json()["card"]["id"]


@pytest.fixture(scope="module")
def job(client, folder):
    path = write_night(folder / "night.edf")
    with path.open("rb") as file:
        answer = client.post(
            "/api/jobs", params={"keep_signals": True, "simulated": True}, files={"file": file}
        )
    assert answer.status_code == 202, answer.text
    state = ended(client, answer.headers["location"])
    assert state["status"] == "done", state
    return state["id"]


def test_a_review_begins_with_the_least_certain_epoch(client, review):
    state = client.get(f"/api/reviews/{review}").json()
    confidence = dict(zip(state["epochs"]["epoch"], state["epochs"]["confidence"], strict=True))
    ordered = [confidence[epoch] for epoch in state["order"]]
    assert ordered == sorted(ordered)
    assert state["card"]["data_source"] == "simulated"
    assert "Research use only" in state["card"]["notice"]
    assert set(state["epochs"]["proba"]) == {"W", "N2", "REM"}
    assert set(state["epochs"]["expert"]) <= {"W", "N2", "REM"}


def test_a_correction_is_saved_told_and_exported(client, review):
    state = client.get(f"/api/reviews/{review}").json()
    epoch = state["order"][0]
    row = state["epochs"]["epoch"].index(epoch)
    old = state["labels"][row]
    new = next(name for name in ("W", "N2", "REM") if name != old)
    change = {"epoch": epoch, "old": old, "new": new, "who": "AB"}
    answer = client.post(f"/api/reviews/{review}/corrections", json=change)
    assert answer.status_code == 201
    assert answer.json()["who"] == "AB"
    again = client.post(f"/api/reviews/{review}/corrections", json=change)
    assert again.status_code == 409
    after = client.get(f"/api/reviews/{review}").json()
    assert after["labels"][row] == new
    assert (after["reviewed"], after["n_changed"]) == ([epoch], 1)
    export = client.get(f"/api/reviews/{review}/export", params={"format": "table"})
    table = pd.read_csv(io.BytesIO(export.content))
    assert table.set_index("epoch").loc[epoch, ["label", "model_label"]].tolist() == [new, old]
    assert export.headers["x-epochal-data-source"] == "simulated"
    assert 'filename="r4.epochs.csv"' in export.headers["content-disposition"]
    undone = client.post(f"/api/reviews/{review}/undo", json={"who": "AB"}).json()
    assert (undone["new"], undone["undoes"]) == (old, 1)
    trail = client.get(f"/api/reviews/{review}/corrections").json()
    assert [one["number"] for one in trail] == [1, 2]
    assert client.get(f"/api/reviews/{review}").json()["reviewed"] == []


def test_beginning_again_goes_on_with_the_same_review(client, review):
    assert client.post("/api/reviews", json=START).json()["card"]["id"] == review
    listed = [one["card"]["id"] for one in client.get("/api/reviews").json()]
    assert listed.count(review) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [({"new": "N3"}, 422), ({"epoch": 4000}, 422), ({"who": ""}, 422), ({"who": "x" * 65}, 422)],
)
def test_a_correction_that_makes_no_sense_is_refused(client, review, change, status):
    state = client.get(f"/api/reviews/{review}").json()
    given = {"epoch": 0, "old": state["labels"][0], "new": "W", "who": "AB", **change}
    answer = client.post(f"/api/reviews/{review}/corrections", json=given)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_correction_outlives_a_service_that_was_named_no_folder(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with client_of(folder, work_folder=None) as client:
        review = client.post("/api/reviews", json=START).json()["card"]["id"]
        old = client.get(f"/api/reviews/{review}").json()["labels"][0]
        change = {"epoch": 0, "old": old, "new": old, "who": "AB"}
        assert client.post(f"/api/reviews/{review}/corrections", json=change).status_code == 201
    (left,) = tmp_path.glob("epochal-*/*")
    with client_of(folder, review_folder=left) as client:
        (entry,) = client.get(f"/api/reviews/{review}/corrections").json()
        assert entry["who"] == "AB"
        assert client.get(f"/api/reviews/{review}/export").status_code == 200


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e%2fdata", ".part-1"])
def test_a_review_that_is_not_there_is_a_404(client, name):
    for path in ("", "/corrections", "/export", "/signals?first_s=0&last_s=1"):
        assert client.get(f"/api/reviews/{name}{path}").status_code in {404, 307}


@pytest.mark.parametrize(
    "start",
    [{"kind": "study", "name": "nothing", "recording_id": "r4"},
     {"kind": "study", "name": "made", "recording_id": "r9"}, {"kind": "study", "name": "made"},
     {"kind": "job", "name": "../x"}, {"kind": "job", "name": "0" * 32}],
)  # fmt: skip
def test_what_is_not_there_cannot_be_reviewed(client, start):
    answer = client.post("/api/reviews", json=start)
    assert answer.status_code == 404


def test_the_signals_beside_an_epoch_come_decimated(client, review):
    asked = {"first_s": 30, "last_s": 90, "max_points": 100}
    found = client.get(f"/api/reviews/{review}/signals", params=asked).json()
    (channel,) = found["channels"]
    assert (channel["channel"], channel["kind"], len(channel["values"])) == ("EEG", "EEG", 100)
    assert found["data_source"] == "simulated"
    whole = client.get(f"/api/reviews/{review}/spectrogram").json()
    assert whole["n_columns"] > 10
    named = client.get(f"/api/reviews/{review}/signals", params={**asked, "channels": "EOG"})
    assert named.status_code == 422
    assert "no channel 'EOG'" in named.json()["detail"]


@pytest.mark.parametrize(
    "asked",
    ["first_s=nan&last_s=1", "first_s=0&last_s=inf", "last_s=1", "first_s=-1e308&last_s=1e308"],
)
def test_a_stretch_that_is_none_is_refused(client, review, asked):
    assert client.get(f"/api/reviews/{review}/signals?{asked}").status_code == 422


def test_signals_that_the_folder_no_longer_has_are_a_404(client):
    start = {"kind": "study", "name": "made", "recording_id": "r1"}
    review = client.post("/api/reviews", json=start).json()["card"]["id"]
    answer = client.get(f"/api/reviews/{review}/signals?first_s=0&last_s=1")
    assert answer.status_code == 404
    assert "not in the study's folder" in answer.json()["detail"]


def test_an_uploaded_recording_can_be_looked_at_and_reviewed(client, job):
    found = client.get(f"/api/jobs/{job}/signals?first_s=0&last_s=30").json()
    assert [len(one["values"]) for one in found["channels"]] == [2000]
    assert client.get(f"/api/jobs/{job}/spectrogram").json()["n_columns"] > 10
    line = client.post("/api/reviews", json={"kind": "job", "name": job}).json()
    assert line["n_epochs"] == 12
    assert line["card"]["recording_id"] == "night"
    assert line["card"]["id"] == f"job--{job}--0"  # a file's name may be a person's
    asked = "first_s=0&last_s=30"
    assert client.get(f"/api/reviews/{line['card']['id']}/signals?{asked}").status_code == 200


def test_each_recording_of_a_job_has_its_own_signals_and_review(folder):
    bundle = write(folder / "pair", pair_bundle())
    path = write_pair(folder / "pair.edf")
    with client_of(folder, bundles={"pair": bundle}, work_folder=folder / "of-pair") as client:
        given = {"keep_signals": True, "simulated": True, "bundle": "pair"}
        with path.open("rb") as file:
            sent = client.post("/api/jobs", params=given, files={"file": file})
        at = sent.headers["location"]
        assert ended(client, at)["status"] == "done"
        scored = client.get(f"{at}/result?format=json").json()["recordings"]
        names = [one["summary"]["recording_id"] for one in scored]
        assert len(names) == 2
        sent_samples = {channel.label: channel.data for channel in edfio.read_edf(path).signals}
        for name, label in zip(names, ("EEG A", "EEG B"), strict=True):
            asked = {"first_s": 0, "last_s": 1, "recording_id": name}
            found = client.get(f"{at}/signals", params=asked).json()
            samples = sent_samples[label][: len(found["channels"][0]["values"])]
            assert found["recording_id"] == name
            assert found["channels"][0]["values"] == pytest.approx(samples, abs=1e-3)
            picture = client.get(f"{at}/spectrogram", params={"recording_id": name}).json()
            assert picture["recording_id"] == name
            start = {"kind": "job", "name": at.rsplit("/", 1)[1], "recording_id": name}
            assert client.post("/api/reviews", json=start).json()["card"]["recording_id"] == name
        first = client.get(f"{at}/signals?first_s=0&last_s=1").json()
        assert first["recording_id"] == names[0]
        for place in ("signals?first_s=0&last_s=1&", "spectrogram?"):
            answer = client.get(f"{at}/{place}recording_id=C")
            assert (answer.status_code, answer.json()["detail"]) == (
                404,
                "the job has no recording 'C'",
            )


@pytest.mark.slow
def test_a_review_outlives_the_job_that_it_came_from(client, folder):
    path = write_night(folder / "gone.edf", seed=7)
    with path.open("rb") as file:
        job_id = client.post("/api/jobs?simulated=true", files={"file": file}).json()["id"]
    assert ended(client, f"/api/jobs/{job_id}")["status"] == "done"
    assert client.get(f"/api/jobs/{job_id}/signals?first_s=0&last_s=1").status_code == 404
    review = client.post("/api/reviews", json={"kind": "job", "name": job_id}).json()["card"]["id"]
    assert client.delete(f"/api/jobs/{job_id}").status_code == 204
    assert client.get(f"/api/reviews/{review}/export").status_code == 200
    assert client.get(f"/api/reviews/{review}/signals?first_s=0&last_s=1").status_code == 404
