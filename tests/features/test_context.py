import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from epochal.features.context import add_context, is_causal, known_rows
from epochal.options.features import ContextOptions

N = 12


def make(values=None, *, run=None, step_s=30.0, start_s=0.0):
    """Return one column `x`, and the epochs that it belongs to."""
    values = np.arange(N, dtype=float) if values is None else np.asarray(values, dtype=float)
    epochs = pd.DataFrame(
        {
            "onset_s": start_s + step_s * np.arange(len(values)),
            "length_s": 30.0,
            "run": 0 if run is None else run,
        }
    )
    return pd.DataFrame({"x": values}), epochs


def context(values=None, *, options, **given):
    features, epochs = make(values, **given)
    return add_context(features, epochs, ContextOptions(**options))


def test_without_context_the_features_stay_as_they_are():
    found = context(options={})
    assert list(found) == ["x"]
    assert found["x"].dtype == np.float32


def test_the_trailing_mean_is_over_this_epoch_and_those_before():
    found = context([2, 4, 6, 8], options={"causal_epochs": (3,)})
    assert found["x__past3"].tolist() == [2, 3, 4, 6]


def test_the_centred_mean_looks_both_ways_and_is_mirrored_at_the_ends():
    found = context([2, 4, 6, 14], options={"centred_epochs": (3,)})
    expected = [(2 + 2 + 4) / 3, 4, 8, (6 + 14 + 14) / 3]
    assert found["x__centred3"].tolist() == pytest.approx(expected)


def test_a_mean_longer_than_the_run_is_mirrored_back_and_forth():
    found = context([3, 9], options={"centred_epochs": (7,)})
    assert found["x__centred7"].tolist() == pytest.approx(
        [(3 * 3 + 4 * 9) / 7, (4 * 3 + 3 * 9) / 7]
    )


def test_the_ends_of_a_session_do_not_betray_themselves_by_their_spread():
    _, epochs = make()
    many = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 400))).add_prefix("x")
    means = add_context(many, epochs, ContextOptions(centred_epochs=(5,))).filter(like="__centred5")
    spread = means.std(axis=1)
    assert spread[0] < 1.6 * spread[N // 2]


def test_a_mean_never_crosses_a_gap():
    found = context(
        [0, 0, 90, 90], run=[0, 0, 1, 1], options={"causal_epochs": (3,), "centred_epochs": (3,)}
    )
    assert found["x__past3"].tolist() == found["x__centred3"].tolist() == [0, 0, 90, 90]


def test_runs_need_not_follow_one_another_in_the_table():
    found = context([1, 10, 3, 30], run=[0, 1, 0, 1], options={"causal_epochs": (2,)})
    assert found["x__past2"].tolist() == [1, 10, 2, 20]


def test_a_missing_value_is_left_out_of_the_mean():
    found = context([2, np.nan, 4], options={"causal_epochs": (2,)})
    assert found["x__past2"].tolist() == [2, 2, 4]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.floats(-100, 100, width=32), min_size=6, max_size=30),
    changed_at=st.integers(1, 29),
    n_epochs=st.integers(1, 6),
)
def test_a_causal_column_never_changes_when_later_epochs_do(values, changed_at, n_epochs):
    later = [value if at < changed_at else value + 50 for at, value in enumerate(values)]
    options = {"causal_epochs": (n_epochs,), "normalise": ("calibration",), "calibration_s": 30}
    one, other = (context(given, options=options) for given in (values, later))
    causal = [name for name in one if is_causal([name])]
    assert len(causal) == 4  # raw and against the start, each with its mean
    before = slice(0, changed_at)
    pd.testing.assert_frame_equal(one[causal].iloc[before], other[causal].iloc[before])


def test_a_session_z_score_has_median_0_and_a_robust_spread_of_1():
    random = np.random.default_rng(0)
    values = np.append(random.normal(50, 5, 2000), 1e6)  # an artefact moves nothing
    found = context(values, options={"normalise": ("session",)})["x__session"]
    assert found.median() == pytest.approx(0.0, abs=1e-6)
    assert found[:2000].std() == pytest.approx(1.0, rel=0.05)
    assert found.max() == 20.0


def test_means_run_over_the_normalised_variants_too():
    options = {"normalise": ("session", "calibration"), "causal_epochs": (2,)}
    assert list(context(options=options)) == [
        "x", "x__past2", "x__session", "x__session__past2", "x__calibration",
        "x__calibration__past2",
    ]  # fmt: skip


def test_nothing_is_known_against_the_start_until_the_calibration_has_passed():
    options = {"normalise": ("calibration",), "calibration_s": 90.0}
    found = context(options=options)["x__calibration"]
    assert found.isna().tolist() == [True] * 3 + [False] * 9
    # 0, 1, 2 have the median 1 and the median absolute deviation 1
    assert found[3] == pytest.approx((3 - 1) / 1.4826, rel=1e-5)


def test_an_epoch_that_reaches_into_the_calibration_is_not_normalised_by_it():
    options = {"normalise": ("calibration",), "calibration_s": 75.0}
    found = context(options=options)["x__calibration"]
    assert found.isna().tolist() == [True] * 3 + [False] * 9  # the third lies across its end
    spread = 0.5 * 1.4826  # of 0 and 1 alone
    assert found[3] == pytest.approx((3 - 0.5) / spread, rel=1e-5)


def test_the_calibration_begins_with_the_first_epoch_not_with_the_recording():
    options = {"normalise": ("calibration",), "calibration_s": 90.0}
    late = context(options=options, start_s=1000.0)["x__calibration"]
    assert late.equals(context(options=options)["x__calibration"])


def test_a_calibration_shorter_than_an_epoch_tells_nothing():
    options = {"normalise": ("calibration",), "calibration_s": 10.0}
    assert context(options=options)["x__calibration"].isna().all()


def test_demographics_have_no_neighbours():
    features, epochs = make()
    features["demographics_age_years"] = 30.0
    options = ContextOptions(normalise=("session",), causal_epochs=(2,))
    found = add_context(features, epochs, options)
    assert [name for name in found if name.startswith("demo")] == ["demographics_age_years"]


@pytest.mark.parametrize(
    ("columns", "causal"),
    [
        (["x", "x__past5", "x__calibration", "x__calibration__past5"], True),
        (["x", "x__session"], False),
        (["x__centred3"], False),
        (["x__session__past5"], False),
        (["x__running", "x__past5_sd", "x__past2_value", "x__past90s"], True),
        (["x__centred90s"], False),
        (["x__centred15_triangular"], False),
        (["x__ahead2_value"], False),
        ([], True),
    ],
)
def test_a_set_of_columns_is_causal_when_none_of_them_looks_ahead(columns, causal):
    assert is_causal(columns) is causal


def test_every_column_that_looks_ahead_says_so():
    options = {
        "normalise": ("session", "calibration", "running"), "calibration_s": 60,
        "running_s": 180, "causal_epochs": (2,), "causal_statistics": ("mean", "sd", "max"),
        "centred_epochs": (3,), "triangular_epochs": (5,), "lags": (1, -2),
    }  # fmt: skip
    values = np.random.default_rng(0).normal(size=N)
    changed = values + np.where(np.arange(N) < 6, 0, 5)
    one, other = (context(given, options=options)[:6] for given in (values, changed))
    moved = {name for name in one if not one[name].equals(other[name])}
    assert moved == {name for name in one if not is_causal([name])}
    assert len(one.columns) > len(moved) > 0


def test_a_model_speaks_of_an_epoch_when_some_column_of_each_variant_is_known():
    features = pd.DataFrame(
        {
            "a": [1, 1, np.nan, np.nan],
            "b": [1, np.nan, 1, np.nan],
            "a__calibration": [np.nan, 1, np.nan, 1],
            "b__calibration": [np.nan, np.nan, 1, 1],
        }
    )
    assert known_rows(features, ["a", "b"]).tolist() == [True, True, True, False]
    assert known_rows(features, list(features)).tolist() == [False, True, True, False]
    assert known_rows(features, ["a__calibration"]).tolist() == [False, True, False, True]


def test_a_trailing_mean_belongs_to_the_variant_that_it_is_of():
    features = pd.DataFrame(
        {
            "a": [np.nan, 1],
            "a__past3": [1, np.nan],
            "a__session__past3": [1, 1],
            "a__session": [0, 0],
        }
    )
    assert known_rows(features, list(features)).tolist() == [True, True]


def test_age_is_no_reason_to_speak_of_an_epoch_without_a_signal():
    features = pd.DataFrame({"a": [1.0, np.nan], "demographics_age_years": [30.0, 30.0]})
    assert known_rows(features, list(features)).tolist() == [True, False]
    assert known_rows(features, ["demographics_age_years"]).tolist() == [True, True]


def test_only_the_columns_that_are_asked_for_get_context():
    features, epochs = make()
    features["y"] = 1.0
    found = add_context(features, epochs, ContextOptions(columns=("x*",), causal_epochs=(2,)))
    assert list(found) == ["x", "y", "x__past2"]
