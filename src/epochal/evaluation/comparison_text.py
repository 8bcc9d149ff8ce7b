"""A comparison as it is printed: a table per pair of files, a line each for many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from epochal.evaluation.comparison import Comparison
from epochal.hypnogram.sleep_statistics import DEFINITIONS, NOT_PRODUCED, show


def print_whole(compared: Comparison) -> Iterator[str]:
    """Yield all lines of one comparison: figures, offset, classes, confusion, statistics."""
    summary = compared.summary
    yield f"{summary['scored']} against {summary['reference']} ({summary['data_source']})"
    yield f"  {figures_line(summary)}"
    yield from in_sample_lines(summary)
    yield f"  {offset_line(summary)}"
    yield ""
    yield from print_classes(summary)
    if compared.statistics:
        yield ""
        yield from _print_statistics(compared)
    for problem in summary["problems"]:
        yield f"  note: {problem}"


def figures_line(summary: dict[str, Any]) -> str:
    """Return κ with its interval, accuracy and macro-F1 in one line."""
    low, high = summary["kappa_low"], summary["kappa_high"]
    bounds = "no interval" if low is None else f"95 % {low:.2f} to {high:.2f}"
    return (
        f"{summary['n_epochs']} epochs: κ {summary['kappa']:.3f} ({bounds}), "
        f"accuracy {summary['accuracy']:.3f}, macro-F1 {summary['macro_f1']:.3f}"
    )


def in_sample_lines(summary: dict[str, Any]) -> Iterator[str]:
    """Warn where training saw the recording: then agreement says nothing of new ones."""
    if summary["in_sample"]:
        yield "  IN-SAMPLE: the bundle was trained on this recording; on new ones expect less"


def offset_line(summary: dict[str, Any]) -> str:
    """Say which offset was found, and what was doubted."""
    offset = summary["offset"]
    if offset["epochs"]:
        side = "later" if offset["epochs"] > 0 else "earlier"
        return (
            f"offset {offset['epochs']:+d} epochs: the reference has it {abs(offset['seconds']):g} "
            f"s {side}; corrected (κ without: {_number(offset['kappa_without'])})"
        )
    doubt = f" ({offset['reason']}: not taken)" if offset["reason"] else ""
    return f"offset 0 epochs{doubt}"


def print_classes(summary: dict[str, Any]) -> Iterator[str]:
    """Yield κ, F1 and the confusion, a line per class of the reference."""
    classes = list(summary["confusion"])
    heads = "".join(f"{name:>8}" for name in classes)
    yield f"  {'reference':<10}{'κ':>6}{'F1':>7}   scored as{heads}"
    for name in classes:
        counts = "".join(f"{n:>8}" for n in summary["confusion"][name].values())
        values = (summary["kappa_per_class"][name], summary["f1_per_class"][name])
        yield f"  {name:<10}{_number(values[0]):>6}{_number(values[1]):>7}{'':12}{counts}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _print_statistics(compared: Comparison) -> Iterator[str]:
    scored, reference = compared.statistics["scored"], compared.statistics["reference"]
    yield f"  {'statistic':<14}{'scored':>15}{'reference':>15}{'difference':>13}"
    for key, (name, unit, _) in DEFINITIONS.items():
        pair = scored.values[key], reference.values[key]
        if key == "artefact_min" and pair == (None, None):
            continue
        apart = "" if None in pair else f"{pair[0] - pair[1]:+.1f}"  # type: ignore[operator]
        yield f"  {name:<14}{show(pair[0], unit):>15}{show(pair[1], unit):>15}{apart:>13}"
    missing = sorted(set(scored.missing.values()) & set(reference.missing.values()))
    told = [reason for reason in missing if reason.startswith("lights")]
    if told:
        yield f"  Not available: {' and '.join(told)} (--lights-off, --lights-on)."
    yield f"  {NOT_PRODUCED}"
