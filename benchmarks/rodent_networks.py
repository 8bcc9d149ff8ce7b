"""What context, backbone, EMG, loss, pre-training and smoothing add on simulated mice.

`python benchmarks/rodent_networks.py [FOLDER]` makes the calls of `epochal experiment rodent_sleep`
in `CALLS`, one after the other, in a project of its own with this repository's conf:
`data/rodent_networks`, or FOLDER. A cell that has a result there is not fitted again, so that an
interrupted run goes on. Then it gathers the rows of `LINES` and `PAIRS` with intervals over the
held-out animals, and writes `benchmarks/results/rodent_networks.json` and, as the experiment does,
a table (`docs/figures/rodent_sleep/comparison.csv`) and a picture (`docs/images`).
`benchmarks/rodent_networks/page.py` writes the tables of docs/explanation/networks.md from it.

All animals are simulated, and every row is one fit with one seed. The part `AS_LONG` was added when
BYOL's fit with few labels had been stopped after four passes; no other fit was added, and none was
changed or left out, for its result.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import yaml

from _by_subject import draw
from epochal import __version__
from epochal.evaluation.paired import bootstrap_difference
from epochal.experiments.cells import Judged, stack_tables
from epochal.experiments.figure import draw_comparison
from epochal.experiments.options import NONE, ExperimentOptions
from epochal.experiments.table import class_f1, compare, macro_f1
from epochal.intervals import bounds
from epochal.metrics import kappa
from epochal.models.smoothing import SMOOTHERS

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "rodent_networks.json"
TABLE = ROOT / "docs" / "figures" / "rodent_sleep" / "comparison.csv"
PICTURE = ROOT / "docs" / "images" / "rodent-networks.png"
LIBRARIES = ("torch", "lightning", "scikit-learn", "numpy", "pandas")
STUDY, MICE, REM = "rodent_sleep", "held-out mice", 2
SIMULATED = {"n_subjects": 36, "length_h": 2}
SITES = ("site-1", "site-2", "site-3")
N_BOOTSTRAP = 2000

# Every axis of which conf has values of its own is said: what a call fits stands in the call.
AXES = {
    "context": "7",
    "backbone": "cnn_bilstm",
    "loss": "weighted_cross_entropy",
    "emg": "channel",
    "pretraining": NONE,
    "smoothing": NONE,
    "baselines": "",
}
USUAL = "cnn_bilstm-7-weighted_cross_entropy-emg_channel"
ALONE = "cnn1d-1-weighted_cross_entropy-emg_channel"
FEATURES = "three_features"
OVERSAMPLED = "oversampled REM"
# With 3 mice instead of 22 to train on, as many steps as the usual row takes in 8 passes.
AS_LONG = "few labels, 60 passes"
LONG = {"max_epochs": 60, "learning_rate": 0.002, "patience": 60}
# The parts with the same held-out mice, and what their cells are called in one table.
ON_MICE = {MICE: "", OVERSAMPLED: "-oversampled_REM", AS_LONG: "-60_passes"}


class Call(NamedTuple):
    """A call of the experiment; results of one part lie together."""

    part: str
    axes: dict[str, str]
    params: tuple[str, ...] = ()
    model: dict[str, Any] = {}  # noqa: RUF012 -- what `model` in experiment.yml has besides


class Line(NamedTuple):
    """A row of the table: a cell in a smoothing, and what it is compared with."""

    what: str
    cell: str
    part: str = MICE
    smoothing: str = NONE
    against: str | None = USUAL  # a cell on the same animals
    against_smoothing: str = NONE
    against_part: str | None = None  # where that is not the row's own


CALLS = (
    Call(
        MICE,
        {
            "design": "one_at_a_time",
            "context": "7,1,30",
            "backbone": "cnn_bilstm,cnn1d,cnn_bigru,cnn_transformer,conformer,s4d",
            "loss": "weighted_cross_entropy,focal,generalised_cross_entropy",
            "emg": "channel,none,alone",
            "pretraining": "none,masked",
            "baselines": FEATURES,
        },
    ),
    Call(MICE, {"context": "30", "backbone": "s4d"}),
    Call(MICE, {"labelled": "4", "pretraining": "none,masked,byol"}),
    Call(
        AS_LONG,
        {"labelled": "4", "pretraining": "none,masked,byol"},
        model={"training": LONG},
    ),
    Call(
        OVERSAMPLED,
        {},
        model={"sampling": {"kind": "oversample", "classes": ["REM"], "factor": 2.0}},
    ),
    Call(
        MICE,
        {"loss": "weighted_cross_entropy,generalised_cross_entropy", "label_noise": "0.3"},
    ),
    *(
        Call(
            site,
            {"baselines": FEATURES},
            ("splitting.scheme=hold_out", "splitting.group=site", f"splitting.held_out=[{site}]"),
        )
        for site in reversed(SITES)
    ),
)


def _changed(
    backbone: str = "cnn_bilstm",
    context: int = 7,
    loss: str = "weighted_cross_entropy",
    emg: str = "channel",
    more: str = "",
) -> str:
    """Name a cell as the experiment does."""
    return f"{backbone}-{context}-{loss}-emg_{emg}{more}"


GENERALISED = "generalised_cross_entropy"
FEW = _changed(more="-labelled_4")
LINES = (
    Line("**`cnn_bilstm`, ±3 epochs**, EEG and EMG, cross-entropy", USUAL, against=None),
    Line("three features in a logistic regression", FEATURES),
    Line("context: the same network, one epoch", _changed(context=1)),
    Line("context: the same network, 30 epochs (5 min)", _changed(context=30)),
    Line("backbone: `cnn1d`, one epoch", ALONE),
    Line("backbone: `cnn_bigru`", _changed("cnn_bigru")),
    Line("backbone: `cnn_transformer`", _changed("cnn_transformer")),
    Line("backbone: `conformer`", _changed("conformer")),
    Line("backbone: `s4d`, which sees no later epoch", _changed("s4d")),
    Line("… `s4d`, 30 epochs", _changed("s4d", 30)),
    Line("EMG: none", _changed(emg="none")),
    Line("EMG: alone", _changed(emg="alone")),
    Line("loss: focal", _changed(loss="focal")),
    Line("loss: generalised cross-entropy", _changed(loss=GENERALISED)),
    Line("30 % of the training labels wrong", _changed(more="-noise_0.3")),
    Line("… generalised cross-entropy", _changed(loss=GENERALISED, more="-noise_0.3")),
    Line("sequences with REM drawn twice as often", USUAL, OVERSAMPLED, against_part=MICE),
    Line("pre-training: masked, on the training mice", _changed(more="-masked")),
    Line("labels of 4 training mice only", FEW),
    Line("… masked pre-training on all", _changed(more="-masked-labelled_4")),
    Line("… BYOL pre-training on all", _changed(more="-byol-labelled_4")),
    Line("… 60 passes", FEW, AS_LONG, against_part=MICE),
    Line(
        "… 60 passes after masked pre-training",
        _changed(more="-masked-labelled_4"),
        AS_LONG,
        against_part=MICE,
    ),
    Line(
        "… 60 passes after BYOL pre-training",
        _changed(more="-byol-labelled_4"),
        AS_LONG,
        against_part=MICE,
    ),
    Line("smoothing of ±3 epochs: forward", USUAL, smoothing="forward"),
    Line("… forward-backward", USUAL, smoothing="forward_backward"),
    Line("… Viterbi", USUAL, smoothing="viterbi"),
    Line("smoothing of `cnn1d`, one epoch: forward", ALONE, smoothing="forward"),
    Line("… forward-backward", ALONE, smoothing="forward_backward"),
    Line("… Viterbi", ALONE, smoothing="viterbi"),
    *(
        line
        for site in SITES
        for line in (
            Line(f"**another laboratory**: 12 mice of {site}", USUAL, site, against=None),
            Line("… three features there", FEATURES, site),
        )
    ),
)
# What differs from something else than the usual network, or is said of another figure than κ.
PAIRS = (
    Line(
        "sequences with REM drawn twice as often, beside once",
        USUAL,
        OVERSAMPLED,
        against_part=MICE,
    ),
    Line("`s4d`: 30 epochs, beside 7", _changed("s4d", 30), against=_changed("s4d")),
    Line(
        "30 % wrong labels: generalised, beside plain cross-entropy",
        _changed(loss=GENERALISED, more="-noise_0.3"),
        against=_changed(more="-noise_0.3"),
    ),
    Line(
        "labels of 4 mice: masked pre-training, beside none",
        _changed(more="-masked-labelled_4"),
        against=FEW,
    ),
    Line(
        "labels of 4 mice: BYOL pre-training, beside none",
        _changed(more="-byol-labelled_4"),
        against=FEW,
    ),
    *(
        Line(
            f"the same, 60 passes: {kind}, beside none",
            _changed(more=f"-{cell}-labelled_4"),
            AS_LONG,
            against=FEW,
        )
        for kind, cell in (("masked", "masked"), ("BYOL", "byol"))
    ),
    Line(
        "`cnn1d`: forward-backward, beside no smoothing",
        ALONE,
        smoothing="forward_backward",
        against=ALONE,
    ),
    Line(
        "`cnn1d` with forward-backward, beside `cnn_bilstm` with it",
        ALONE,
        smoothing="forward_backward",
        against=USUAL,
        against_smoothing="forward_backward",
    ),
)
MEASURES: dict[str, Callable[[np.ndarray], Any]] = {
    "macro_f1": macro_f1,
    "f1_rem": lambda tables: class_f1(tables)[..., REM],
    "kappa": kappa,
}


def main() -> None:
    """Make every call, and write what came of them."""
    folder = (Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "data" / RESULTS.stem).resolve()
    make_project(folder)
    for call in CALLS:
        make_call(call, folder)
    found = {call.part: read_part(folder / call.part) for call in CALLS}
    write_report(found)
    write_comparison(found)


def make_project(folder: Path) -> None:
    """Give a folder this repository's conf; what it has of data stays."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "conf", folder / "conf", dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", folder)


def make_call(call: Call, folder: Path) -> None:
    """Run the experiment; its results go to the folder of the part."""
    results = folder / call.part
    results.mkdir(exist_ok=True)
    given = folder / "data" / STUDY / "08_reporting" / "experiment"
    given.parent.mkdir(parents=True, exist_ok=True)
    given.unlink(missing_ok=True)
    given.symlink_to(results)
    give_model(call, folder / "conf" / STUDY / "experiment.yml")
    print(say(call), flush=True)
    command = [sys.executable, "-m", "epochal", *shlex.split(say(call))[1:]]
    subprocess.run(command, check=True, cwd=folder, env=os.environ | {"EPOCHAL_TRACKING": "off"})


def give_model(call: Call, path: Path) -> None:
    """Write the repository's experiment.yml with what the call's networks have besides."""
    given = yaml.safe_load((ROOT / "conf" / STUDY / path.name).read_text(encoding="utf-8"))
    given["model"] |= call.model
    path.write_text(yaml.safe_dump(given), encoding="utf-8")


def say(call: Call) -> str:
    """Return the call as it is typed."""
    simulated = [f"ingestion.simulator_options.{key}={n}" for key, n in SIMULATED.items()]
    axes = {"design": "grid"} | AXES | call.axes
    words = [word for name, value in axes.items() for word in (f"--{_flag(name)}", value)]
    params = ",".join([*simulated, *call.params])
    return shlex.join(["epochal", "experiment", STUDY, *words, "--params", params])


def _flag(name: str) -> str:
    return name.replace("_", "-")


def read_part(folder: Path) -> dict[str, Judged]:
    """Return a part's results by name; two of one name are refused."""
    found: dict[str, Judged] = {}
    for path in sorted(folder.glob("cells/*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        judged = Judged(**{**content, "classes": tuple(content["classes"])})
        if judged.name in found:
            sys.exit(f"{folder}: two results of {judged.name}, of different versions: remove one")
        found[judged.name] = judged
    return found


def write_report(found: dict[str, dict[str, Judged]]) -> None:
    report = {
        "name": RESULTS.stem,
        "data_source": "simulated",
        "simulator_options": {"rodent": SIMULATED},
        "model": yaml.safe_load((ROOT / "conf" / STUDY / "experiment.yml").read_text())["model"],
        "calls": [
            {"part": call.part, "call": say(call)} | ({"model": call.model} if call.model else {})
            for call in CALLS
        ],
        "rows": list(describe(LINES, found)),
        "pairs": list(describe(PAIRS, found)),
        "n_bootstrap": N_BOOTSTRAP,
        "versions": {"python": platform.python_version(), "epochal": __version__}
        | {name: version(name) for name in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, shared",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def describe(
    lines: tuple[Line, ...], found: dict[str, dict[str, Judged]]
) -> Iterator[dict[str, Any]]:
    """Yield each line's figures and differences; a line whose cell failed is refused by name."""
    for line in lines:
        judged = found[line.part].get(line.cell)
        if judged is None:
            sys.exit(f"No result of {line.cell} in the part '{line.part}': call again")
        row = line._asdict() | _describe(judged, line.smoothing)
        if line.against is not None:
            base = found[line.against_part or line.part][line.against]
            row["paired"] = differ(line, judged, base)
        yield row


def _describe(judged: Judged, smoothing: str) -> dict[str, Any]:
    subjects = sorted(judged.tables[smoothing])
    tables = stack_tables(judged, smoothing, subjects)
    return {
        "n_subjects": len(subjects),
        "n_epochs": int(tables.sum()),
        "n_parameters": judged.n_parameters,
        "figures": {
            name: measure_one(measure, tables) for name, measure in MEASURES.items()
        },
    }  # fmt: skip


def measure_one(measure: Callable[[np.ndarray], Any], tables: np.ndarray) -> dict[str, float]:
    """Return a figure of `(n_subjects, n_classes, n_classes)` tables and its 95 % interval."""
    low, high = bounds(measure(resample(tables)), len(tables))
    value = float(measure(tables.sum(axis=0)))
    return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def differ(line: Line, judged: Judged, base: Judged) -> dict[str, dict[str, float]]:
    """Return each figure's difference on the same resamples of the same animals."""
    subjects = sorted(judged.tables[line.smoothing])
    if subjects != sorted(base.tables[line.against_smoothing]):
        sys.exit(f"{line.what}: not the same animals as {base.name}")
    one = stack_tables(judged, line.smoothing, subjects)
    other = stack_tables(base, line.against_smoothing, subjects)
    found = {}
    for name, measure in MEASURES.items():
        value = float(measure(one.sum(axis=0)) - measure(other.sum(axis=0)))
        drawn = (np.asarray(measure(resample(tables))) for tables in (one, other))
        low, high, p = bootstrap_difference(*drawn, value, n_subjects=len(subjects))
        figure = {"difference": value, "low": low, "high": high, "p": p}
        found[name] = {key: round(float(number), 4) for key, number in figure.items()}
    return found


def resample(tables: np.ndarray) -> np.ndarray:
    return np.tensordot(draw(len(tables))[:N_BOOTSTRAP], tables, axes=1)


def write_comparison(found: dict[str, dict[str, Judged]]) -> None:
    """Write the experiment's own table and picture of the lines on held-out mice."""
    lines = [line for line in LINES if line.part in ON_MICE]
    cells = [line.cell + ON_MICE[line.part] for line in lines]
    judged = {
        cell: replace(found[line.part][line.cell], name=cell)
        for cell, line in zip(cells, lines, strict=True)
    }
    options = ExperimentOptions(smoothing=(NONE, *SMOOTHERS), reference=USUAL)
    table = compare(list(judged.values()), options, n_bootstrap=N_BOOTSTRAP, seed=0)
    rows = [
        cell if line.smoothing == NONE else f"{cell}+{line.smoothing}"
        for cell, line in zip(cells, lines, strict=True)
    ]
    table = table.set_index("row").loc[rows].reset_index()
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    table.drop(columns="seconds").round(4).to_csv(TABLE, index=False)
    draw_comparison(table).savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    main()
