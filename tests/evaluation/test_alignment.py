import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.evaluation.agreement import tabulate_pair
from epochal.evaluation.alignment import find_offset, overlap
from epochal.metrics import kappa


def a_night(seed=0, n_epochs=900):
    """Bouts of five stages, none shorter than an epoch or longer than twenty."""
    random = np.random.default_rng(seed)
    codes = np.concatenate(
        [np.full(random.integers(1, 21), random.integers(0, 5)) for _ in range(n_epochs)]
    )
    return codes[:n_epochs]


def spoilt(codes, share, seed=1):
    random = np.random.default_rng(seed)
    wrong = random.random(len(codes)) < share
    return np.where(wrong, random.integers(0, 5, len(codes)), codes)


@pytest.mark.parametrize("shift", [-19, -7, -1, 1, 4, 20])
def test_a_shifted_night_gives_its_shift_back(shift):
    night = a_night()
    reference = night[20:-20]
    scored = night[20 + shift : len(night) - 20 + shift]
    found = find_offset(reference, scored, 5, most_epochs=20)
    assert (found.epochs, found.kappa, found.reason) == (shift, 1.0, "")
    assert found.kappa_unshifted < 1.0


@pytest.mark.parametrize("shift", [-12, 3, 9])
def test_a_shift_is_found_through_many_errors(shift):
    night = a_night()
    scored = spoilt(night, 0.4)[20 + shift : len(night) - 20 + shift]
    assert find_offset(night[20:-20], scored, 5, most_epochs=20).epochs == shift


def test_the_clocks_of_the_files_count_first():
    night = a_night()
    found = find_offset(night, night[100:], 5, most_epochs=10, base=100)
    assert (found.epochs, found.kappa) == (0, 1.0)
    assert find_offset(night, night[103:], 5, most_epochs=10, base=100).epochs == 3


def test_no_search_leaves_the_clocks_alone():
    night = a_night()
    found = find_offset(night, night[5:], 5, most_epochs=0)
    assert found.epochs == 0
    assert found.kappa == found.kappa_unshifted < 1.0


def test_a_night_of_one_stage_has_no_offset():
    assert find_offset(np.zeros(500, int), np.zeros(500, int), 5, most_epochs=20).epochs == 0


def test_a_hypnogram_that_repeats_itself_is_ambiguous():
    repeating = np.tile(np.repeat([0, 2], 5), 60)
    found = find_offset(repeating, repeating[5:], 5, most_epochs=20)
    assert found.epochs == 0
    assert "agree as well as each other" in found.reason
    assert found.best_epochs != 0


def test_a_gain_within_chance_is_not_taken():
    night = a_night(n_epochs=120)
    found = find_offset(night, np.random.default_rng(3).permutation(night), 5, most_epochs=40)
    assert found.epochs == 0
    assert found.reason


def test_unscored_epochs_say_nothing():
    night = a_night()
    scored = night[6:].copy()
    scored[200:400] = -1
    assert find_offset(night, scored, 5, most_epochs=20).epochs == 6


def test_scorings_that_hardly_overlap_have_no_offset():
    night = a_night()
    found = find_offset(night, night, 5, most_epochs=5, base=880)
    assert found.epochs == 0
    assert "hardly overlap" in found.reason
    assert np.isnan(found.kappa)


@pytest.mark.slow
@given(st.integers(1, 30), st.integers(1, 30), st.integers(-40, 40))
def test_the_overlap_lies_in_both_and_is_moved_by_the_shift(n_reference, n_scored, shift):
    theirs, ours = overlap(n_reference, n_scored, shift)
    n_shared = ours.stop - ours.start
    pairs = [i for i in range(n_scored) if 0 <= i + shift < n_reference]
    assert n_shared == theirs.stop - theirs.start == len(pairs)
    if pairs:
        assert (ours.start, theirs.start) == (pairs[0], pairs[0] + shift)


def test_the_agreement_that_is_told_is_that_of_the_overlap():
    night, scored = a_night(), spoilt(a_night(), 0.2)[8:]
    found = find_offset(night, scored, 5, most_epochs=20)
    theirs, ours = overlap(len(night), len(scored), found.epochs)
    assert found.kappa == pytest.approx(kappa(tabulate_pair(night[theirs], scored[ours], 5)))


@pytest.mark.slow
def test_two_people_who_scored_one_night_have_no_offset():
    path = Path(os.environ.get("EPOCHAL_DATA", "absent")) / "dod_scorers/dodh.json"
    if not path.is_file():
        pytest.skip("EPOCHAL_DATA holds no dod_scorers")
    told = json.loads(path.read_text())
    one, other = np.random.default_rng(0).choice(sorted(told), 2, replace=False)
    found = [
        find_offset(np.array(told[one][night]), np.array(told[other][night]), 5, most_epochs=20)
        for night in told[one]
    ]
    assert [offset.epochs for offset in found] == [0] * 25


def test_where_the_clocks_put_nothing_together_a_good_shift_is_taken():
    night = a_night()
    found = find_offset(night, night[440:], 5, most_epochs=30, base=690)
    assert np.isnan(found.kappa_unshifted)
    assert found.epochs == 0  # 250 epochs away: further than was searched
    assert "reaches only κ" in found.reason
    near = find_offset(night, night[440:], 5, most_epochs=260, base=690)
    assert (near.epochs, near.kappa) == (-250, 1.0)


def test_one_block_is_too_little_to_believe_a_shift():
    short = a_night(n_epochs=18)
    found = find_offset(short, short[4:], 5, most_epochs=4)
    assert found.epochs == 0
