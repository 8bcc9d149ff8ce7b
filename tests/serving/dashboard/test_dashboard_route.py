import re

import pytest

from epochal.reports.colours import CLASSES, contrast
from epochal.serving.routes.dashboard import FOLDER, POLICY, write_colours
from service_material import client_of

KEY = "a key of the operator"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
OURS = [path for path in FILES if "vendor" not in path.parts]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("service"), api_keys=(KEY,)) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/dashboard", "/dashboard/"])
def test_the_dashboard_is_where_one_looks_for_it_and_asks_for_no_key(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert "Research use only, not a medical device" in answer.text
    assert answer.url.path == "/dashboard/"


@pytest.mark.slow
def test_every_file_is_served_as_what_it_is_and_may_ask_this_service_alone(client):
    kinds = {".js": "javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg"}
    for path in FILES:
        answer = client.get(f"/dashboard/{path.relative_to(FOLDER).as_posix()}")
        assert answer.status_code == 200, path
        assert kinds.get(path.suffix, "/") in answer.headers["content-type"], path
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in POLICY


def test_a_file_that_has_not_changed_is_not_sent_again(client):
    first = client.get("/dashboard/js/app.js")
    again = client.get("/dashboard/js/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["nothing.js", "../app.py", "%2e%2e/app.py", "..%2fapp.py", "js", "/etc/passwd"]
)
def test_nothing_beside_the_dashboards_files_is_served(client, path):
    answer = client.get(f"/dashboard/{path}")
    assert answer.status_code == 404
    assert "epochal.serving" not in answer.text


def test_the_colours_are_the_projects_own_in_light_and_dark(client):
    css = client.get("/dashboard/colours.css").text
    assert css == write_colours()
    assert css.count(f"--class-0:{CLASSES[0].dark}") == 2  # by the system's choice, or the page's
    assert css.count(f"--class-0:{CLASSES[0].light}") == 1
    assert f"--n-class-colours:{len(CLASSES)}" in css


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_no_file_asks_the_network_or_writes_markup_and_all_are_small(path):
    text = path.read_text(encoding="utf-8")
    addresses = set(re.findall(r"https?://[^\"'\s)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}, addresses
    for banned in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert banned not in text, banned
    assert len(text.splitlines()) < 300


def test_the_page_has_neither_inline_scripts_nor_inline_styles():
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "<style" not in page
    assert not re.search(r"\s(style|on\w+)=", page)


def test_every_import_names_a_file_that_is_there():
    for path in OURS:
        if path.suffix == ".js":
            text = path.read_text(encoding="utf-8")
            named = re.findall(r'^import .*? from "([^"]+)";', text, re.MULTILINE)
            for name in [*named, *re.findall(r'import\("([^"]+)"\)', text)]:
                assert (path.parent / name).resolve().is_file(), (path.name, name)


def test_the_vendored_library_keeps_its_licence():
    assert "MIT" in (FOLDER / "vendor/uPlot-LICENSE").read_text()


def test_colours_of_classes_stand_out_from_both_pages():
    for shade in CLASSES:
        assert contrast(shade.light, "#ffffff") >= 3
        assert contrast(shade.dark, "#14171c") >= 3
