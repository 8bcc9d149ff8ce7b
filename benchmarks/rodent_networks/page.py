"""Write the tables of docs/explanation/networks.md from the results.

    python benchmarks/rodent_networks/page.py

replaces what stands between `<!-- table: NAME -->` and `<!-- end -->` in the page by the figures of
`benchmarks/results/rodent_networks.json`.
"""

import json
import re
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from _page_tables import draw_table, fill_blocks

RESULTS = ROOT / "benchmarks/results/rodent_networks.json"
PAGE = ROOT / "docs/explanation/networks.md"
WIDTH = 100
MEASURES = ("macro_f1", "f1_rem", "kappa")


def main():
    report = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), report), encoding="utf-8")


def fill(page, report):
    """Return the page with its tables written from the report."""
    return fill_blocks(
        page, {name: write(report[name]) for name, write in TABLES.items()}, of=PAGE.name
    )


def write_rows(rows):
    """Return a line a row: three figures, and the difference in κ."""
    header = ["what is changed", "macro-F1", "F1 of REM", "κ", "difference in κ"]
    cells = []
    for row in rows:
        figures = [row["figures"][name] for name in MEASURES]
        kappa = write_difference(row["paired"]["kappa"]) if "paired" in row else ""
        cells.append([row["what"], *map(write_figure, figures), kappa])
    return draw_table(header, cells)


def write_pairs(rows):
    header = ["difference", "macro-F1", "F1 of REM", "κ"]
    cells = [
        [row["what"], *(write_difference(row["paired"][name]) for name in MEASURES)] for row in rows
    ]
    return draw_table(header, cells)


def write_calls(calls):
    """Return the calls as they are typed; what `model` has besides is told before a call's own."""
    plain = [wrap(call["call"]) for call in calls if "model" not in call]
    lines = ["```bash", *plain, "```"]
    for call in calls:
        if "model" in call:
            options = json.dumps(call["model"])
            lines += ["", f"and, with `{options}` in `model` of `experiment.yml`:", ""]
            lines += ["```bash", wrap(call["call"]), "```"]
    return "\n".join(lines)


def wrap(call):
    """Break a call between its options."""
    lines, words = [""], re.split(r" (?=--)", call)
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > WIDTH:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    assert shlex.split(" ".join(lines)) == shlex.split(call)
    return " \\\n  ".join(lines)


def write_figure(figure):
    value, low, high = (write_number(figure[name]) for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def write_difference(figure):
    names = ("difference", "low", "high")
    value, low, high = (write_number(figure[name], sign=True) for name in names)
    return f"{value} ({low} to {high})"


def write_number(value, *, sign=False):
    """Return three decimals without the leading 0; what is a little below 0 says so."""
    text = f"{abs(value):.3f}".removeprefix("0")
    return ("−" if value < 0 else "+" if sign and value > 0 else "") + text


TABLES = {"rows": write_rows, "pairs": write_pairs, "calls": write_calls}

if __name__ == "__main__":
    main()
