import numpy as np
import pytest

from builders import CLASSES, make_bundle
from epochal import __version__
from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import Scorer
from rest_material import columns, night_features
from service_material import NAME, client_of


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("v2"), max_rows=20) as made:
        yield made


def tensor(n_epochs: int = 2, *, nested: bool = False, **changed) -> dict:
    values = night_features().fillna(0.0).iloc[:n_epochs].to_numpy()
    data = values.tolist() if nested else values.ravel().tolist()
    given = {"name": "features", "shape": list(values.shape), "datatype": "FP32", "data": data}
    return {"inputs": [given | changed]}


def infer(client, body: dict, name: str = NAME):
    return client.post(f"/v2/models/{name}/infer", json=body)


def test_the_server_says_what_it_is(client):
    assert client.get("/v2").json() == {
        "name": "epochal", "version": __version__, "extensions": [],
    }  # fmt: skip
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json()["ready"] is True


@pytest.mark.slow
def test_without_bundles_the_server_is_not_ready(tmp_path):
    with client_of(tmp_path, bundles={}) as empty:
        response = empty.get("/v2/health/ready")
    assert (response.status_code, response.json()["ready"]) == (503, False)


def test_a_model_says_its_tensors_and_columns(client):
    facts = client.get(f"/v2/models/{NAME}").json()
    (given,) = facts["inputs"]
    assert (given["name"], given["datatype"], given["shape"]) == ("features", "FP32", [-1, 40])
    assert given["parameters"]["columns"] == columns()
    assert [one["shape"] for one in facts["outputs"]] == [[-1, 3], [-1]]
    assert facts["parameters"]["classes"] == list(CLASSES)
    assert facts["parameters"]["data_source"] == "simulated"
    assert facts["platform"] == "onnxruntime"


@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("n_epochs", [1, 5])
def test_probabilities_are_those_of_the_model(client, datatype, nested, n_epochs):
    answer = infer(client, tensor(n_epochs, nested=nested, datatype=datatype)).json()
    proba, label = answer["outputs"]
    assert (proba["name"], proba["shape"], proba["datatype"]) == (
        "probabilities", [n_epochs, 3], datatype,
    )  # fmt: skip
    expected = Scorer(make_bundle()).predict(night_features().fillna(0.0).iloc[:n_epochs])
    assert np.abs(np.reshape(proba["data"], (-1, 3)) - expected).max() < 1e-6
    assert (label["shape"], label["datatype"]) == ([n_epochs], "BYTES")
    assert label["data"] == [CLASSES[code] for code in expected.argmax(axis=1)]


def test_the_answer_says_what_it_stands_on(client):
    response = infer(client, {**tensor(), "id": "abc"})
    answer = response.json()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("abc", NAME, "1")
    facts = answer["parameters"]
    assert (facts["data_source"], facts["notice"]) == ("simulated", RESEARCH_USE)
    assert (facts["bundle"], facts["model"]) == (NAME, "logistic_regression")
    assert facts["flags"] == ["", ""]
    assert response.headers["X-Epochal-Data-Source"] == "simulated"


def test_any_model_of_a_bundle_can_be_called(client):
    answer = infer(client, tensor(3), f"{NAME}:lightgbm").json()
    assert answer["parameters"]["model"] == "lightgbm"
    assert answer["parameters"]["notes"] == []
    smoothed = infer(client, tensor(1), f"{NAME}:stack_forward").json()["parameters"]
    assert "smoothed along a run" in smoothed["notes"][0]
    assert smoothed["flags"] == ["without_neighbours"]
    assert client.get(f"/v2/models/{NAME}:lightgbm/ready").json()["ready"] is True


def test_only_the_outputs_asked_for_are_given(client):
    answer = infer(client, {**tensor(), "outputs": [{"name": "label"}]}).json()
    assert [one["name"] for one in answer["outputs"]] == ["label"]


def test_null_is_a_missing_value(client):
    body = tensor(1)
    body["inputs"][0]["data"] = [None] * 40
    answer = infer(client, body).json()
    assert answer["outputs"][0]["data"] == [None] * 3
    assert answer["outputs"][1]["data"] == [""]
    assert answer["parameters"]["flags"] == ["not_scored"]


@pytest.mark.parametrize("path", ["/v2/models/nix", "/v2/models/tiny:nix/ready", "/v2/models/:"])
def test_an_unknown_model_is_a_404_with_the_protocols_member(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["error"] == response.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (tensor(shape=[2, 39]), 422, "it must be [n_epochs, 40]"),
        (tensor(shape=[80]), 422, "it must be [n_epochs, 40]"),
        (tensor(shape=[0, 40]), 422, "n_epochs from 1"),
        (tensor(shape=[-1, 40]), 422, "n_epochs from 1"),
        (tensor(shape=[3, 40]), 422, "its shape says [3, 40]"),
        (tensor(shape=[]), 422, "shape"),
        (tensor(datatype="INT8"), 422, "datatype INT8; there are FP32 and FP64"),
        (tensor(name="x"), 422, "there is one, 'features'"),
        (tensor(data=[]), 422, "its shape says"),
        (tensor(data=["a"]), 422, "valid number"),
        (tensor(data=[[1.0], [1.0, 2.0]]), 422, "different lengths"),
        (tensor(data=[1e300] * 80), 422, "FP32 cannot"),
        (tensor(shape=[10**30, 40]), 422, "its shape says"),
        (tensor(shape=[21, 40], data=[0.0] * 840), 413, "may hold 20"),
        ({"inputs": []}, 422, "at least 1"),
        ({"inputs": tensor()["inputs"] * 2}, 422, "there is one"),
        ({**tensor(), "outputs": [{"name": "x"}]}, 422, "no output 'x'"),
        ({}, 422, "Field required"),
    ],
)
def test_a_request_of_another_shape_is_refused(client, body, status, said):
    response = infer(client, body)
    assert response.status_code == status, response.text
    assert said in response.json()["detail"]


def test_not_a_number_is_refused(client):
    body = '{"inputs": [{"name": "features", "shape": [1, 1], "datatype": "FP32", "data": [NaN]}]}'
    response = client.post(
        f"/v2/models/{NAME}/infer", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422
    assert "NaN" in response.json()["detail"]
