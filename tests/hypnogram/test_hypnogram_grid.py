import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.hypnogram.grid import place_on_grid


def after_gaps(gaps_s, epoch_s, n_epochs=40):
    """Onsets of runs of `n_epochs`, each run `gaps_s` after the end of the last."""
    starts_s = np.cumsum([0.0, *(n_epochs * epoch_s + gap_s for gap_s in gaps_s)])
    return np.concatenate([start_s + epoch_s * np.arange(n_epochs) for start_s in starts_s])


@pytest.mark.parametrize("start_s", [0.0, 0.1, 7.7])
@pytest.mark.parametrize("halves", [1, 3, 5])
@pytest.mark.parametrize("epoch_s", [30.0, 10.0, 4.0, 2.5, 0.1])
def test_after_a_gap_of_half_an_epoch_or_several_halves_no_two_epochs_share_a_place(
    start_s, halves, epoch_s
):
    onsets_s = start_s + after_gaps([halves * epoch_s / 2], epoch_s)
    places = place_on_grid(onsets_s, start_s=start_s, epoch_s=epoch_s)
    assert np.diff(places).tolist() == [1] * 39 + [1 + halves // 2] + [1] * 39


@given(st.lists(st.floats(0, 400), max_size=4), st.sampled_from([30.0, 4.0, 2.5]))
def test_no_two_epochs_share_a_place_whatever_the_gaps(gaps_s, epoch_s):
    onsets_s = after_gaps(gaps_s, epoch_s, n_epochs=5)
    places = place_on_grid(onsets_s, start_s=0.0, epoch_s=epoch_s)
    assert places[0] == 0
    assert (np.diff(places) >= 1).all()
    assert (np.abs(onsets_s / epoch_s - places) <= 0.5 + 1e-5).all()
