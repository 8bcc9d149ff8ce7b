"""The harmful-EEG study: trained on simulated patients, judged on simulated and on real EEG.

`python benchmarks/harmful_eeg.py [FOLDER]` runs the study `harmful_eeg` by its conf in a folder of
its own (an argument names the `data/harmful_eeg` of a run that is there already), and takes its
figures on held-out simulated patients from its reports. The bundle it made then scores the public
samples of the challenge's laboratory below `EPOCHAL_DATA`, as serving would: 14 IRR cases by the
divergence from their votes, 18 SPaRCNet segments by accuracy. The prior is the training patients'
mean shares of votes; it sees no EEG. Last, the fusion is asked how much each branch counts, and
what is lost without one. It writes `benchmarks/results/harmful_eeg.json`.

Training is simulated, and so is every model here; the test on IRR and SPaRCNet is real. 14 and 18
samples tell little: see the intervals.
"""

from __future__ import annotations

import json
import os
import pickle
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest

from epochal.epoch_inputs import EpochInputs, InputStore
from epochal.features import extract_features, prepare_inputs
from epochal.intervals import bounds
from epochal.labels import VOTE
from epochal.metrics import confusion, kappa
from epochal.models.cross_fitting import CrossFitted, join_table
from epochal.models.fitted_model import FittedModel
from epochal.models.training.epoch_rows import EpochRows, Sequences
from epochal.readers import irr
from epochal.serving.bundle import Scorer, read_bundle
from epochal.signals.epoching import index_epochs

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "harmful_eeg.json"
LIBRARIES = ("torch", "lightning", "scikit-learn", "lightgbm", "onnxruntime", "numpy")
FUSION, REFERENCE = "attention_fusion", "lightgbm"
N_BOOTSTRAP, LEAST = 2000, 1e-15
PARTS = {"irr": "IRR, 10 s of EEG and votes", "sparcnet": "SPaRCNet, 50 s and a label"}


class Samples(NamedTuple):
    """Real recordings: their rows with labels and votes, features and inputs of networks."""

    rows: pd.DataFrame
    features: pd.DataFrame
    store: dict[str, EpochInputs]


def main() -> None:
    """Run the study unless a run is given, judge it, write the figures."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        study = Path(sys.argv[1]) if len(sys.argv) > 1 else run_study(Path(made))
        scorer = Scorer(read_bundle(study / "07_model_output" / "bundle"))
        table = read_table(study)
        prior = mean_shares(table[table["role"] != "test"], scorer.manifest.classes)
        samples = {part: read_samples(part, scorer) for part in PARTS}
        report = {
            "name": "harmful_eeg",
            "training": "simulated",
            "simulated_patients": read_simulated(study),
            "real_samples": {p: judge_part(p, samples[p], scorer, prior) for p in PARTS},
            "branches": judge_branches(study, table, samples, scorer.manifest.classes),
            "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, shared",
            "date": time.strftime("%Y-%m-%d"),
        }
    RESULTS.write_text(json.dumps(rounded(report), indent=2) + "\n", encoding="utf-8")


def run_study(folder: Path) -> Path:
    """Run the study in a folder and return where its data lie."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "src").mkdir()
    command = [sys.executable, "-m", "kedro", "run", "--env", "harmful_eeg"]
    environment = {**os.environ, "EPOCHAL_TRACKING": "off"}
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return folder / "data" / "harmful_eeg"


def read_table(study: Path) -> pd.DataFrame:
    """Return the simulated epochs with their roles, labels, votes and features."""
    features = pd.read_parquet(study / "04_feature" / "features.parquet")
    epochs = pd.read_parquet(study / "03_primary" / "epochs.parquet")
    splits = pd.read_parquet(study / "05_model_input" / "splits.parquet")
    return join_table(features, epochs, splits)


def read_simulated(study: Path) -> dict[str, Any]:
    """Return the study's own leaderboard and its divergence by number of votes."""
    reports = study / "08_reporting"
    board = pd.read_csv(reports / "leaderboard.csv")
    wanted = ["model", "role", "n_epochs", "n_subjects", "accuracy", "macro_f1", "kappa",
              "kappa_low", "kappa_high", "ece"]  # fmt: skip
    bands = pd.read_csv(reports / "vote_bands.csv")
    return {
        "leaderboard": board[wanted].to_dict("records"),
        "by_votes": bands.drop(columns="data_source").to_dict("records"),
    }


def read_samples(part: str, scorer: Scorer) -> Samples:
    """Read the real samples of one part as serving does."""
    options = irr.Options()
    engineering = scorer.manifest.feature_engineering
    rows, features, store = [], [], {}
    for source in irr.find(Path(os.environ["EPOCHAL_DATA"]) / "harmful_eeg" / part, options):
        recording = irr.read(source, options)
        epochs = index_epochs(recording, scorer.manifest.ingestion)
        rows.append(epochs)
        features.append(extract_features(recording, epochs, engineering))
        store[recording.recording_id] = prepare_inputs(recording, epochs, engineering)
    return Samples(pd.concat(rows, ignore_index=True), pd.concat(features), store)


def judge_part(part: str, samples: Samples, scorer: Scorer, prior: np.ndarray) -> dict[str, Any]:
    """Return the figures of all models on one part's samples, and of two that see no EEG."""
    uniform = np.full(len(prior), 1 / len(prior))
    proba = {name: predict(name, samples, scorer) for name in scorer.models}
    blind = {"prior": prior, "uniform": uniform}
    proba |= {name: np.tile(shares, (len(samples.rows), 1)) for name, shares in blind.items()}
    judge = judge_votes if part == "irr" else judge_labels
    found = {
        "what": PARTS[part],
        "data_source": "real",
        "n_samples": len(samples.rows),
        "models": judge(proba, samples.rows, scorer.manifest.classes),
    }
    print(json.dumps(rounded(found)), flush=True)
    return found


def predict(name: str, samples: Samples, scorer: Scorer) -> np.ndarray:
    """Return a served model's probabilities of the samples, `(n_samples, n_classes)`."""
    rows = zip(samples.store.values(), range(len(samples.rows)), strict=True)
    return np.concatenate(
        [scorer.predict(samples.features.iloc[[row]], name, inputs=one) for one, row in rows]
    )


def judge_votes(
    proba: dict[str, np.ndarray], rows: pd.DataFrame, classes: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    """Return each model's divergence from the votes, its skill, and how it differs from one."""
    votes = shares_of(rows, classes)
    of_case = {name: diverge(votes, one) for name, one in proba.items()}
    of_prior = of_case["prior"].mean()
    most = votes == votes.max(axis=1, keepdims=True)  # of a tie, each of them is right
    right = {name: most[range(len(rows)), one.argmax(axis=1)] for name, one in proba.items()}
    return {
        name: {
            "kl": kl.mean(),
            **interval(kl),
            "skill": 1 - kl.mean() / of_prior,
            "against_lightgbm": (kl - of_case[REFERENCE]).mean(),
            **{f"against_{end}": at for end, at in interval(kl - of_case[REFERENCE]).items()},
            "names_most_voted": int(right[name].sum()),
        }
        for name, kl in of_case.items()
    }


def judge_labels(
    proba: dict[str, np.ndarray], rows: pd.DataFrame, classes: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    """Return each model's accuracy with its exact interval, and κ."""
    truth = rows["label"].map({name: code for code, name in enumerate(classes)}).to_numpy()
    found = {}
    for name, one in proba.items():
        said = one.argmax(axis=1)
        ends = binomtest(int((said == truth).sum()), len(truth)).proportion_ci()
        found[name] = {
            "right": int((said == truth).sum()),
            "accuracy": (said == truth).mean(),
            "low": ends.low,
            "high": ends.high,
            "kappa": kappa(confusion(truth, said, len(classes))),
            "log_loss": -np.log(np.maximum(one[np.arange(len(truth)), truth], LEAST)).mean(),
        }
    return found


def judge_branches(
    study: Path, table: pd.DataFrame, samples: dict[str, Samples], classes: tuple[str, ...]
) -> dict[str, Any]:
    """Return how much the fusion's branches count, and its divergence without either."""
    path = study / "06_models" / "deep" / f"{FUSION}.pkl"
    fitted: CrossFitted = pickle.loads(path.read_bytes())  # of this run
    test = table[table["role"] == "test"]
    folder = study / "04_feature" / "network_inputs"
    paths = {one: str(folder / f"{one}.h5") for one in test["recording_id"].unique()}
    places = {
        "simulated, test": (test, InputStore(paths)),
        "real, IRR": (samples["irr"].rows, samples["irr"].store),
        "real, SPaRCNet": (samples["sparcnet"].rows, samples["sparcnet"].store),
    }
    return {
        name: weigh_branches(fitted.model, rows, store, classes)
        for name, (rows, store) in places.items()
    }


def weigh_branches(
    model: FittedModel, rows: pd.DataFrame, store: Any, classes: tuple[str, ...]
) -> dict[str, Any]:
    """Return the attention to the EEG, and what is right with both inputs and with one."""
    weights = attention(model, rows, store)
    low, middle, high = np.quantile(weights, [0.05, 0.5, 0.95])
    found: dict[str, Any] = {"eeg_weight": {"median": middle, "p5": low, "p95": high}}
    for name, hidden in {"both": None, "eeg": "spectrogram", "spectrogram": "signal"}.items():
        seen = {one: hide(store[one], hidden) for one in rows["recording_id"].unique()}
        proba = replace(model, store=seen).predict_proba(rows)
        truth = rows["label"].map({label: code for code, label in enumerate(classes)})
        known = truth.notna().to_numpy()
        right = (proba.argmax(axis=1) == truth)[known]
        found[name] = {"accuracy": right.mean(), "n_labelled": len(right)}
        if f"{VOTE}{classes[0]}" in rows:
            found[name]["kl"] = diverge(shares_of(rows, classes), proba).mean()
    return found


def attention(model: FittedModel, rows: pd.DataFrame, store: Any) -> np.ndarray:
    """Return the weight of the EEG's branch for each row."""
    scaled = model.estimator.scaled_
    keys = rows[["recording_id", "epoch"]].reset_index(drop=True)
    of = EpochRows(store, keys, np.empty((len(keys), 0), np.float32))
    everything = np.ones(len(keys), dtype=bool)
    data = Sequences(of, scaled.names, length=1, step=1, only=everything)
    batch = data.__getitems__(list(range(len(data))))
    given = scaled.scale_all({name: torch.as_tensor(batch[name]) for name in scaled.names})
    with torch.inference_mode():
        return scaled.network.branch_weights(**given)[:, 0, 0].numpy()


def hide(inputs: EpochInputs, name: str | None) -> EpochInputs:
    """Return the inputs with one of them missing."""
    if name is None:
        return inputs
    missing = np.full_like(np.asarray(inputs.arrays[name]), np.nan)
    return replace(inputs, arrays={**inputs.arrays, name: missing})


def mean_shares(table: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    """Return the mean shares of votes."""
    return shares_of(table, classes).mean(axis=0)


def shares_of(rows: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    """Return the shares of votes, `(n_rows, n_classes)`."""
    counts = rows[[f"{VOTE}{name}" for name in classes]].to_numpy(dtype=float)
    return counts / counts.sum(axis=1, keepdims=True)


def diverge(shares: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """Return KL(shares ‖ proba) of each row."""
    logs = np.log(np.maximum(shares, LEAST)) - np.log(np.maximum(proba, LEAST))
    return (shares * logs).sum(axis=1)


def interval(values: np.ndarray) -> dict[str, float]:
    """Return the 95 % interval of the mean, the samples drawn anew."""
    drawn = np.random.default_rng(0).integers(len(values), size=(N_BOOTSTRAP, len(values)))
    low, high = bounds(values[drawn].mean(axis=1), len(values))
    return {"low": float(low), "high": float(high)}


def rounded(found: Any) -> Any:
    """Round every number to four digits."""
    if isinstance(found, dict):
        return {name: rounded(one) for name, one in found.items()}
    if isinstance(found, list):
        return [rounded(one) for one in found]
    return round(float(found), 4) if isinstance(found, float | np.floating) else found


if __name__ == "__main__":
    main()
