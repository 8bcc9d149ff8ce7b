"""Every view in a real browser: drawn, quiet in the console, and used by mouse and keys."""

import io
import json
import re

import pandas as pd
import pytest
from made_browser import Visit, chromium, expect

from made_results import CAVEAT, make_results, write_curves
from service_material import running, write_night

pytestmark = pytest.mark.slow
VIEWS = {
    "models": "majority",
    "models/made/classes": "Precision",
    "models/made/calibration": "Adaptive ECE",
    "models/made/confusion": "True ↓ given →",
    "models/made/roc": "False alarms to find 90 %",
    "models/made/subjects?role=test": "Burden over time",
    "models/made/tasks": "relax (W)",
    "training": "Learning rate",
    "playback": "Subject s4",
    "score": "Drop recordings here",
    "review": "Begin with a study's recording",
    "service": "Model card",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    make_results(folder / "data")
    return folder


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def server(folder, browser):  # the browser first: without one, nothing is started
    places = {name: str(folder / name.split("_")[0]) for name in ("data_folder", "review_folder")}
    given = {"results_folder": places["data_folder"], "review_folder": places["review_folder"]}
    with running(folder, **given) as server:
        yield server


@pytest.fixture
def visit(browser, server):
    made = Visit(browser, server.url)
    yield made
    assert made.failures() == []
    made.close()


@pytest.fixture(scope="module")
def looks(browser, server):
    """Tabs that only look on: one drawn light, one dark, and one as wide as a telephone."""
    light, dark = (Visit(browser, server.url, dark=dark) for dark in (False, True))
    made = {"light": light, "dark": dark, "telephone": Visit(browser, server.url, width=390)}
    yield made
    for one in made.values():
        one.close()


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.split("?")[0])
@pytest.mark.parametrize("look", ["light", "dark"])
def test_every_view_says_what_it_stands_on_and_can_be_read(looks, look, view):
    visit = looks[look].forget()
    page = visit.go(view)
    page.get_by_text(VIEWS[view]).first.wait_for()
    expect(page.locator("body")).to_contain_text("Research use only, not a medical device.")
    expect(page.locator("#source")).to_have_text("Simulated data")
    expect(page.locator("nav a[aria-current=page]")).to_have_count(1)
    expect(page.locator("h1")).to_have_count(1)
    assert visit.faint_texts() == []
    assert visit.failures() == []


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.split("?")[0])
def test_no_view_is_wider_than_a_telephone(looks, view):
    visit = looks["telephone"].forget()
    visit.go(view)
    assert not visit.overflows()
    assert visit.failures() == []


def test_the_leaderboard_sorts_by_its_headings_and_keeps_the_caveat_beside_it(visit):
    page = visit.go("models")
    expect(page.get_by_text(CAVEAT)).to_be_visible()
    table = page.locator("main table").first
    expect(table).to_contain_text("headline")
    expect(page.locator("th[aria-sort=descending]").first).to_have_text(re.compile("^κ"))
    page.get_by_role("button", name="Model").first.press("Enter")
    expect(table.locator("tbody th").first).to_have_text(re.compile("^fair tree"))
    expect(page.locator("th[aria-sort=ascending]").first).to_have_text("Model")
    page.get_by_role("button", name="Test").click()
    page.wait_for_url(re.compile("role=test"))
    pressed = page.get_by_role("button", name="Test")
    expect(pressed).to_have_attribute("aria-pressed", "true")


def test_the_theme_is_the_readers_own_and_is_kept(visit):
    page = visit.go("models")
    body, ground = page.locator("body"), "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    for _ in range(2):
        page.locator("#theme").click()
    expect(body).not_to_have_css("background-color", light)
    dark = page.evaluate(ground)
    page.reload()
    page.wait_for_selector("[data-ready=true]")
    expect(body).to_have_css("background-color", dark)


def test_a_keyboard_alone_reaches_the_content_and_the_views(visit):
    page = visit.go("models")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.get_by_role("link", name="Playback").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Playback").wait_for()
    expect(page).to_have_title("Playback · Epochal")


def test_the_numbers_of_a_chart_are_there_as_a_table(visit):
    page = visit.go("models/made/roc")
    page.get_by_text("Numbers").first.click()
    expect(page.locator("details table tbody tr")).to_have_count(101)
    label = re.compile("^ROC curves of")
    expect(page.locator(".chart[role=img]")).to_have_attribute("aria-label", label)


def test_a_subject_is_looked_at_over_time_by_keys(visit):
    page = visit.go("models/made/subjects?role=test")
    slider = page.get_by_role("slider", name="over time")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "1")
    said = re.compile(r"^0:00:30: truth \w+, good net says")
    expect(slider).to_have_attribute("aria-valuetext", said)
    slider.press("End")
    expect(slider).to_have_attribute("aria-valuenow", "219")


def test_a_training_is_followed_as_it_goes(visit, folder):
    page = visit.go("training/made")
    table = page.get_by_role("table", name="Trainings of this model")
    expect(table.locator("tbody tr")).to_have_count(1)
    write_curves(folder / "data/made", "net", "fold_1", n_passes=5)
    table.get_by_role("row", name="fold 1 5").wait_for()
    write_curves(folder / "data/made", "net", "fold_1", n_passes=6)
    table.get_by_role("row", name="fold 1 6").wait_for()
    expect(page.get_by_role("status")).to_contain_text("training now")


def test_400_epochs_are_played_stepped_and_paused(visit):
    page = visit.go("playback")
    position = page.locator("output")
    expect(position).to_have_text("1 of 400")
    page.keyboard.press("ArrowRight")
    expect(position).to_have_text("2 of 400")
    page.keyboard.press("+")
    page.keyboard.press(" ")
    expect(position).to_have_text(re.compile(r"^(2[1-9]|[3-9]\d|\d{3}) of 400"))
    page.keyboard.press(" ")
    paused = position.inner_text()
    page.wait_for_timeout(300)
    assert position.inner_text() == paused
    page.keyboard.press("End")
    expect(position).to_have_text("400 of 400")
    page.get_by_text("of 3 agree").wait_for()
    expect(page.locator(".playback tbody tr")).to_have_count(3)


def test_an_upload_is_scored_looked_at_and_taken_home(visit, tmp_path):
    page = visit.go("score")
    page.get_by_label("The files are simulated").check()
    page.set_input_files("#file", write_night(tmp_path / "a night.edf"))
    page.get_by_role("link", name="Look at it").click()
    page.get_by_role("heading", name="Epoch 0").wait_for()
    page.wait_for_selector(".signal canvas")
    slider = page.get_by_role("slider", name="Epochs over time")
    slider.press("ArrowRight")
    page.get_by_role("heading", name="Epoch 1").wait_for()
    expect(page.locator(".timeline .name", has_text="EEG")).to_have_count(1)  # the spectrogram
    page.get_by_text("All epochs as a table").click()
    expect(page.locator("details tbody tr")).to_have_count(12)
    with page.expect_download() as taken:
        page.get_by_role("button", name="CSV").click()
    table = pd.read_csv(taken.value.path())
    assert len(table) == 12
    assert set(table["data_source"]) == {"simulated"}
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Report").click()
    expect(opened.value.locator("body")).to_contain_text("Research use only")


def test_a_file_that_cannot_be_scored_is_refused_in_plain_words(visit, tmp_path):
    broken = tmp_path / "broken.edf"
    broken.write_bytes(b"0       " + b"x" * 300)
    page = visit.go("score")
    page.set_input_files("#file", broken)
    page.get_by_role("alert").wait_for()
    expect(page.locator(".job .tag", has_text="failed")).to_have_count(1)
    assert "Traceback" not in page.inner_text("main")


def test_a_correction_is_saved_undone_and_exported(visit, folder, server):
    page = visit.go("review/new?study=made&recording=r4")
    page.wait_for_selector(".signal canvas")
    place = next((folder / "review").glob("made--r4"))
    page.keyboard.press("2")
    page.get_by_text("Say who you are first").wait_for()
    page.get_by_label("Reviewer").fill("AB")
    page.locator("h1").click()
    first = page.locator(".desk h2").inner_text()
    page.keyboard.press("2")
    page.get_by_text(re.compile("✓ Epoch")).wait_for()
    trail = [json.loads(line) for line in (place / "corrections.jsonl").read_text().splitlines()]
    assert [(one["who"], one["new"], f"Epoch {one['epoch']}") for one in trail] == [
        ("AB", "N2", first)
    ]
    expect(page.locator(".desk h2")).not_to_have_text(first)
    page.keyboard.press("Enter")  # keeps the next one as it is
    page.get_by_text("kept as").wait_for()
    page.keyboard.press("u")
    page.get_by_text("Taken back").wait_for()
    page.get_by_text("Audit trail: 3 entries").click()
    expect(page.locator("details tbody tr").first).to_have_text(re.compile("takes back 2$"))
    with page.expect_download() as taken:
        page.get_by_role("button", name="Table").click()
    table = pd.read_csv(taken.value.path())
    assert table["reviewed"].sum() == 1
    told = server.get(f"/api/reviews/{place.name}/export?format=csv")
    assert "N2" in pd.read_csv(io.BytesIO(told.content))["stage"].tolist()


def test_a_correction_that_somebody_else_was_quicker_with_is_not_lost_silently(visit, server):
    page = visit.go("review/new?study=made&recording=r0")
    page.get_by_label("Reviewer").fill("CD")
    page.locator("h1").click()
    epoch = int(page.locator(".desk h2").inner_text().removeprefix("Epoch "))
    at = "/api/reviews/made--r0"
    state = server.get(at).json()
    old = state["labels"][state["epochs"]["epoch"].index(epoch)]
    other = next(name for name in ("W", "N2", "REM") if name != old)
    change = {"epoch": epoch, "old": old, "new": other, "who": "EF"}
    assert server.post(f"{at}/corrections", json=change).status_code == 201
    page.keyboard.press("1")
    page.get_by_text("Not saved").wait_for()
    assert len(server.get(f"{at}/corrections").json()) == 1
    visit.said.clear()  # the browser itself notes the 409


def test_the_service_tells_latency_bundles_and_its_model_card(visit, server):
    for _ in range(5):
        server.get("/openapi.json")
    page = visit.go("service")
    expect(page.locator(".tile")).to_have_count(8)
    expect(page.get_by_text("Requests since the service began")).to_be_visible()
    page.get_by_role("button", name="Model card").click()
    card = page.get_by_role("dialog")
    expect(card).to_contain_text("Made up.")
    card.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_address_that_leads_nowhere_says_so_in_the_view(visit):
    page = visit.go("review/nothing")
    expect(page.get_by_role("alert")).to_contain_text("No review 'nothing'")
    visit.said.clear()  # the browser itself notes the 404


def test_a_service_with_a_key_asks_for_it_once(browser, folder, tmp_path):
    key = "a key of the operator"
    given = {"results_folder": str(folder / "data"), "api_keys": json.dumps([key])}
    with running(tmp_path, **given) as server:
        visit = Visit(browser, server.url)
        page = visit.page
        page.goto(f"{server.url}/dashboard/")
        page.get_by_label("API key").fill("a wrong one, surely")
        page.get_by_role("button", name="Open").click()
        page.get_by_text("not one of this service").wait_for()
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Open").click()
        page.wait_for_selector("[data-ready=true]")
        visit.go("service")
        expect(page.locator("dialog")).to_have_count(0)
        assert all("401" in text for text in visit.said)
        visit.close()
