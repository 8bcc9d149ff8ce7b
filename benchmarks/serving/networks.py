"""What the networks of a bundle take for one epoch, in floats and with weights of 8 bits."""

from __future__ import annotations

import statistics
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

N_CALLS = 40


def measure_networks(folder: Path) -> list[dict[str, Any]]:
    """Return a row for each network of a bundle; the one of 8 bits is made here if it ships none.

    What a bundle leaves out because too few labels agree is measured, too: it is about time.
    """
    from epochal.models.quantising import quantise
    from epochal.serving.bundle import read_bundle

    bundle, rows = read_bundle(folder), []
    for entry in bundle.manifest.models:
        content = bundle.files[entry.file]
        if entry.family != "deep":
            continue
        small = bundle.files[entry.quantised.file] if entry.quantised else quantise(content)
        if small is not None:
            rows.append(_compare(f"{bundle.manifest.study} {entry.name}", content, small))
    return rows


def _compare(name: str, content: bytes, small: bytes) -> dict[str, Any]:
    float_ms, small_ms = _time(content), _time(small)
    return {
        "case": f"ONNX Runtime, {name}, one epoch, 1 thread, weights of 8 bits, p50",
        "unit": "ms",
        "ours": round(small_ms, 3),
        "peer_name": "the same in floats",
        "peer": round(float_ms, 3),
        "ratio": round(float_ms / small_ms, 2),
        "size_mb": round(len(small) / 1e6, 3),
        "peer_size_mb": round(len(content) / 1e6, 3),
    }


def _time(content: bytes) -> float:
    """Return the median milliseconds of a call with one epoch of noise."""
    from epochal.serving.sessions import open_session

    session, random = open_session(content), np.random.default_rng(0)
    given = {
        one.name: random.normal(size=[_size(axis) for axis in one.shape]).astype(np.float32)
        for one in session.get_inputs()
    }
    seconds = []
    for _ in range(N_CALLS + 5):
        began_s = perf_counter()
        session.run(None, given)
        seconds.append(perf_counter() - began_s)
    return statistics.median(seconds[5:]) * 1e3


def _size(axis: Any) -> int:
    return axis if isinstance(axis, int) and axis > 0 else 1
