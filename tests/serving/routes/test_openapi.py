"""The schema says all, and what it shows as an example is really answered."""

import csv
import io
import json

import pytest
from jsonschema import Draft202012Validator

from epochal.provenance import RESEARCH_USE
from epochal.serving.examples.scoring import scoring_messages
from epochal.serving.examples.serving import serving_messages
from epochal.serving.examples.studies import study_messages
from rest_material import ruled_bundle, write
from service_material import NAME, client_of, write_night

JOB = "/api/jobs/{job_id}"
MODEL = "/v2/models/{name}"
PATHS = {
    "/predict", "/predict_batch", "/score", "/drift", "/download", "/download/{job_id}",
    "/api/jobs", JOB, f"{JOB}/result",
    "/v2", "/v2/health/live", "/v2/health/ready", MODEL, f"{MODEL}/ready", f"{MODEL}/infer",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("openapi")


@pytest.fixture(scope="module")
def client(folder):
    bundles = {NAME: write(folder / "ruled", ruled_bundle())}
    with client_of(folder, bundles=bundles) as made:
        yield made


@pytest.fixture(scope="module")
def operations(client) -> list[tuple[str, str, dict]]:
    paths = client.get("/openapi.json").json()["paths"]
    return [(path, method, one) for path, all_of in paths.items() for method, one in all_of.items()]


def mine(operations):
    found = [one for one in operations if one[0] in PATHS]
    assert {path for path, _, _ in found} == PATHS
    return found


def test_every_route_says_what_it_is_for(operations):
    for path, method, one in operations:
        assert one.get("summary"), (path, method)
        assert one.get("tags"), (path, method)
    for path, method, one in mine(operations):
        assert one.get("description"), (path, method)


def test_every_parameter_is_described(operations):
    for path, method, one in mine(operations):
        for parameter in one.get("parameters", []):
            known = parameter.get("description") or parameter["schema"].get("description")
            assert known or parameter["name"] in {"job_id", "round_retries"}, (path, method)


def test_every_refusal_is_a_problem(operations):
    for path, _, one in mine(operations):
        for status, response in one["responses"].items():
            if status.startswith(("4", "5")) and path not in {"/v2/health/ready"}:
                assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_every_route_with_a_body_may_refuse_it(operations):
    with_body = [one for one in mine(operations) if "requestBody" in one[2]]
    assert len(with_body) == 6
    for path, _, one in with_body:
        assert {"400", "413", "415", "422", "429"} <= set(one["responses"]), path


def test_every_json_body_has_examples_and_each_is_answered(client, operations):
    n_tried = 0
    for path, method, one in mine(operations):
        content = one.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            continue
        examples = content["application/json"]["examples"]
        assert examples, path
        for name, example in examples.items():
            address = path.replace("{name}", NAME)
            response = client.request(method, address, json=example["value"])
            assert response.status_code == 200, (path, name, response.text)
            assert RESEARCH_USE in response.text
            n_tried += 1
    assert n_tried >= 6


def examples_of(media: dict, document: dict) -> list:
    """Return what is shown of a body: its own examples, its model's, or those of a list's rows."""
    if "example" in media:
        return [media["example"]]
    if "examples" in media:
        return [one["value"] for one in media["examples"].values()]
    schema = media["schema"]
    if schema.get("type") == "array":
        return [[one] for one in examples_of({"schema": schema["items"]}, document)]
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    return document["components"]["schemas"].get(name, {}).get("examples", [])


def json_contents(document: dict) -> list[tuple[str, dict]]:
    """Return each JSON body and answer, problems too, with what it is of."""
    contents = []
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            parts = {"body": one.get("requestBody", {}), **one["responses"]}
            for part, content in parts.items():
                for kind, media in content.get("content", {}).items():
                    if kind.endswith("json"):
                        contents.append((f"{method} {path} {part} {kind}", media))
    return contents


def test_every_json_body_and_every_json_answer_shows_an_example_that_it_would_take(client):
    document = client.get("/openapi.json").json()
    contents = json_contents(document)
    assert len([of for of, _ in contents if " 20" in of]) >= 38
    for of, media in contents:
        shown = examples_of(media, document)
        assert shown, of
        schema = {**media["schema"], "components": document["components"]}
        for one in shown:
            Draft202012Validator(schema).validate(one)


def test_the_examples_of_answers_hold_all_that_their_models_have():
    for message in (*scoring_messages(), *serving_messages(), *study_messages()):
        model = type(message)
        assert model.model_validate(message.model_dump(mode="json")) == message, model


def test_a_table_is_shown_as_text_with_columns_that_a_night_has(client, folder):
    paths = client.get("/openapi.json").json()["paths"]
    score, job = (
        paths[path][method]["responses"]["200"]["content"]["text/csv"]["example"]
        for path, method in (("/score", "post"), (f"{JOB}/result", "get"))
    )
    assert score == job
    night = {"file": ("night.edf", write_night(folder / "night.edf").read_bytes())}
    real = csv.DictReader(io.StringIO(client.post("/score", files=night).text))
    (row,) = csv.DictReader(io.StringIO(score))
    assert set(row) <= set(real.fieldnames)
    assert (row["recording_id"], row["label"], row["data_source"]) == ("night", "W", "simulated")


@pytest.mark.slow
def test_every_form_takes_a_real_file(client, operations, folder):
    night = write_night(folder / "night.edf").read_bytes()
    n_tried = 0
    for path, method, one in mine(operations):
        form = one.get("requestBody", {}).get("content", {}).get("multipart/form-data")
        if form is None:
            continue
        assert form["schema"]["properties"]["file"]["format"] == "binary"
        response = client.request(method, path, files={"file": ("night.edf", night)})
        assert response.status_code in {200, 202}, (path, response.text)
        n_tried += 1
    assert n_tried == 3


def test_the_schema_refers_only_to_what_is_in_it(client):
    document = client.get("/openapi.json").json()
    text = json.dumps(document)
    for reference in set(text.split('"$ref": "#/components/schemas/')[1:]):
        assert reference.split('"')[0] in document["components"]["schemas"]
    assert "#/$defs" not in text


@pytest.mark.slow
def test_download_is_there_where_the_operator_offers_it(client, folder):
    assert client.get("/download/nix").status_code == 404
    assert "No download" in client.get("/download/nix").json()["detail"]
    with client_of(folder, download=False) as closed:
        assert closed.get("/download/nix").json()["detail"] == "Not Found"
        assert "/download" not in closed.get("/openapi.json").json()["paths"]


@pytest.mark.slow
def test_every_kind_of_answer_says_whether_it_is_real_and_what_it_is_for(client, folder):
    from rest_material import rows

    night = {"file": ("night.edf", write_night(folder / "night.edf").read_bytes())}
    row = {"features": rows(0)[0]}
    answers = {
        "predict": client.post("/predict", json=row),
        "batch": client.post("/predict_batch", json={"samples": [row]}),
        "drift": client.get("/drift"),
        **{f"score {kind}": client.post(f"/score?format={kind}", files=night)
           for kind in ("csv", "json", "edf", "report")},
        "model": client.get(f"/v2/models/{NAME}"),
    }  # fmt: skip
    for name, answer in answers.items():
        assert answer.status_code == 200, name
        text = answer.content.decode("latin-1")
        assert "simulated" in text.lower(), name
        told = RESEARCH_USE.rstrip(".") in text or answer.headers.get("X-Epochal-Notice")
        assert told, name
