"""Bad recordings: each is refused in words, or scored with what is wrong with it told.

By `epochal score` and by the service, with the sleep bundle that ships. What is told stands in the
flags of the epochs that it is true of, or, of the whole file, in its problems. Never a traceback, a
500, or a hypnogram that looks as if nothing had been the matter.
"""

import io
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from epochal.cli import cli
from epochal.serving.finding import find_bundle
from service_material import client_of, ended

sys.path.append(str(Path(__file__).parent))
from bad_files import EPOCH_S, FILES, GAP_AT_S, GAP_S, HOUR_S, INFINITE_S, LOST_S

N_EPOCHS = HOUR_S // EPOCH_S
# What must be said of those that cannot be scored.
REFUSED = {
    "empty.edf": r"is empty",
    "garbage.edf": r"not an EDF or BDF file: the field 'version' holds .*, not '0'",
    "header only.edf": r"header only: no data follows it",
    "missing channel.edf": r"no channel 'EOG horizontal'; it has: EEG Fpz-Cz, EEG Pz-Oz",
    "no EEG.edf": r"no channel 'EEG Fpz-Cz'; it has: EOG horizontal, EMG submental",
    "flat.edf": r"100% of its epochs are unlike the data that the bundle was trained on",
    "32 Hz.edf": r"channel 'EEG Fpz-Cz' has 32 Hz; at least 100 Hz are needed",
    "50 Hz.edf": r"channel 'EEG Fpz-Cz' has 50 Hz; at least 100 Hz are needed",
    "ten seconds.edf": r"10 s long; an epoch needs 30 s",
    "x1000.edf": r"amplitude of .* is plausible in neither volts, millivolts nor microvolts",
    "NaN.edf": r"no channel 'EEG Fpz-Cz'; .*left out: its 'physical minimum' holds 'nan'",
    "inf.edf": r"no channel 'EEG Fpz-Cz'; .*left out: its 'physical maximum' holds 'inf'",
    "NaN.zip": r"channel 'EEG Fpz-Cz' holds no finite sample",
    "inf.zip": r"channel 'EEG Fpz-Cz' holds no finite sample",
}


class Told(NamedTuple):
    """What must come out of a file that can be scored."""

    n_epochs: int
    flagged_missing: tuple[int, ...] = ()
    problem: str = ""


SCORED = {
    "truncated.edf": Told(71, problem=r"truncated: 2159 whole data records of 3600"),
    "duplicate labels.edf": Told(
        N_EPOCHS, problem=r"duplicated label, named 'EEG Fpz-Cz #2'"
    ),
    "gap.edf": Told(N_EPOCHS - 1, problem=r"1 gaps: 100 s at 1000 s"),
    "some NaN.zip": Told(
        N_EPOCHS, tuple(range(LOST_S[0] // EPOCH_S, LOST_S[1] // EPOCH_S + 1))
    ),
    "some inf.zip": Told(
        N_EPOCHS, (INFINITE_S // EPOCH_S,), r"'EEG Fpz-Cz': 2 infinite samples are now missing"
    ),
}  # fmt: skip
SOUND = ("sound.edf", "sound.zip")
SHORT = "the model holds each against its whole session"  # what is doubted in any hour


class Came(NamedTuple):
    """A table of epochs and the problems told beside it."""

    table: pd.DataFrame
    problems: list[str]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with client_of(folder, bundles={"sleep": find_bundle("sleep")}) as made:
        yield made


@pytest.fixture(scope="module")
def sound(client) -> np.ndarray:
    """The labels of the sound hour."""
    return by_service(client, "sound.edf").table["label"].to_numpy()


def call(name: str, out: str = "out"):
    """Call `epochal score` of a file, in the working folder."""
    place = Path(name)
    place.write_bytes(FILES[name]())
    if place.suffix == ".zip":
        zipfile.ZipFile(place).extractall(place.stem)
        place = Path(place.stem) / "n.vhdr"
    given = ["score", str(place), "--bundle", "sleep", "--out", out]
    return CliRunner().invoke(cli, given)


def by_command(name: str) -> Came:
    """Score a file by the command, which must have told its problems in words, too."""
    done = call(name)
    assert done.exit_code == 0, done.output
    (path,) = Path("out").glob("*.epochs.csv")
    told = json.loads(Path(str(path).replace(".epochs.csv", ".json")).read_text())["problems"]
    assert all(
        f"{'doubtful' if SHORT in one else 'repaired'}: {one}" in done.output for one in told
    )
    return Came(pd.read_csv(path, keep_default_na=False), told)


def by_service(client, name: str) -> Came:
    """Score a file by the service: its table and its JSON must say the same."""
    sent = {"file": (name, FILES[name]())}
    answer, plain = client.post("/score?format=json", files=sent), client.post("/score", files=sent)
    assert (answer.status_code, plain.status_code) == (200, 200), answer.text
    (recording,) = answer.json()["recordings"]
    table = pd.read_csv(io.StringIO(plain.text), keep_default_na=False)
    assert table["label"].tolist() == [one["label"] for one in recording["epochs"]]
    told = recording["summary"]["problems"]
    assert plain.headers.get("X-Epochal-Problems", "") == "; ".join(told)
    return Came(table, told)


def check(came: Came, told: Told) -> None:
    """Check that all that is wrong is told, of the right epochs, and nothing of the others."""
    table = came.table
    assert len(table) == told.n_epochs
    missing = table["flags"].str.contains("missing") | (table["label"] == "")
    assert tuple(table.loc[missing, "epoch"]) == told.flagged_missing
    assert (table["label"] == "").sum() < 10
    assert table["flags"].str.contains("short_session").all()
    *problems, doubt = came.problems
    assert SHORT in doubt
    if told.problem:
        assert any(re.search(told.problem, one) for one in problems), problems
    else:
        assert problems == []


def test_every_bad_file_has_its_end():
    assert set(REFUSED) | set(SCORED) | set(SOUND) == set(FILES)
    named = {Path(name).stem for name in FILES} - {"sound"}
    assert named == {
        "empty", "garbage", "truncated", "header only", "missing channel", "no EEG", "flat",
        "32 Hz", "50 Hz", "ten seconds", "x1000", "NaN", "some NaN", "inf", "some inf",
        "duplicate labels", "gap",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_the_command_refuses_what_cannot_be_scored_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call(name)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    (line,) = [one for one in done.output.splitlines() if one.startswith("Failed: ")]
    assert re.search(REFUSED[name], line), line
    assert "Traceback" not in done.output
    assert not list(tmp_path.glob("out/*.epochs.csv"))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_the_service_refuses_what_cannot_be_scored_in_a_problem(name, client):
    answer = client.post("/score", files={"file": (name, FILES[name]())})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert re.search(REFUSED[name], answer.json()["detail"]), answer.text
    assert "Traceback" not in answer.text
    assert str(client.app.state.service.work_folder) not in answer.text


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SCORED))
def test_the_command_tells_what_is_wrong_with_what_it_scores(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(by_command(name), SCORED[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SCORED))
def test_the_service_tells_what_is_wrong_with_what_it_scores(name, client):
    check(by_service(client, name), SCORED[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_hour_has_no_problem_but_that_it_is_no_night(name, client, sound):
    came = by_service(client, name)
    check(came, Told(N_EPOCHS))
    assert (came.table["label"].to_numpy() == sound).mean() > 0.99


@pytest.mark.slow
def test_of_two_channels_of_one_name_the_first_one_counts(client, sound):
    assert by_service(client, "duplicate labels.edf").table["label"].tolist() == list(sound)


@pytest.mark.slow
def test_no_epoch_reaches_across_a_gap(client):
    onset_s = by_service(client, "gap.edf").table["onset_s"].to_numpy()
    across = (onset_s + EPOCH_S > GAP_AT_S) & (onset_s < GAP_AT_S + GAP_S)
    assert not across.any()


@pytest.mark.slow
def test_a_job_ends_as_the_file_is(client):
    for name, status in (("gap.edf", "done"), ("flat.edf", "failed")):
        address = client.post("/api/jobs", files={"file": (name, FILES[name]())}).headers[
            "location"
        ]
        job = ended(client, address)
        assert job["status"] == status
        if status == "failed":
            assert re.search(REFUSED[name], job["error"]["detail"])
        else:
            assert re.search(SCORED[name].problem, job["problems"][0])
            headers = client.get(f"{address}/result").headers
            assert headers["X-Epochal-Problems"] == "; ".join(job["problems"])
