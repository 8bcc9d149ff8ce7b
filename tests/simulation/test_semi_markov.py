from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.simulation.semi_markov import (
    QUANTILES,
    SemiMarkov,
    bout_length,
    bouts,
    fit,
    hypnogram,
    next_stage,
    walk,
)

FLAT = tuple(4.0 for _ in QUANTILES)
CHAIN = SemiMarkov(
    {"wake": {"nrem": 1.0}, "nrem": {"wake": 0.5, "rem": 0.5}, "rem": {"wake": 1.0}},
    {"wake": FLAT, "nrem": tuple(np.linspace(1, 100, len(QUANTILES))), "rem": FLAT},
)


def test_a_walk_never_repeats_a_stage():
    stages = [stage for stage, _ in islice(walk(CHAIN, "wake", np.random.default_rng(0)), 500)]
    assert all(a != b for a, b in pairwise(stages))
    assert set(stages) == set(CHAIN.stages)


def test_a_walk_starts_where_it_is_told():
    assert next(walk(CHAIN, "rem", np.random.default_rng(0))) == ("rem", 4)


def test_steps_follow_the_transition_probabilities():
    rng = np.random.default_rng(1)
    steps = [next_stage(CHAIN, "nrem", rng) for _ in range(2000)]
    assert steps.count("rem") / 2000 == pytest.approx(0.5, abs=0.05)
    assert "nrem" not in steps


def test_bout_lengths_follow_the_quantiles():
    rng = np.random.default_rng(2)
    lengths = [bout_length(CHAIN, "nrem", rng) for _ in range(4000)]
    wanted = np.interp([0.25, 0.5, 0.75], QUANTILES, CHAIN.bout_epochs["nrem"])
    assert np.quantile(lengths, [0.25, 0.5, 0.75]) == pytest.approx(wanted, rel=0.08)


def test_a_bout_lasts_at_least_one_epoch():
    short = CHAIN.lasting({"wake": 0.001})
    assert bout_length(short, "wake", np.random.default_rng(0)) == 1


def test_favouring_a_stage_makes_steps_into_it_likelier_and_rows_stay_whole():
    favoured = CHAIN.favouring({"rem": 3.0})
    assert favoured.transitions["nrem"] == pytest.approx({"wake": 0.25, "rem": 0.75})
    assert favoured.transitions["wake"] == {"nrem": 1.0}


def test_lasting_stretches_the_bouts_of_one_stage_only():
    longer = CHAIN.lasting({"rem": 2.0})
    assert longer.bout_epochs["rem"] == tuple(8.0 for _ in QUANTILES)
    assert longer.bout_epochs["wake"] == FLAT


def test_a_changed_chain_leaves_the_original_alone():
    CHAIN.favouring({"rem": 9.0})
    CHAIN.lasting({"rem": 9.0})
    assert CHAIN.transitions["nrem"]["rem"] == 0.5
    assert CHAIN.bout_epochs["rem"] == FLAT


@pytest.mark.slow
@given(st.integers(1, 400), st.integers(0, 2**31))
def test_a_hypnogram_has_the_asked_length_and_only_known_stages(n_epochs, seed):
    rng = np.random.default_rng(seed)
    stages = hypnogram(CHAIN, start="wake", n_epochs=n_epochs, rng=rng)
    assert len(stages) == n_epochs
    assert set(stages) <= set(CHAIN.stages)
    assert stages[0] == "wake"


def test_the_same_seed_gives_the_same_hypnogram():
    first, second = (
        hypnogram(CHAIN, start="wake", n_epochs=300, rng=np.random.default_rng(7)) for _ in "ab"
    )
    assert np.array_equal(first, second)


def test_bouts_are_the_runs_of_equal_stages():
    assert bouts(["W", "W", "N1", "W"]) == [("W", 2), ("N1", 1), ("W", 1)]
    assert bouts([]) == []


@pytest.mark.slow
def test_fitting_recovers_the_chain_that_made_the_hypnograms():
    rng = np.random.default_rng(3)
    nights = [bouts(hypnogram(CHAIN, start="wake", n_epochs=3000, rng=rng)) for _ in range(20)]
    fitted = fit(nights, CHAIN.stages)
    assert fitted.transitions["nrem"]["rem"] == pytest.approx(0.5, abs=0.06)
    assert fitted.transitions["wake"]["nrem"] == 1.0
    middle = QUANTILES.index(0.5)
    assert fitted.bout_epochs["nrem"][middle] == pytest.approx(
        CHAIN.bout_epochs["nrem"][middle], rel=0.1
    )


def test_a_stage_never_seen_gets_a_placeholder():
    fitted = fit([[("wake", 3), ("nrem", 2)]], ("wake", "nrem", "rem"))
    assert fitted.bout_epochs["rem"] == tuple(1.0 for _ in QUANTILES)
    assert fitted.transitions["rem"] == {"wake": 0.5, "nrem": 0.5}
