"""What a PhysioNet-like server says of its files: `RECORDS`, `SHA256SUMS.txt`, the HTML index.

All three are text from elsewhere: each parser returns what it understood and nothing else.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote

_SUM = re.compile(r"([0-9a-fA-F]{64})\s+\*?(\S.*)")
# The text after a link, in nginx's and Apache's plain indexes: date, time, size or a dash.
_DETAILS = re.compile(r"\d{1,4}-\w{2,3}-\d{2,4}\s+\d{1,2}:\d{2}(?::\d{2})?\s+(\d+)\s*$")


def parse_sums(text: str) -> dict[str, str]:
    """Return `{path: sha256}` from lines `<sha256> <path>`; other lines are left out."""
    matches = (_SUM.fullmatch(line.strip()) for line in text.splitlines())
    return {_plain(match[2]): match[1].lower() for match in matches if match}


def parse_records(text: str) -> list[str]:
    """Return the paths of a `RECORDS` file, one a line, in its order."""
    paths = (_plain(line.strip()) for line in text.splitlines())
    return [path for path in paths if path]


def parse_index(html: str) -> dict[str, int | None]:
    """Return `{name: bytes}` of the files in a folder's HTML index; folders are left out.

    `None` where the index gives no exact size (`46M` is none).
    """
    index = _Index()
    index.feed(html)
    index.close()
    return index.files()


class _Index(HTMLParser):
    """Collects each link's address with the text between it and the next."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, list[str]]] = []
        self.in_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Start a link."""
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.links.append((unquote(href), []))
            self.in_link = True

    def handle_endtag(self, tag: str) -> None:
        """End a link: its own text is only the name again, perhaps cut short."""
        if tag == "a":
            self.in_link = False

    def handle_data(self, data: str) -> None:
        """Keep what is said of the last link."""
        if self.links and not self.in_link:
            self.links[-1][1].append(data)

    def files(self) -> dict[str, int | None]:
        """Return the names that are files of this very folder, with their sizes."""
        named = {href.removeprefix("./"): " ".join(said) for href, said in self.links}
        return {name: _size(said) for name, said in named.items() if _is_plain_name(name)}


def _size(said: str) -> int | None:
    match = _DETAILS.search(said.strip())
    return int(match[1]) if match else None


def _is_plain_name(name: str) -> bool:
    return re.fullmatch(r"[\w][\w .+-]*", name, re.ASCII) is not None


def _plain(path: str) -> str:
    return path.removeprefix("./")
