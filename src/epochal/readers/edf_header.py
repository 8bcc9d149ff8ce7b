"""The header of an EDF, EDF+ or BDF file, read tolerantly: every repair is put into words.

Fields after Kemp et al. 1992, doi:10.1016/0013-4694(92)90009-7, and Kemp and Olivan 2003 (EDF+),
doi:10.1016/S1388-2457(03)00123-8; BDF as BioSemi describes it. `docs/reference/edf-trouble.md`
lists what is repaired and what is refused. The patient's code, name and birth date are looked at
for sex and age, and go no further.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from epochal.errors import RecordingError
from epochal.readers.edf_fields import (
    has_word_simulated,
    parse_count,
    parse_number,
    parse_person,
    parse_start,
    parse_text,
)

MAIN_FIELDS = (
    ("version", 8),
    ("local patient identification", 80),
    ("local recording identification", 80),
    ("startdate", 8),
    ("starttime", 8),
    ("number of header bytes", 8),
    ("reserved", 44),
    ("number of data records", 8),
    ("duration of a data record", 8),
    ("number of signals", 4),
)
SIGNAL_FIELDS = (
    ("label", 16),
    ("transducer type", 80),
    ("physical dimension", 8),
    ("physical minimum", 8),
    ("physical maximum", 8),
    ("digital minimum", 8),
    ("digital maximum", 8),
    ("prefiltering", 80),
    ("number of samples in a data record", 8),
    ("reserved", 32),
)
MAIN_BYTES = sum(width for _, width in MAIN_FIELDS)
SIGNAL_BYTES = sum(width for _, width in SIGNAL_FIELDS)
BIOSEMI = b"\xffBIOSEMI"  # the eight bytes that begin a BDF file
BYTES_PER_SAMPLE = {"EDF": 2, "BDF": 3}
# Beyond these the scale is nonsense, and float32 or edfio's arithmetic would give way.
PHYSICAL_LIMIT, NARROWEST_RANGE, DIGITAL_LIMIT = 1e12, 1e-12, 2**23
SHORTEST_RECORD_S, LONGEST_RECORD_S = 1e-6, 1e6
RATE_ROUNDING = 2e-6  # what eight characters leave of a duration such as 1/3 s


@dataclass(frozen=True)
class SignalHeader:
    """One signal's fields; `unusable` says why its samples cannot be scaled, or is empty."""

    label: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[int, int]
    n_samples: int
    is_annotation: bool
    unusable: str = ""


@dataclass(frozen=True)
class EdfHeader:
    """What a file's header says, after repair; `n_records` are the whole records in the file."""

    path: Path
    file_format: str
    subtype: str
    start: datetime | None
    sex: str | None
    age: float | None
    says_simulated: bool
    n_records: int
    record_s: float
    signals: tuple[SignalHeader, ...]
    problems: tuple[str, ...] = ()

    @property
    def n_bytes(self) -> int:
        """Bytes before the first data record."""
        return MAIN_BYTES + SIGNAL_BYTES * len(self.signals)

    @property
    def bytes_per_sample(self) -> int:
        """Two in EDF, three in BDF."""
        return BYTES_PER_SAMPLE[self.file_format]

    @property
    def record_bytes(self) -> int:
        """Bytes of one data record, annotations included."""
        return self.bytes_per_sample * sum(signal.n_samples for signal in self.signals)

    def sfreq(self, signal: SignalHeader) -> float:
        """Return a signal's rate in Hz, freed of the rounding of the record's duration."""
        rate = signal.n_samples / self.record_s
        whole = round(rate)
        return float(whole) if abs(rate - whole) <= RATE_ROUNDING * rate else rate


def read_header(path: str | Path) -> EdfHeader:
    """Read and repair a header; one that leaves the layout in doubt raises `RecordingError`."""
    path = Path(path)
    try:
        n_file_bytes = path.stat().st_size
        with path.open("rb") as file:
            main = _cut(file.read(MAIN_BYTES), MAIN_FIELDS)
            _check_version(path, main, n_file_bytes)
            n_signals = _count_signals(path, main)
            raw = file.read(SIGNAL_BYTES * n_signals)
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})") from error
    if len(raw) < SIGNAL_BYTES * n_signals:
        raise RecordingError(
            path,
            f"ends within the header, after {n_file_bytes} bytes; its {n_signals} signals need "
            f"{MAIN_BYTES + SIGNAL_BYTES * n_signals}",
        )
    return _build_header(path, main=main, raw_signals=raw, n_file_bytes=n_file_bytes)


def _cut(raw: bytes, fields: tuple[tuple[str, int], ...]) -> dict[str, bytes]:
    values, position = {}, 0
    for name, width in fields:
        values[name] = raw[position : position + width]
        position += width
    return values


def _check_version(path: Path, main: dict[str, bytes], n_file_bytes: int) -> None:
    if n_file_bytes == 0:
        raise RecordingError(path, "the file is empty")
    given = parse_text(main["version"]).text
    if given != "0" and main["version"] != BIOSEMI:
        raise RecordingError(
            path, f"not an EDF or BDF file: the field 'version' holds '{given}', not '0'"
        )
    if n_file_bytes < MAIN_BYTES:
        raise RecordingError(path, f"ends within the header, after {n_file_bytes} bytes")


def _count_signals(path: Path, main: dict[str, bytes]) -> int:
    n_signals = parse_count(main["number of signals"])
    if not n_signals:
        raise _field_error(path, "number of signals", main, "a whole number above 0")
    return n_signals


def _field_error(
    path: Path, field: str, values: dict[str, bytes], needed: str, *, of: str = ""
) -> RecordingError:
    given = parse_text(values[field]).text
    return RecordingError(path, f"the field '{field}'{of} holds '{given}'; {needed} is needed")


def _build_header(
    path: Path, *, main: dict[str, bytes], raw_signals: bytes, n_file_bytes: int
) -> EdfHeader:
    problems: list[str] = []
    file_format = "BDF" if main["version"] == BIOSEMI else "EDF"
    signals = tuple(
        _parse_signal(path, index=index, values=values, problems=problems)
        for index, values in enumerate(_split_signals(raw_signals))
    )
    start = parse_start(
        main["startdate"], main["starttime"], main["local recording identification"], problems
    )
    sex, age = parse_person(main["local patient identification"], start)
    header = EdfHeader(
        path=path,
        file_format=file_format,
        subtype=parse_text(main["reserved"]).text[:5],
        start=start,
        sex=sex,
        age=age,
        says_simulated=has_word_simulated(main["local recording identification"]),
        n_records=0,
        record_s=_parse_duration(path, main, signals, problems),
        signals=_name_apart(signals, problems),
    )
    n_records = _count_records(header, main, n_file_bytes, problems)
    _note_main_fields(main, header, problems)
    return replace(header, n_records=n_records, problems=tuple(problems))


def _split_signals(raw: bytes) -> list[dict[str, bytes]]:
    """Turn the header's field-by-field order into one dict per signal."""
    n_signals = len(raw) // SIGNAL_BYTES
    columns = _cut(raw, tuple((name, width * n_signals) for name, width in SIGNAL_FIELDS))
    return [
        {
            name: columns[name][index * width : (index + 1) * width]
            for name, width in SIGNAL_FIELDS
        }
        for index in range(n_signals)
    ]  # fmt: skip


def _parse_signal(
    path: Path, *, index: int, values: dict[str, bytes], problems: list[str]
) -> SignalHeader:
    label = parse_text(values["label"])
    unit = parse_text(values["physical dimension"])
    where = f"signal {index + 1}"
    for name, text in (("label", label), ("physical dimension", unit)):
        if not text.is_ascii:
            problems.append(f"{where}: non-ASCII text in '{name}', read as '{text.text}'")
    field = "number of samples in a data record"
    n_samples = parse_count(values[field])
    if n_samples is None:
        of = f" of '{label.text or where}'"
        raise _field_error(path, field, values, "a whole number", of=of)
    signal = SignalHeader(
        label=label.text,
        unit=unit.text,
        physical=(0.0, 0.0),
        digital=(0, 0),
        n_samples=n_samples,
        is_annotation=label.text in ("EDF Annotations", "BDF Annotations"),
    )
    return signal if signal.is_annotation else _scale_signal(signal, values, where, problems)


def _scale_signal(
    signal: SignalHeader, values: dict[str, bytes], where: str, problems: list[str]
) -> SignalHeader:
    """Fill in the ranges that turn digital values into physical ones, or say why they cannot."""
    limits = []
    for field in ("physical minimum", "physical maximum", "digital minimum", "digital maximum"):
        number = parse_number(values[field])
        if number.value is None:
            given = parse_text(values[field]).text
            return replace(signal, unusable=f"its '{field}' holds '{given}', not a number")
        if number.repaired:
            problems.append(f"{where}: decimal comma in '{field}', read as {number.value:g}")
        limits.append(number.value)
    physical, digital = (limits[0], limits[1]), (round(limits[2]), round(limits[3]))
    return replace(
        signal, physical=physical, digital=digital, unusable=_find_fault(signal, physical, digital)
    )


def _find_fault(
    signal: SignalHeader, physical: tuple[float, float], digital: tuple[int, int]
) -> str:
    if signal.n_samples == 0:
        return "it has no samples"
    if abs(physical[1] - physical[0]) < NARROWEST_RANGE:
        return f"its physical minimum equals its physical maximum ({physical[0]:g})"
    if digital[0] == digital[1]:
        return f"its digital minimum equals its digital maximum ({digital[0]})"
    if max(map(abs, physical)) > PHYSICAL_LIMIT or max(map(abs, digital)) > DIGITAL_LIMIT:
        return "its physical or digital range is out of all proportion"
    return ""


def _name_apart(signals: tuple[SignalHeader, ...], problems: list[str]) -> tuple[SignalHeader, ...]:
    """Give each ordinary signal a name of its own: blank and repeated labels are numbered."""
    taken: Counter[str] = Counter()
    named = []
    for index, signal in enumerate(signals):
        name = signal.label or f"signal {index + 1}"
        if not signal.is_annotation:
            taken[name] += 1
            while taken[name] > 1:
                name = f"{signal.label or name} #{taken[name]}"
                taken[name] += 1
            if name != signal.label:
                kind = "duplicated" if signal.label else "blank"
                problems.append(f"signal {index + 1}: {kind} label, named '{name}'")
        named.append(replace(signal, label=name))
    return tuple(named)


def _parse_duration(
    path: Path,
    main: dict[str, bytes],
    signals: tuple[SignalHeader, ...],
    problems: list[str],
) -> float:
    field = "duration of a data record"
    number = parse_number(main[field])
    only_annotations = all(signal.is_annotation for signal in signals)
    if only_annotations and number.value is not None and number.value >= 0:
        return number.value
    if number.value is None or not SHORTEST_RECORD_S <= number.value <= LONGEST_RECORD_S:
        raise _field_error(path, field, main, "a number of seconds above 0")
    if number.repaired:
        problems.append(f"decimal comma in '{field}', read as {number.value:g} s")
    return number.value


def _count_records(
    header: EdfHeader, main: dict[str, bytes], n_file_bytes: int, problems: list[str]
) -> int:
    """Count the whole records in the file; the header's own count is only compared with it."""
    n_data_bytes = n_file_bytes - header.n_bytes
    if header.record_bytes == 0:
        raise RecordingError(header.path, "no signal has any samples")
    n_records, n_left = divmod(n_data_bytes, header.record_bytes)
    if n_records == 0:
        what = "less than one data record" if n_left else "no data"
        raise RecordingError(
            header.path,
            f"header only: {what} follows it ({n_left} of {header.record_bytes} bytes)",
        )
    declared = parse_number(main["number of data records"]).value
    given = parse_text(main["number of data records"]).text
    if declared is None or declared < 0:
        problems.append(f"'number of data records' holds '{given}'; the file holds {n_records}")
    elif declared > n_records:
        lost_s = (declared - n_records) * header.record_s
        problems.append(
            f"truncated: {n_records} whole data records of {given}; the last {lost_s:g} s are lost"
        )
    elif declared < n_records:
        problems.append(
            f"'number of data records' holds {given}, the file {n_records}; all are read"
        )
    if n_left:
        problems.append(f"{n_left} bytes after the last whole data record were left out")
    return n_records


def _note_main_fields(main: dict[str, bytes], header: EdfHeader, problems: list[str]) -> None:
    """Report what needs no repair of the data: a wrong header size, non-ASCII identification."""
    n_bytes = parse_number(main["number of header bytes"]).value
    if n_bytes != header.n_bytes:
        given = parse_text(main["number of header bytes"]).text
        problems.append(
            f"'number of header bytes' holds '{given}'; its {len(header.signals)} signals make it "
            f"{header.n_bytes}"
        )
    for field in ("local patient identification", "local recording identification", "reserved"):
        if not parse_text(main[field]).is_ascii:
            problems.append(f"non-ASCII text in '{field}' (not repeated here)")
