"""A forward filter goes on from where it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.models.calibrators import Calibration
from epochal.models.smoothing import Smoothing, SmoothingMemory

SMOOTHING = Smoothing(
    kind="forward",
    transitions=[[0.9, 0.08, 0.02], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]],
    prior=[0.5, 0.3, 0.2],
    memory=0.6,
    calibration=Calibration(kind="temperature", scale=(1.2,) * 3, offset=(0.0,) * 3),
)
PROBA = np.random.default_rng(0).dirichlet([1, 1, 1], 40)


def in_parts(proba, cuts):
    parts, expected = [], None
    for part in np.split(proba, cuts):
        smoothed, expected = SMOOTHING.advance(part, expected)
        parts.append(smoothed)
    return np.concatenate(parts)


@pytest.mark.slow
@given(
    cuts=st.lists(st.integers(0, 40), max_size=6).map(sorted),
    unseen=st.lists(st.integers(0, 39), max_size=10),
)
def test_in_parts_as_in_one(cuts, unseen):
    proba = PROBA.copy()
    proba[unseen] = np.nan
    assert np.array_equal(in_parts(proba, cuts), SMOOTHING.apply(proba), equal_nan=True)


def test_nothing_is_expected_before_anything_was_seen():
    smoothed, expected = SMOOTHING.advance(np.full((3, 3), np.nan), None)
    assert np.isnan(smoothed).all()
    assert expected is None


def test_rows_that_were_smoothed_before_are_not_smoothed_again():
    memory = SmoothingMemory()
    first = memory.smooth("m", SMOOTHING, PROBA[:10])
    memory.n_lead = 4
    second = memory.smooth("m", SMOOTHING, PROBA[6:20])
    assert np.array_equal(np.concatenate([first, second]), SMOOTHING.apply(PROBA[:20]))


def test_each_smoothing_has_its_own_memory():
    memory = SmoothingMemory()
    memory.smooth("one", SMOOTHING, PROBA[:10])
    assert memory.smooth("other", SMOOTHING, PROBA[10:]) == pytest.approx(
        SMOOTHING.apply(PROBA[10:])
    )
