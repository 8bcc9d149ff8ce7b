"""What is known of subjects: BIDS' `participants.tsv`, side JSON files, and tables' columns.

Ages come out in years, sex as F or M, zeitgeber times as seconds from the recording's start; a
name, birth date or patient number is dropped wherever it stands.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from epochal.errors import RecordingError

PARTICIPANTS = "participants.tsv"
LEVELS_ABOVE = 4  # how far above a recording the participants' table may lie
YEARS_PER = {
    "year": 1.0, "years": 1.0, "y": 1.0, "month": 1 / 12, "months": 1 / 12, "week": 7 / 365.25,
    "weeks": 7 / 365.25, "wk": 7 / 365.25, "day": 1 / 365.25, "days": 1 / 365.25, "d": 1 / 365.25,
}  # fmt: skip
SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}
PRIVATE = re.compile(
    r"^((first|last|full|patient|family|given|subject|participant|owner|operator)?_?name|initials|.*birth.*|dob|address|phone|email"
    r"|mrn|ssn|patient_?(id|number|code)|hospital_?(id|number))$",
    re.IGNORECASE,
)
MISSING = ("", "n/a", "nan", "none", "unknown")
DAY_S = 86400.0


def find_participant(path: str | Path, subject_id: str) -> dict[str, Any]:
    """Return a subject's row of the nearest `participants.tsv` above a file, tidied; or nothing."""
    tables = find_participants(path)
    return read_participants(tables[0]).get(subject_id, {}) if tables else {}


def find_participants(path: str | Path) -> tuple[Path, ...]:
    """Return the nearest `participants.tsv` above a file, and its sidecar where there is one."""
    for folder in list(Path(path).absolute().parents)[:LEVELS_ABOVE]:
        table = folder / PARTICIPANTS
        if table.is_file():
            sidecar = table.with_suffix(".json")
            return (table, sidecar) if sidecar.is_file() else (table,)
    return ()


def read_participants(table: str | Path) -> dict[str, dict[str, Any]]:
    """Read `participants.tsv` as `{participant_id: facts}`, units after its JSON sidecar."""
    table = Path(table)
    try:
        frame = pd.read_csv(table, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise RecordingError(table, f"not a readable table ({error})") from error
    if "participant_id" not in frame:
        raise RecordingError(
            table, f"no column 'participant_id'; it has: {', '.join(map(str, frame.columns))}"
        )
    sidecar = table.with_suffix(".json")
    described = read_json(sidecar) if sidecar.is_file() else {}
    age_unit = _unit_of(described.get("age"))
    rows = {str(row.pop("participant_id")): row for row in frame.to_dict("records")}
    return {
        subject: tidy_facts(row, path=table, age_unit=age_unit) for subject, row in rows.items()
    }


def _unit_of(description: Any) -> str:
    unit = description.get("Units") if isinstance(description, dict) else None
    return str(unit or "years")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object; anything else raises `RecordingError`."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecordingError(path, f"not readable JSON ({error})") from error
    if not isinstance(content, dict):
        raise RecordingError(path, f"holds a JSON {type(content).__name__}, not an object")
    return content


def tidy_facts(
    given: Mapping[str, Any], *, path: str | Path, age_unit: str = "years"
) -> dict[str, Any]:
    """Return facts as metadata: `age` in years, `sex` F or M, `site`, the rest as it stands.

    Missing values and private columns are dropped; columns named `age_weeks`, `age_months` or
    `age_days` become `age`, and `lab` becomes `site`. An age that is no number, or is not one
    that anybody reaches, raises `RecordingError`.
    """
    facts: dict[str, Any] = {}
    for name, value in given.items():
        key = str(name).strip().lower()
        if PRIVATE.match(key) or _is_missing(value):
            continue
        if key == "age" or key.startswith("age_"):
            facts["age"] = _years(path, str(name), value, key.removeprefix("age_"), age_unit)
        elif key in ("sex", "gender"):
            facts["sex"] = SEXES.get(str(value).strip().lower(), str(value))
        else:
            facts["site" if key in ("lab", "laboratory") else key] = _plain(value)
    return facts


def _is_missing(value: Any) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and value.strip().lower() in MISSING


def _years(path: str | Path, name: str, value: Any, column_unit: str, age_unit: str) -> float:
    unit = (age_unit if column_unit == "age" else column_unit).strip().lower()
    if unit not in YEARS_PER:
        raise RecordingError(path, f"'{name}' is in '{unit}'; allowed: {', '.join(YEARS_PER)}")
    try:
        years = float(value) * YEARS_PER[unit]
    except (TypeError, ValueError):
        years = math.nan
    if not 0 <= years < 150:
        raise RecordingError(path, f"the field '{name}' holds '{value}', not an age in {unit}")
    return round(years, 4)


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: numbers in text become numbers."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, int | float):
        return value
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return int(text) if re.fullmatch(r"-?\d{1,15}", text) else number


def read_start(facts: Mapping[str, Any], path: str | Path) -> datetime | None:
    """Return `start_utc` of a side file, with its time zone; without one it is taken for UTC."""
    given = facts.get("start_utc")
    if given is None:
        return None
    try:
        start = datetime.fromisoformat(str(given))
    except ValueError as error:
        raise RecordingError(
            path, f"the field 'start_utc' holds '{given}', not a time such as 2024-03-04T07:00:00Z"
        ) from error
    return start if start.tzinfo else start.replace(tzinfo=UTC)


def find_lights(
    facts: Mapping[str, Any], start: datetime | None, path: str | Path
) -> dict[str, float]:
    """Return `lights_on_s` and `lights_off_s`: the first of each at or after the start, in seconds.

    They recur every 24 h. Taken from `lights_on_s`/`lights_off_s`; or from the times of day
    `lights_on`/`lights_off` on the clock of the start, `utc_offset_h` ahead of it where given.
    """
    found = {}
    for name in ("lights_on", "lights_off"):
        seconds = _number(facts.get(f"{name}_s"), path, f"{name}_s")
        if seconds is None and start is not None and name in facts:
            seconds = _seconds_to(facts, name, start, path)
        if seconds is not None:
            found[f"{name}_s"] = seconds % DAY_S
    return found


def _seconds_to(facts: Mapping[str, Any], name: str, start: datetime, path: str | Path) -> float:
    try:
        clock = time.fromisoformat(str(facts[name]).strip().zfill(5))
    except ValueError as error:
        raise RecordingError(
            path, f"the field '{name}' holds '{facts[name]}', not a time of day such as 07:00"
        ) from error
    offset_h = _number(facts.get("utc_offset_h"), path, "utc_offset_h") or 0.0
    local = start + timedelta(hours=offset_h)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    since_midnight_s = (local - midnight).total_seconds()
    return clock.hour * 3600.0 + clock.minute * 60.0 + clock.second - since_midnight_s


def _number(value: Any, path: str | Path, name: str) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise RecordingError(path, f"the field '{name}' holds '{value}', not a number")
    return number


def to_number(facts: Mapping[str, Any], name: str, path: str | Path) -> float | None:
    """Return a positive number of a side file, or None where it has none."""
    number = _number(facts.get(name), path, name)
    if number is not None and number <= 0:
        raise RecordingError(path, f"the field '{name}' holds {number:g}, not a positive number")
    return number
