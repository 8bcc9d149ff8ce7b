"""An epoch has the same features alone, as in a stream, and among many, as in a whole night."""

import numpy as np
import pytest

from builders import (
    CLASSES,
    make_epochs,
    make_features,
    make_features_options,
    make_ingestion,
    make_night,
)
from epochal.features.context import add_context
from epochal.features.extraction import extract_features, finish_features, own_features
from epochal.features.roster import compute_features
from epochal.options.features import ContextOptions
from epochal.signals.epoching import index_epochs

SETS = (
    "band_power", "multitaper_power", "spectral_shape", "aperiodic", "statistics", "amplitude",
    "hjorth", "complexity", "entropy", "muscle_tone", "sleep_edf_table_bands",
    "sleep_edf_table_time", "eye_movements", "wavelet_energy",
)  # fmt: skip


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("n_epochs", [17, 37])
def test_to_the_last_bit(name, n_epochs):
    windows = np.random.default_rng(0).normal(0, 20, (n_epochs, 1000)).cumsum(axis=1)
    windows = windows.astype(np.float32)
    together = compute_features(windows, 100.0, [name])
    for row in (0, 1, 15, 16, n_epochs - 1):
        alone = compute_features(windows[row : row + 1], 100.0, [name])
        for column, values in together.items():
            assert np.array_equal(alone[column], values[row : row + 1], equal_nan=True), column


def test_missing_epochs_beside_it_change_nothing():
    windows = np.random.default_rng(0).normal(0, 20, (20, 1000)).astype(np.float32)
    spoilt = windows.copy()
    spoilt[::3, 5] = np.nan
    one, other = (compute_features(some, 100.0, ["band_power"]) for some in (windows, spoilt))
    for column in one:
        assert np.array_equal(one[column][1::3], other[column][1::3])
        assert np.isnan(other[column][::3]).all()


@pytest.mark.parametrize("normalise", [(), ("running",)])
def test_context_that_looks_back_knows_nothing_of_what_came_before_or_comes(normalise):
    epochs = make_epochs(n_subjects=1, n_epochs=60)
    features = make_features(epochs).drop(columns=["recording_id", "epoch"])
    features["eeg_step"] = np.repeat([0.0, 1e6, 3.0], 20).astype(np.float32)
    options = ContextOptions(
        normalise=normalise, causal_epochs=(3,), causal_statistics=("mean", "sd", "max"),
        running_s=300.0,
    )  # fmt: skip
    whole = add_context(features, epochs, options)
    some = slice(37, 50)  # ten of running, three of neighbours
    part = add_context(features[some], epochs[some], options)
    assert np.array_equal(part.iloc[-1].to_numpy(), whole.iloc[49].to_numpy(), equal_nan=True)


def test_its_own_features_and_their_context_make_up_the_table():
    night = make_night(CLASSES, metadata={"age": 30.0, "sex": "F"})
    options = make_features_options(context=ContextOptions(causal_epochs=(2,)), drop=("*_kurt*",))
    epochs = index_epochs(night, make_ingestion())
    own = own_features(night, epochs, options)
    assert not any("__past" in name for name in own)
    whole = extract_features(night, epochs, options)
    assert finish_features(own, epochs, options).equals(whole)
    assert not any("_kurt" in name for name in whole)
