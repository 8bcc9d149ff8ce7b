"""A real Chromium that notes what its console says, for the tests of the dashboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from required_tools import require

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
# A page answers an action when it has time: what follows one is asked for until it holds.
expect = api.expect
expect.set_options(timeout=30_000)
# which visible texts stand out too little from what lies behind them, by WCAG 2.2
CONTRASTS = Path(__file__).with_name("contrasts.js").read_text(encoding="utf-8")


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a browser; without Chromium, or the one of EPOCHAL_CHROMIUM, skip, or fail in CI."""
    program = require(os.environ.get("EPOCHAL_CHROMIUM") or "chromium")
    with api.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One tab on one service."""

    def __init__(self, browser: Any, url: str, *, width: int = 1280, dark: bool = False) -> None:
        self.url, self.said = url, []
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        self.page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self._watch(request.url))
        self.strangers: list[str] = []

    def go(self, place: str) -> Any:
        """Open a view and wait until it is drawn."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/dashboard/#/{place}")
        self.page.wait_for_selector("[data-ready=true]")
        return self.page

    def failures(self) -> list[str]:
        """Return what the console held against the page, and requests to anyone else."""
        return [*self.said, *self.strangers]

    def forget(self) -> Visit:
        """Forget what was said of the views before, and return itself."""
        self.said.clear()
        self.strangers.clear()
        return self

    def faint_texts(self) -> list[str]:
        """Return the visible texts that stand out less than 4.5 : 1 (large ones 3 : 1)."""
        return self.page.evaluate(CONTRASTS)

    def overflows(self) -> bool:
        """Say whether the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")

    def close(self) -> None:
        """Close the tab with all that it stored."""
        self.page.context.close()

    def _hear(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.said.append(message.text)

    def _watch(self, address: str) -> None:
        if not address.startswith((self.url, "blob:", "data:", "about:")):
            self.strangers.append(f"asked {address}")
