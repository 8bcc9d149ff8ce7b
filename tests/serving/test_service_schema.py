"""Every address, asked what its schema allows and what it forbids, answers as its schema says.

schemathesis makes the requests: valid ones, and such as break the schema in one place. Names in
addresses are in turn made up and those of things that are there.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from rest_material import ruled_bundle, write
from service_material import NAME, client_of, ended, write_night

schemathesis = pytest.importorskip("schemathesis")
sys.path.append(str(Path(__file__).parent / "dashboard"))
pytestmark = pytest.mark.slow

PROBLEM = "application/problem+json"
PATHS_LEFT_OUT = {"/download"}  # it would fetch gigabytes
# A request may be as its schema says and yet not be answered: 422 is the answer to a model's
# columns missing, or to a channel that is not there. Whom a service with keys lets in is tested in
# service/test_access.py, and below.
UNCHECKED = ("positive_data_acceptance", "ignored_auth")
N_EXAMPLES = 8


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Give a client of a service with a job, a study and a review in it, and their names."""
    from made_results import make_results

    folder = tmp_path_factory.mktemp("schema")
    make_results(folder / "data", n_epochs=40)
    bundles = {NAME: write(folder / "ruled", ruled_bundle())}
    with client_of(folder, bundles=bundles) as client:
        yield as_it_runs(client.app), {**names_of(client, folder), "name": NAME}


def as_it_runs(app):
    """Return an application that schemathesis cannot start or stop: it stops it after each test."""

    async def ask(scope, receive, send):
        assert scope["type"] != "lifespan"
        await app(scope, receive, send)

    return ask


def names_of(client, folder) -> dict[str, str]:
    """Make a job and a review, and return what their addresses hold."""
    night = {"file": ("night.edf", write_night(folder / "night.edf").read_bytes())}
    job = client.post("/api/jobs", files=night).json()["id"]
    ended(client, f"/api/jobs/{job}")
    start = {"kind": "study", "name": "made", "recording_id": "r4"}
    review = client.post("/api/reviews", json=start).json()["card"]["id"]
    return {"job_id": job, "review_id": review, "study": "made", "recording_id": "r4"}


@pytest.fixture(scope="module")
def schema(service):
    return schemathesis.openapi.from_asgi("/openapi.json", service[0])


class Asker:
    """Asks one address after the other, and takes down what was wrong."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.wrong: dict[tuple, str] = {}
        self.statuses: Counter = Counter()
        self.asked: set[str] = set()

    def ask(self, operation, mode) -> None:
        strategy = operation.as_strategy(generation_mode=mode)
        numbers = iter(range(10**6))

        @settings(
            max_examples=N_EXAMPLES, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
        )  # fmt: skip
        @given(strategy)
        def ask_one(case):
            self._ask(case, of_what_is_there=next(numbers) % 2 == 0)

        try:
            ask_one()
        except Exception as error:
            unsatisfiable = type(error).__name__ in {"Unsatisfiable", "SkipTest", "Skipped"}
            if not unsatisfiable:  # nothing can be sent there that breaks the schema
                self.wrong[operation.label, type(error).__name__] = str(error)[:500]

    def _ask(self, case, *, of_what_is_there: bool) -> None:
        if of_what_is_there:
            known = {name: self.names[name] for name in case.path_parameters if name in self.names}
            case.path_parameters.update(known)
            deleted = case.method == "DELETE"
            case.path_parameters.update({"job_id": "gone"} if deleted else {})
        response = case.call()
        label, status = case.operation.label, int(response.status_code)
        self.asked.add(label)
        self.statuses[status] += 1
        (kind,) = response.headers.get("content-type", [""])
        if status >= 500 or (status >= 400 and kind != PROBLEM):
            self.wrong[label, status, kind] = response.text[:500]
        # a name of ours may have taken the place of what broke the schema
        self._check(case, response, (*UNCHECKED, *(["negative_data_rejection"] * of_what_is_there)))

    def _check(self, case, response, unchecked) -> None:
        left_out = [schemathesis.checks.CHECKS.get_one(name) for name in unchecked]
        try:
            case.validate_response(response, excluded_checks=left_out)
        except BaseExceptionGroup as error:
            for one in error.exceptions:
                self.wrong[case.operation.label, type(one).__name__] = str(one)[:500]


def ask_all(schema, names, mode) -> Asker:
    """Ask every address of a schema, and return what came of it."""
    schemathesis.checks.load_all_checks()
    asker = Asker(names)
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path not in PATHS_LEFT_OUT:
            asker.ask(operation, mode)
    return asker


def test_whatever_the_schema_allows_is_answered_as_it_says(service, schema):
    asker = ask_all(schema, service[1], schemathesis.GenerationMode.POSITIVE)
    assert not asker.wrong, "\n\n".join(f"{at}: {what}" for at, what in asker.wrong.items())
    every = {one.ok().label for one in schema.get_all_operations()}
    assert {label.split(" ")[1] for label in every - asker.asked} <= PATHS_LEFT_OUT
    assert asker.statuses[200] > 50
    assert asker.statuses[404] > 20


def test_whatever_the_schema_forbids_is_refused_in_a_problem(service, schema):
    asker = ask_all(schema, service[1], schemathesis.GenerationMode.NEGATIVE)
    assert not asker.wrong, "\n\n".join(f"{at}: {what}" for at, what in asker.wrong.items())
    assert asker.statuses[422] > 20


def test_every_guarded_address_asks_for_a_key(tmp_path):
    with client_of(tmp_path, api_keys=("a key of some length",), download=False) as client:
        document = client.get("/openapi.json").json()
        guarded = [
            (path, method)
            for path, methods in document["paths"].items()
            for method, one in methods.items()
            if one.get("security")
        ]
        assert len(guarded) > 30
        for path, method in guarded:
            for headers in ({}, {"X-API-Key": "another"}, {"Authorization": "Bearer nonsense"}):
                answer = client.request(
                    method, path.replace("{", "").replace("}", ""), headers=headers
                )
                assert answer.status_code == 401, (path, method, headers)
                assert answer.headers["content-type"] == PROBLEM
        known = client.get("/api/models", headers={"X-API-Key": "a key of some length"})
        assert known.status_code == 200
