"""The page at /docs in a real browser: drawn from the service's own files, quiet in the console."""

import pytest
from made_browser import Visit, chromium, expect

from service_material import running

pytestmark = pytest.mark.slow


def test_the_docs_show_every_operation_and_ask_nobody_else(tmp_path):
    with chromium() as browser, running(tmp_path) as server:
        visit = Visit(browser, server.url)
        page = visit.page
        page.goto(f"{server.url}/docs")
        page.get_by_role("heading", name="Epochal").wait_for()
        page.get_by_text("Answer one epoch", exact=True).click()
        page.get_by_role("heading", name="Responses").first.wait_for()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        page.get_by_text("Server response", exact=True).wait_for()
        assert visit.failures() == []
        answered = page.locator(".live-responses-table .response .response-col_status")
        expect(answered.first).to_have_text("200")
        visit.close()
