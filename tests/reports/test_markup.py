import pytest
from markupsafe import Markup

from epochal.reports.markup import clean, drawing, element, join


def test_text_and_attributes_are_escaped():
    drawn = element("text", "<script>&", title='a"><b')
    assert drawn == '<text title="a&#34;&gt;&lt;b">&lt;script&gt;&amp;</text>'


def test_markup_within_markup_stays():
    assert element("g", [element("path", d="M0 0"), "1 < 2"]) == '<g><path d="M0 0"/>1 &lt; 2</g>'


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({"class_": "small"}, 'class="small"'),
        ({"stroke_width": 1.25}, 'stroke-width="1.2"'),
        ({"x": 3.0}, 'x="3"'),
        ({"y": 7}, 'y="7"'),
    ],
)
def test_attributes_are_written_as_svg_has_them(given, written):
    assert element("rect", **given) == f"<rect {written}/>"


def test_an_attribute_of_none_is_left_out():
    assert element("path", d="M0 0", stroke_dasharray=None) == '<path d="M0 0"/>'


def test_an_empty_group_keeps_its_end_tag():
    assert element("text") == "<text></text>"


def test_control_characters_are_dropped_from_text_but_not_line_ends():
    assert clean("a\x00b\x08c\td\n") == "abc\td\n"
    assert element("text", "EEG\x1b[31m") == "<text>EEG[31m</text>"


def test_parts_are_joined_and_escaped_each_for_itself():
    assert join([Markup("<b/>"), "<b/>"]) == "<b/>&lt;b/&gt;"


def test_a_drawing_is_named_and_described_for_those_who_do_not_see_it():
    drawn = drawing(
        [element("path", d="M0 0")],
        name="hours", title="Sleep & wake", description="By hour", size=(100.4, 20), class_="chart",
    )  # fmt: skip
    assert drawn == (
        '<svg viewBox="0 0 100 20" role="img" aria-labelledby="hours-title hours-desc" '
        'class="chart"><title id="hours-title">Sleep &amp; wake</title>'
        '<desc id="hours-desc">By hour</desc><path d="M0 0"/></svg>'
    )
