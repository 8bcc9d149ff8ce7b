import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders import make_epochs, make_features, make_splits, make_study
from epochal.errors import EpochalError
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import join_table
from epochal.models.fit_memory import NEEDED, FitSize, largest_fit, refuse_large_fits
from epochal.models.one_fit import Fitting
from epochal.options.models import ModelOptions

sys.path.insert(0, str(Path(__file__).parent))
import fit_peaks

EPOCHS = make_epochs(n_subjects=6, n_epochs=20)
SPLITS = make_splits(EPOCHS, n_folds=3, n_test=1, n_val=1)
TABLE = join_table(make_features(EPOCHS), EPOCHS, SPLITS)


def fitting(kind="logistic_regression", table=TABLE, **options):
    options = ModelOptions(kind=kind, **options)
    return Fitting("m", options, ROSTER, table, make_study(), "classical")


def test_every_kind_says_what_it_needs():
    assert set(NEEDED) == set(ROSTER)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_a_fit_takes_no_more_than_is_said_and_not_much_less():
    done = subprocess.run(
        [sys.executable, fit_peaks.__file__],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    measured = json.loads(done.stdout.splitlines()[-1])
    size = FitSize(fit_peaks.N_ROWS, fit_peaks.N_COLUMNS, len(fit_peaks.CLASSES))
    for kind, peak in measured.items():
        options = ModelOptions(kind=kind, params=fit_peaks.QUICK.get(kind, {}))
        said = NEEDED[kind](size, options)
        assert peak <= 1.1 * said + 2e6, kind
        if kind not in ("majority", "random_forest"):  # the one looks at nothing; trees differ
            assert peak >= 0.5 * said, kind


def test_the_largest_fit_is_that_of_the_most_rows():
    assert largest_fit(fitting())[:3] == (80, 3, 3)  # the refit: 4 of the 5 subjects of train, val
    assert largest_fit(fitting(columns=("*_turn",))).n_columns == 1


def test_unlabelled_epochs_and_those_not_kept_are_not_counted():
    table = TABLE.assign(kept=TABLE["epoch"] < 10)
    assert largest_fit(fitting(table=table)).n_rows == 40
    table["label"] = table["label"].where(table["epoch"] > 4)
    assert largest_fit(fitting(table=table)).n_rows == 20


def test_a_model_that_needs_more_is_refused_by_name_with_what_it_needs():
    more = pd.DataFrame(0.0, TABLE.index, [f"eeg_{index}" for index in range(700)], np.float32)
    table = pd.concat([TABLE, more], axis=1)
    large = {"wide": fitting(table=table), "narrow": fitting()}
    with pytest.raises(
        EpochalError,
        match=r"allows 0.5 MB a fit; 'wide' needs 1 MB for 80 epochs of 703 columns. Fewer columns",
    ) as refused:
        refuse_large_fits(large, 0.5)
    assert "narrow" not in str(refused.value)


def test_without_a_limit_or_within_it_nothing_is_refused():
    refuse_large_fits({"m": fitting()}, None)
    refuse_large_fits({"m": fitting()}, 1.0)


def test_what_else_is_wrong_with_a_model_is_left_to_its_fit():
    refuse_large_fits({"a": fitting("lightgmb"), "b": fitting(columns=("nothing_*",))}, 0.001)


def test_rows_that_cannot_be_shared_cost_lightgbm_a_copy():
    options = ModelOptions(kind="lightgbm")
    shared, copied = (NEEDED["lightgbm"](FitSize(1000, 10, 3, far), options) for far in (0, 1))
    assert copied - shared == 4 * 1000 * 10
