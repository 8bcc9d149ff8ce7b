"""Tables of the docs name all that there is: addresses, flags, and whether each figure is real."""

import re

import pytest

from epochal.options.quality import FAULTS
from epochal.serving import answering, doubts, harmful_bodies, scoring
from epochal.signals.quality_policy import DROPPED, FLAG
from projects import ROOT

DOCS = ROOT / "docs"
REAL = DOCS / "explanation/what-is-real.md"
IMAGE = re.compile(r"!\[[^\]]*\]\((?P<path>[^)]+)\)")
# options and programs are no figures; what a command printed may be one
CODE = re.compile(
    r"^ *```(?:yaml|json|python|bash|toml|ini|sh)\n.*?^ *```", re.DOTALL | re.MULTILINE
)
NAMED = re.compile(r"κ|kappa|accuracy|macro-F1|log loss", re.IGNORECASE)
VALUE = re.compile(r"(?<![\d.])[01]?\.\d{2,4}(?!\d)")


def read(page):
    return (DOCS / page).read_text(encoding="utf-8")


def has_a_figure(text):
    paragraphs = re.split(r"\n\n", CODE.sub("", text))
    return any(NAMED.search(one) and VALUE.search(one) for one in paragraphs)


def of_real():
    """Return the pages and the images that the table of figures names."""
    text = REAL.read_text(encoding="utf-8")
    linked = {(REAL.parent / path).resolve() for path in re.findall(r"\]\(([^)#]+\.md)", text)}
    return linked | {REAL}, re.findall(r"`([\w*-]+\.png)`", text)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_each_page_with_a_figure_or_a_picture_of_data_is_said_to_be_real_or_not(page):
    pages, pictures = of_real()
    text = page.read_text(encoding="utf-8")
    shown = [path.rsplit("/", 1)[-1] for path in IMAGE.findall(text)]
    patterns = [re.escape(one).replace(r"\*", "[a-z-]+") for one in pictures]
    assert [one for one in shown if not any(re.fullmatch(p, one) for p in patterns)] == []
    if has_a_figure(text):
        assert page.resolve() in pages


def test_a_figure_is_known_from_a_setting():
    assert has_a_figure("| model | κ |\n|---|---|\n| tree | .83 |")
    assert has_a_figure("```text\nkappa  0.7223\n```")
    assert not has_a_figure("```yaml\nmetric: kappa\nshare: 0.25\n```")
    assert not has_a_figure("κ is chance-corrected.\n\nIt took 0.25 s.")


def test_every_row_of_the_table_says_real_or_simulated():
    section = REAL.read_text(encoding="utf-8").split("## Figures on these pages")[1].split("\n#")[0]
    figures = [line for line in section.splitlines() if "](" in line and line.startswith("| ")]
    assert len(figures) > 20
    assert [row for row in figures if not re.search("real|simulated|no result", row)] == []


def flags_of_scoring():
    """Return every flag that an epoch of a scored recording can have."""
    written = re.findall(
        r'faults\["(\w+)"\]', (ROOT / "src/epochal/serving/scoring.py").read_text()
    )
    assert {"substituted", "not_scored"} <= set(written)  # as the module is written now
    of_all = [scoring.DRIFT, scoring.DRIFT_UNKNOWN, doubts.SHORT_SESSION, doubts.SAME_SIGNAL]
    return {*FAULTS, DROPPED.removeprefix(FLAG), *written, *of_all}


@pytest.mark.parametrize("flag", sorted(flags_of_scoring()))
def test_every_flag_of_a_scored_epoch_stands_in_the_table(flag):
    assert f"| `{flag}` |" in read("how-to/score-recordings.md")


@pytest.mark.parametrize("flag", [answering.ALONE, harmful_bodies.UNREAD])
def test_the_flags_of_single_epochs_stand_in_the_table_of_the_service(flag):
    assert f"| `{flag}` |" in read("reference/rest-api.md")


@pytest.mark.slow
def test_every_address_of_the_service_stands_in_its_reference(tmp_path):
    pytest.importorskip("fastapi")
    from epochal.serving.app import create_app
    from service_material import make_options

    schema = create_app(make_options(tmp_path)).openapi()
    text = read("reference/rest-api.md")
    told = {path for path in schema["paths"] if re.search(rf"{re.escape(path)}(?![\w/{{-])", text)}
    assert len(told) > 30
    assert set(schema["paths"]) - told == set()
    assert "/stream`" in text  # a WebSocket is in no schema
    named = set(re.findall(r"/(?:api|v2|predict|score|drift|download)[\w/{}]*", text))
    shorter = {path.split("{")[0].rstrip("/") for path in schema["paths"]}
    assert {one.rstrip("/") for one in named} - set(schema["paths"]) - shorter == set()
