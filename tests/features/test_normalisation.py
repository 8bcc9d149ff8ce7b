import numpy as np
import pandas as pd
import pytest

from epochal.errors import EpochalError
from epochal.features.normalisation import (
    against_past,
    against_session,
    against_start,
    find_session,
    robust_z,
)
from epochal.options.features import SessionOptions


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


@pytest.mark.slow
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


NIGHT = SessionOptions(length_s=30.0 * 100, lowest=("mobility",))


def make_day(n_before=300, n_night=100, n_after=200):
    """Return a day: high mobility, and a night in the midst of it that is low."""
    random = np.random.default_rng(0)
    level = np.repeat([1.0, 0.3, 1.0], (n_before, n_night, n_after))
    noise = random.normal(0, 0.05, len(level))
    return pd.DataFrame({"mobility": level + noise, "power": 10 * level + 5 * noise})


def test_the_night_is_found_in_a_day_by_what_is_low_in_it():
    found = find_session(make_day(), make_epochs(600), NIGHT)
    assert np.flatnonzero(found).tolist() == pytest.approx(list(range(300, 400)), abs=1)
    assert found.sum() == 100


@pytest.mark.parametrize("n_epochs", [1, 40, 100])
def test_a_recording_no_longer_than_the_session_counts_whole(n_epochs):
    values = make_day().head(n_epochs)
    assert find_session(values, make_epochs(n_epochs), NIGHT).all()
    expected = robust_z(values, values)
    pd.testing.assert_frame_equal(against_session(values, make_epochs(n_epochs), NIGHT), expected)


def test_z_scores_of_a_day_are_those_of_its_night_alone():
    day, night = make_day(), make_day().iloc[300:400]
    found = against_session(day, make_epochs(600), NIGHT)
    assert abs(found["power"].iloc[300:400].median()) < 0.05
    alone = robust_z(night, night)
    assert found["power"].iloc[310:390].corr(alone["power"].iloc[10:90]) == pytest.approx(1.0)
    of_all = against_session(day, make_epochs(600), None)
    pd.testing.assert_frame_equal(of_all, robust_z(day, day))
    assert of_all["power"].iloc[300:400].median() < -3


def test_the_session_is_found_beside_missing_epochs_and_without_any():
    day = make_day()
    day.iloc[340:345] = np.nan
    found = find_session(day, make_epochs(600), NIGHT)
    assert found.iloc[305:395].all()
    assert found.sum() == 100
    assert find_session(day * np.nan, make_epochs(600), NIGHT).all()


def test_a_column_that_is_not_there_is_named():
    wanted = SessionOptions(length_s=300.0, lowest=("mobilty",))
    with pytest.raises(EpochalError, match=r"lowest: no column 'mobilty'; did you mean 'mobility'"):
        find_session(make_day(), make_epochs(600), wanted)
