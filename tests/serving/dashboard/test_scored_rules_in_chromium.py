"""What rules make of an upload, and addresses that name nothing, in a real browser."""

import json
from urllib.parse import quote_plus

import httpx
import pandas as pd
import pytest
from made_browser import Visit, chromium, expect

from builders import make_night, write_edf
from epochal.serving.app import create_app
from epochal.serving.burden import measure_burden
from epochal.serving.service.alert_rules import AlertRule
from made_results import make_results
from rest_material import icu_bundle, pair_bundle, ruled_bundle, write, write_pair
from service_material import LABELS, NAME, PATIENCE_S, ended, in_thread, make_options, write_night

pytestmark = pytest.mark.slow
RULE = AlertRule(label="REM", probability=0.5, for_s=60)


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def url(tmp_path_factory, browser):
    """Serve two bundles that match the same files, and a study's results."""
    folder = tmp_path_factory.mktemp("ruled")
    bundle = write(folder / "bundle", ruled_bundle())
    make_results(folder / "data")
    options = make_options(folder, bundles={NAME: bundle, "other": bundle}, alerts=(RULE,))
    with in_thread(create_app(options)) as address:
        yield f"http://{address}"


@pytest.fixture
def visit(browser, url):
    made = Visit(browser, url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def job(url, tmp_path_factory) -> str:
    """The id of a scored night."""
    night = write_night(tmp_path_factory.mktemp("night") / "night.edf").read_bytes()
    given = {"bundle": NAME, "keep_signals": "true"}
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        sent = client.post("/api/jobs", params=given, files={"file": ("night.edf", night)})
        state = ended(client, sent.headers["Location"])
    assert state["status"] == "done", state
    return state["id"]


def result(url, job):
    return httpx.get(f"{url}/api/jobs/{job}/result?format=json", timeout=PATIENCE_S).json()


def go_to(visit, job, answer):
    """Open the job's result with this answer in place of its own."""
    visit.page.route(
        f"**/api/jobs/{job}/result?format=json",
        lambda route: route.fulfill(body=json.dumps(answer), content_type="application/json"),
    )
    return visit.go(f"score/{job}")


def test_a_file_that_two_bundles_match_says_what_to_do_in_this_page(visit, tmp_path):
    page = visit.go("score")
    signals = make_night(LABELS, seed=100).channels[0].data
    night = write_edf(tmp_path / "night.edf", {"EEG": signals, "EOG": signals})
    page.set_input_files("#file", night)
    told = page.get_by_role("alert")
    expect(told).to_have_text(
        f"More than one bundle matches this file: {NAME}, other. "
        "Choose one in the list “Bundle” and send it again.",
    )
    page.get_by_label("Bundle").select_option("other")
    page.set_input_files("#file", night)
    page.get_by_role("link", name="Look at it").wait_for()
    assert visit.failures() == []


def test_a_file_that_no_bundle_matches_for_sure_says_why_and_what_to_do(visit, tmp_path):
    page = visit.go("score")
    page.set_input_files("#file", write_night(tmp_path / "night.edf"))
    told = page.get_by_role("alert")
    told.wait_for()
    assert "other: the recording is of a kind that nothing tells" in told.inner_text()
    assert "choose it in the list “Bundle”" in told.inner_text()
    assert "bundle=" not in told.inner_text()


def test_a_result_shows_abstention_prediction_sets_and_alerts(visit, url, job):
    answer = result(url, job)["recordings"][0]
    page = visit.go(f"score/{job}")
    tiles = page.locator(".tile").all_inner_texts()
    share = 100 * answer["summary"]["answers"]["answered_share"]
    assert tiles[0].split("\n")[:2] == ["Answered", f"{share:.1f} %"]
    assert tiles[1].split("\n")[:2] == ["Error allowed", "5.0 %"]
    assert tiles[2].startswith(
        f"Prediction sets\n{answer['summary']['answers']['mean_set_size']:.2f}"
    )
    expect(page.locator(".timeline .name", has_text="Abstained")).to_have_count(1)
    first = answer["epochs"][0]["prediction_set"].replace(";", ", ")
    page.get_by_text(f"Cannot be ruled out: {first}.").wait_for()
    alerts = page.get_by_role("table", name="By the operator's rules").locator("tbody tr")
    expect(alerts).to_have_count(1)
    assert alerts.inner_text().split("\t")[:3] == ["REM ≥ 0.5 for ≥ 60 s", "0:04:00", "2 min"]
    page.get_by_text("All epochs as a table").click()
    expect(page.locator("details thead")).to_contain_text("Cannot be ruled out")
    n_abstained = sum(epoch["abstain"] for epoch in answer["epochs"])
    expect(page.get_by_text("abstains", exact=True)).to_have_count(n_abstained)
    assert visit.faint_texts() == []
    assert visit.failures() == []


def test_a_result_of_icu_eeg_shows_its_burden(visit, url, job):
    answer = result(url, job)
    manifest = icu_bundle().manifest.model_copy(update={"classes": ("Seizure", "Other")})
    labels = ["Seizure"] * 18 + ["Other"] * 54 + ["Seizure"] * 36  # 50 s each: an hour and a half
    epochs = pd.DataFrame({"label": labels, "onset_s": 50.0 * pd.RangeIndex(len(labels))})
    summary = answer["recordings"][0]["summary"]
    summary["burden"] = measure_burden(epochs, manifest)
    summary["epochs_per_class"] = {"Seizure": 54, "Other": 54}
    page = go_to(visit, job, answer)
    shown = page.get_by_role("table", name="Minutes of each hour").locator("tbody tr")
    rows = [text.split() for text in shown.all_inner_texts()]
    assert rows == [
        ["All", "90.0", "30.0", "30.0"],
        ["0–1", "60.0", "15.0", "45.0"],
        ["1–2", "30.0", "60.0", "0.0"],
    ]
    expect(page.get_by_text("Seizure alarms")).to_have_count(1)
    assert "2\n1.33 per hour" in page.locator(".tile", has_text="Seizure alarms").inner_text()
    expect(page.get_by_text("Not for alerts.")).to_have_count(1)
    assert visit.failures() == []


def test_overlapping_epochs_count_by_their_step(visit, url, job):
    answer = result(url, job)
    summary = answer["recordings"][0]["summary"]
    counts = {"W": 102, "N2": 2, "REM": 0}
    summary |= {"epoch_length_s": 60.0, "epoch_step_s": 30.0, "epochs_per_class": counts}
    page = go_to(visit, job, answer)
    shown = page.get_by_role("table", name="How much of each class").locator("tbody tr")
    expect(shown).to_have_count(3)
    lasted = [shown.nth(row).locator("td").last.inner_text() for row in range(3)]
    assert lasted == ["51 min", "60 s", "0 s"]
    assert visit.failures() == []


def test_another_recording_of_a_job_is_shown_and_reviewed_with_its_own_signals(browser, tmp_path):
    options = make_options(tmp_path, bundles={"pair": write(tmp_path / "pair", pair_bundle())})
    with in_thread(create_app(options)) as address:
        visit = Visit(browser, f"http://{address}")
        page = visit.go("score")
        page.set_input_files("#file", write_pair(tmp_path / "pair.edf"))
        page.get_by_role("link", name="Look at it").click()
        page.get_by_role("heading", name="Epoch 0").wait_for()
        other = page.get_by_label("Recording").locator("option").last.get_attribute("value")
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_label("Recording").select_option(other)
        expect(page.locator(".signal canvas")).to_have_count(1)
        expect(page.locator(".timeline .name", has_text="EEG")).to_have_count(1)
        shown = [url for url in asked if "/signals?" in url or "/spectrogram?" in url]
        assert len(shown) == 2
        assert all(f"recording_id={quote_plus(other)}" in url for url in shown)
        page.locator("main").get_by_role("link", name="Review").click()
        page.get_by_role("heading", name=other, level=1).wait_for()
        assert visit.failures() == []
        visit.close()


@pytest.mark.parametrize("view", ["models", "training", "playback"])
def test_a_study_that_is_not_there_is_not_shown_as_another(visit, view):
    page = visit.go(f"{view}/nosuch")
    expect(page.locator("main")).to_contain_text("There is no study 'nosuch'")
    expect(page.locator("main table, main canvas, main svg")).to_have_count(0)
    page.get_by_role("link", name="made").click()
    page.wait_for_url(f"**/#/{view}/made")
    page.get_by_label("Study").wait_for()
    assert visit.failures() == []


def test_a_result_that_is_not_there_is_told_in_words(visit):
    page = visit.go("score/nosuch")
    expect(page.get_by_role("alert")).to_contain_text("no result of the name 'nosuch'")
    page = visit.go("score/" + "0" * 32)
    expect(page.get_by_role("alert")).to_contain_text("no result of the name '000")
    assert all("Failed to load resource" in text for text in visit.said)  # the browser's own notes


def test_the_service_view_tells_each_rule_in_words(visit, job):
    page = visit.go("service")
    page.get_by_text("Rules: REM ≥ 0.5 for ≥ 60 s.").wait_for()
    assert visit.failures() == []


def test_known_answers_stand_on_this_night():
    assert LABELS.index("REM") * 30 == 240  # where the alert of 0:04:00 begins
    assert LABELS.count("REM") * 30 == 120
