"""EDF and BDF files made byte by byte, sound or with one thing wrong; offsets from the standard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

WIDTHS = {
    "version": 8, "patient": 80, "recording": 80, "startdate": 8, "starttime": 8,
    "header bytes": 8, "reserved": 44, "records": 8, "duration": 8, "signals": 4,
}  # fmt: skip
SIGNAL_WIDTHS = {
    "label": 16, "transducer": 80, "dimension": 8, "physical minimum": 8, "physical maximum": 8,
    "digital minimum": 8, "digital maximum": 8, "prefiltering": 80, "samples": 8, "spare": 32,
}  # fmt: skip
GAIN = 0.25  # uV per digital step of `noise`
Fields = Mapping[str, "str | bytes"]


def noise(
    sfreq: float = 100, seconds: float = 60, *, spread_uv: float = 40, seed: int = 0
) -> np.ndarray:
    """Return digital values, at a quarter of a microvolt each."""
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(0, spread_uv / GAIN, round(sfreq * seconds)), -2000, 2000).astype(int)


def signal(
    label: str = "EEG Fpz-Cz", data: np.ndarray | None = None, **fields: str | bytes
) -> dict:
    """Return one signal: digital values and header fields, `_` standing for a space."""
    given = {name.replace("_", " "): value for name, value in fields.items()}
    standard = {
        "dimension": "uV", "physical minimum": "-500", "physical maximum": "500",
        "digital minimum": "-2000", "digital maximum": "2000",
    }  # fmt: skip
    values = noise() if data is None else np.asarray(data)
    return {"label": label, **standard, **given, "data": values}


def trio() -> list[dict]:
    """Return two channels at 100 Hz and an envelope at 1 Hz, a minute each."""
    return [
        signal("EEG Fpz-Cz", noise(seed=1)),
        signal("EEG Pz-Oz", noise(seed=2)),
        signal("EMG submental", noise(1, seed=3)),
    ]


def build(
    signals: Sequence[dict] | None = None,
    *,
    n_records: int = 60,
    bdf: bool = False,
    onsets: Sequence[str] | None = None,
    texts: Mapping[int, str] | None = None,
    **fields: str | bytes,
) -> bytes:
    """Return a file's bytes; `onsets` (one per record) and `texts` make it EDF+.

    `texts` maps a record to annotations as they stand in the file, `+3\\x152\\x14text\\x14\\0`.
    """
    signals = list(trio() if signals is None else signals)
    if onsets is not None or texts is not None:
        times = [f"+{index}" for index in range(n_records)] if onsets is None else onsets
        signals.append(_annotations(times, texts or {}, bdf))
    main = {
        "version": b"\xffBIOSEMI" if bdf else "0",
        "patient": "X X X X",
        "recording": "Startdate X X X X",
        "startdate": "24.04.89",
        "starttime": "16.13.00",
        "header bytes": str(256 * (1 + len(signals))),
        "records": str(n_records),
        "duration": "1",
        "signals": str(len(signals)),
    }
    main |= {name.replace("_", " "): value for name, value in fields.items()}
    rows = [{**row, "samples": row.get("samples", _count(row, n_records, bdf))} for row in signals]
    header = [_pad(main.get(name, ""), width) for name, width in WIDTHS.items()]
    header += [
        _pad(row.get(name, ""), width) for name, width in SIGNAL_WIDTHS.items() for row in rows
    ]
    records = np.concatenate(
        [_encode(row["data"], bdf).reshape(n_records, -1) for row in signals], axis=1
    )
    return b"".join(header) + records.tobytes()


def save(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


def field_offset(name: str, n_signals: int, index: int = 0) -> tuple[int, int]:
    """Return where a field begins and how wide it is."""
    if name in WIDTHS:
        return sum(_before(WIDTHS, name)), WIDTHS[name]
    before = sum(_before(SIGNAL_WIDTHS, name)) * n_signals
    return 256 + before + index * SIGNAL_WIDTHS[name], SIGNAL_WIDTHS[name]


def _before(widths: Mapping[str, int], name: str) -> list[int]:
    names = list(widths)
    return [widths[other] for other in names[: names.index(name)]]


def _count(row: dict, n_records: int, bdf: bool) -> str:
    per_record = len(row["data"]) // n_records
    if row["label"].endswith("Annotations"):
        per_record //= 3 if bdf else 2
    return str(per_record)


def _annotations(onsets: Sequence[str], texts: Mapping[int, str], bdf: bool) -> dict:
    cells = [
        f"{onset}\x14\x14\0{texts.get(index, '')}".encode() for index, onset in enumerate(onsets)
    ]
    width = -(-max(map(len, cells)) // 6) * 6
    raw = b"".join(cell.ljust(width, b"\0") for cell in cells)
    label = "BDF Annotations" if bdf else "EDF Annotations"
    return signal(
        label, np.frombuffer(raw, np.uint8), dimension="", physical_minimum="-1",
        physical_maximum="1", digital_minimum="-32768", digital_maximum="32767",
    )  # fmt: skip


def _encode(data: np.ndarray, bdf: bool) -> np.ndarray:
    """Return little-endian bytes; annotations (uint8) are bytes already."""
    if data.dtype == np.uint8:
        return data
    if not bdf:
        return data.astype("<i2").view(np.uint8)
    return data.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].ravel()


def _pad(value: str | bytes, width: int) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode("latin-1")
    return raw.ljust(width)[:width]
