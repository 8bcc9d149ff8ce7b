import pytest
from jinja2 import DictLoader, UndefinedError
from markupsafe import Markup

from epochal.reports import page as pages
from epochal.reports.page import render, show_figure, show_interval, show_percent
from page_checks import Page, check_page


def errors_page(**changed):
    given = {
        "title": "A page", "data_source": "real", "told": "Told.", "drawing": Markup("<svg></svg>"),
        "classes": ("W",), "order": (0,),
    }  # fmt: skip
    return render("errors.html", **given | changed)


def test_a_page_says_what_its_data_are_and_what_it_is_not_for():
    page = Page(errors_page(data_source="simulated"))
    assert page.shown.count("Data: simulated. Research use only, not a medical device.") == 2
    assert {"class": "banner simulated", "role": "note"} in page.of("div")


def test_a_real_page_has_no_mark_of_simulation():
    assert {"class": "banner real", "role": "note"} in Page(errors_page()).of("div")


def test_mixed_data_are_marked_as_simulated():
    page = Page(errors_page(data_source="real/simulated"))
    assert {"class": "banner simulated", "role": "note"} in page.of("div")


def test_a_browser_may_fetch_nothing():
    policy = Page(errors_page()).of("meta")[-1]["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_titles_are_escaped_everywhere():
    page = Page(errors_page(title="</title><script>alert(1)</script>", told="<b>&"))
    assert page.faults == []
    assert not page.of("script")
    assert "<script>alert(1)</script>" in page.shown


def test_control_characters_do_not_reach_the_page():
    assert "\x00" not in errors_page(told="a\x00b")
    assert "ab" in errors_page(told="a\x00b")


def test_a_value_that_a_template_lacks_is_an_error_and_not_a_hole(monkeypatch):
    templates = DictLoader({"x.html": "{{ missing }}", "style.css": ""})
    monkeypatch.setattr(pages._environment(), "loader", templates)
    with pytest.raises(UndefinedError, match="missing"):
        render("x.html")


def test_the_page_checks_find_what_they_are_for():
    good = errors_page(drawing=Markup("<p>none</p>"))
    check_page(good)
    for planted in (
        '<img src="https://example.org/x.png">', "<script></script>", "<div>", "</p></div>",
        '<a href="//cdn.example.org/x">x</a>', "<p onclick='x()'></p>", "<table></table>",
    ):  # fmt: skip
        with pytest.raises(AssertionError):
            check_page(good.replace("</main>", f"{planted}</main>"))


@pytest.mark.parametrize(
    ("value", "figure", "percent"),
    [
        (0.12345, "0.123", "12.3 %"),
        (None, "–", "–"),
        (float("nan"), "–", "–"),
        (1, "1.000", "100.0 %"),
    ],
)
def test_numbers_are_shown_with_their_digits_and_absent_ones_as_a_dash(value, figure, percent):
    assert show_figure(value) == figure
    assert show_percent(value) == percent


def test_an_interval_without_an_end_is_a_dash():
    assert show_interval({"low": 0.1, "high": 0.25}, "low", "high", 2) == "0.10 to 0.25"
    assert show_interval({"low": float("nan"), "high": 1.0}, "low", "high") == "–"
