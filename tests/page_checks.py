"""What every page of Epochal's must be: well-formed, self-contained, readable without eyes."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}
_ADDRESS = re.compile(r"(?:https?:)?//[\w.-]+\.\w+", re.IGNORECASE)


class Page(HTMLParser):
    """The elements of a page; an end tag that does not match, or none, is a fault."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.faults, self.elements, self.words = text, [], [], []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self._open]

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data):
        self.words.append(data)

    @property
    def shown(self) -> str:
        """All text, spaces joined."""
        return " ".join(" ".join(self.words).split())

    def of(self, tag: str) -> list[dict]:
        """The attributes of each element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def check_page(text: str) -> Page:
    """Assert all that holds of every page, and return it taken apart."""
    page = Page(text)
    assert page.faults == []
    assert text.startswith("<!DOCTYPE html>")
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base"}
    assert _ADDRESS.findall(text) == []
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "src"):
            assert attributes.get(name, "data:").startswith(("data:image/png;base64,", "data:"))
    _check_access(page)
    assert "Research use only, not a medical device." in page.shown
    return page


def _check_access(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for drawing in page.of("svg"):
        assert drawing["role"] == "img"
        assert set(drawing["aria-labelledby"].split()) <= set(ids)
    assert len(page.of("caption")) == len(page.of("table"))
    assert all("scope" in head for head in page.of("th"))
    assert page.of("html")[0]["lang"] == "en"
    assert len(page.of("h1")) == 1
