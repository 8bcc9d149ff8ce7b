"""Single fields of an EDF header: text, numbers, dates, and what may be known of the person."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import NamedTuple

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
STAND_IN_DATE = date(1985, 1, 1)  # the date that EDF gives to an anonymous recording
FIRST_YEAR = 1985  # two-digit years are 1985-2084, as EDF+ lays down
OLDEST_YEARS = 120
LONGEST_QUOTE = 60

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,2})?")
_TRIPLE = re.compile(r"(\d{1,2})[.:/\- ](\d{1,2})[.:/\- ](\d{1,2})")
_PLUS_DATE = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4})")
_AGE = re.compile(r"(?:^|[\s_])(\d{1,3}(?:\.\d+)?)_?(?:yrs?|years?)(?=$|[\s_])", re.IGNORECASE)


class Text(NamedTuple):
    """A text field without its padding; `is_ascii` is false where the standard was not kept."""

    text: str
    is_ascii: bool


class Number(NamedTuple):
    """A numeric field: None where it holds no number; `repaired` where it had a decimal comma."""

    value: float | None
    repaired: bool


def parse_text(raw: bytes) -> Text:
    """Decode a field as ASCII, else UTF-8, else Latin-1; control characters become spaces."""
    is_ascii = raw.isascii()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return Text(make_printable(text).strip(), is_ascii)


def make_printable(text: str) -> str:
    """Put a space for every letter that would break a line or vanish in a message."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def quote(text: str) -> str:
    """Return foreign text fit for a message: printable, on one line, not too long."""
    return f"'{' '.join(make_printable(text).split())[:LONGEST_QUOTE]}'"


def parse_number(raw: bytes) -> Number:
    """Read a number that may have a decimal comma, but nothing else around it."""
    text = parse_text(raw).text
    if not _NUMBER.fullmatch(text) or not text.isascii():
        return Number(None, repaired=False)
    return Number(float(text.replace(",", ".")), repaired="," in text)


def parse_count(raw: bytes) -> int | None:
    """Read a whole number from 0; None where the field holds none."""
    match = re.fullmatch(r"\+?(\d+)(\.0*)?", parse_text(raw).text, re.ASCII)
    return int(match[1]) if match else None


def parse_start(
    raw_date: bytes, raw_time: bytes, raw_recording: bytes, problems: list[str]
) -> datetime | None:
    """Return when the recording began; None without a time of day, which is reported.

    EDF+ repeats the date with four digits in its recording field: that one is believed. A date
    that cannot be read gives way to 1985-01-01, so that the time of day is kept.
    """
    at = _parse_time(raw_time)
    if at is None:
        problems.append(f"'starttime' holds '{parse_text(raw_time).text}': the start is unknown")
        return None
    plain, plus = _parse_date(raw_date), _parse_plus_date(raw_recording)
    if plain is None:
        used = plus or STAND_IN_DATE
        given = parse_text(raw_date).text
        problems.append(f"'startdate' holds '{given}', not a date; {used} is used instead")
    elif plus is not None and plus != plain:
        problems.append(f"two start dates, {plain} and {plus} (EDF+); the second is used")
    return datetime.combine(plus or plain or STAND_IN_DATE, at)


def _parse_time(raw: bytes) -> time | None:
    match = _TRIPLE.fullmatch(parse_text(raw).text)
    if not match:
        return None
    try:
        return time(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _parse_date(raw: bytes) -> date | None:
    match = _TRIPLE.fullmatch(parse_text(raw).text)
    if not match:
        return None
    day, month, two_digits = (int(part) for part in match.groups())
    century = 1900 if two_digits >= FIRST_YEAR % 100 else 2000
    return _build_date(century + two_digits, month, day)


def _parse_plus_date(raw_recording: bytes) -> date | None:
    words = parse_text(raw_recording).text.split()
    return _parse_written_date(words[1]) if words[:1] == ["Startdate"] and words[1:] else None


def _parse_written_date(text: str) -> date | None:
    """Read `02-MAR-2002`."""
    match = _PLUS_DATE.fullmatch(text)
    if not match or match[2].upper() not in MONTHS:
        return None
    return _build_date(int(match[3]), MONTHS.index(match[2].upper()) + 1, int(match[1]))


def _build_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def parse_person(raw_patient: bytes, start: datetime | None) -> tuple[str | None, float | None]:
    """Return sex (`F`, `M`) and age in years from EDF+'s patient field, and nothing else of it.

    The field holds code, sex, birth date, name; the age comes from the birth date, or from a word
    such as Sleep-EDFx's `Female_33yr`.
    """
    words = parse_text(raw_patient).text.split()
    if len(words) < 4 or words[1] not in ("F", "M", "X"):
        return None, None
    sex = words[1] if words[1] != "X" else None
    born = _parse_written_date(words[2])
    written = _AGE.search(" ".join(words[3:]))
    if born and start:
        age = round((start.date() - born).days / 365.25, 1)
    else:
        age = float(written[1]) if written else -1.0
    return sex, age if 0 <= age <= OLDEST_YEARS else None


def has_word_simulated(raw_recording: bytes) -> bool:
    """Say whether the recording field declares the file simulated."""
    return re.search(r"simulated", parse_text(raw_recording).text, re.IGNORECASE) is not None
