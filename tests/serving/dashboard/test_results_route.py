import pytest

from made_results import CAVEAT, make_results, write_curves
from service_material import client_of

KEY = "a key of the operator"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    make_results(folder / "data")
    return folder


@pytest.fixture(scope="module")
def client(folder):
    with client_of(folder) as client:
        yield client


def test_the_studies_are_listed_with_their_caveats(client):
    (card,) = client.get("/api/results").json()
    assert (card["study"], card["caveats"], card["data_source"]) == ("made", [CAVEAT], "simulated")
    assert client.get("/api/results/made").json() == card


def test_a_table_comes_as_names_and_rows(client):
    table = client.get("/api/results/made/tables/confusions").json()
    assert table["columns"] == ["model", "role", "data_source", "truth", "said", "n_epochs"]
    assert len(table["rows"]) == 3 * 2 * 9  # models, roles, pairs of classes


def test_a_recordings_epochs_say_what_they_stand_on(client):
    found = client.get("/api/results/made/recordings/r4").json()
    assert (found["study"], found["data_source"]) == ("made", "simulated")
    assert "Research use only" in found["notice"]
    assert len(found["epochs"]["said"]) == 220


def test_the_playback_and_the_training_are_told(client, folder):
    play = client.get("/api/results/made/playback").json()
    assert [len(one["truth"]) for one in play["subjects"]] == [200, 200]
    assert "Research use only" in play["notice"]
    (run,) = client.get("/api/results/made/training").json()
    later = run["changed_at"]
    assert client.get("/api/results/made/training", params={"since": later}).json() == []
    write_curves(folder / "data/made", "net", "fold_1", n_passes=2)
    (more,) = client.get("/api/results/made/training", params={"since": later}).json()
    assert more["part"] == "fold_1"


@pytest.mark.parametrize(
    "path",
    ["nothing", "nothing/tables/roc", "made/tables/abstention", "made/recordings/r9",
     "..%2Fdata%2Fmade", "%2e%2e", "made/recordings/..%2fr0"],
)  # fmt: skip
def test_what_is_not_there_is_a_404_that_says_what_there_is(client, path):
    answer = client.get(f"/api/results/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_table_of_another_name_is_refused_with_the_names_there_are(client):
    answer = client.get("/api/results/made/tables/passwd")
    assert answer.status_code == 422
    assert "leaderboard" in answer.json()["detail"]


def test_no_results_folder_is_an_empty_list(tmp_path):
    with client_of(tmp_path, results_folder=tmp_path / "nowhere") as client:
        assert client.get("/api/results").json() == []


@pytest.mark.slow
def test_results_ask_for_the_key_where_there_is_one(tmp_path):
    with client_of(tmp_path, api_keys=(KEY,)) as client:
        assert client.get("/api/results").status_code == 401
        assert client.get("/api/results", headers={"X-API-Key": KEY}).status_code == 200
