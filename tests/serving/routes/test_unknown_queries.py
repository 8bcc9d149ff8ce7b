"""A query that an address does not take is refused by name: nothing asked for is passed over."""

import pytest

from service_material import client_of


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("queries")) as made:
        yield made


@pytest.mark.parametrize(
    ("method", "address", "told"),
    [
        ("POST", "/score?fromat=json", "no option 'fromat' in this address; did you mean 'format'"),
        ("GET", "/drift?model=stack", "no option 'model' in this address; it has: bundle"),
        ("POST", "/predict?bundel=mine", "did you mean 'bundle'?"),
        ("GET", "/api/models?study=x", "it has: nothing"),
        ("GET", "/api/jobs/none/signals?frist_s=1", "did you mean 'first_s'?"),
    ],
)
def test_a_query_that_an_address_does_not_take_is_refused(client, method, address, told):
    response = client.request(method, address)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert told in response.json()["detail"]


def test_a_query_that_it_takes_is_taken(client):
    assert client.get("/api/alerts?limit=1").status_code == 200
    stretch = client.get("/api/jobs/none/signals?first_s=0&last_s=1&channels=EEG")
    assert stretch.json()["detail"].startswith("no signals")  # its options are a model's
    assert client.get("/health?probe=1").status_code == 200  # of balancers, which have their ways
