"""How real simulated mice are: a pretrained scorer, three plain features, and real hypnograms."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import welch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score
from sklearn.model_selection import GroupKFold

from epochal.simulation import rodent
from epochal.simulation.semi_markov import bouts

PYTHON_NAME = "EPOCHAL_SOMNUS_PYTHON"
REQUIREMENT = "somnus-eeg==1.0.5"
HOW_TO = (
    f"Simulated mice are not scored by somnus-eeg: {PYTHON_NAME} names no interpreter. It needs "
    f"Python 3.12 or later:\n  python3.12 -m venv FOLDER\n  FOLDER/bin/pip install {REQUIREMENT}\n"
    f"  export {PYTHON_NAME}=FOLDER/bin/python"
)
STAGES = ["W", "NREM", "REM"]
GOALS = {"somnus": 0.75, "three features": 0.80}
N_MICE, SEED = 9, 2026
EPOCH_S = 4.0  # as somnus-eeg and the real hypnograms have them
FOLDS = 4
QUANTILES = (0.25, 0.5, 0.75, 0.9)
# Of the real hypnograms, those of lab 1 are three days long, so that no time of day is favoured.
LAB, REAL_CODES, HELD_OUT = "lab_1", {1: "W", 2: "NREM", 3: "REM"}, 3
N_DAYS = 12


def report(data: Path, work: Path, python: str | None) -> dict:
    """Return the figures of `rows`, `agreement`, `models` and `hypnograms` on mice.

    Without the interpreter `python` of somnus-eeg's environment, its row is missing.
    """
    plain = logistic_on_three_features(rodent.Options(n_subjects=N_MICE, seed=SEED))
    agreement = {}
    if python is None:
        print(HOW_TO, file=sys.stderr)
    else:
        options = rodent.Options(n_subjects=N_MICE, seed=SEED, epoch_s=EPOCH_S, layout="edf_events")
        agreement = {"somnus": agreement_with_somnus(work / "mice", options, python)}
    return {
        "rows": _rows(agreement, plain),
        "agreement": agreement,
        "models": {"mice, logistic regression on three features": plain},
        "hypnograms": compare_hypnograms(data / "mouse_hypnograms"),
    }


def _rows(agreement: dict, plain: dict) -> list[dict]:
    """Return the rows; the three features must stay below their bound: less is better."""
    rows = [
        {"case": f"{peer} on {N_MICE} simulated mice", "unit": "kappa",
         "ours": round(figures["kappa"], 3), "peer_name": "goal, at least", "peer": GOALS[peer],
         "ratio": round(figures["kappa"] / GOALS[peer], 3)}
        for peer, figures in agreement.items()
    ]  # fmt: skip
    bound = GOALS["three features"]
    row = {"case": "logistic regression on three features across simulated mice", "unit": "kappa",
           "ours": round(plain["kappa"], 3), "peer_name": "goal, at most", "peer": bound,
           "ratio": round(bound / plain["kappa"], 3)}  # fmt: skip
    return [*rows, row]


# --- The pretrained scorer ------------------------------------------------------------------------
def agreement_with_somnus(folder: Path, options: rodent.Options, python: str) -> dict[str, float]:
    """Write the mice as EDF, score them in somnus-eeg's environment, compare with the truth."""
    for job in rodent.jobs(folder, options).values():
        job()
    rodent.finish(folder, options)
    script, out = Path(__file__).with_name("somnus_scorer.py"), folder / "somnus.json"
    command = [python, str(script), str(folder), str(out)]
    subprocess.run(command, check=True, stdout=sys.stderr, env=dict(os.environ))
    scores = json.loads(out.read_text(encoding="utf-8"))
    pairs = [
        _usable(options, index, scores[rodent.subject_name(index)])
        for index in range(options.n_subjects)
    ]
    truth, guess = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    lowest = min(cohen_kappa_score(*pair) for pair in pairs)
    return figures(truth, guess) | {"lowest kappa of a mouse": float(lowest)}


def _usable(options: rodent.Options, index: int, guess: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return a mouse's scored and guessed stages, without epochs of artefact."""
    made = rodent.simulate(options, index)
    n = min(len(made.stages), len(guess))
    good = ~made.bad[:n]
    return made.stages[:n][good], np.array(guess[:n])[good]


# --- Three features -------------------------------------------------------------------------------
def logistic_on_three_features(options: rodent.Options) -> dict[str, float]:
    """Return out-of-fold figures across mice of a logistic regression on delta, θ/δ and EMG."""
    tables, labels, mice = [], [], []
    for index in range(options.n_subjects):
        made = rodent.simulate(options, index)
        tables.append(three_features(made))
        labels.append(made.stages)
        mice.append(np.full(len(made.stages), index))
    x, y, groups = (np.concatenate(parts) for parts in (tables, labels, mice))
    guess = np.empty(len(y), dtype=y.dtype)
    for train, test in GroupKFold(FOLDS).split(x, y, groups):
        guess[test] = LogisticRegression(max_iter=400).fit(x[train], y[train]).predict(x[test])
    return figures(y, guess)


def three_features(made: rodent.SimulatedRecording) -> np.ndarray:
    """Return ln delta, ln θ/δ and ln EMG size of each epoch, z-scored over the mouse."""
    eeg, emg = (_epochs(channel, made.epoch_s, len(made.stages)) for channel in made.channels[:2])
    freqs, psd = welch(eeg, made.channels[0].sfreq, nperseg=eeg.shape[1], axis=1)

    def log_power(low_hz: float, high_hz: float) -> np.ndarray:
        return np.log(psd[:, (freqs >= low_hz) & (freqs < high_hz)].sum(axis=1) + 1e-9)

    delta = log_power(0.5, 4)
    columns = np.column_stack([delta, log_power(6, 9) - delta, np.log(emg.std(axis=1) + 1e-6)])
    return (columns - columns.mean(axis=0)) / (columns.std(axis=0) + 1e-9)


def _epochs(channel, epoch_s: float, n_epochs: int) -> np.ndarray:
    n_samples = int(epoch_s * channel.sfreq)
    return np.asarray(channel.data)[: n_epochs * n_samples].reshape(n_epochs, n_samples)


def figures(truth: np.ndarray, guess: np.ndarray) -> dict[str, float]:
    per_stage = f1_score(truth, guess, labels=STAGES, average=None)
    return {
        "kappa": float(cohen_kappa_score(truth, guess)),
        "accuracy": float(accuracy_score(truth, guess)),
    } | {f"f1 {stage}": float(f1) for stage, f1 in zip(STAGES, per_stage, strict=True)}


# --- Hypnograms -----------------------------------------------------------------------------------
def compare_hypnograms(folder: Path) -> list[dict]:
    """Return figures of simulated days beside those of real mice, fitted and not."""
    seen, unseen = real_days(folder, held_out=False), real_days(folder, held_out=True)
    table = pd.DataFrame(
        {
            "simulated": summary(simulated_days()),
            "real, unseen": summary(unseen),
            "real, fitted": summary(seen),
        }
    )
    return table.round(3).reset_index(names="figure").to_dict("records")


def real_days(folder: Path, *, held_out: bool) -> list[np.ndarray]:
    """Return lab 1's hypnograms; animals whose number 3 divides were not used in fitting."""
    events = pd.read_parquet(folder / "mssv_events.parquet")
    labs = pd.read_csv(folder / "participants.tsv", sep="\t").set_index("participant_id")["lab"]
    events = events[events["subject_id"].map(labs) == LAB]
    unseen = events["subject_id"].str[4:].astype(int) % HELD_OUT == 0
    chosen = events[unseen == held_out]
    return [
        night["stage"].map(REAL_CODES).ffill().bfill().to_numpy()
        for _, night in chosen.groupby("recording_id", sort=False)
    ]


def simulated_days() -> list[np.ndarray]:
    options = rodent.Options(
        n_subjects=N_DAYS, seed=SEED, length_h=24, epoch_s=EPOCH_S, start_zeitgeber_h=3.0
    )
    return [rodent.truth(options, index).scored for index in range(N_DAYS)]


def summary(days: list[np.ndarray]) -> pd.Series:
    """Return shares of the stages, bout lengths in seconds, and transitions into REM sleep."""
    found: dict[str, float] = {}
    for stage in STAGES:
        lengths_s = [EPOCH_S * n for day in days for s, n in bouts(day) if s == stage]
        found[f"share of {stage}"] = float(np.mean([np.mean(day == stage) for day in days]))
        for q, value in zip(QUANTILES, np.quantile(lengths_s, QUANTILES), strict=True):
            found[f"bouts of {stage}, s, quantile {q}"] = float(value)
    hours = sum(map(len, days)) * EPOCH_S / 3600
    for before in ("NREM", "W"):
        n = sum(np.sum((day[:-1] == before) & (day[1:] == "REM")) for day in days)
        found[f"{before} to REM, per hour"] = float(n / hours)
    return pd.Series(found)
