import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders import sine
from epochal.features.complexity import complexity
from epochal.features.roster import compute_features
from epochal.features.sleep_edf_table import band_table, binned_entropies, time_table

SFREQ = 100.0
NOISE = np.random.default_rng(0).normal(0, 20, (5, 3000))
INDEX = ["recording_id", "subject_id", "row", "stage"]
TABLES = {
    "sleep_edf_table_bands": "sleep_cassette_band_power.parquet",
    "sleep_edf_table_time": "sleep_cassette_time_domain.parquet",
}


def read_table(name):
    folder = os.environ.get("EPOCHAL_DATA")
    if not folder:
        pytest.skip("EPOCHAL_DATA does not say where the real data are")
    path = Path(folder) / "sleep_edf_features" / TABLES[name]
    if not path.exists():
        pytest.skip(f"{path.name} is not among the real data")
    return pd.read_parquet(path)


@pytest.fixture(scope="module")
def bands():
    return read_table("sleep_edf_table_bands")


@pytest.fixture(scope="module")
def moments():
    return read_table("sleep_edf_table_time")


@pytest.fixture(scope="module")
def both(bands, moments):
    """Return the epochs that both tables hold, found by the deviations of both channels."""
    keys = ["recording_id", "fpz_cz_std_uv", "pz_oz_std_uv"]
    left, right = (table.drop_duplicates(keys, keep=False) for table in (bands, moments))
    return left.merge(right, on=keys, suffixes=("", "_of_time"))


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_a_set_gives_exactly_the_columns_of_its_table(name):
    columns = compute_features(NOISE, SFREQ, [name])
    of_table = [column for column in read_table(name) if column.startswith("fpz_cz_")]
    assert [f"fpz_cz_{column}" for column in columns] == of_table


def test_a_band_holds_the_density_of_white_noise():
    found = band_table(np.random.default_rng(0).normal(0, 20, (100, 3000)), SFREQ)
    for name in ("delta", "theta", "alpha", "beta"):
        assert found[f"{name}_uv2_per_hz"].mean() == pytest.approx(8.0, rel=0.03)
    assert found["std_uv"].mean() == pytest.approx(20.0, rel=0.01)


def test_gamma_is_unknown_where_the_rate_ends_it_early():
    found = band_table(NOISE, 90.0)
    assert np.isnan(found["gamma_uv2_per_hz"]).all()
    assert np.isfinite(found["beta_uv2_per_hz"]).all()


def test_mobility_of_the_band_table_has_100_square_microvolts_in_it():
    wave = sine(2.0, amplitude=20.0)[None]
    steps = np.diff(wave.astype(float)).std()
    expected = steps / np.sqrt(wave.astype(float).var() + 100)
    assert band_table(wave, SFREQ)["hjorth_mobility"][0] == pytest.approx(expected, rel=1e-5)


def test_the_real_tables_agree_on_that_mobility(both):
    assert len(both) > 15_000
    assert (both["stage"] == both["stage_of_time"]).all()
    for channel in ("fpz_cz", "pz_oz"):
        sd = both[f"{channel}_std_uv"].astype(float)
        without = both[f"{channel}_hjorth_mobility_of_time"].astype(float)
        with_epsilon = without * sd / np.sqrt(sd**2 + 100)
        assert np.allclose(both[f"{channel}_hjorth_mobility"], with_epsilon, rtol=2e-7)


def test_the_real_petrosian_dimensions_are_those_of_whole_numbers_of_turns(moments):
    dimension = moments["fpz_cz_petrosian_fd"].astype(float)
    turns = (10 ** (np.log10(3000) * (1 / dimension - 1)) - 1) / 0.4
    assert (abs(turns - turns.round()) < 0.003).all()
    assert turns.max() < 3000


def test_the_real_entropies_stay_below_those_of_their_numbers_of_bins(moments):
    for index, n_bins in enumerate((5, 10, 30, 60), start=1):
        most = moments[f"pz_oz_binned_entropy_{index}"].max()
        assert 0.95 * np.log2(n_bins) < most < np.log2(n_bins)


def test_real_noise_has_a_higuchi_dimension_of_1(moments):
    white = (abs(moments["pz_oz_hjorth_mobility"] - np.sqrt(2)) < 0.03) & (
        abs(moments["pz_oz_hjorth_complexity"] - np.sqrt(1.5)) < 0.02
    )
    assert white.sum() > 100
    assert moments.loc[white, "pz_oz_higuchi_fd"].mean() == pytest.approx(1.0, abs=0.02)


def test_the_time_table_of_noise():
    found = time_table(NOISE, SFREQ)
    assert found["higuchi_fd"] == pytest.approx(complexity(NOISE, SFREQ)["higuchi_dimension"] - 1)
    turns = (np.diff(np.signbit(np.diff(NOISE)).astype(int)) != 0).sum(axis=1)
    log_n = np.log10(3000)
    assert found["petrosian_fd"] == pytest.approx(log_n / (log_n + np.log10(1 + 0.4 * turns)))
    assert found["hjorth_mobility"] == pytest.approx(np.full(5, np.sqrt(2)), rel=0.03)
    assert found["zero_crossings"] == pytest.approx(np.full(5, 1500), abs=100)


def test_crossings_are_those_of_zero_and_not_of_the_mean():
    assert time_table(NOISE + 1000, SFREQ)["zero_crossings"].tolist() == [0.0] * 5


@pytest.mark.parametrize("n_bins", [5, 10, 30, 60])
def test_a_binned_entropy_is_that_of_numpys_histogram(n_bins):
    (entropies,) = binned_entropies(np.sort(NOISE, axis=1), [n_bins])
    for window, found in zip(NOISE, entropies, strict=True):
        shares = np.histogram(window, n_bins)[0] / len(window)
        shares = shares[shares > 0]
        assert found == pytest.approx(-(shares * np.log2(shares)).sum())


@pytest.mark.parametrize("table", [band_table, time_table])
def test_a_flat_window_has_sizes_and_no_shape(table):
    sizes = {"std_uv", "iqr_uv", "zero_crossings"}
    for name, column in table(np.full((1, 3000), 5.0), SFREQ).items():
        assert np.isfinite(column[0]) == (name in sizes or name.endswith("per_hz")), name


@pytest.mark.parametrize("table", [band_table, time_table])
def test_no_windows_have_the_same_columns(table):
    empty = table(np.empty((0, 3000), np.float32), SFREQ)
    assert list(empty) == list(table(NOISE, SFREQ))
    assert all(len(column) == 0 for column in empty.values())
