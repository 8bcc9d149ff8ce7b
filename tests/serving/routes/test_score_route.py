import io
import zipfile

import edfio
import pandas as pd
import pytest
from click.testing import CliRunner

from builders import CLASSES, make_bundle, make_night, write_edf
from epochal.cli import cli
from epochal.provenance import RESEARCH_USE
from epochal.serving.service.alert_rules import AlertRule
from rest_material import animals_bundle, icu_bundle, write
from service_material import LABELS, NAME, client_of, ended, write_night


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("score")


@pytest.fixture(scope="module")
def client(folder):
    with client_of(folder) as made:
        yield made


@pytest.fixture(scope="module")
def night(folder) -> bytes:
    return write_night(folder / "night.edf").read_bytes()


def send(client, content: bytes, query: str = "", *, name: str = "night.edf", **headers: str):
    return client.post(f"/score{query}", files={"file": (name, content)}, headers=headers)


@pytest.mark.slow
def test_a_night_comes_back_as_a_table(client, night):
    response = send(client, night)
    table = pd.read_csv(io.StringIO(response.text))
    assert table["label"].tolist() == LABELS
    assert list(table)[:5] == ["recording_id", "epoch", "onset_s", "label", "confidence"]
    assert set(table["recording_id"]) == {"night"}
    assert set(table["data_source"]) == {"simulated"}
    assert response.headers["content-type"].startswith("text/csv")


def test_a_night_comes_back_as_json(client, night):
    answer = send(client, night, "?format=json").json()
    assert (answer["file"], answer["bundle"]) == ("night.edf", NAME)
    (one,) = answer["recordings"]
    assert [epoch["label"] for epoch in one["epochs"]] == LABELS
    assert one["summary"]["epochs_per_class"] == dict.fromkeys(CLASSES, 4)
    assert answer["notice"] == RESEARCH_USE
    assert "deleted" in answer["retention"]


@pytest.mark.slow
def test_json_has_the_alerts_of_the_operators_rules_and_none_without_any(folder, client, night):
    assert send(client, night, "?format=json").json()["recordings"][0]["alerts"] == []
    rule = AlertRule(label="REM", probability=0.5, for_s=60)
    with client_of(folder, alerts=(rule,)) as ruled:
        response = send(ruled, night, "?format=json", **{"X-Request-ID": "mine"})
        (alert,) = response.json()["recordings"][0]["alerts"]
        assert alert == ruled.get("/api/alerts").json()["alerts"][0]
    first = 30.0 * LABELS.index("REM")
    assert (alert["onset_s"], alert["duration_s"]) == (first, 30.0 * LABELS.count("REM"))
    assert (alert["rule"], alert["kind"]) == ("REM ≥ 0.5 for ≥ 60 s", "recording")
    assert (alert["source"], alert["data_source"]) == ("mine", "simulated")
    assert alert["notice"] == RESEARCH_USE


@pytest.mark.parametrize(
    ("name", "pattern"), [("a.edf", "a*.edf"), ("a_b.edf", "*.edf"), ("a.EDF", "*.EDF")]
)
def test_a_file_of_several_animals_comes_back_as_the_command_scores_it(tmp_path, name, pattern):
    content = write_pair(tmp_path / name).read_bytes()
    animals = {"A": {"EEG": "left"}, "B": {"EEG": "right"}}
    bundle = write(tmp_path / "animals", animals_bundle(pattern, animals))
    expected = scored_by_command(tmp_path / name, bundle, out=tmp_path / "out")
    assert expected["recording_id"].unique().tolist() == [f"{name[:-4]}_A", f"{name[:-4]}_B"]
    with client_of(tmp_path, bundles={"animals": bundle}) as made:
        found = read_table(send(made, content, name=name).text)
        job = made.post("/api/jobs", files={"file": (name, content)}).headers["Location"]
        assert ended(made, job)["status"] == "done"
        of_job = read_table(made.get(f"{job}/result?format=csv").text)
    pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(of_job, expected)


def write_pair(path):
    left, right = (make_night(LABELS[at:] + LABELS[:at], seed=at).channels[0] for at in (0, 4))
    return write_edf(path, {"left": left.data, "right": right.data})


def scored_by_command(path, bundle, *, out) -> pd.DataFrame:
    called = ["score", path, "--bundle", bundle, "--out", out]
    done = CliRunner().invoke(cli, list(map(str, called)))
    assert done.exit_code == 0, done.output
    tables = []
    for one in read_table((out / "summary.csv").read_text()).itertuples():
        tables.append(read_table((out / f"{one.results}.epochs.csv").read_text()))
        tables[-1].insert(0, "recording_id", one.recording_id)
    return pd.concat(tables, ignore_index=True)


def read_table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), keep_default_na=False)


def test_a_night_comes_back_as_annotations(client, night, tmp_path):
    (tmp_path / "a.edf").write_bytes(send(client, night, "?format=edf").content)
    annotations = edfio.read_edf(tmp_path / "a.edf").annotations
    assert "data: simulated" in annotations[0].text
    assert [one.text for one in annotations[1:5]] == ["Sleep stage W"] * 4


def test_a_night_comes_back_as_a_page(client, night):
    response = send(client, night, "?format=report")
    assert response.headers["content-type"].startswith("text/html")
    assert RESEARCH_USE.rstrip(".") in response.text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("application/json", "application/json"),
        ("application/edf", "application/octet-stream"),
        ("text/html,*/*;q=0.8", "text/html"),
        ("*/*", "text/csv"),
    ],
)
def test_accept_chooses_the_format(client, night, accept, kind):
    assert send(client, night, accept=accept).headers["content-type"].startswith(kind)


def test_a_format_that_there_is_not_is_refused_before_the_file_is_read(client, night):
    response = send(client, b"nothing", accept="image/png")
    assert response.status_code == 406
    assert "text/csv" in response.json()["detail"]
    assert send(client, night, "?format=pdf").status_code == 422


def test_the_headers_say_what_the_result_stands_on(client, night):
    headers = send(client, night).headers
    assert headers["X-Epochal-Data-Source"] == "simulated"
    assert headers["X-Epochal-In-Sample"] == "false"
    assert headers["X-Epochal-Notice"] == RESEARCH_USE
    assert headers["X-Epochal-Bundle"] == NAME
    assert "deleted" in headers["X-Epochal-Retention"]
    assert headers["Content-Disposition"] == 'attachment; filename="night.epochs.csv"'


def probabilities(response) -> list[float]:
    return pd.read_csv(io.StringIO(response.text))["proba_W"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lightgbm", "stack", "stack_forward"])
def test_another_model_answers_in_every_format(client, night, model):
    headline = send(client, night)
    other = send(client, night, f"?model={model}")
    assert other.headers["X-Epochal-Model"] == model
    assert probabilities(other) != probabilities(headline)
    told = send(client, night, f"?model={model}&format=json").json()
    assert told["model"] == told["recordings"][0]["summary"]["model"] == model
    epochs = told["recordings"][0]["epochs"]
    assert [one["proba_W"] for one in epochs] == probabilities(other)
    assert f"{model} of the study made" in send(client, night, f"?model={model}&format=report").text
    assert model.encode() in send(client, night, f"?model={model}&format=edf").content
    assert probabilities(send(client, night)) == probabilities(headline)  # it stays the headline


def test_a_model_that_the_bundle_lacks_is_named_with_those_that_it_has(client):
    answer = send(client, b"nothing", "?model=lightgm")
    assert answer.status_code == 422
    assert "No model 'lightgm' in the bundle; did you mean 'lightgbm'?" in answer.json()["detail"]


@pytest.mark.slow
def test_a_file_that_training_saw_is_said_to_be_in_sample(folder, night):
    import hashlib

    bundle = make_bundle()
    seen = [hashlib.sha256(night).hexdigest()]
    from dataclasses import replace

    changed = replace(
        bundle, manifest=bundle.manifest.model_copy(update={"training_recordings": seen})
    )
    path = write(folder / "seen", changed)
    with client_of(folder, bundles={"seen": path}) as client:
        response = send(client, night, "?format=json")
    assert response.headers["X-Epochal-In-Sample"] == "true"
    assert response.json()["in_sample"] is True


def test_a_name_reaches_the_answer_in_harmless_characters_only(client, night):
    response = send(client, night, "?format=json", name='../../J\u00f6 <b>Doe".edf')
    assert response.json()["file"] == "J___b_Doe_22.edf"
    assert response.json()["recordings"][0]["summary"]["recording_id"] == "J___b_Doe_22"
    assert 'filename="J___b_Doe_22.json"' in response.headers["Content-Disposition"]


def test_nothing_of_an_upload_is_kept(client, night, folder):
    send(client, night)
    send(client, b"broken")
    assert list((folder / "work/uploads").iterdir()) == []


def test_a_file_that_is_said_to_be_simulated_is_told_so(client, night):
    (one,) = send(client, night, "?format=json&simulated=true").json()["recordings"]
    assert one["summary"]["recording_data_source"] == "simulated"


def test_a_zip_of_one_recording_is_scored_with_its_mark(client, night):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("s1/first.edf", night)
        archive.writestr("SIMULATED.txt", "made")
    answer = send(client, packed.getvalue(), "?format=json", name="all.zip").json()
    (one,) = answer["recordings"]
    assert one["summary"]["recording_id"] == "first"
    assert one["summary"]["recording_data_source"] == "simulated"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.edf", b"", "empty"),
        ("a.edf", b"garbage" * 100, "not an EDF"),
        ("a.mat", b"x" * 600, "MATLAB"),
        ("a.pkl", b"cos\nsystem\n(S'true'\ntR.", "not admitted"),
        ("a.csv", b"a,b\n1,2\n", "it is a table"),
        ("a.fif", b"1" * 100, "cannot read it"),
        ("a.h5", b"x", ""),
        ("a.zip", b"PK", "not a whole zip file"),
        ("a.exe", b"MZ", "no reader for the ending 'exe'"),
        ("a", b"x", "no reader"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_in_words(client, folder, name, content, said):
    response = send(client, content, name=name)
    assert response.status_code == 422, response.text
    assert said in response.json()["detail"]
    assert str(folder) not in response.text  # where things lie with us is nobody's business


def test_a_file_that_is_cut_off_is_refused_or_said_to_be(client, night):
    assert "header" in send(client, night[:300]).json()["detail"]
    cut = send(client, night[: len(night) // 2], "?format=json").json()
    assert cut["recordings"][0]["summary"]["problems"]


def test_a_form_of_another_kind_is_refused(client):
    assert client.post("/score", json={"a": 1}).status_code == 415
    assert client.post("/score").status_code == 415


@pytest.mark.slow
def test_an_upload_that_is_too_large_is_refused(folder, night):
    with client_of(folder, max_upload_bytes=10_000) as client:
        response = send(client, night)
    assert response.status_code == 413
    assert response.json()["max_bytes"] > 0


def test_an_unknown_bundle_is_a_problem_before_the_file_is_read(client):
    assert send(client, b"nothing", "?bundle=nix").status_code == 404


@pytest.mark.slow
def test_among_several_bundles_the_one_that_matches_is_taken_or_named(folder, night):
    bundles = {
        NAME: write(folder / "b1", make_bundle()),
        "icu": write(folder / "b2", icu_bundle()),
    }
    with client_of(folder, bundles=bundles) as client:
        unclear = send(client, night)
        assert unclear.status_code == 422
        assert set(unclear.json()["bundles"]) == {NAME, "icu"}
        named = send(client, night, f"?bundle={NAME}")
    assert named.headers["X-Epochal-Bundle"] == NAME
