"""Rules of alerts: a class, a probability, and for how long; and the episodes that meet one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from epochal.errors import EpochalError
from epochal.labels import PROBA


class AlertRule(BaseModel, extra="forbid", frozen=True):
    """When to raise an alert."""

    label: str = Field(description="The class that it is about.", examples=["Seizure"])
    probability: float = Field(ge=0, le=1, description="What the class must have at least.")
    for_s: float = Field(0.0, ge=0, description="Without a break for so long, in seconds.")
    bundles: tuple[str, ...] = Field(
        (), description="Only of these bundles; default: each that knows the class."
    )
    false_alarms_per_hour: float | None = Field(
        None, ge=0, description="As measured for this rule by the operator, where it was."
    )

    @property
    def name(self) -> str:
        """What the rule asks for, in words."""
        return f"{self.label} ≥ {self.probability:g} for ≥ {self.for_s:g} s"


@dataclass
class Episode:
    """Epochs in a row that meet a rule's probability; seconds from the recording's start."""

    rule: AlertRule
    onset_s: float
    end_s: float
    peak: float

    @property
    def duration_s(self) -> float:
        """From the first epoch's start to the last one's end."""
        return self.end_s - self.onset_s

    @property
    def is_alert(self) -> bool:
        """Whether it has lasted as long as its rule asks."""
        return self.duration_s >= self.rule.for_s - 1e-6


class Watch:
    """One rule over epochs as they come, in order; they may overlap."""

    def __init__(self, rule: AlertRule, epoch_length_s: float) -> None:
        self._rule, self._length_s = rule, epoch_length_s
        self._episode: Episode | None = None
        self._is_told = False

    def see(self, onset_s: float, probability: float) -> Episode | None:
        """Take an epoch; return its episode the moment that it has lasted long enough.

        The episode goes on growing with the epochs that follow. An epoch without a probability
        (NaN), and a gap of more than half an epoch, end it.
        """
        if not probability >= self._rule.probability:  # NaN too
            self._episode = None
            return None
        held = self._episode
        if held is None or onset_s > held.end_s + self._length_s / 2:
            held, self._is_told = Episode(self._rule, onset_s, onset_s, probability), False
            self._episode = held
        held.end_s = max(held.end_s, onset_s + self._length_s)
        held.peak = max(held.peak, probability)
        if self._is_told or not held.is_alert:
            return None
        self._is_told = True
        return held


def find_episodes(
    table: pd.DataFrame, rules: Iterable[AlertRule], epoch_length_s: float
) -> list[Episode]:
    """Return the whole episodes of a scored recording that meet a rule, by onset.

    `table` has a row per epoch with `onset_s` and `proba_<class>`, as `Scored.epochs`.
    """
    found = []
    for rule in rules:
        column = f"{PROBA}{rule.label}"
        if column not in table:
            continue
        watch = Watch(rule, epoch_length_s)
        seen = zip(table["onset_s"], table[column], strict=True)
        episodes = [watch.see(float(onset_s), float(value)) for onset_s, value in seen]
        found += [one for one in episodes if one is not None]
    return sorted(found, key=lambda one: (one.onset_s, one.rule.name))


def read_rules(path: Path) -> tuple[AlertRule, ...]:
    """Read rules from a YAML or JSON file: a list of them, or one under `rules`."""
    try:
        content = _parse(path)
    except (OSError, ValueError) as error:
        raise EpochalError(f"{path}: not a file of alert rules: {error}") from error
    given = content.get("rules") if isinstance(content, dict) else content
    try:
        return TypeAdapter(tuple[AlertRule, ...]).validate_python(given)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise EpochalError(f"{path}: rule {where}: {fault['msg']}") from error


def check_labels(rules: Sequence[AlertRule], classes: dict[str, tuple[str, ...]]) -> None:
    """Refuse a rule that no bundle could ever meet: a silent alarm is worse than none.

    `classes` are those of each bundle by its name.
    """
    for rule in rules:
        meant = [name for name in classes if not rule.bundles or name in rule.bundles]
        if not any(rule.label in classes[name] for name in meant):
            known = "; ".join(f"{name}: {', '.join(classes[name])}" for name in classes)
            raise EpochalError(
                f"Alert rule '{rule.name}': no bundle that it is for has the class "
                f"'{rule.label}'; there are: {known or 'no bundles'}"
            )


def _parse(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix.lower() == ".json":
        return json.loads(text, parse_constant=lambda _: math.nan)
    try:
        import yaml
    except ImportError as error:
        raise ValueError("YAML needs PyYAML; write the rules as .json, or install it") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
