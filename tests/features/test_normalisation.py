import numpy as np
import pandas as pd
import pytest

from epochal.features.normalisation import against_past, against_start, robust_z


def make_epochs(n_epochs, step_s=30.0):
    return pd.DataFrame({"onset_s": step_s * np.arange(n_epochs), "length_s": 30.0})


def test_a_column_that_hardly_varies_is_divided_by_its_standard_deviation():
    values = pd.DataFrame({"x": [0.0] * 9 + [10.0]})
    assert robust_z(values, values)["x"].iloc[-1] == pytest.approx(10 / values["x"].std())


def test_a_constant_column_becomes_zero():
    values = pd.DataFrame({"x": [5.0] * 4})
    assert robust_z(values, values)["x"].tolist() == [0.0] * 4


def test_against_the_start_counts_only_whole_epochs_of_it():
    values = pd.DataFrame({"x": [0.0, 2.0, 100.0, 1.0]})
    found = against_start(values, make_epochs(4), 60.0)["x"]
    assert found.isna().tolist() == [True, True, False, False]
    assert found[3] == pytest.approx(0.0)  # the median of 0 and 2


def test_against_the_past_is_a_z_score_by_what_has_passed():
    random = np.random.default_rng(0)
    values = pd.DataFrame({"x": random.normal(50, 5, 4000)})
    found = against_past(values, make_epochs(4000), 30.0 * 400)["x"]
    assert found[400:].median() == pytest.approx(0.0, abs=0.1)
    assert found[400:].std() == pytest.approx(1.0, rel=0.1)


def test_against_the_past_waits_for_a_sixth_of_its_window():
    values = pd.DataFrame({"x": np.arange(60.0)})
    found = against_past(values, make_epochs(60), 30.0 * 30)["x"]
    assert found.isna().sum() == 4  # the fifth epoch is a sixth of thirty


def test_against_the_past_does_not_see_what_comes():
    values = pd.DataFrame({"x": np.random.default_rng(0).normal(size=100)})
    changed = values.copy()
    changed.loc[50:, "x"] = 1e6
    one, other = (against_past(given, make_epochs(100), 900.0) for given in (values, changed))
    pd.testing.assert_frame_equal(one[:50], other[:50])


def test_a_stream_gets_the_numbers_of_the_batch():
    values = pd.DataFrame({"x": np.random.default_rng(0).normal(size=80)})
    epochs = make_epochs(80)
    batch = against_past(values, epochs, 600.0)["x"].to_numpy()
    window = 20  # 600 s of epochs of 30 s: all that a stream must remember
    for now in range(10, 80):
        kept = slice(max(0, now + 1 - window), now + 1)
        streamed = against_past(values[kept], epochs[kept], 600.0)["x"].iloc[-1]
        assert streamed == pytest.approx(batch[now], rel=1e-9)


def test_an_artefact_is_clipped_in_every_variant():
    values = pd.DataFrame({"x": [0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 1e9]})
    epochs = make_epochs(7)
    for found in (robust_z(values, values), against_start(values, epochs, 180.0),
                  against_past(values, epochs, 210.0)):  # fmt: skip
        assert found["x"].iloc[-1] == 20.0
