"""What every feature set keeps to, and how sets of one signal are computed together."""

import tracemalloc

import numpy as np
import pytest

from epochal.errors import EpochalError
from epochal.features import roster
from epochal.features.block import Block
from epochal.features.roster import compute_features, feature_function

SFREQ = 100.0
SETS = [
    "band_power", "rodent_band_power", "multitaper_power", "spectral_shape", "aperiodic",
    "line_noise", "statistics", "amplitude", "quantiles", "hjorth", "complexity", "entropy",
    "detrended_fluctuation", "eye_movements", "muscle_tone", "sleep_edf_table_bands",
    "sleep_edf_table_time", "level",
]  # fmt: skip
TOGETHER = ["band_power", "spectral_shape", "statistics", "hjorth", "complexity", "eye_movements"]


def walk(n_epochs=7, n_samples=600, seed=0):
    random = np.random.default_rng(seed).normal(0, 3, (n_epochs, n_samples))
    return random.cumsum(axis=1).astype(np.float32)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("fault", [np.nan, np.inf, -np.inf])
def test_an_epoch_with_a_sample_that_is_not_finite_has_no_features(name, fault):
    windows = walk()
    windows[3, 100] = fault
    whole, holed = (compute_features(data, SFREQ, [name]) for data in (walk(), windows))
    others = [0, 1, 2, 4, 5, 6]
    for feature, column in holed.items():
        assert np.isnan(column[3]), feature
        assert np.allclose(column[others], whole[feature][others], rtol=1e-4, equal_nan=True)
        assert column.dtype == np.float32


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("value", [0.0, 0.1, -5000.0])
def test_a_flat_epoch_is_finite_or_missing_and_leaves_the_others_alone(name, value):
    windows = walk()
    windows[2] = value
    whole, with_flat = (compute_features(data, SFREQ, [name]) for data in (walk(), windows))
    for feature, column in with_flat.items():
        assert not np.isinf(column).any(), feature
        assert np.allclose(np.delete(column, 2), np.delete(whole[feature], 2), equal_nan=True)


@pytest.mark.parametrize("value", [0.0, 0.1, -5000.0])
def test_what_is_a_shape_is_missing_of_every_flat_epoch_alike(value):
    flat = np.full((2, 3000), value, np.float32)
    found = compute_features(flat, SFREQ, ["statistics", "spectral_shape", "hjorth", "complexity"])
    finite = {name for name, column in found.items() if np.isfinite(column).all()}
    assert finite == {"sd", "iqr", "zero_crossings_hz"}


def test_sets_together_give_what_each_gives_alone_in_the_order_they_are_listed():
    together = compute_features(walk(), SFREQ, TOGETHER)
    alone = [compute_features(walk(), SFREQ, [name]) for name in TOGETHER]
    assert list(together) == [feature for found in alone for feature in found]
    for found in alone:
        for feature, column in found.items():
            assert np.array_equal(together[feature], column, equal_nan=True), feature


@pytest.mark.parametrize("n_block", [1, 2, 3, 7, 50])
def test_the_size_of_a_block_does_not_matter(monkeypatch, n_block):
    expected = compute_features(walk(), SFREQ, TOGETHER)
    monkeypatch.setattr(roster, "BLOCK_SAMPLES", n_block * 600)
    for feature, column in compute_features(walk(), SFREQ, TOGETHER).items():
        assert np.allclose(column, expected[feature], rtol=1e-5, atol=1e-6), feature


def test_one_transform_serves_all_spectral_sets(monkeypatch):
    calls = []
    original = Block.spectrum.func
    monkeypatch.setattr(Block.spectrum, "func", lambda block: calls.append(1) or original(block))
    compute_features(walk(), SFREQ, ["band_power", "spectral_shape", "aperiodic", "line_noise"])
    assert len(calls) == 1


def test_two_sets_with_a_column_of_one_name_are_refused_by_that_name():
    with pytest.raises(EpochalError, match=r"'sleep_edf_table_bands' names .*: hjorth_mobility"):
        compute_features(walk(), SFREQ, ["hjorth", "sleep_edf_table_bands"])


def test_the_given_windows_are_not_changed():
    windows = walk()
    before = windows.copy()
    compute_features(windows, SFREQ, [name for name in SETS[:-3] if name != "rodent_band_power"])
    assert np.array_equal(windows, before)


@pytest.mark.parametrize("name", SETS)
def test_no_epochs_name_the_same_columns(name):
    empty = compute_features(walk()[:0], SFREQ, [name])
    assert list(empty) == list(compute_features(walk(), SFREQ, [name]))


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_called_with_windows_and_a_rate(name):
    direct = feature_function(name)(walk(), SFREQ)
    for feature, column in compute_features(walk(), SFREQ, [name]).items():
        # `compute_features` fills blocks up, and BLAS adds the rows at an edge in another order
        assert np.allclose(column, direct[feature], rtol=2e-5, atol=1e-6, equal_nan=True), feature


@pytest.mark.slow
def test_memory_stays_below_one_copy_of_the_windows():
    windows = np.zeros((2500, 3000), np.float32)
    windows[:] = np.random.default_rng(0).normal(size=3000)
    tracemalloc.start()
    try:
        compute_features(windows, SFREQ, ["band_power", "statistics", "hjorth"])
        assert tracemalloc.get_traced_memory()[1] < windows.nbytes
    finally:
        tracemalloc.stop()
