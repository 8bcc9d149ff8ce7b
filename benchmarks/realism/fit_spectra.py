"""Fit `LOG_POWER` of `epochal.simulation.sleep_spectra` to the real band-power table.

    python benchmarks/realism/fit_spectra.py TABLE.parquet

prints it. The average person spends an hour in each state, events included; each band's log power
is moved until its median meets the real one. Only the subjects FITTED are looked at. Wake is
parted in open and closed eyes by a mixture of two normal distributions, N3 in stages 3 and 4 by
its slow-wave power. The EOG is not in that table: its powers are set by hand.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.mixture import GaussianMixture

from band_table import BANDS_HZ, CHANNELS, cut_wake, features  # isort: skip
from epochal.simulation import sleep_background, sleep_person, sleep_spectra
from epochal.simulation.sleep_background import background
from epochal.simulation.sleep_states import PER_EPOCH, state_weights
from epochal.simulation.sleep_waves import add_waves

FITTED = ("SC400", "SC402", "SC405", "SC407", "SC409")
COLUMNS = [f"{c}_{b}_uv2_per_hz" for c in CHANNELS for b in BANDS_HZ]
STEPS = 6
EPOCHS = 120
FLOOR = 1e-4


def targets(table: pd.DataFrame) -> np.ndarray:
    """Return the median ln powers `(n_states, 2, n_bands)` of the fitted subjects' nights."""
    logs = np.log(table[COLUMNS].clip(lower=FLOOR))
    nights, stages = table["recording_id"].to_numpy(), table["stage"].astype(str).to_numpy()
    medians = {
        s: logs[stages == s].groupby(nights[stages == s]).median().mean().to_numpy()
        for s in set(stages)
    }
    wake = GaussianMixture(2, random_state=0, n_init=3).fit(logs[stages == "W"])
    closed, opened = sorted(wake.means_, key=lambda mean: mean[-1])
    less = np.array([0.1, 0.03, 0.0, 0.0, 0.0] * 2)
    more = np.array([0.4, 0.1, 0.0, -0.05, 0.0] * 2)
    rows = [
        opened,
        closed,
        medians["N1"],
        medians["N2"],
        medians["N3"] - less,
        medians["N3"] + more,
        medians["REM"],
    ]
    return np.array(rows).reshape(len(rows), 2, -1)


def average_person() -> sleep_person.Person:
    person = sleep_person.draw_person(0, age_range=(35, 35), sex="F", rng=np.random.default_rng(0))
    return sleep_person.averaged(person)


def state_shares(state: int, rng: np.random.Generator) -> np.ndarray:
    """Return an hour of block weights; sleep has its arousals, and stage 1 its moments of wake."""
    name = sleep_spectra.STATES[state]
    if name not in ("open", "closed"):
        return state_weights(np.full(EPOCHS, name), rng)
    weights = np.zeros((EPOCHS * PER_EPOCH, len(sleep_spectra.STATES)))
    weights[:, state] = 1.0
    return weights


def simulated(state: int, rng: np.random.Generator) -> np.ndarray:
    """Return the median ln powers `(2, n_bands)` of an hour in one state."""
    weights = state_shares(state, rng)
    eeg = background(average_person(), weights, rng)
    add_waves(eeg, average_person(), weights, rng)
    return np.array(
        [
            [np.median(np.log(features(eeg[c], sfreq=100)[f"{b}_uv2_per_hz"])) for b in BANDS_HZ]
            for c in range(2)
        ]
    )


def main(path: Path) -> None:
    sleep_background.DRIFT_SHARE = 0.0  # an hour would not average it out
    table = cut_wake(pd.read_parquet(path))
    wanted = targets(table[table["subject_id"].isin(FITTED)])
    power = sleep_spectra.LOG_POWER
    for _ in range(STEPS):
        for state in range(len(power)):
            miss = wanted[state] - simulated(state, np.random.default_rng(1))
            power[state, :2] += np.clip(0.9 * miss, -1, 1)
        print("worst miss", np.abs(miss).max(), file=sys.stderr)
    for name, row in zip(sleep_spectra.STATES, power, strict=True):
        print(f"        [  # {name}")
        for channel in row:
            print(f"            {[round(float(value), 2) for value in channel]},")
        print("        ],")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
