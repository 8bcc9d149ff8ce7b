import numpy as np
import pytest
from made_patterns import pattern, rng

from epochal.readers.hms_rows import CLASSES
from epochal.simulation.harmful_eeg_panel import (
    Leaning,
    class_probabilities,
    draw_panel_size,
    draw_votes,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sharpness": 0.9, "laterality": 0.9}, "LPD"),
        ({"sharpness": 0.9, "laterality": 0.1}, "GPD"),
        ({"sharpness": 0.1, "laterality": 0.9}, "LRDA"),
        ({"sharpness": 0.1, "laterality": 0.1}, "GRDA"),
        ({"frequency_hz": 3.5, "evolution": 0.9}, "Seizure"),
        ({"strength": 0.3}, "Other"),
    ],
)
def test_a_clear_pattern_gets_its_class_from_nearly_everyone(changes, expected):
    chances = class_probabilities(pattern(**changes), share=1.0, leaning=Leaning())
    assert chances.sum() == pytest.approx(1)
    assert CLASSES[chances.argmax()] == expected
    assert chances.max() > 0.9


def test_without_a_pattern_the_panel_says_other():
    chances = class_probabilities(None, share=0.0, leaning=Leaning())
    assert chances[CLASSES.index("Other")] > 0.9


@pytest.mark.parametrize(
    ("changes", "one", "other"),
    [
        ({"laterality": 0.5}, "LPD", "GPD"),
        ({"sharpness": 0.5}, "GPD", "GRDA"),
        ({"laterality": 0.9, "sharpness": 0.5}, "LPD", "LRDA"),
    ],
)
def test_at_the_boundary_the_panel_is_split_between_the_two(changes, one, other):
    chances = class_probabilities(pattern(**changes), share=1.0, leaning=Leaning())
    first, second = chances[CLASSES.index(one)], chances[CLASSES.index(other)]
    assert first == pytest.approx(second)
    assert first + second > 0.85


def test_a_pattern_that_fills_less_of_the_ten_seconds_is_seen_less():
    other = [
        class_probabilities(pattern(), share=share, leaning=Leaning())[CLASSES.index("Other")]
        for share in (1.0, 0.5, 0.2, 0.0)
    ]
    assert other == sorted(other)
    assert other[0] < 0.05 < 0.9 < other[-1]


def test_a_leaning_shifts_the_panel():
    usual = class_probabilities(pattern(sharpness=0.5), share=1.0, leaning=Leaning())
    keen = class_probabilities(pattern(sharpness=0.5), share=1.0, leaning=Leaning(sharp=2.0))
    assert keen[CLASSES.index("GPD")] > usual[CLASSES.index("GPD")] + 0.3


def test_votes_sum_to_the_panel_and_ties_go_by_lot():
    chances = np.full(6, 1 / 6)
    winners = set()
    for seed in range(40):
        votes, consensus = draw_votes(chances, 3, rng(seed))
        assert sum(votes.values()) == 3
        assert votes[consensus] == max(votes.values())
        winners.add(consensus)
    assert winners == set(CLASSES)
    assert {draw_panel_size(rng(seed)) for seed in range(200)} <= set(range(3, 21))
