"""The samples of an EDF or BDF: decoded by edfio, block by block, into one float32 array a channel.

A block is a megabyte of data records behind a plain header with the same layout, so that
edfio sees a sound file, and memory stays that of the recording (`benchmarks/edf_memory.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import edfio
import numpy as np

from epochal.errors import RecordingError
from epochal.readers.edf_header import BIOSEMI, MAIN_FIELDS, SIGNAL_FIELDS, EdfHeader
from epochal.readers.edf_timeline import Run

BLOCK_BYTES = 2**20


def read_samples(
    header: EdfHeader, runs: Sequence[Run], *, wanted: Sequence[int], factors: Sequence[float]
) -> list[np.ndarray]:
    """Return the wanted signals in physical units times a factor, NaN where the runs leave gaps.

    `wanted` are indices into `header.signals`; the arrays are float32 `(n_samples,)`, all on one
    time axis. A file that ends while it is read raises `RecordingError`.
    """
    arrays = [_allocate(header, runs, index) for index in wanted]
    scales = [_find_scale(header, *pair) for pair in zip(wanted, factors, strict=True)]
    try:
        with header.path.open("rb") as file:
            file.seek(header.n_bytes)
            for run in runs:
                _fill_run(header, run, file, list(zip(wanted, arrays, scales, strict=True)))
    except OSError as error:
        raise RecordingError(header.path, f"cannot be read ({error.strerror})") from error
    return arrays


def _find_scale(header: EdfHeader, index: int, factor: float) -> tuple[float, float]:
    """Return gain and offset: a digital value times the one plus the other is the physical one."""
    (low, high), (first, last) = header.signals[index].physical, header.signals[index].digital
    gain = (high - low) / (last - first)
    return gain * factor, (low - gain * first) * factor


def _allocate(header: EdfHeader, runs: Sequence[Run], index: int) -> np.ndarray:
    end = _place(header, runs[-1], index, runs[-1].n_records)
    return np.empty(end, np.float32) if len(runs) == 1 else np.full(end, np.nan, np.float32)


def _place(header: EdfHeader, run: Run, index: int, record: int) -> int:
    """Return where a run's record begins, in samples; halves are rounded up, never to overlap."""
    signal = header.signals[index]
    return math.floor(run.start_s * header.sfreq(signal) + 0.5) + record * signal.n_samples


def _fill_run(
    header: EdfHeader,
    run: Run,
    file: BinaryIO,
    targets: Sequence[tuple[int, np.ndarray, tuple[float, float]]],
) -> None:
    record = 0
    for block in _iterate_blocks(header, file, run.n_records):
        for index, array, (gain, offset) in targets:
            digital = block.signals[index].digital
            start = _place(header, run, index, record)
            array[start : start + len(digital)] = digital * gain + offset
        record += block.num_data_records


def _iterate_blocks(
    header: EdfHeader, file: BinaryIO, n_records: int
) -> Iterator[edfio.Edf | edfio.Bdf]:
    per_block = max(BLOCK_BYTES // header.record_bytes, 1)
    decode = edfio.read_bdf if header.file_format == "BDF" else edfio.read_edf
    for first in range(0, n_records, per_block):
        n_block = min(per_block, n_records - first)
        raw = file.read(n_block * header.record_bytes)
        if len(raw) < n_block * header.record_bytes:
            raise RecordingError(header.path, "ends while it is being read; is it being written?")
        yield decode(write_plain_header(header, n_block) + raw)


def write_plain_header(header: EdfHeader, n_records: int) -> bytes:
    """Return header bytes for edfio: the file's layout, with every signal an ordinary one.

    Annotations thus count as signals, and edfio numbers them as the file does.
    """
    main = {
        "version": "0",
        "number of header bytes": header.n_bytes,
        "number of data records": n_records,
        "duration of a data record": 1,
        "number of signals": len(header.signals),
    }
    rows = [
        {
            "label": "signal",
            "physical minimum": -1,
            "physical maximum": 1,
            "digital minimum": -32768,
            "digital maximum": 32767,
            "number of samples in a data record": signal.n_samples,
        }
        for signal in header.signals
    ]  # fmt: skip
    fields = [_pad(main.get(name, ""), width) for name, width in MAIN_FIELDS]
    fields += [_pad(row.get(name, ""), width) for name, width in SIGNAL_FIELDS for row in rows]
    raw = b"".join(fields)
    return BIOSEMI + raw[len(BIOSEMI) :] if header.file_format == "BDF" else raw


def _pad(value: object, width: int) -> bytes:
    return str(value).encode("ascii").ljust(width)
