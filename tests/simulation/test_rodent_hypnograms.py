import os
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epochal.simulation.rodent_behaviour import BEHAVIOURS, draw_behaviour
from epochal.simulation.rodent_hypnograms import (
    BOUT_S,
    CHAINS,
    TRANSITIONS,
    draw_states,
    majority_stages,
    phase_at,
    score,
)
from epochal.simulation.semi_markov import QUANTILES

STAGES = ("W", "NREM", "REM")


def simulate_days(zeitgeber_h, hours, *, n=40):
    rng = np.random.default_rng(7)
    length_s = int(hours * 3600)
    return [
        majority_stages(
            draw_states(length_s=length_s, start_zeitgeber_h=zeitgeber_h, rng=rng), epoch_s=4
        )
        for _ in range(n)
    ]


def share(nights, stage):
    return float(np.mean(np.concatenate(nights) == stage))


def bout_lengths_s(nights, stage):
    return [
        4.0 * len(list(run)) for night in nights for name, run in groupby(night) if name == stage
    ]


def count_steps(nights, before, after):
    return sum(int(np.sum((night[:-1] == before) & (night[1:] == after))) for night in nights)


def test_chains_are_probabilities_and_rising_quantiles():
    for phase in TRANSITIONS:
        for row in TRANSITIONS[phase].values():
            assert sum(row.values()) == pytest.approx(1.0, abs=1e-3)
        for lengths in BOUT_S[phase].values():
            assert len(lengths) == len(QUANTILES)
            assert list(lengths) == sorted(lengths)


@pytest.mark.parametrize(
    ("hour", "phase"),
    [(0, "light"), (11.9, "light"), (12, "dark"), (16.9, "dark"), (17, "late dark"),
     (23.9, "late dark"), (24, "light"), (36, "dark")],
)  # fmt: skip
def test_phases_follow_the_zeitgeber(hour, phase):
    assert phase_at(hour) == phase


@pytest.mark.slow
def test_mice_are_awake_at_night_and_dream_by_day():
    day, night = simulate_days(0, 6, n=15), simulate_days(12, 5, n=15)
    assert share(night, "W") > share(day, "W") + 0.2
    assert share(day, "REM") > 2 * share(night, "REM")


@pytest.mark.slow
def test_rem_from_waking_is_rare_but_happens():
    day = simulate_days(0, 12, n=8)
    assert 0 < count_steps(day, "W", "REM") < 0.03 * count_steps(day, "NREM", "REM")
    assert all(chain.transitions["wake"]["REM"] > 0 for chain in CHAINS.values())


def test_a_night_has_the_length_asked_for():
    rng = np.random.default_rng(0)
    assert len(draw_states(length_s=1234, start_zeitgeber_h=0, rng=rng)) == 1234


def test_an_epoch_takes_the_stage_that_fills_most_of_it():
    states = np.array(["NREM"] * 6 + ["arousal"] * 4 + ["REM"] * 3 + ["wake"] * 7 + ["REM"] * 5)
    assert majority_stages(states, epoch_s=10).tolist() == ["NREM", "W"]


def test_epochs_need_not_be_whole_seconds():
    states = np.array(["wake"] * 5 + ["NREM"] * 5)
    assert majority_stages(states, epoch_s=2.5).tolist() == ["W", "W", "NREM", "NREM"]


class TestScorer:
    STAGES = np.array((["W"] * 5 + ["NREM"] * 6 + ["W"] + ["NREM"] * 5 + ["REM"] * 3) * 50)

    def test_one_who_never_disagrees_writes_the_truth(self):
        rng = np.random.default_rng(0)
        np.testing.assert_array_equal(score(self.STAGES, disagreement=0, rng=rng), self.STAGES)

    def test_scorers_differ_at_boundaries_only(self):
        scored = score(self.STAGES, disagreement=0.5, rng=np.random.default_rng(0))
        wrong = np.flatnonzero(scored != self.STAGES)
        changes = np.flatnonzero(self.STAGES[1:] != self.STAGES[:-1])
        assert 0 < len(wrong) < 0.3 * len(scored)
        assert set(wrong) <= set(changes) | set(changes + 1)

    def test_the_truth_itself_is_left_alone(self):
        before = self.STAGES.copy()
        score(self.STAGES, disagreement=0.5, rng=np.random.default_rng(0))
        np.testing.assert_array_equal(self.STAGES, before)


class TestBehaviour:
    def test_behaviour_belongs_to_its_state(self):
        states = np.array(["wake"] * 200 + ["NREM"] * 100 + ["REM"] * 50 + ["arousal"] * 5)
        behaviour = np.array(BEHAVIOURS)[draw_behaviour(states, np.random.default_rng(0))]
        assert set(behaviour[:200]) <= {"active", "quiet", "grooming"}
        assert set(behaviour[200:300]) <= {"light NREM", "deep NREM", "towards REM"}
        assert set(behaviour[300:350]) == {"REM"}
        assert set(behaviour[350:]) == {"arousal"}

    def test_only_nrem_that_leads_to_rem_heads_there(self):
        rng = np.random.default_rng(0)
        to_wake = np.array((["NREM"] * 60 + ["wake"] * 60) * 20)
        assert BEHAVIOURS.index("towards REM") not in draw_behaviour(to_wake, rng)
        to_rem = np.array((["NREM"] * 60 + ["REM"] * 60) * 20)
        assert BEHAVIOURS.index("towards REM") in draw_behaviour(to_rem, rng)


def held_out_animals():
    """Return real hypnograms by day of the animals that the chains were not fitted to."""
    root = os.environ.get("EPOCHAL_DATA")
    path = Path(root or "") / "mouse_hypnograms" / "mssv_events.parquet"
    if not root or not path.is_file():
        pytest.skip("EPOCHAL_DATA does not hold the real mouse hypnograms")
    events = pd.read_parquet(path)
    number = events.subject_id.str[4:].astype(int)
    names = {1: "W", 2: "NREM", 3: "REM"}
    nights = []
    for _, rows in events[(number % 3 == 0) & (number.between(70, 86))].groupby("recording_id"):
        stages = rows.stage.map(names).ffill().bfill().to_numpy()
        if np.mean(stages == "W") < 0.5:  # lab 2 recorded six hours of light and six of dark
            nights.append(stages)
    return nights


@pytest.mark.slow
def test_shares_and_bouts_by_day_are_those_of_animals_not_fitted_to():
    real, made = held_out_animals(), simulate_days(0, 6, n=15)
    for stage, tolerance in {"W": 0.12, "NREM": 0.12, "REM": 0.03}.items():
        assert share(made, stage) == pytest.approx(share(real, stage), abs=tolerance)
    for stage in STAGES:
        median = np.median(bout_lengths_s(real, stage))
        assert np.median(bout_lengths_s(made, stage)) == pytest.approx(median, rel=0.35, abs=4)
