"""The seven combinations of HGB, LSTM and CNN on as many rows as the challenge has; simulated.

`python benchmarks/slow_oscillation_stack.py [FOLDER]` simulates 261,634 rows in the original layout
(1.3 GB; an argument names a folder that has them), cross-fits the three base models of a run
directory in five folds, dealt as contiguous blocks and singly, and stacks every combination by the
meta-learner of `epochal train`. Networks have the fast profile (`--profile quick`, with five folds
rather than two): the LSTM 10,000 rows of a fold, 125 of the 1,250 samples, two passes; the CNN
5,000 rows, one pass. Intervals resample blocks of 1,000 rows, since no row says whose it is: they
are too narrow. It writes `benchmarks/results/slow_oscillation_stack.json`.

The figures are of simulated rows: they show that stacking works at this size and what it costs.
"""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import chain, combinations
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch

from _by_subject import Sums, compare, describe, draw, sum_up
from epochal.labels import encode, proba_columns
from epochal.readers.slow_oscillation_files import LABELS
from epochal.run_directory.flags import settle
from epochal.run_directory.manifest import NAMES
from epochal.run_directory.stacked import Training, deal_folds, fit_base, fit_meta, spread
from epochal.run_directory.timing import Clock
from epochal.run_directory.training import prepare
from epochal.simulation.cohort import write_cohort
from epochal.simulation.slow_oscillation import ORIGINAL_N_ROWS

RESULTS = Path(__file__).parent / "results" / "slow_oscillation_stack.json"
LIBRARIES = ("scikit-learn", "torch", "numpy", "pandas", "h5py")
SCHEMES = {"contiguous_blocks": "contiguous blocks", "shuffled": "rows shuffled"}
TARGETS = ("hgb", "lstm", "cnn")
N_FOLDS = 5
COMBINATIONS = list(chain.from_iterable(combinations(TARGETS, n) for n in (1, 2, 3)))


def main() -> None:
    """Simulate the rows unless they are given, measure both kinds of folds, write the rows."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(made) / "rows"
        if len(sys.argv) == 1:
            write_cohort("slow_oscillation", folder, {"n_rows": ORIGINAL_N_ROWS, "n_test_rows": 0})
        start = time.perf_counter()
        training = prepare(choose_flags(folder))
        prepared_s = round(time.perf_counter() - start, 1)
        print(f"{len(training.epochs):,} rows, 121 columns: {prepared_s} s", flush=True)
        rows = [row for scheme in SCHEMES for row in measure_scheme(scheme, training)]
    report = {
        "name": "slow_oscillation_stack",
        "data_source": "simulated",
        "n_rows": len(training.epochs),
        "features_s": prepared_s,
        "peak_memory_mb": round(peak_memory_mb(), 1),
        "rows": rows,
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, shared",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def choose_flags(folder: Path) -> Any:
    """Return the flags of `epochal train --hgb-fe --with-lstm --with-cnn --profile quick`."""
    given = {
        "x_h5": folder / "X_train.h5", "y_csv": folder / "y_train_2.csv", "profile": "quick",
        "hgb_fe": True, "with_lstm": True, "with_cnn": True, "splits": N_FOLDS,
        "refit_final": False, "lstm_verbose": 0, "cnn_verbose": 0,
    }  # fmt: skip
    return settle(given, set(given))


def measure_scheme(scheme: str, prepared: Training) -> list[dict[str, Any]]:
    """Cross-fit the base models in one kind of folds; return a row for each model and stack."""
    flags = prepared.flags.model_copy(update={"folds": scheme})
    splits = deal_folds(prepared.epochs, flags)
    training = Training(flags, prepared.rows, prepared.epochs, splits, prepared.features, {})
    clock = Clock(n_folds=N_FOLDS, final=False)
    bases, rows = {}, []
    for target in TARGETS:
        bases[target] = fit_base(target, training, {}, clock)
        rows.append(describe_times(NAMES[target], scheme, clock))
        print(rows[-1], flush=True)
    sums = {f"{NAMES[target]}": judge(one.out_of_fold, training) for target, one in bases.items()}
    for chosen in COMBINATIONS:
        table = spread({NAMES[target]: bases[target] for target in chosen}, training)
        stacked = fit_meta(table, training, {}, Clock(n_folds=N_FOLDS, final=False))
        sums["stack of " + " + ".join(chosen)] = judge(stacked.out_of_fold, training)
    return rows + compare_all(sums, scheme)


def compare_all(sums: dict[str, Sums], scheme: str) -> list[dict[str, Any]]:
    """Return each model's figures, and how it differs from the best single model."""
    drawn = draw(len(next(iter(sums.values())).n_epochs))
    figures = {name: describe(one, drawn) for name, one in sums.items()}
    best = max(NAMES.values(), key=lambda name: figures[name]["kappa"]["value"])
    rows = [
        {"folds": SCHEMES[scheme], "model": name, "figures": figures[name]}
        | ({} if name == best else {"against": best, "paired": compare(one, sums[best], drawn)})
        for name, one in sums.items()
    ]
    for row in rows:
        kappa = row["figures"]["kappa"]
        print(scheme, row["model"], kappa, row.get("paired", {}).get("kappa"), flush=True)
    return rows


def judge(predictions: pd.DataFrame, training: Training) -> Sums:
    """Return the sums of predictions by block of rows."""
    known = training.epochs[["epoch", "subject_id", "label"]]
    table = predictions.merge(known, on="epoch")
    blocks = np.unique(table["subject_id"], return_inverse=True)[1]
    truth = encode(table["label"], LABELS)
    return sum_up(table[proba_columns(LABELS)].to_numpy(), truth, blocks)


def describe_times(name: str, scheme: str, clock: Clock) -> dict[str, Any]:
    """Return the seconds of a model's fits and predictions, and the peak of memory so far."""
    own = [record for record in clock.records if record["model"] == name]
    return {
        "folds": SCHEMES[scheme],
        "model": name,
        "fit_s": [record["fit_s"] for record in own],
        "predict_s": [record["predict_s"] for record in own],
        "peak_memory_mb_so_far": round(peak_memory_mb(), 1),
    }


def peak_memory_mb() -> float:
    """Return the most memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
