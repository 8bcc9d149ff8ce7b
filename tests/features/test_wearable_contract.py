"""What holds for every feature of a wearable's signals."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pulses import pulse_wave, steady
from scipy.stats import spearmanr

from epochal.features.cardiac import ecg_features, heart_rate_features, pulse_features
from epochal.features.electrodermal import electrodermal_features
from epochal.features.motion import motion_features
from epochal.features.respiration import belt_features, pulse_respiration_features
from epochal.features.temperature import temperature_features
from epochal.readers import e4
from epochal.signals.epoching import cut_epochs

FUNCTIONS = {
    pulse_features: 64.0,
    ecg_features: 128.0,
    heart_rate_features: 1.0,
    pulse_respiration_features: 64.0,
    belt_features: 25.0,
    electrodermal_features: 4.0,
    temperature_features: 4.0,
    motion_features: 32.0,
}
every_function = pytest.mark.parametrize(("function", "sfreq"), FUNCTIONS.items())


def windows_for(function, sfreq, n_epochs=5, seed=0):
    rng = np.random.default_rng(seed)
    n_samples = round(60 * sfreq)
    if function is motion_features:
        return rng.normal(0, 0.2, (n_epochs, 3, n_samples)).astype(np.float32)
    if function in (pulse_features, pulse_respiration_features):
        rates = np.linspace(55, 110, n_epochs)
        return np.stack([pulse_wave(steady(rate), noise=3) for rate in rates])
    return np.cumsum(rng.normal(1, 1, (n_epochs, n_samples)), axis=1).astype(np.float32)


@every_function
def test_each_feature_is_one_number_an_epoch(function, sfreq):
    columns = function(windows_for(function, sfreq), sfreq)
    assert columns
    assert {column.shape for column in columns.values()} == {(5,)}
    assert all(np.issubdtype(column.dtype, np.floating) for column in columns.values())


@every_function
def test_an_epoch_is_measured_without_knowing_its_place(function, sfreq):
    windows = windows_for(function, sfreq)
    order = [3, 0, 4, 1, 2]
    forth, back = function(windows, sfreq), function(windows[order], sfreq)
    for name, column in forth.items():
        np.testing.assert_allclose(back[name], column[order], rtol=1e-6, err_msg=name)


@every_function
def test_an_epoch_is_measured_without_its_neighbours(function, sfreq):
    windows = windows_for(function, sfreq)
    together, alone = function(windows, sfreq), function(windows[2:3], sfreq)
    for name, column in together.items():
        np.testing.assert_allclose(alone[name], column[2:3], rtol=1e-6, err_msg=name)


@every_function
def test_windows_are_left_as_they_were(function, sfreq):
    windows = windows_for(function, sfreq)
    before = windows.copy()
    function(windows, sfreq)
    np.testing.assert_array_equal(windows, before)


@every_function
@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e4])
def test_a_flat_signal_gives_finite_numbers_or_nan_and_no_warning(function, sfreq, value):
    windows = np.full_like(windows_for(function, sfreq, 1), value)
    assert not any(np.isinf(column).any() for column in function(windows, sfreq).values())


@every_function
@settings(max_examples=10, deadline=None)
@given(scale=st.floats(1e-4, 1e4), seed=st.integers(0, 99))
def test_noise_of_any_size_gives_finite_numbers_or_nan(function, sfreq, scale, seed):
    rng = np.random.default_rng(seed)
    shape = windows_for(function, sfreq, 1).shape
    columns = function((scale * rng.normal(size=shape)).astype(np.float32), sfreq)
    assert not any(np.isinf(column).any() for column in columns.values())


@pytest.mark.slow
def test_no_feature_of_real_sessions_is_a_clock():
    folder = Path(os.environ.get("EPOCHAL_DATA", "")) / "stress_predict"
    if not os.environ.get("EPOCHAL_DATA") or not folder.is_dir():
        pytest.skip("EPOCHAL_DATA does not hold stress_predict")
    sources = e4.find(folder, e4.Options())[1:8]
    correlations = [correlations_with_time(e4.read(source, e4.Options())) for source in sources]
    typical = {name: np.median([one[name] for one in correlations]) for name in correlations[0]}
    assert max(typical.values()) < 0.9, typical


def correlations_with_time(recording):
    start_s, end_s = recording.runs[0]
    onsets_s = np.arange(start_s, end_s - 60, 60.0)
    axes = [cut_epochs(recording.channel(f"ACC {axis}"), onsets_s, 60) for axis in "xyz"]
    bvp, eda, temp = (
        cut_epochs(recording.channel(n), onsets_s, 60) for n in ("BVP", "EDA", "TEMP")
    )
    columns = {
        **{f"bvp_{name}": column for name, column in pulse_features(bvp, 64.0).items()},
        **{f"eda_{name}": column for name, column in electrodermal_features(eda, 4.0).items()},
        **{f"temp_{name}": column for name, column in temperature_features(temp, 4.0).items()},
        **{f"acc_{name}": c for name, c in motion_features(np.stack(axes, 1), 32.0).items()},
    }
    kept = {name: column for name, column in columns.items() if np.isfinite(column).all()}
    return {
        name: abs(spearmanr(column, onsets_s)[0]) if np.ptp(column) > 0 else 0.0
        for name, column in kept.items()
    } | dict.fromkeys(columns.keys() - kept.keys(), 0.0)
