"""Write the tables of docs/reference/networks.md from the results.

    python benchmarks/deep/page.py

replaces what stands between `<!-- table: NAME -->` and `<!-- end -->` in the page by the figures of
`benchmarks/results/deep.json`.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from _page_tables import draw_table, fill_blocks

RESULTS = ROOT / "benchmarks/results/deep.json"
PAGE = ROOT / "docs/reference/networks.md"
PEER_CASES = {
    "forward, 1 epoch": "1 epoch",
    "forward, ONNX Runtime, 1 epoch": "1 epoch, ONNX Runtime",
    "forward, 64 epochs": "64 epochs",
    "training step, 64 epochs": "training step, 64 epochs",
}


def main():
    report = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), report), encoding="utf-8")


def fill(page, report):
    """Return the page with its tables written from the report."""
    texts = {
        name: write([row for row in report["rows"] if row["part"] == name and "ours" in row])
        for name, write in TABLES.items()
    }
    return fill_blocks(page, texts, of=PAGE.name)


def write_peers(rows):
    """Return a line a pair: parameters, and how many times ours is as fast as the peer."""
    pairs = {}
    for row in rows:
        name, case = row["case"].removesuffix(", warm, 1 thread").split(": ")
        pair = pairs.setdefault((name, row["peer_name"].removeprefix("braindecode ")), {})
        pair["sizes"] = [f"{row[whose]:,}" for whose in ("ours_parameters", "peer_parameters")]
        pair[case] = f"{row['ratio']:g}"
    cells = [
        [f"`{ours}`", peer, *pair["sizes"], *(pair.get(case, "") for case in PEER_CASES)]
        for (ours, peer), pair in pairs.items()
    ]
    header = ["ours", "braindecode", "parameters, ours", "theirs", *PEER_CASES.values()]
    return draw_table(header, cells)


def write_latency(rows):
    """Return a line a network and study: milliseconds in ONNX, and how many times torch takes."""
    lines = {}
    for row in rows:
        if row["peer"] is None:  # a GPU's
            continue
        name, study, case, *_ = row["case"].split(", ")
        lines.setdefault((name, study), {})[case] = [f"{row['ours']:.2g}", f"{row['ratio']:g}"]
    cells = [
        [f"`{name}`", study, *found["one epoch"], *found.get("20 epochs at once", ["", ""])]
        for (name, study), found in lines.items()
    ]
    header = ["network", "at", "ONNX, ms", "torch / ONNX", "20 epochs: ONNX, ms", "torch / ONNX"]
    return draw_table(header, cells)


def write_loading(rows):
    cells = [
        [row["case"], row["unit"], f"{row['ours']:,}", row["peer_name"], f"{row['peer']:,}",
         f"{row['ratio']:g}"]
        for row in rows
    ]  # fmt: skip
    return draw_table(["case", "unit", "ours", "beside", "", "ratio"], cells)


TABLES = {"peers": write_peers, "latency": write_latency, "loading": write_loading}

if __name__ == "__main__":
    main()
