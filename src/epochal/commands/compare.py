"""Compare scored recordings with somebody's own scoring."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd

from epochal.errors import EpochalError, RecordingError, explain
from epochal.evaluation.agreement import compare_statistics
from epochal.evaluation.comparison import Comparison, compare_scorings, pool
from epochal.evaluation.comparison_text import (
    figures_line,
    in_sample_lines,
    offset_line,
    print_classes,
    print_whole,
)
from epochal.evaluation.scoring_files import (
    KINDS,
    SCORED_SUFFIX,
    Kind,
    Lights,
    find_epoch_length_s,
    read_scoring,
)
from epochal.hypnogram.sleep_statistics import DEFINITIONS, NOT_PRODUCED
from epochal.places import writing
from epochal.provenance import RESEARCH_USE
from epochal.readers.hypnograms import PARSERS

READ = {".edf", ".bdf", *PARSERS}
# what names add to a recording's own: "SC4001E0-PSG" and "SC4001EC-Hypnogram" are one night
_SLEEP_EDFX = re.compile(r"(SC4|ST7)\d{3}[A-Z]")
_ADDED = re.compile(
    r"[-_. ]*(psg|hypnogram|hypno|stages?|sleep|scoring|scored|labels?|events|nsrr|profusion)$",
    re.IGNORECASE,
)


@click.command()
@click.argument("scored", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--reference",
    "references",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="A hypnogram (EDF+, CSV, TSV, text, XML), or a folder of them; several are allowed.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where <stem>.comparison.json, <stem>.comparison.csv and comparison.csv go.",
)
@click.option(
    "--epoch-s",
    type=click.FloatRange(min=0, min_open=True),
    help="Length of an epoch in seconds. Default: what the scored recording's JSON says, else 30.",
)
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="human",
    show_default=True,
    help="Classes and their names: W N1 N2 N3 REM with sleep statistics, or W NREM REM.",
)
@click.option(
    "--max-offset-min",
    type=click.FloatRange(min=0, max=600),
    default=10.0,
    show_default=True,
    help="How far to look for an offset between the two, in minutes; 0: trust the clocks.",
)
@click.option("--lights-off", type=float, help="Lights off, in seconds on the scored file's clock.")
@click.option("--lights-on", type=float, help="Lights on, in seconds on the scored file's clock.")
def compare(
    scored: tuple[Path, ...],
    references: tuple[Path, ...],
    out: Path | None,
    epoch_s: float | None,
    kind: str,
    max_offset_min: float,
    lights_off: float | None,
    lights_on: float | None,
) -> None:
    """Compare scored recordings (<stem>.epochs.csv, or any hypnogram) with your own scoring.

    Finds the offset between the two, and says κ with its interval, κ and F1 per class, the
    confusion, and the sleep statistics of both. Several files are paired with references by their
    stems. Research use only, not a medical device.
    """
    lights = Lights(lights_off, lights_on)
    if len(scored) > 1 and lights != Lights():
        raise click.UsageError("--lights-off and --lights-on are of one night: give one file")
    if None not in lights and lights.on_s <= lights.off_s:  # type: ignore[operator]
        raise click.UsageError(
            f"--lights-on {lights_on:g} is not after --lights-off {lights_off:g}"
        )

    def compare_one(path: Path, reference: Path) -> Comparison:
        return _compare_files(
            path, reference, KINDS[kind], epoch_s, max_offset_min=max_offset_min, lights=lights
        )

    compared, failures = _compare_all(_pair(scored, references), compare_one)
    for line in _tell(compared, KINDS[kind]):
        click.echo(line)
    if out is not None and compared:
        _write_all(out, compared, KINDS[kind])
    if failures:
        raise click.ClickException(f"{failures} of {len(scored)} comparisons failed")


def _compare_files(
    path: Path,
    reference: Path,
    kind: Kind,
    epoch_s: float | None,
    *,
    max_offset_min: float,
    lights: Lights,
) -> Comparison:
    length_s = find_epoch_length_s(path, epoch_s)
    return compare_scorings(
        read_scoring(path, kind, epoch_s=length_s),
        read_scoring(reference, kind, epoch_s=length_s),
        kind,
        epoch_s=length_s,
        most_offset_min=max_offset_min,
        lights=lights,
    )


def _compare_all(
    pairs: list[tuple[Path, str, Path | EpochalError]],
    compare_one: Callable[[Path, Path], Comparison],
) -> tuple[dict[str, Comparison], int]:
    """Compare each pair; one that fails is told in a line and must not stop the others."""
    compared: dict[str, Comparison] = {}
    for path, stem, reference in pairs:
        try:
            if isinstance(reference, EpochalError):
                raise reference
            compared[stem] = compare_one(path, reference)
        except Exception as error:
            if os.environ.get("EPOCHAL_DEBUG"):
                raise
            click.echo(f"Failed: {explain(error)}", err=True)
    return compared, len(pairs) - len(compared)


def _pair(
    scored: tuple[Path, ...], references: tuple[Path, ...]
) -> list[tuple[Path, str, Path | EpochalError]]:
    """Return each scored file, the stem of its results, and its reference or why it has none."""
    alone = len(scored) == 1 and len(references) == 1 and not references[0].is_dir()
    found = [] if alone else _list_references(references, scored)
    stems = [_stem(path) for path in scored]
    pairs: list[tuple[Path, str, Path | EpochalError]] = []
    for path, stem in zip(scored, stems, strict=True):
        name = stem if stems.count(stem) == 1 else f"{path.absolute().parent.name}-{stem}"
        pairs.append((path, name, references[0] if alone else _choose(path, found)))
    names = [name for _, name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f"Two of the scored files would both be called {name}")
    return pairs


def _list_references(references: tuple[Path, ...], scored: tuple[Path, ...]) -> list[Path]:
    """Return the reference files; of a folder those that may be hypnograms, scored ones aside."""
    given = {path.absolute() for path in scored}
    found: list[Path] = []
    for path in references:
        if not path.exists():
            raise click.ClickException(f"{path}: no such file or folder")
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found += [one for one in inside if not path.is_dir() or _may_be_hypnogram(one, given)]
    return found


def _may_be_hypnogram(path: Path, given: set[Path]) -> bool:
    listed = path.is_file() and path.suffix.lower() in READ
    return listed and not path.name.startswith(".") and path.absolute() not in given


def _choose(path: Path, references: list[Path]) -> Path | EpochalError:
    """Return the reference of the same stem; then of the same stem without what names add."""
    if not path.exists():
        return RecordingError(path, "no such file")
    for key in (_stem, _key):
        same = [one for one in references if key(one) == key(path)]
        if len(same) > 1 and key is _key:  # a night's signals may lie beside its hypnogram
            same = [one for one in same if not one.stem.upper().endswith("PSG")]
        if len(same) == 1:
            return same[0]
        if same:
            names = ", ".join(one.name for one in same)
            return RecordingError(path, f"several references may be its own: {names}")
    names = ", ".join(one.name for one in references[:5]) or "none at all"
    more = f" and {len(references) - 5} others" if len(references) > 5 else ""
    return RecordingError(path, f"no reference of that name; there are: {names}{more}")


def _stem(path: Path) -> str:
    name = path.name
    return name.removesuffix(SCORED_SUFFIX) if name.endswith(SCORED_SUFFIX) else path.stem


def _key(path: Path) -> str:
    """Return what names a recording: its stem without `-PSG`, `_hypnogram` and the like."""
    stem, shorter = _stem(path), ""
    night = _SLEEP_EDFX.match(stem)
    if night:
        return night[0].lower()
    while shorter != stem:
        shorter, stem = stem, _ADDED.sub("", stem) or stem
    return stem.lower()


def _tell(compared: dict[str, Comparison], kind: Kind) -> list[str]:
    """Return the lines to print: all of one comparison, or one line each and the pooled figures."""
    if not compared:
        return []
    if len(compared) == 1:
        return [*print_whole(next(iter(compared.values()))), f"  {RESEARCH_USE}"]
    lines = []
    for one in compared.values():
        lines.append(f"{one.summary['scored']}: {figures_line(one.summary)}")
        if one.summary["offset"]["epochs"] or one.summary["offset"]["reason"]:
            lines.append(f"  {offset_line(one.summary)}")
        lines += in_sample_lines(one.summary)
        lines += [f"  note: {problem}" for problem in one.summary["problems"]]
    together = pool(compared, kind)
    told = f"All {len(compared)} together ({together['data_source']}): {figures_line(together)}"
    if together["in_sample"]:
        told += " — IN-SAMPLE in part"
    return [*lines, told, *print_classes(together), RESEARCH_USE]


def _write_all(out: Path, compared: dict[str, Comparison], kind: Kind) -> None:
    """Write a JSON and a table of epochs per pair, and what holds for all."""
    out.mkdir(parents=True, exist_ok=True)
    definitions = {
        name: {"name": one.name, "unit": one.unit, "definition": one.text}
        for name, one in DEFINITIONS.items()
    }
    for stem, one in compared.items():
        told = one.summary
        if one.statistics:
            told = {**told, "definitions": definitions, "not_produced": NOT_PRODUCED}
        _replace(out / f"{stem}.comparison.json", _as_json(told))
        _replace(out / f"{stem}.comparison.csv", one.epochs.to_csv(index=False))
    together = pool(compared, kind)
    rows = [_row(stem, one.summary) for stem, one in compared.items()]
    table = pd.DataFrame([*rows, _row("all", together)] if len(rows) > 1 else rows)
    _replace(out / "comparison.csv", table.to_csv(index=False))
    if len(rows) > 1:
        _replace(out / "comparison.json", _as_json(together | _differences(compared)))


def _differences(compared: dict[str, Comparison]) -> dict[str, Any]:
    """Return Bland–Altman's figures of the sleep statistics, where there are any."""
    if not all(one.statistics for one in compared.values()):
        return {}
    reference, scored = (
        {stem: one.statistics[side].values for stem, one in compared.items()}
        for side in ("reference", "scored")
    )
    return {"bland_altman": compare_statistics(reference, scored).to_dict("records")}


def _row(name: str, summary: dict[str, Any]) -> dict[str, Any]:
    """Return a recording's figures as one row of `comparison.csv`."""
    figures = ("n_epochs", "accuracy", "kappa", "kappa_low", "kappa_high", "macro_f1")
    row = {
        "recording": name,
        "scored": summary.get("scored"),
        "reference": summary.get("reference"),
    }
    row |= {name: summary[name] for name in figures}
    row["offset_epochs"] = summary["offset"]["epochs"] if "offset" in summary else None
    for figure in ("kappa", "f1"):
        row |= {f"{figure}_{c}": value for c, value in summary[f"{figure}_per_class"].items()}
    origin = {"data_source": summary["data_source"], "in_sample": summary["in_sample"]}
    return {**row, **origin, "notice": RESEARCH_USE}


def _as_json(told: dict[str, Any]) -> str:
    return json.dumps(_without_nan(told), indent=2, ensure_ascii=False) + "\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _replace(target: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with writing(target) as part:
        part.write_text(text, encoding="utf-8")
