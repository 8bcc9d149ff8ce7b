from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edf_files import build, save, signal
from epochal.readers.edf_fields import (
    has_word_simulated,
    make_printable,
    parse_count,
    parse_number,
    parse_person,
    parse_start,
    parse_text,
    quote,
)
from epochal.readers.edf_header import read_header

START = datetime(2002, 3, 2, 14, 27)


@pytest.mark.parametrize(
    ("raw", "text", "is_ascii"),
    [
        (b"EEG Fpz-Cz      ", "EEG Fpz-Cz", True),
        ("µV".encode(), "µV", False),
        (b"\xb5V      ", "µV", False),
        (b"uV\0\0\0\0\0\0", "uV", True),
        (b"\x07\x1b", "", True),
    ],
)
def test_text_is_decoded_and_stripped(raw, text, is_ascii):
    assert parse_text(raw) == (text, is_ascii)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"-192    ", -192.0), (b"1e3", 1000.0), (b"+.5", 0.5), (b"5.", 5.0), (b"-0,25", -0.25),
        (b"1_000", None), (b"nan", None), (b"inf", None), (b"0x10", None), (b"12 3", None),
        (b"", None), (b"1e999", None), (b"\xb2", None), ("٣".encode(), None), (b"1,2,3", None),
    ],
)  # fmt: skip
def test_numbers_are_numbers_and_nothing_else(raw, value):
    assert parse_number(raw).value == value


def test_only_a_decimal_comma_counts_as_repaired():
    assert parse_number(b"0,5").repaired
    assert not parse_number(b"0.5").repaired


@given(number=st.floats(-1e6, 1e6).map(lambda number: f"{number:.7f}"[:8]))
def test_a_number_written_in_eight_characters_is_read_as_python_reads_it(number):
    assert parse_number(number.ljust(8).encode()).value == float(number)


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        (b"7   ", 7),
        (b"+7", 7),
        (b"7.0", 7),
        (b"0", 0),
        (b"-7", None),
        (b"1e8", None),
        (b"7,5", None),
    ],
)
def test_counts_are_whole_and_have_no_exponent(raw, count):
    assert parse_count(raw) == count


@pytest.mark.parametrize(
    ("raw_date", "raw_time", "start"),
    [
        (b"02.03.02", b"14.27.00", START),
        (b"02/03/02", b"14:27:00", START),
        (b"2.3.02  ", b"14.27.0 ", START),
        (b"24.04.89", b"16.13.00", datetime(1989, 4, 24, 16, 13)),
        (b"01.01.85", b"00.00.00", datetime(1985, 1, 1)),
        (b"01.01.84", b"00.00.00", datetime(2084, 1, 1)),
    ],
)
def test_dates_and_times_in_their_usual_spellings_need_no_repair(raw_date, raw_time, start):
    problems = []
    assert parse_start(raw_date, raw_time, b"", problems) == start
    assert problems == []


@pytest.mark.parametrize(
    "raw", [b"31.02.02", b"00.01.02", b"02.13.02", b"20020302", b"", b"02.03.yy"]
)
def test_a_date_that_does_not_exist_is_reported_and_stands_in(raw):
    problems = []
    start = parse_start(raw, b"14.27.00", b"Startdate X X X X", problems)
    assert start == datetime.combine(date(1985, 1, 1), time(14, 27))
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("raw", "sex", "age"),
    [
        (b"MCH-0234567 F 02-MAY-1951 Haagse_Harry", "F", 50.8),
        (b"X F X Female_33yr", "F", 33.0),
        (b"X M X Male_26yr extra", "M", 26.0),
        (b"X X X X", None, None),
        (b"X M X 7 years old", "M", None),
        (b"X F 99-MAY-1951 X", "F", None),
        (b"X F 02-MAY-2051 X", "F", None),
        (b"X M X 999yr", "M", None),
        (b"John Smith, born 1950", None, None),
        (b"", None, None),
    ],
)
def test_sex_and_age_are_all_that_is_taken_from_the_patient_field(raw, sex, age):
    assert parse_person(raw, START) == (sex, age)


def test_age_from_a_birth_date_needs_a_start():
    assert parse_person(b"X F 02-MAY-1951 X", None) == ("F", None)


def test_the_word_simulated_is_found_in_any_case():
    assert has_word_simulated(b"Startdate X X X SIMULATED_by_Epochal")
    assert not has_word_simulated(b"Startdate 02-MAR-2002 X X similar")


def test_foreign_text_in_a_message_stays_on_one_line():
    assert quote("a\nb\x85c\x00d") == "'a b c d'"
    assert len(quote("x" * 500)) == 62
    assert make_printable("tab\there") == "tab here"


def test_the_header_keeps_no_text_of_the_person(tmp_path):
    raw = build(patient="4711 F 02-MAY-1951 Mustermann_Erika", recording="Startdate X Dr_Who X X")
    header = read_header(save(tmp_path / "night.edf", raw))
    assert (header.sex, header.age) == ("F", 38.0)
    for private in ("4711", "1951", "Mustermann", "Dr_Who"):
        assert private not in repr(header)


def test_the_layout_is_that_of_the_standard(tmp_path):
    header = read_header(save(tmp_path / "night.edf", build(texts={}, reserved="EDF+C")))
    assert header.n_bytes == 256 * 5
    assert [signal.n_samples for signal in header.signals[:3]] == [100, 100, 1]
    assert header.signals[3].is_annotation
    assert header.record_bytes == 2 * sum(signal.n_samples for signal in header.signals)
    assert (header.file_format, header.subtype, header.n_records) == ("EDF", "EDF+C", 60)


def test_a_bdf_has_three_bytes_a_sample(tmp_path):
    header = read_header(save(tmp_path / "night.bdf", build([signal()], bdf=True)))
    assert (header.file_format, header.bytes_per_sample, header.record_bytes) == ("BDF", 3, 300)


@pytest.mark.parametrize(
    ("duration", "rate"),
    [("1", 100.0), ("0.333333", 300.0), ("0.5", 200.0), ("30", 100 / 30), ("0.9999", 100 / 0.9999)],
)
def test_rates_are_freed_of_rounding_and_of_nothing_else(tmp_path, duration, rate):
    header = read_header(save(tmp_path / "night.edf", build([signal()], duration=duration)))
    assert header.sfreq(header.signals[0]) == pytest.approx(rate, rel=1e-12)
