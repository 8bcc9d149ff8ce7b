"""What the tests read of the containers' files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from projects import ROOT

DEPLOY = ROOT / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
# what stands in PromQL where a measure could: not one of them
_WORDS = frozenset(["by", "sum", "rate", "le", "time", "job", "increase", "histogram_quantile"])
_IN_BRACKETS = re.compile(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"|\bby\s*\([^)]*\)")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@cache
def compose(name: str = "compose.yaml") -> dict[str, Any]:
    """Return a Compose file."""
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


@cache
def rules() -> tuple[dict[str, Any], ...]:
    """Return Prometheus' rules, those that record and those that alert."""
    content = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text(encoding="utf-8"))
    return tuple(rule for group in content["groups"] for rule in group["rules"])


def panels() -> Iterator[tuple[str, str, str]]:
    """Give dashboard, panel and expression of everything that Grafana asks for."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                yield path.stem, panel["title"], plain(target["expr"])


def plain(expression: str) -> str:
    """Return an expression of Grafana's as Prometheus takes it."""
    return expression.replace("$__rate_interval", "1m").replace("$bundle", ".*")


def measures_in(expression: str) -> set[str]:
    """Name the measures that an expression of PromQL reads."""
    bare = _IN_BRACKETS.sub(" ", expression)
    return set(_NAME.findall(bare)) - _WORDS
