"""One scored recording against a reference hypnogram: offset, agreement, statistics of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from epochal import __version__
from epochal.errors import EpochalError, RecordingError
from epochal.evaluation.agreement import (
    describe_agreement,
    resample,
    tabulate_blocks,
    tabulate_pair,
)
from epochal.evaluation.alignment import Offset, find_offset, overlap
from epochal.evaluation.bouts import hypnogram_edit_distance, median_bout_s
from epochal.evaluation.scoring_files import Kind, Lights, Scoring
from epochal.evaluation.sleep_statistics import CLASSES, SleepStatistics, measure_sleep
from epochal.metrics import kappa
from epochal.provenance import RESEARCH_USE
from epochal.readers.hypnograms import DAY_S

BLOCK_MIN = 30.0
_CHANCE_KAPPA = 0.2  # a κ below it: perhaps not the same recording
_LENGTHS_APART = 0.05  # scorings whose lengths differ by more than this share are told


@dataclass(frozen=True)
class Comparison:
    """What was found of one pair: a JSON-able summary, a row per epoch, and tables to pool."""

    summary: dict[str, Any]
    epochs: pd.DataFrame
    table: np.ndarray
    statistics: dict[str, SleepStatistics] = field(default_factory=dict)


def compare_scorings(
    scored: Scoring,
    reference: Scoring,
    kind: Kind,
    *,
    epoch_s: float,
    most_offset_min: float,
    lights: Lights | None = None,
) -> Comparison:
    """Compare two scorings where they overlap, after moving one by the offset that was found.

    `lights` are on the scored file's clock; without them those annotated in the reference hold.
    Nothing scored by both raises `RecordingError`.
    """
    base = round(_seconds_ahead(scored, reference) / epoch_s)
    most_epochs = round(most_offset_min * 60 / epoch_s)
    offset = find_offset(
        reference.codes, scored.codes, len(kind.classes), most_epochs=most_epochs, base=base
    )
    theirs, ours = overlap(len(reference.codes), len(scored.codes), base + offset.epochs)
    truth, guess = reference.codes[theirs], scored.codes[ours]
    table = tabulate_pair(truth, guess, len(kind.classes))
    if not table.sum():
        raise RecordingError(scored.path, f"no epoch is scored in {reference.path.name} too")
    first_s = scored.start_s + ours.start * epoch_s
    in_bed = _lights_of_overlap(reference, lights, theirs.start, first_s, epoch_s)
    statistics = _measure(truth, guess, kind, epoch_s, in_bed)
    summary = {
        **_describe_files(scored, reference, kind, epoch_s),
        "n_overlapping": len(truth),
        "offset": _describe_offset(offset, scored, reference, base, epoch_s),
        **describe_agreement(table, kind.classes),
        **_interval(truth, guess, kind, epoch_s),
        "structure": _structure(truth, guess, kind, epoch_s),
        **_describe_statistics(statistics),
        "problems": _problems(scored, reference, offset, most_epochs, float(kappa(table))),
        "data_source": _both_sources(scored, reference),
        "notice": RESEARCH_USE,
        "epochal_version": __version__,
    }
    rows = _list_epochs(truth, guess, kind.classes, ours.start, first_s, epoch_s)
    return Comparison(summary, rows, table, statistics)


def _seconds_ahead(scored: Scoring, reference: Scoring) -> float:
    """Return where the files' own clocks put the scored file's epoch 0 in the reference."""
    apart_s = 0.0
    if scored.starts_at is not None and reference.starts_at is not None:
        apart_s = (scored.starts_at - reference.starts_at).total_seconds()
        apart_s = (apart_s + DAY_S / 2) % DAY_S - DAY_S / 2  # dates are often wrong, hours rarely
    return scored.start_s + apart_s - reference.start_s


def _lights_of_overlap(
    reference: Scoring, given: Lights | None, first_epoch: int, first_s: float, epoch_s: float
) -> Lights:
    """Return the lights in seconds from the overlap's first epoch."""
    if given is not None and given != Lights():
        return given.moved(-first_s)
    return reference.lights.moved(-(reference.start_s + first_epoch * epoch_s))


def _measure(
    truth: np.ndarray, guess: np.ndarray, kind: Kind, epoch_s: float, lights: Lights
) -> dict[str, SleepStatistics]:
    """Return the sleep statistics of both; of animals none, for they have no night."""
    if kind.classes != CLASSES:
        return {}
    return {
        side: measure_sleep(
            _labels(codes, CLASSES),
            epoch_s=epoch_s,
            lights_off_s=lights.off_s,
            lights_on_s=lights.on_s,
        )
        for side, codes in (("scored", guess), ("reference", truth))
    }


def _labels(codes: np.ndarray, classes: Sequence[str]) -> list[str | None]:
    return [classes[code] if code >= 0 else None for code in codes]


def _describe_files(
    scored: Scoring, reference: Scoring, kind: Kind, epoch_s: float
) -> dict[str, Any]:
    return {
        "scored": scored.path.name,
        "reference": reference.path.name,
        "model": scored.facts.get("model"),
        "classes": list(kind.classes),
        "epoch_length_s": epoch_s,
        "n_epochs_scored": int((scored.codes >= 0).sum()),
        "n_epochs_reference": int((reference.codes >= 0).sum()),
    }


def _describe_offset(
    offset: Offset, scored: Scoring, reference: Scoring, base: int, epoch_s: float
) -> dict[str, Any]:
    """Return the offset in epochs, and in seconds between the clocks; and what was doubted."""
    moved = base + offset.epochs
    return {
        "epochs": offset.epochs,
        "seconds": offset.epochs * epoch_s,
        "reference_start_s": reference.start_s + moved * epoch_s - scored.start_s,
        "kappa_without": _finite(offset.kappa_unshifted),
        "not_taken_epochs": offset.best_epochs if offset.reason else None,
        "reason": offset.reason,
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _interval(truth: np.ndarray, guess: np.ndarray, kind: Kind, epoch_s: float) -> dict[str, Any]:
    block_epochs = max(1, round(BLOCK_MIN * 60 / epoch_s))
    blocks = tabulate_blocks(truth, guess, len(kind.classes), block_epochs=block_epochs)
    found = resample(blocks, kappa)
    return {
        "kappa_low": _finite(found.low),
        "kappa_high": _finite(found.high),
        "interval": f"95 %, {len(blocks)} blocks of {BLOCK_MIN:g} min resampled: this night alone",
    }


def _structure(truth: np.ndarray, guess: np.ndarray, kind: Kind, epoch_s: float) -> dict[str, Any]:
    """Return both median bouts per class, and edit distances, over epochs that both scored."""
    both = (truth >= 0) & (guess >= 0)
    sides = {
        side: _labels(np.where(both, codes, -1), kind.classes)
        for side, codes in (("reference", truth), ("scored", guess))
    }
    medians = {
        side: median_bout_s(labels, kind.classes, epoch_s=epoch_s) for side, labels in sides.items()
    }
    return {
        "median_bout_s": {
            side: {name: _finite(value) for name, value in found.items()}
            for side, found in medians.items()
        },
        "edit_distance_epochs": hypnogram_edit_distance(sides["reference"], sides["scored"]),
        "edit_distance_bouts": hypnogram_edit_distance(
            sides["reference"], sides["scored"], of="bouts"
        ),
    }


def _describe_statistics(statistics: dict[str, SleepStatistics]) -> dict[str, Any]:
    return {
        "sleep_statistics": {side: found.values for side, found in statistics.items()},
        "not_available": {side: found.missing for side, found in statistics.items()},
    }


def _problems(
    scored: Scoring, reference: Scoring, offset: Offset, most_epochs: int, agreement: float
) -> list[str]:
    problems = [
        f"{side.path.name}: {problem}" for side in (scored, reference) for problem in side.problems
    ]
    lengths = sorted([len(scored.codes), len(reference.codes)])
    if lengths[0] < (1 - _LENGTHS_APART) * lengths[1]:
        problems.append(
            f"{scored.path.name} spans {len(scored.codes)} epochs, {reference.path.name} "
            f"{len(reference.codes)}; only where both lie is compared"
        )
    if most_epochs and abs(offset.epochs) == most_epochs:
        problems.append("the offset lies at the edge of the search: look further")
    if agreement < _CHANCE_KAPPA:
        problems.append(f"κ is {agreement:.2f}: hardly more than chance; is it the same recording?")
    return problems


def _both_sources(*scorings: Scoring) -> str:
    simulated = any(one.facts["data_source"] != "real" for one in scorings)
    return "simulated" if simulated else "real"


def _list_epochs(
    truth: np.ndarray,
    guess: np.ndarray,
    classes: Sequence[str],
    first: int,
    first_s: float,
    epoch_s: float,
) -> pd.DataFrame:
    """Return `epoch, onset_s, scored, reference, agree` on the scored file's clock."""
    steps = np.arange(len(truth))
    both = (truth >= 0) & (guess >= 0)
    return pd.DataFrame(
        {
            "epoch": first + steps,
            "onset_s": first_s + steps * epoch_s,
            "scored": _labels(guess, classes),
            "reference": _labels(truth, classes),
            "agree": [
                bool(s) if known else None for s, known in zip(truth == guess, both, strict=True)
            ],
        }
    )


def pool(compared: dict[str, Comparison], kind: Kind) -> dict[str, Any]:
    """Return the figures of all recordings together, the interval over recordings."""
    if not compared:
        raise EpochalError("Nothing was compared")
    tables = np.stack([one.table for one in compared.values()])
    found = resample(tables, kappa)
    sources = {one.summary["data_source"] for one in compared.values()}
    return {
        "n_recordings": len(tables),
        **describe_agreement(tables.sum(axis=0), kind.classes),
        "kappa_low": _finite(found.low),
        "kappa_high": _finite(found.high),
        "interval": f"95 %, {len(tables)} recordings resampled",
        "data_source": "simulated" if "simulated" in sources else "real",
        "notice": RESEARCH_USE,
        "epochal_version": __version__,
    }
