import numpy as np
import pandas as pd
import pytest

from epochal.models.sequence import SequenceClassifier
from epochal.run_directory.by_row import (
    ROW,
    LoadedByRow,
    WindowsByRow,
    count_seen,
    load_model,
    read_seen,
)
from epochal.run_directory.manifest import read_manifest
from epochal.run_directory.rows import H5Rows
from run_directory.small_runs import N_ROWS, data, draw_rows, trained

pytestmark = pytest.mark.slow  # a whole run is trained

NUMBERS = pd.DataFrame({ROW: np.arange(60)})
LABELS = draw_rows(N_ROWS, seed=len("train"))[1][:60]


@pytest.fixture
def h5():
    return H5Rows(data() / "X_train.h5", "features")


def make(h5, *, cap=0, downsample=10):
    network = SequenceClassifier("cnn1d", n_epochs=1, batch_size=16)
    return WindowsByRow(network, h5, downsample=downsample, max_train_samples=cap)


def test_a_network_by_row_is_that_of_the_windows(h5):
    by_row = make(h5).fit(NUMBERS, LABELS)
    windows = h5.take(np.arange(60), downsample=10)
    direct = SequenceClassifier("cnn1d", n_epochs=1, batch_size=16).fit(windows, LABELS)
    expected = direct.predict_proba(windows)
    assert by_row.predict_proba(NUMBERS) == pytest.approx(expected, abs=1e-6)
    assert by_row.predict_proba(NUMBERS[::-1]) == pytest.approx(expected[::-1], abs=1e-6)
    assert by_row.predict_proba(NUMBERS[:0]).shape == (0, 3)


@pytest.mark.parametrize(("cap", "expected"), [(0, 60), (20, 20), (60, 60), (900, 60)])
def test_a_cap_limits_the_rows_that_are_read_for_training(h5, monkeypatch, cap, expected):
    taken = []
    take = H5Rows.take

    def watch(self, rows, **kwargs):
        taken.append(rows)
        return take(self, rows, **kwargs)

    monkeypatch.setattr(H5Rows, "take", watch)
    make(h5, cap=cap).fit(NUMBERS, LABELS)
    assert np.unique(taken[0]).size == len(taken[0]) == expected


def test_weights_go_with_their_rows(h5):
    weights = np.where(LABELS == 2, 50.0, 0.02)
    plain = make(h5, cap=40).fit(NUMBERS, LABELS).predict_proba(NUMBERS)
    heavy = make(h5, cap=40).fit(NUMBERS, LABELS, weights).predict_proba(NUMBERS)
    assert heavy[:, 2].mean() > plain[:, 2].mean()


def test_a_loaded_model_does_not_learn(h5):
    loaded = load_model(trained("hgb", "lstm", "cnn") / "models/cnn_temporal.onnx", "cnn_temporal")
    one = LoadedByRow(loaded, h5).fit(NUMBERS, LABELS)
    other = LoadedByRow(loaded, h5).fit(NUMBERS, LABELS[::-1])
    assert np.array_equal(one.predict_proba(NUMBERS), other.predict_proba(NUMBERS))
    assert (one.predict_proba(NUMBERS).argmax(axis=1) == LABELS).mean() > 0.8


def test_the_rows_of_training_are_known_again(h5):
    run = trained("hgb", "lstm", "cnn")
    seen = read_seen(run, read_manifest(run))
    assert set(seen) == {"h5"}
    assert count_seen({"h5": h5.hashes()}, seen) == 180
    other = H5Rows(data() / "X_test.h5", "features").hashes()
    assert count_seen({"h5": other}, seen) == 0
    assert count_seen({"csv": other}, seen) == 0
    assert count_seen({}, seen) == 0
