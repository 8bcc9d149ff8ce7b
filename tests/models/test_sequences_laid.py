from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.epoch_inputs import EpochInputs
from epochal.models.sequences import lay_sequences, predict_sequences

LENGTHS = st.integers(1, 12)
N_EPOCHS = st.integers(0, 80)


def make_inputs(n_epochs: int, *, run: list[int] | None = None) -> EpochInputs:
    numbers = np.arange(n_epochs)
    return EpochInputs(
        {"signal": numbers[:, None, None].astype(np.float32)},
        epoch=numbers,
        run=np.zeros(n_epochs, dtype=int) if run is None else np.array(run),
        known=np.ones(n_epochs, dtype=bool),
    )


def echo(batch: dict[str, np.ndarray]) -> np.ndarray:
    """Say of each epoch the number that is in its window."""
    return batch["signal"][..., 0]


@pytest.mark.slow
@given(N_EPOCHS, LENGTHS, st.booleans())
def test_every_epoch_is_predicted_exactly_once(n_epochs, length, causal):
    placed = lay_sequences(n_epochs, length, causal=causal)
    covered = [one.start + place for one in placed for place in range(one.first, one.end)]
    assert covered == list(range(n_epochs))
    assert all(one.start >= 0 and one.end <= length for one in placed)


@pytest.mark.slow
@given(st.integers(13, 80), st.integers(2, 12))
def test_sequences_that_look_both_ways_stay_inside_and_keep_their_middle(n_epochs, length):
    placed = lay_sequences(n_epochs, length, causal=False)
    assert all(one.start + length <= n_epochs for one in placed)
    inner = placed[1:-1]
    assert all(one.first > 0 or length < 4 for one in inner)
    assert all(one.end < length or length < 3 for one in inner)


@pytest.mark.slow
@given(st.integers(1, 80), st.integers(1, 80), st.integers(2, 12))
def test_causal_sequences_begin_where_they_would_in_a_stream(n_epochs, n_more, length):
    """What comes later changes neither where an epoch's sequence begins nor its place in it."""

    def starts(n: int) -> list[int]:
        placed = lay_sequences(n, length, causal=True)
        return [one.start for one in placed for _ in range(one.first, one.end)]

    assert starts(n_epochs + n_more)[:n_epochs] == starts(n_epochs)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("length", [1, 2, 5, 30])
def test_outputs_come_back_in_the_order_of_the_epochs(length, causal):
    features = np.empty((23, 0), dtype=np.float32)
    proba = predict_sequences(make_inputs(23), features, echo, length=length, causal=causal)
    np.testing.assert_array_equal(proba[:, 0], np.arange(23))


def test_no_sequence_crosses_a_gap():
    seen: list[np.ndarray] = []

    def watch(batch: dict[str, np.ndarray]) -> np.ndarray:
        seen.extend(batch["signal"][..., 0, 0])
        return echo(batch)

    inputs = make_inputs(8, run=[0, 0, 0, 0, 1, 1, 1, 1])
    predict_sequences(inputs, np.empty((8, 0), dtype=np.float32), watch, length=3, causal=False)
    for sequence in seen:
        known = sequence[np.isfinite(sequence)]
        assert (known < 4).all() or (known >= 4).all()


def test_epochs_beyond_a_short_stretch_are_missing_not_zero():
    batches = []
    inputs = make_inputs(2)
    features = np.ones((2, 1), dtype=np.float32)

    def watch(batch: dict[str, np.ndarray]) -> np.ndarray:
        batches.append(batch)
        return echo(batch)

    proba = predict_sequences(inputs, features, watch, length=5, causal=False)
    assert proba.shape == (2, 1)
    (batch,) = batches
    assert np.isnan(batch["signal"][0, 2:]).all()
    assert np.isnan(batch["features"][0, 2:]).all()
    assert np.isfinite(batch["features"][0, :2]).all()
