import numpy as np
import pytest

from builders import CLASSES, make_bundle
from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import Scorer
from rest_material import (
    LABELS,
    columns,
    eeg,
    icu_bundle,
    night_features,
    rows,
    ruled_bundle,
    signals,
    write,
)
from service_material import NAME, client_of


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    bundles = {
        NAME: write(folder / "tiny", make_bundle()),
        "ruled": write(folder / "ruled", ruled_bundle()),
        "icu": write(folder / "icu", icu_bundle()),
    }
    with client_of(folder, bundles=bundles, max_rows=50, max_body_bytes=8_000_000) as made:
        yield made


def test_a_row_is_answered_with_all_that_belongs_to_an_answer(client):
    answer = client.post("/predict", json={"features": rows(5)[0]}).json()
    assert answer["label"] == "N2"
    assert answer["confidence"] == answer["probabilities"]["N2"] > 0.9
    assert set(answer["probabilities"]) == set(CLASSES)
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert (answer["bundle"], answer["study"]) == (NAME, "made")
    assert (answer["model"], answer["flags"], answer["epoch"]) == ("logistic_regression", [], 0)
    assert (answer["data_source"], answer["notice"]) == ("simulated", RESEARCH_USE)
    assert (answer["prediction_set"], answer["abstain"]) == (None, None)
    assert answer["latency_ms"] > 0


def test_rules_give_a_set_and_say_when_to_abstain(client):
    answer = client.post("/predict?bundle=ruled", json={"features": rows(5)[0]}).json()
    assert answer["prediction_set"][0] == "N2"
    assert answer["abstain"] is False


@pytest.mark.parametrize("model", ["lightgbm", "stack", "stack_forward"])
def test_a_matrix_is_answered_as_the_model_would(client, model):
    matrix = {"columns": columns(), "rows": night_features().to_numpy().tolist()}
    matrix["rows"] = [[None if v != v else v for v in row] for row in matrix["rows"]]
    answer = client.post(f"/predict_batch?model={model}", json={"features": matrix}).json()
    found = [[one["probabilities"][name] for name in CLASSES] for one in answer["predictions"]]
    expected = Scorer(make_bundle()).predict(night_features(), model)
    assert np.abs(np.array(found) - expected).max() < 1e-5
    assert answer["model"] == model


def test_signals_of_known_rhythms_are_what_they_are(client):
    body = signals(*LABELS, age=32, sex="F")
    answer = client.post("/predict_batch", json=body).json()
    assert [one["label"] for one in answer["predictions"]] == LABELS
    assert [one["onset_s"] for one in answer["predictions"][:3]] == [0.0, 30.0, 60.0]


def test_millivolts_are_the_same_signals(client):
    body = signals("W")
    scaled = {"EEG": [value / 1000 for value in body["signals"]["EEG"]]}
    one = client.post("/predict", json=body).json()
    two = client.post("/predict", json={**body, "signals": scaled, "unit": "mV"}).json()
    assert two["probabilities"]["W"] == pytest.approx(one["probabilities"]["W"], abs=1e-4)


def test_an_epoch_alone_is_flagged_where_the_model_sees_neighbours(client):
    answer = client.post("/predict?model=stack_forward", json=signals("W")).json()
    assert "without_neighbours" in answer["flags"]
    assert "one run of epochs in order" in answer["notes"][0]
    plain = client.post("/predict", json={"features": rows(0)[0]}).json()
    assert plain["flags"] == plain["notes"] == []


def test_samples_know_nothing_of_one_another(client):
    samples = [{"features": row} for row in rows(0, 5, 9)]
    answer = client.post("/predict_batch?model=stack_forward", json={"samples": samples}).json()
    for number, sample in enumerate(samples):
        alone = client.post("/predict?model=stack_forward", json=sample).json()
        one = answer["predictions"][number]
        assert one["probabilities"] == alone["probabilities"]
        assert one["epoch"] == number
        assert "without_neighbours" in one["flags"]


def test_samples_may_be_of_several_forms(client):
    body = {"samples": [signals("W"), {"features": rows(5)[0]}]}
    answer = client.post("/predict_batch", json=body).json()
    assert [one["label"] for one in answer["predictions"]] == ["W", "N2"]
    assert [one["epoch"] for one in answer["predictions"]] == [0, 1]


def test_a_simulated_sample_makes_the_answer_simulated(client):
    body = {"samples": [{"features": rows(0)[0], "data_source": "simulated"}]}
    response = client.post("/predict_batch", json=body)
    assert response.json()["data_source"] == "simulated"
    assert response.headers["X-Epochal-Data-Source"] == "simulated"


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
def test_the_documents_body_finds_the_bundle_of_icu_eeg(client, turned):
    answer = client.post("/predict", json={"eeg_data": eeg(turned=turned)}).json()
    assert (answer["bundle"], answer["study"]) == ("icu", "icu")
    assert answer["label"] in CLASSES
    assert "computed from the EEG" in answer["notes"][0]


@pytest.mark.slow
def test_a_picture_is_flagged_as_not_used(client):
    picture = np.zeros((3, 224, 224)).tolist()
    answer = client.post("/predict", json={"eeg_data": eeg(), "spectrogram_data": picture}).json()
    assert "spectrogram_not_used" in answer["flags"]


@pytest.mark.slow
def test_the_documents_samples_are_answered_in_order(client):
    samples = [{"eeg_data": eeg(seed=seed)} for seed in (0, 1)]
    answer = client.post("/predict_batch", json={"samples": samples}).json()
    assert answer["bundle"] == "icu"
    for seed, one in enumerate(answer["predictions"]):
        alone = client.post("/predict", json={"eeg_data": eeg(seed=seed)}).json()
        assert one["probabilities"] == alone["probabilities"]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/predict", {"features": {"eeg_log_detla": 1}}, 422, "did you mean 'eeg_log_delta'"),
        ("/predict", {"features": {"eeg_log_delta": 1}}, 422, "39 columns are missing"),
        ("/predict", {"features": {}}, 422, "40 columns are missing"),
        ("/predict", {"features": [{"a": 1}, {"a": 1}]}, 422, "2 epochs; /predict answers one"),
        ("/predict", {"signals": {"EEG": [0.0] * 6000}, "sfreq": 100}, 422, "2 epochs"),
        ("/predict", {"signals": {"EEG": [0.0] * 2999}, "sfreq": 100}, 422, "needs 30 s"),
        ("/predict", {"signals": {"EEG": [0.0] * 3000}, "sfreq": 1000}, 422, "3 s of signals"),
        ("/predict", {"signals": {"X": [0.0] * 3000}, "sfreq": 100}, 422, "it has: X"),
        ("/predict", {"eeg_data": [[0.0] * 100] * 19}, 422, "19 x 100; it must be 19 x 10000"),
        ("/predict?bundle=tiny", {"eeg_data": [[0.0]]}, 422, "for bundles of ICU EEG"),
        ("/predict?model=nix", {"features": {"a": 1}}, 422, "No model 'nix'"),
        ("/predict?bundle=tinny", {"features": {"a": 1}}, 404, "did you mean 'tiny'"),
        ("/predict_batch", {"samples": [{"features": {"a": 1}}] * 51}, 413, "51 epochs"),
        ("/predict_batch", {"features": [{"a": 1}] * 51}, 413, "may hold 50: send a file"),
        (
            "/predict_batch",
            {"samples": [{"signals": {"EEG": [0.0]}, "sfreq": 1}]},
            422,
            "samples.0: ",
        ),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_problem(client, path, body, status, said):
    response = client.post(path, json=body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert said in response.json()["detail"]


def test_a_body_that_is_too_large_is_a_problem(client):
    response = client.post("/predict", json={"features": {"a" * 8_000_000: 1}})
    assert response.status_code == 413
    assert response.json()["max_bytes"] == 8_000_000


def test_more_epochs_of_signals_than_allowed_are_refused(client):
    body = {"signals": {"EEG": [0.0] * (51 * 300)}, "sfreq": 10}
    assert client.post("/predict_batch", json=body).status_code in {413, 422}


def test_missing_values_are_answered_and_nothing_at_all_is_not(client):
    some = {**rows(0)[0], "demographics_age_years": None}
    assert client.post("/predict", json={"features": some}).json()["label"] == "W"
    nothing = client.post("/predict", json={"features": dict.fromkeys(columns())}).json()
    assert (nothing["label"], nothing["confidence"]) == (None, None)
    assert set(nothing["probabilities"].values()) == {None}
    assert "not_scored" in nothing["flags"]


def test_huge_numbers_are_refused_and_large_ones_flagged(client):
    assert client.post("/predict", json={"features": {"a": 1e300}}).status_code == 422
    wild = dict.fromkeys(columns(), 1e30)
    answer = client.post("/predict", json={"features": wild}).json()
    assert "outside_reference" in answer["flags"]


@pytest.mark.slow
def test_without_a_bundle_nothing_is_answered(tmp_path):
    with client_of(tmp_path, bundles={}) as empty:
        response = empty.post("/predict", json={"features": {"a": 1}})
    assert response.status_code == 503
    assert "no bundle" in response.json()["detail"]
