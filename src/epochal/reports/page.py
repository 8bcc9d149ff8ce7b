"""The page around a report: one file with its style, without any address elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from epochal import __version__
from epochal.provenance import RESEARCH_USE
from epochal.reports.colours import colour_of, declare
from epochal.reports.markup import clean

if TYPE_CHECKING:
    from jinja2 import Environment

NO_VALUE = "–"


def render(template: str, **given: Any) -> str:
    """Return a page from a template of `reports/templates`, everything given to it escaped.

    Each page needs `title` and `data_source`, which its banner says.
    """
    style, _, _ = _environment().loader.get_source(_environment(), "style.css")  # type: ignore[union-attr]
    own = {"style": style, "light_colours": declare("light"), "dark_colours": declare("dark")}
    unescaped = {name: Markup(text) for name, text in own.items()}  # nosec B704
    page = _environment().get_template(template)
    return page.render(**given, **unescaped, version=__version__, research_use=RESEARCH_USE)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # scoring alone needs none

    environment = Environment(
        loader=PackageLoader("epochal.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {
        "figure": show_figure,
        "percent": show_percent,
        "interval": show_interval,
    }
    environment.globals |= {"colour_of": colour_of}
    return environment


def _finalize(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


def show_figure(value: float | None, digits: int = 3) -> str:
    """Return a number in so many digits after the point, a dash where there is none."""
    known = value is not None and value == value
    return f"{value:.{digits}f}" if known else NO_VALUE


def show_interval(row: Mapping[str, float], low: str, high: str, digits: int = 3) -> str:
    """Return the interval between two of a row's values, a dash where there is none."""
    ends = show_figure(row[low], digits), show_figure(row[high], digits)
    return NO_VALUE if NO_VALUE in ends else " to ".join(ends)


def show_percent(share: float | None, digits: int = 1) -> str:
    """Return a share as per cent, a dash where there is none."""
    known = share is not None and share == share
    return f"{100 * share:.{digits}f} %" if known else NO_VALUE  # type: ignore[operator]
