"""How real simulated nights and mice are, by scorers and recordings that know nothing of them.

    python benchmarks/realism.py --data FOLDER [--peers-python PYTHON | --peers-venv FOLDER]
        [--somnus-python PYTHON]

writes `benchmarks/results/realism.json`. FOLDER (or the environment variable EPOCHAL_DATA) holds
the real band-power table and hypnograms. YASA and GSSC run in a virtual environment of their own:
PYTHON is its interpreter (or EPOCHAL_PEERS_PYTHON); without it one is made, in `--peers-venv` or a
temporary folder. somnus-eeg, for mice, needs Python 3.12 and is run by EPOCHAL_SOMNUS_PYTHON;
without it the benchmark says how to make its environment, and reports the other rows.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score, f1_score

sys.path.insert(0, str(Path(__file__).with_name("realism")))

import mice
import scorers
from band_table import COLUMNS, cut_wake, read_stages, read_table
from fit_spectra import FITTED
from hypnograms import real_nights, simulated_nights, summary
from transfer import STAGES, across_subjects, carried_over

from epochal.simulation import sleep

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "realism.json"
SEED = 2026  # not one that the simulator was tuned on
N_NIGHTS = 10
N_TRAINING = 20
REQUIREMENTS = (["torch==2.13.0"], ["yasa==0.8.1", "gssc==0.0.9"])
# Without these, glibc returns and asks again for every large array: half of the peers' time.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
PEERS = ("yasa", "gssc", "torch", "mne")
GOALS = {"scorer": 0.75, "carried over": 0.60}
LIBRARIES = ("epochal", "edfio", "lightgbm", "numpy", "scipy")
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
EPOCHS_FOR_A_MEDIAN = 10


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        simulate(work / "nights", N_NIGHTS, SEED)
        simulate(work / "training", N_TRAINING, SEED + 1)
        python = arguments.peers_python or make_venv(arguments.peers_venv or work / "venv")
        agreement = agreement_with_peers(work / "nights", python, work / "peers.json")
        report = build_report(arguments.data, work, agreement)
        report["versions"] |= peer_versions(python, PEERS)
        add_mice(report, mice.report(arguments.data, work, arguments.somnus_python))
        if arguments.somnus_python:
            report["versions"] |= peer_versions(arguments.somnus_python, ("somnus-eeg",))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2, default=float) + "\n", encoding="utf-8")
    print(json.dumps(report["rows"], indent=2, default=float))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given = os.environ.get("EPOCHAL_DATA")
    parser.add_argument("--data", type=Path, default=given, required=given is None)
    parser.add_argument("--peers-python", default=os.environ.get("EPOCHAL_PEERS_PYTHON"))
    parser.add_argument("--peers-venv", type=Path)
    parser.add_argument("--somnus-python", default=os.environ.get(mice.PYTHON_NAME))
    arguments = parser.parse_args()
    arguments.data = Path(arguments.data)
    return arguments


def simulate(folder: Path, n_subjects: int, seed: int) -> None:
    options = sleep.Options(n_subjects=n_subjects, seed=seed)
    for job in sleep.jobs(folder, options).values():
        job()
    sleep.finish(folder, options)


def make_venv(folder: Path) -> str:
    """Return the interpreter of a virtual environment with the peers, made where it is missing."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for names in REQUIREMENTS:
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *names], check=True)
    return str(python)


def peer_versions(python: str, names: tuple[str, ...]) -> dict[str, str]:
    code = f"from importlib.metadata import version as v; print(*map(v, {names}))"
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return dict(zip(names, done.stdout.split(), strict=True))


def add_mice(report: dict, found: dict) -> None:
    """Add the mice's rows and figures to those of the human nights."""
    report["rows"] += found["rows"]
    report["agreement"] |= found["agreement"]
    report["models"] |= found["models"]
    report["mouse_hypnograms"] = found["hypnograms"]


def agreement_with_peers(nights: Path, python: str, out: Path) -> dict[str, dict[str, float]]:
    """Return each peer's figures against the hypnograms that the nights were made from."""
    script = HERE / "realism" / "peers.py"
    command = [python, str(script), str(nights), str(out)]
    subprocess.run(command, check=True, stdout=sys.stderr, env=os.environ | KEEP_MEMORY)
    scores = json.loads(out.read_text(encoding="utf-8"))
    return {peer: _agreement(nights, scores, peer) for peer in next(iter(scores.values()))}


def _agreement(nights: Path, scores: dict, peer: str) -> dict[str, float]:
    truths, guesses, kappas = [], [], []
    for recording, by_peer in scores.items():
        path = next(nights.rglob(f"{recording}??-Hypnogram.edf"))
        pairs = [p for p in zip(read_stages(path), by_peer[peer], strict=False) if p[0]]
        truth, guess = zip(*pairs, strict=True)
        truths, guesses = truths + list(truth), guesses + list(guess)
        kappas.append(cohen_kappa_score(truth, guess))
    per_stage = f1_score(truths, guesses, labels=STAGES, average=None)
    return {
        "kappa": cohen_kappa_score(truths, guesses),
        "lowest kappa of a night": min(kappas),
        "accuracy": float(np.mean(np.array(truths) == np.array(guesses))),
    } | {f"f1 {stage}": float(f1) for stage, f1 in zip(STAGES, per_stage, strict=True)}


def build_report(data: Path, work: Path, agreement: dict[str, dict[str, float]]) -> dict:
    features = data / "sleep_edf_features" / "sleep_cassette_band_power.parquet"
    real = cut_wake(pd.read_parquet(features).dropna(subset=["stage"]))
    simulated = cut_wake(read_table(work / "training"))
    models = {
        "simulated nights, across subjects": across_subjects(simulated),
        "real nights, across subjects": across_subjects(real),
        "from simulated to real nights": carried_over(simulated, real),
        "from real to simulated nights": carried_over(real, simulated),
    }
    unseen = real[~real["subject_id"].isin(FITTED)]
    distances = quantile_distances(simulated, unseen, real[real["subject_id"].isin(FITTED)])
    hypnograms = compare_hypnograms(data / "sleep_edf_hypnograms")
    return {
        "name": "realism",
        "data_source": "simulated",
        "rows": _rows(agreement, models, distances),
        "agreement": agreement,
        "models": models,
        "feature_medians": distances.reset_index().to_dict("records"),
        "feature_quantiles": feature_quantiles(simulated, unseen),
        "scorers": scorers.compare(data / "dod_scorers"),
        "hypnograms": hypnograms.reset_index(names="figure").to_dict("records"),
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": date.today().isoformat(),
    }


def _rows(agreement: dict, models: dict, distances: pd.DataFrame) -> list[dict]:
    rows = [
        _row(
            f"{peer} on {N_NIGHTS} simulated nights",
            "kappa",
            figures["kappa"],
            "goal",
            GOALS["scorer"],
        )
        for peer, figures in agreement.items()
    ]
    for case in ("from simulated to real nights", "from real to simulated nights"):
        rows.append(
            _row(f"model {case}", "kappa", models[case]["kappa"], "goal", GOALS["carried over"])
        )
    ours, real = models["simulated nights, across subjects"], models["real nights, across subjects"]
    rows.append(
        _row(
            "LightGBM across subjects",
            "accuracy",
            ours["accuracy"],
            "real nights",
            real["accuracy"],
        )
    )
    rows.append(
        _row("LightGBM across subjects", "F1 of N1", ours["f1_N1"], "real nights", real["f1_N1"])
    )
    # Distances: less is better, and real people's own distance is the measure.
    ours, real = distances["simulated"].abs().mean(), distances["other real people"].abs().mean()
    rows.append(
        _row("ln band powers' medians per stage, distance from unseen people", "mean absolute ln",
             real, "simulated nights", ours)
    )  # fmt: skip
    own = {"ours": ours, "peer": real}
    rows[-1] |= {k: round(float(v), 3) for k, v in own.items()}
    rows[-1]["peer_name"] = "the other real people"
    return rows


def _row(case: str, unit: str, ours: float, peer_name: str, peer: float) -> dict:
    return {
        "case": case, "unit": unit, "ours": round(float(ours), 3), "peer_name": peer_name,
        "peer": round(float(peer), 3), "ratio": round(float(ours / peer), 3),
    }  # fmt: skip


def quantile_distances(
    simulated: pd.DataFrame, unseen: pd.DataFrame, fitted: pd.DataFrame
) -> pd.DataFrame:
    """Return differences of the mean ln medians from those of the unseen people's nights."""
    target = _ln_medians(unseen)
    return pd.DataFrame(
        {
            "simulated": (_ln_medians(simulated) - target).round(3),
            "other real people": (_ln_medians(fitted) - target).round(3),
        }
    )


def _ln_medians(table: pd.DataFrame) -> pd.Series:
    logs = np.log(table[COLUMNS].clip(lower=1e-4))
    keys = [table["recording_id"].to_numpy(), table["stage"].astype(str).to_numpy()]
    nights = logs.groupby(keys).median()[logs.groupby(keys).size() >= EPOCHS_FOR_A_MEDIAN]
    return (
        nights.groupby(level=1).mean().rename_axis("stage").stack().rename_axis(["stage", "column"])
    )


def feature_quantiles(simulated: pd.DataFrame, unseen: pd.DataFrame) -> list[dict]:
    """Return quantiles of every column in every stage, simulated beside unseen real nights."""
    rows = []
    for stage in STAGES:
        for column in COLUMNS:
            ours, real = (
                table.loc[table["stage"].astype(str) == stage, column].quantile(list(QUANTILES))
                for table in (simulated, unseen)
            )
            rows.append(
                {"stage": stage, "column": column, "quantiles": list(QUANTILES),
                 "simulated": ours.round(3).tolist(), "real": real.astype(float).round(3).tolist()}
            )  # fmt: skip
    return rows


def compare_hypnograms(folder: Path) -> pd.DataFrame:
    """Return the figures of simulated, unseen real and fitted real hypnograms side by side."""
    return pd.DataFrame(
        {
            "simulated": summary(simulated_nights(age_min=25, age_max=56)),
            "real, unseen": summary(real_nights(folder, held_out=True)),
            "real, fitted": summary(real_nights(folder, held_out=False)),
        }
    ).round(3)


if __name__ == "__main__":
    main()
