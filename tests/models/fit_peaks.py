"""Print the peak memory of one fit of each kind above what was there, in bytes: `{kind: peak}`."""

import ctypes
import gc
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from epochal.models.classical import ROSTER
from epochal.models.fitting import fit_estimator
from epochal.models.training_table import describe_rows
from epochal.options.models import ModelOptions

N_ROWS, N_COLUMNS, CLASSES = 40_000, 60, tuple("abcde")
QUICK = {"lightgbm": {"n_estimators": 2}, "random_forest": {"n_estimators": 2},
         "xgboost": {"n_estimators": 2}, "hist_gradient_boosting": {"max_iter": 2},
         "logistic_regression": {"max_iter": 2}}  # fmt: skip


def make_table(n_rows):
    random = np.random.default_rng(0)
    values = random.normal(size=(N_COLUMNS, n_rows)).astype(np.float32)
    values[:, ::97] = np.nan
    codes = random.integers(0, len(CLASSES), n_rows)
    columns = pd.DataFrame(
        values.T, columns=[f"c{index}" for index in range(N_COLUMNS)], copy=False
    )
    described = {"recording_id": "r", "epoch": np.arange(n_rows), "subject_id": "s",
                 "role": "train", "fold": 0, "label": np.array(CLASSES, object)[codes]}  # fmt: skip
    return pd.concat([pd.DataFrame(described), columns], axis=1)


def fit(kind, table):
    options = ModelOptions(kind=kind, params=QUICK.get(kind, {}))
    estimator = ROSTER[kind](0, **options.params)
    columns = [name for name in table if name.startswith("c")]
    rows = describe_rows(table)
    fit_estimator(estimator, rows, columns, CLASSES, options, seed=0, table=table)


def resident(field):
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024


def measure(kind, table):
    fit(kind, table[:2000].copy())  # loads what is loaded once
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    fit(kind, table)
    return resident("VmHWM") - before


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # two iterations do not converge
    table = make_table(N_ROWS)
    print(json.dumps({kind: measure(kind, table) for kind in ROSTER}))
