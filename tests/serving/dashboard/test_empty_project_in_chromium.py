"""The dashboard before anything was run, and of addresses that somebody typed, on a telephone."""

import pytest
from made_browser import Visit, chromium

from service_material import running

pytestmark = pytest.mark.slow
VIEWS = {
    "models": "No leaderboard yet",
    "training": "No training yet",
    "playback": "No playback yet",
    "score": "Drop recordings here",
    "review": "No review was begun yet.",
    "service": "Model card",
    "models/%E0%A4%A": "No leaderboard yet",  # half a letter
}


def test_an_empty_project_says_in_every_view_what_is_to_be_done(tmp_path):
    with chromium() as browser, running(tmp_path) as server:
        for view, text in VIEWS.items():
            visit = Visit(browser, server.url, width=360)
            page = visit.go(view)
            page.get_by_text(text).first.wait_for()
            shown = page.inner_text("main")
            assert not {"null", "undefined", "NaN"} & set(shown.split()), view
            assert not visit.overflows(), view
            assert visit.failures() == [], view
            visit.close()
