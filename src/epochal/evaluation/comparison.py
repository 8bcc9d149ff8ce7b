"""One scored recording against a reference hypnogram: offset, agreement, statistics of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
from epochal.evaluation.scoring_files import Kind, Lights, Scoring
from epochal.hypnogram.bouts import hypnogram_edit_distance, median_bout_s
from epochal.hypnogram.sleep_statistics import CLASSES, SleepStatistics, measure_sleep
from epochal.metrics import kappa
from epochal.provenance import RESEARCH_USE, seen_in_any
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


class Overlap(NamedTuple):
    """The epochs that both files span: codes, and when the first begins on either clock."""

    truth: np.ndarray
    guess: np.ndarray
    classes: tuple[str, ...]
    epoch_s: float
    first_epoch: int  # in the scored file
    first_s: float
    reference_first_s: float
    artefact: np.ndarray | None = None  # of the scored file's signals

    @property
    def table(self) -> np.ndarray:
        """Return the confusion table of what both scored."""
        return tabulate_pair(self.truth, self.guess, len(self.classes))


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
    Lights that cannot be are not used, and told among the problems.
    Nothing scored by both raises `RecordingError`.
    """
    base = round(_seconds_ahead(scored, reference) / epoch_s)
    most_epochs = round(most_offset_min * 60 / epoch_s)
    offset = find_offset(
        reference.codes, scored.codes, len(kind.classes), most_epochs=most_epochs, base=base
    )
    part = _overlap(scored, reference, kind, epoch_s, base + offset.epochs)
    statistics, not_used = _measure(part, _lights_of_overlap(part, reference, lights))
    agreed = describe_agreement(part.table, kind.classes)
    summary = {
        **_describe_files(scored, reference, part),
        "offset": _describe_offset(offset, part),
        **agreed,
        **_interval(part),
        "structure": _structure(part),
        **_describe_statistics(statistics),
        "problems": [
            *_problems(scored, reference, offset, most_epochs, agreed["kappa"]),
            *not_used,
        ],
        "data_source": _both_sources(scored, reference),
        "in_sample": scored.facts.get("in_sample"),
        "notice": RESEARCH_USE,
        "epochal_version": __version__,
    }
    return Comparison(summary, _list_epochs(part), part.table, statistics)


def _overlap(
    scored: Scoring, reference: Scoring, kind: Kind, epoch_s: float, shift: int
) -> Overlap:
    theirs, ours = overlap(len(reference.codes), len(scored.codes), shift)
    part = Overlap(
        reference.codes[theirs],
        scored.codes[ours],
        kind.classes,
        epoch_s,
        ours.start,
        scored.start_s + ours.start * epoch_s,
        reference.start_s + theirs.start * epoch_s,
        None if scored.artefact is None else scored.artefact[ours],
    )
    if not part.table.sum():
        raise RecordingError(scored.path, f"no epoch is scored in {reference.path.name} too")
    return part


def _seconds_ahead(scored: Scoring, reference: Scoring) -> float:
    """Return where the files' own clocks put the scored file's epoch 0 in the reference."""
    apart_s = 0.0
    if scored.starts_at is not None and reference.starts_at is not None:
        apart_s = (scored.starts_at - reference.starts_at).total_seconds()
        apart_s = (apart_s + DAY_S / 2) % DAY_S - DAY_S / 2  # dates are often wrong, hours rarely
    return scored.start_s + apart_s - reference.start_s


def _lights_of_overlap(part: Overlap, reference: Scoring, given: Lights | None) -> Lights:
    """Return the lights in seconds from the overlap's first epoch."""
    if given is not None and given != Lights():
        return given.moved(-part.first_s)
    return reference.lights.moved(-part.reference_first_s)


def _measure(part: Overlap, lights: Lights) -> tuple[dict[str, SleepStatistics], list[str]]:
    """Return the sleep statistics of both, and why the lights were not used, if they cannot be."""
    try:
        return _measure_both(part, lights), []
    except EpochalError as error:
        clock = "seconds count from the first epoch that both files have"
        return _measure_both(part, Lights()), [f"lights not used ({clock}): {error}"]


def _measure_both(part: Overlap, lights: Lights) -> dict[str, SleepStatistics]:
    """Return the sleep statistics of both; of animals none, for they have no night."""
    if part.classes != CLASSES:
        return {}
    return {
        side: measure_sleep(
            _labels(codes, CLASSES),
            epoch_s=part.epoch_s,
            lights_off_s=lights.off_s,
            lights_on_s=lights.on_s,
            artefact=part.artefact if side == "scored" else None,
        )
        for side, codes in (("scored", part.guess), ("reference", part.truth))
    }


def _labels(codes: np.ndarray, classes: Sequence[str]) -> list[str | None]:
    return [classes[code] if code >= 0 else None for code in codes]


def _describe_files(scored: Scoring, reference: Scoring, part: Overlap) -> dict[str, Any]:
    return {
        "scored": scored.path.name,
        "reference": reference.path.name,
        "model": scored.facts.get("model"),
        "classes": list(part.classes),
        "epoch_length_s": part.epoch_s,
        "n_epochs_scored": int((scored.codes >= 0).sum()),
        "n_epochs_reference": int((reference.codes >= 0).sum()),
        "n_overlapping": len(part.truth),
    }


def _describe_offset(offset: Offset, part: Overlap) -> dict[str, Any]:
    """Return the offset in epochs and seconds, how the clocks now lie, and what was doubted.

    What is at `t` in the scored file is at `t + clock_s` in the reference.
    """
    return {
        "epochs": offset.epochs,
        "seconds": offset.epochs * part.epoch_s,
        "clock_s": part.reference_first_s - part.first_s,
        "kappa_without": _finite(offset.kappa_unshifted),
        "not_taken_epochs": offset.best_epochs if offset.reason else None,
        "reason": offset.reason,
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _interval(part: Overlap) -> dict[str, Any]:
    block_epochs = max(1, round(BLOCK_MIN * 60 / part.epoch_s))
    blocks = tabulate_blocks(part.truth, part.guess, len(part.classes), block_epochs=block_epochs)
    found = resample(blocks, kappa)
    return {
        "kappa_low": _finite(found.low),
        "kappa_high": _finite(found.high),
        "interval": f"95 %, {len(blocks)} blocks of {BLOCK_MIN:g} min resampled: this night alone",
    }


def _structure(part: Overlap) -> dict[str, Any]:
    """Return both median bouts per class, and edit distances, over epochs that both scored."""
    both = (part.truth >= 0) & (part.guess >= 0)
    reference, scored = (
        _labels(np.where(both, codes, -1), part.classes) for codes in (part.truth, part.guess)
    )
    return {
        "median_bout_s": {"scored": _medians(scored, part), "reference": _medians(reference, part)},
        "edit_distance_epochs": hypnogram_edit_distance(reference, scored),
        "edit_distance_bouts": hypnogram_edit_distance(reference, scored, of="bouts"),
    }


def _medians(labels: list[str | None], part: Overlap) -> dict[str, float | None]:
    found = median_bout_s(labels, part.classes, epoch_s=part.epoch_s)
    return {name: _finite(value) for name, value in found.items()}


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


def _list_epochs(part: Overlap) -> pd.DataFrame:
    """Return `epoch, onset_s, scored, reference, agree` on the scored file's clock."""
    steps = np.arange(len(part.truth))
    both, same = (part.truth >= 0) & (part.guess >= 0), part.truth == part.guess
    return pd.DataFrame(
        {
            "epoch": part.first_epoch + steps,
            "onset_s": part.first_s + steps * part.epoch_s,
            "scored": _labels(part.guess, part.classes),
            "reference": _labels(part.truth, part.classes),
            "agree": [bool(s) if b else None for s, b in zip(same, both, strict=True)],
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
        "in_sample": seen_in_any(one.summary["in_sample"] for one in compared.values()),
        "notice": RESEARCH_USE,
        "epochal_version": __version__,
    }
