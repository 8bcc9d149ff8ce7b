import numpy as np
import pandas as pd
import pytest

from epochal.features.neighbourhood import add_neighbours, neighbour_functions, triangle
from epochal.options.features import ContextOptions


def compute(values, run=None, **options):
    """Return the neighbourhood columns of one feature `x`, by suffix."""
    features = pd.DataFrame({"x": np.asarray(values, dtype=float)})
    runs = pd.Series(0 if run is None else run, index=features.index)
    parts = add_neighbours(features, runs, neighbour_functions(ContextOptions(**options)))
    found = pd.concat(parts, axis=1)
    return {name.removeprefix("x"): found[name].tolist() for name in found}


def test_the_suffixes_say_what_was_computed_and_over_how_many_epochs():
    found = compute(
        [1, 2, 3],
        causal_epochs=(5,),
        causal_statistics=("mean", "sd", "max"),
        centred_epochs=(3,),
        triangular_epochs=(5,),
        lags=(1, -2),
    )
    assert list(found) == [
        "__past5", "__past5_sd", "__past5_max", "__centred3", "__centred5_triangular",
        "__past1_value", "__ahead2_value",
    ]  # fmt: skip


def test_trailing_statistics_equal_pandas_own():
    values = np.random.default_rng(0).normal(size=50)
    values[[3, 17, 18]] = np.nan
    rolling = pd.Series(values).rolling(5, min_periods=1)
    found = compute(values, causal_epochs=(5,), causal_statistics=("mean", "sd", "max"))
    assert found["__past5"] == pytest.approx(rolling.mean().tolist(), nan_ok=True)
    assert found["__past5_max"] == pytest.approx(rolling.max().tolist(), nan_ok=True)
    assert found["__past5_sd"] == pytest.approx(rolling.std(ddof=0).tolist(), nan_ok=True)


def test_where_all_are_missing_so_is_the_statistic():
    found = compute(
        [np.nan, np.nan, 1.0], causal_epochs=(2,), causal_statistics=("mean", "sd", "max")
    )
    for suffix in ("__past2", "__past2_sd", "__past2_max"):
        assert np.isnan(found[suffix]).tolist() == [True, True, False]


def test_triangular_weights_fall_off_evenly():
    assert triangle(3).tolist() == [0.5, 1.0, 0.5]
    assert triangle(4).tolist() == pytest.approx([0.4, 0.8, 0.8, 0.4])


def test_a_triangular_mean_weighs_the_epoch_itself_most():
    found = compute([0, 0, 1, 0, 0], triangular_epochs=(3,))
    assert found["__centred3_triangular"] == pytest.approx([0, 0.25, 0.5, 0.25, 0])


def test_a_missing_neighbour_gives_its_weight_to_the_others():
    found = compute([4, np.nan, 8], triangular_epochs=(3,))
    assert found["__centred3_triangular"] == pytest.approx([4, 6, 8])


def test_a_lag_is_the_value_so_many_epochs_ago_or_ahead():
    found = compute([1, 2, 3, 4], lags=(1, -2))
    assert found["__past1_value"] == pytest.approx([np.nan, 1, 2, 3], nan_ok=True)
    assert found["__ahead2_value"] == pytest.approx([3, 4, np.nan, np.nan], nan_ok=True)


def test_no_neighbourhood_crosses_a_gap():
    found = compute(
        [1, 1, 9, 9],
        run=[0, 0, 1, 1],
        causal_epochs=(3,),
        causal_statistics=("mean", "sd", "max"),
        centred_epochs=(3,),
        triangular_epochs=(3,),
        lags=(1,),
    )
    for suffix in ("__past3", "__past3_max", "__centred3", "__centred3_triangular"):
        assert found[suffix] == pytest.approx([1, 1, 9, 9])
    assert found["__past3_sd"] == pytest.approx([0, 0, 0, 0])
    assert np.isnan(found["__past1_value"]).tolist() == [True, False, True, False]


def test_a_centred_mean_over_an_even_number_reaches_one_further_ahead():
    found = compute([1, 2, 3, 4, 5, 6], centred_epochs=(4,))
    assert found["__centred4"][1:4] == pytest.approx([2.5, 3.5, 4.5])
