import pytest

from builders import CLASSES
from service_material import NAME, client_of


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("metrics")) as made:
        yield made


def value_of(text, start):
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return float(line.rsplit(" ", 1)[1])


@pytest.mark.slow
def test_what_was_asked_before_is_measured(client):
    before = client.get("/metrics").text
    client.get("/health")
    after = client.get("/metrics").text
    line = 'epochal_request_seconds_count{method="GET",route="/health",status="200"}'
    assert line not in before
    assert value_of(after, line) == 1


def test_a_made_up_address_is_no_new_series(client):
    for number in range(5):
        client.get(f"/nowhere/{number}")
    assert "nowhere" not in client.get("/metrics").text


def test_the_version_of_the_model_that_answers_is_told(client):
    text = client.get("/metrics").text
    (line,) = [one for one in text.splitlines() if one.startswith("epochal_bundle_info{")]
    for fact in (f'bundle="{NAME}"', 'model="logistic_regression"', 'data_source="simulated"'):
        assert fact in line
    assert value_of(text, f'epochal_bundle_stale{{bundle="{NAME}"}}') == 0


def test_a_newer_bundle_that_could_not_be_read_is_told(client):
    shelf = client.app.state.service.shelf
    shelf.errors[NAME] = "broken"
    try:
        text = client.get("/metrics").text
    finally:
        del shelf.errors[NAME]
    assert value_of(text, f'epochal_bundle_stale{{bundle="{NAME}"}}') == 1


@pytest.mark.parametrize("name", ["epochal_refused_total", "epochal_abstentions_total"])
def test_what_comes_of_a_bundle_is_counted_from_zero(client, name):
    """To Prometheus a series that begins at 1 has not increased."""
    assert value_of(client.get("/metrics").text, f'{name}{{bundle="{NAME}"}}') == 0


@pytest.mark.parametrize("label", CLASSES)
def test_the_epochs_of_each_class_are_counted_from_zero(client, label):
    line = f'epochal_epochs_total{{bundle="{NAME}",label="{label}"}}'
    assert value_of(client.get("/metrics").text, line) == 0


def test_the_queue_is_measured(client):
    text = client.get("/metrics").text
    assert value_of(text, "epochal_queue_requests") == 0
    assert value_of(text, "epochal_queue_places") == client.app.state.service.workers.n_places


def test_the_answer_is_in_the_format_of_prometheus(client):
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    asked = {"Accept": "application/openmetrics-text"}
    assert client.get("/metrics", headers=asked).text.endswith("# EOF\n")
