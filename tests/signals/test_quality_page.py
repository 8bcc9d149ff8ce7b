"""The page on signal quality shows the figures that were measured, and no others."""

import json
import re

import pytest

from epochal.options.quality import FAULTS, KIND_LIMITS
from projects import ROOT

PAGE = (ROOT / "docs/explanation/signal-quality.md").read_text(encoding="utf-8")
ROWS = json.loads((ROOT / "benchmarks/results/quality.json").read_text(encoding="utf-8"))["rows"]
PLANTED = re.compile(r"(?P<source>.+), (?P<kind>\w+): planted (?P<fault>\w+) found")


def shown(source, kind):
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {source} | `{kind}` |"))
    return dict(zip(FAULTS, [cell.strip() for cell in line.split("|")[3:9]], strict=True))


@pytest.mark.parametrize("row", [row for row in ROWS if "planted" in row["case"]],
                         ids=lambda row: row["case"])  # fmt: skip
def test_the_share_of_planted_faults_found_is_the_measured_one(row):
    source, kind, fault = PLANTED.match(row["case"]).groups()
    assert float(shown(source, kind)[fault]) == pytest.approx(row["ours"], abs=5e-4)


def test_what_is_required_is_reached_everywhere():
    assert [row["case"] for row in ROWS if row["ratio"] < 1] == []


def test_every_kind_and_every_fault_is_named():
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert set(FAULTS) | set(KIND_LIMITS) <= named
