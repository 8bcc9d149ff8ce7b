"""Write the tables and pictures of docs/explanation/simulated-recordings.md from the results.

    python benchmarks/realism/page.py

replaces what stands between `<!-- table: NAME -->` and `<!-- end -->` in the page by the figures of
`benchmarks/results/realism.json`, and draws `docs/images/simulated-*.png`.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

mpl.use("agg")
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results/realism.json"
PAGE = ROOT / "docs/explanation/simulated-recordings.md"
IMAGES = ROOT / "docs/images"
STAGES = ["W", "N1", "N2", "N3", "REM"]
BANDS = ("delta", "theta", "alpha", "beta", "gamma")
CHANNELS = {"fpz_cz": "Fpz-Cz", "pz_oz": "Pz-Oz"}
SIMULATED, REAL, FITTED = "#E69F00", "#0072B2", "#999999"
NAMES = {"simulated": SIMULATED, "real, unseen": REAL, "real, fitted": FITTED}
MODELS = {
    "simulated nights, across subjects": "simulated nights, across people",
    "real nights, across subjects": "real nights, across people",
    "from simulated to real nights": "fitted to simulated, scored on real nights",
    "from real to simulated nights": "fitted to real, scored on simulated nights",
}
BLOCK = r"(<!-- table: {} -->\n).*?(<!-- end -->)"
FOOT = "Simulated beside real recordings that were not used in fitting. Research use only."


def main() -> None:
    report = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), report), encoding="utf-8")
    draw_spectra(report).savefig(IMAGES / "simulated-band-powers.png", dpi=110)
    draw_bouts(report).savefig(IMAGES / "simulated-bouts.png", dpi=110)


def fill(page: str, report: dict) -> str:
    """Return the page with its tables written from the report."""
    for name, write in TABLES.items():
        pattern = re.compile(BLOCK.format(name), re.DOTALL)
        if not pattern.search(page):
            raise SystemExit(f"{PAGE.name} has no table '{name}'")
        page = pattern.sub(rf"\1\n{write(report)}\n\n\2", page)
    return page


# --- Tables ---------------------------------------------------------------------------------------
def write_rows(report: dict) -> str:
    cells = [
        [row["case"], row["unit"], _number(row["ours"]), row["peer_name"], _number(row["peer"])]
        for row in report["rows"]
    ]
    return _table(["what", "unit", "simulated", "beside", "its value"], cells)


def write_agreement(report: dict) -> str:
    cells = [
        [peer, _number(found["kappa"]), *(_number(found.get(f"f1 {s}")) for s in STAGES)]
        for peer, found in report["agreement"].items()
        if peer != "somnus"
    ]
    return _table(["scorer", "κ", *(f"F1 {s}" for s in STAGES)], cells)


def write_models(report: dict) -> str:
    cells = [
        [
            title,
            *(_number(report["models"][name][k]) for k in ("accuracy", "kappa")),
            *(_number(report["models"][name][f"f1_{s}"]) for s in STAGES),
        ]
        for name, title in MODELS.items()
    ]
    return _table(["LightGBM on band powers", "accuracy", "κ", *(f"F1 {s}" for s in STAGES)], cells)


def write_scorers(report: dict) -> str:
    names = list(report["scorers"][0])
    cells = [[row["figure"], *(_number(row[n]) for n in names[1:])] for row in report["scorers"]]
    return _table(names, cells)


def write_hypnograms(rows: list[dict]) -> str:
    cells = [[row["figure"], *(_number(row[name]) for name in NAMES)] for row in rows]
    return _table(["figure", *NAMES], cells)


def write_versions(report: dict) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    return f"Measured on {report['date']} ({report['machine']}) with {versions}."


TABLES: dict[str, Callable[[dict], str]] = {
    "rows": write_rows,
    "agreement": write_agreement,
    "models": write_models,
    "scorers": write_scorers,
    "hypnograms": lambda report: write_hypnograms(report["hypnograms"]),
    "mouse hypnograms": lambda report: write_hypnograms(report["mouse_hypnograms"]),
    "versions": write_versions,
}


def _table(header: list[str], cells: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.1f}"


# --- Pictures -------------------------------------------------------------------------------------
def draw_spectra(report: dict) -> Figure:
    """Draw 10, 50 and 90 % of every band's power in every stage, simulated beside real."""
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    panels = figure.subplots(2, len(STAGES), sharex=True, sharey=True)
    found = {(q["stage"], q["column"]): q for q in report["feature_quantiles"]}
    for row, (channel, title) in zip(panels, CHANNELS.items(), strict=True):
        for axes, stage in zip(row, STAGES, strict=True):
            for shift, kind, colour in ((-0.15, "simulated", SIMULATED), (0.15, "real", REAL)):
                quantiles = [found[stage, f"{channel}_{b}_uv2_per_hz"][kind] for b in BANDS]
                _bars(axes, np.array(quantiles), shift, colour, kind)
            axes.set(title=f"{stage}, {title}", yscale="log")
            axes.set_xticks(range(len(BANDS)), BANDS, fontsize="small")
        row[0].set_ylabel("Power density [µV²/Hz]")
    panels[0, 0].legend(fontsize="small")
    figure.supxlabel(f"Dot: median over epochs; bar: 10 to 90 %. {FOOT}", fontsize="small")
    return figure


def _bars(axes, quantiles: np.ndarray, shift: float, colour: str, label: str) -> None:
    x = np.arange(len(quantiles)) + shift
    axes.vlines(x, quantiles[:, 0], quantiles[:, -1], color=colour, linewidth=2)
    axes.plot(x, quantiles[:, 2], "o", color=colour, markersize=5, label=label)


def draw_bouts(report: dict) -> Figure:
    """Draw quantiles of the bouts' lengths in people and mice."""
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    people, mice = figure.subplots(1, 2)
    _draw_lengths(people, report["hypnograms"], STAGES, ", epochs", 0.5)
    people.set(title="People: bouts [min]", yscale="log", ylabel="Minutes")
    _draw_lengths(mice, report["mouse_hypnograms"], ["W", "NREM", "REM"], ", s", 1.0)
    mice.set(title="Mice: bouts [s]", yscale="log", ylabel="Seconds")
    people.legend(fontsize="small", loc="upper left")
    foot = "unseen: not used in fitting. Research use only."
    figure.supxlabel(f"Dot: median; bar: 25 to 90 %; {foot}", fontsize="small")
    return figure


def _draw_lengths(axes, rows: list[dict], stages: list[str], unit: str, scale: float) -> None:
    values = {row["figure"]: row for row in rows}
    for place, (name, colour) in enumerate(NAMES.items()):
        for x, stage in enumerate(stages):
            low, middle, high = (
                scale * values[f"bouts of {stage}{unit}, quantile {q}"][name]
                for q in (0.25, 0.5, 0.9)
            )
            at = x + 0.2 * (place - 1)
            axes.vlines(at, low, high, color=colour, linewidth=2)
            axes.plot(at, middle, "o", color=colour, label=name if x == 0 else None)
    axes.set_xticks(range(len(stages)), stages)


if __name__ == "__main__":
    main()
