"""The page at /docs: shipped with the service, so that it is there without any network."""

import hashlib
import re

import pytest

from epochal.serving.routes.dashboard import FOLDER
from service_material import client_of

SHIPPED = FOLDER / "vendor/swagger-ui"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("docs")) as client:
        yield client


@pytest.mark.slow
def test_the_page_names_files_of_this_service_alone_and_each_is_there(client):
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 4
    for address in named:
        assert "://" not in address
        assert not address.startswith("/")  # behind a proxy's prefix, too
        assert client.get(f"/{address}").status_code == 200, address


def test_its_policy_lets_neither_another_host_nor_inline_scripts_in(client):
    policy = client.get("/docs").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\w\.\w|https?:", policy)  # no host by name, none by scheme
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style", client.get("/docs").text)


def test_fastapis_pages_that_need_another_host_are_not_there(client):
    for path in ("/redoc", "/docs/oauth2-redirect"):
        assert client.get(path).status_code == 404


def test_the_shipped_files_are_those_of_the_release_that_is_named():
    lines = (SHIPPED / "SHA256SUMS").read_text().splitlines()
    assert re.fullmatch(r"# swagger-ui-dist \d+\.\d+\.\d+, as npm has it", lines[0])
    expected = dict(reversed(line.split()) for line in lines[1:])
    found = {
        name: hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest()
        for name in ("swagger-ui-bundle.js", "swagger-ui.css")
    }
    assert found == expected
    assert "Apache License" in (SHIPPED / "LICENSE").read_text()
    assert "SmartBear" in (SHIPPED / "NOTICE").read_text()
