"""Row B6: the first tenth of a review holds at least twice the base rate of errors."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epochal.serving.reviewing import order_for_review

TABLE = "sleep_edf_features/sleep_cassette_time_domain.parquet"
KNOWN = ["recording_id", "subject_id", "row", "stage"]


def predict_others(table):
    """Return each night's errors and confidences by trees that learnt from other sleepers."""
    lightgbm = pytest.importorskip("lightgbm")
    columns = [name for name in table if name not in KNOWN]
    nights = table.groupby("recording_id")[columns]
    values = ((table[columns] - nights.transform("median")) / nights.transform("std")).to_numpy()
    subjects = sorted(table["subject_id"].unique())
    learnt = table["subject_id"].isin(subjects[::2]).to_numpy()
    classes, codes = np.unique(table["stage"], return_inverse=True)
    trees = lightgbm.LGBMClassifier(n_estimators=40, num_leaves=15, n_jobs=1, verbose=-1)
    trees.fit(values[learnt], codes[learnt])
    proba = trees.booster_.predict(values[~learnt])
    assert proba.shape[1] == len(classes)
    return table.loc[~learnt, ["recording_id"]].assign(
        wrong=proba.argmax(axis=1) != codes[~learnt], confidence=proba.max(axis=1)
    )


def measure(rows):
    """Return the rate of errors in the first tenth of each recording, and in all of it."""
    first, whole = [], []
    for _, own in rows.groupby("recording_id"):
        wrong = own["wrong"].to_numpy()
        tenth = order_for_review(own["confidence"].to_numpy())[: max(1, len(own) // 10)]
        first.append(wrong[tenth].mean())
        whole.append(wrong.mean())
    return float(np.mean(first)), float(np.mean(whole))


def test_the_measure_knows_a_useless_order_from_a_perfect_one():
    random = np.random.default_rng(0)
    wrong = random.random(4000) < 0.1
    rows = pd.DataFrame({"recording_id": np.arange(4000) // 400, "wrong": wrong})
    first, whole = measure(rows.assign(confidence=np.where(wrong, 0.0, 1.0)))
    assert first / whole > 8
    first, whole = measure(rows.assign(confidence=random.random(4000)))
    assert first / whole == pytest.approx(1, abs=0.5)


@pytest.mark.slow
def test_on_real_nights_the_first_tenth_holds_twice_the_base_rate_of_errors():
    folder = os.environ.get("EPOCHAL_DATA")
    if not folder:
        pytest.skip("EPOCHAL_DATA is not set, where sleep_edf_features/ would be")
    table = pd.read_parquet(Path(folder) / TABLE)
    rows = predict_others(table[table["stage"].notna()].reset_index(drop=True))
    first, whole = measure(rows)
    assert rows["recording_id"].nunique() > 50
    assert 0.1 < whole < 0.35  # a model worth reviewing, and with something to find
    assert first > 2 * whole, f"{first:.3f} against {whole:.3f}"
