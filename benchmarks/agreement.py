"""Agreement of the five scorers of each DOD night, and how well an offset is found between them.

Run it with `EPOCHAL_DATA=… python benchmarks/agreement.py`; it writes
`benchmarks/results/agreement.json`. What the literature says of the same nights (Guillot et al.
2020, doi:10.1109/TNSRE.2020.3011181) and of scorers at large (Lee et al. 2022,
doi:10.5664/jcsm.9538) stands beside it.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epochal.evaluation.agreement import bland_altman, f1
from epochal.evaluation.alignment import find_offset
from epochal.evaluation.consensus import (
    count_votes,
    judge_pairs,
    judge_scorers,
    leave_one_out,
)
from epochal.hypnogram.sleep_statistics import measure_sleep

RESULTS = Path(__file__).parent / "results" / "agreement.json"
STAGES = ("W", "N1", "N2", "N3", "REM")
GROUPS = {"DOD-H": "dodh", "DOD-O": "dodo"}
EPOCH_S = 30.0
# Guillot et al. 2020, abstract: mean F1 of the scorers against the consensus of the others, in %.
GUILLOT_F1 = {"DOD-H": 86.8, "DOD-O": 84.8}
# Lee et al. 2022, abstract: κ of two scorers, pooled over 11 studies.
LEE_KAPPA = {"all": 0.76, "W": 0.70, "N1": 0.24, "N2": 0.57, "N3": 0.57, "REM": 0.69}
# Guillot et al. cut these three nights of DOD-H to their lights (in epochs).
LIGHTS_OFF = {
    "5bf0f969-304c-581e-949c-50c108f62846": 60,
    "b5d5785d-87ee-5078-b9b9-aac6abd4d8de": 60,
}
LIGHTS_ON = {"3e842aa8-bcd9-521e-93a2-72124233fe2c": 620}
MOST_EPOCHS = 20  # the default search of `epochal compare`: 10 min
STATISTICS = ("tst_min", "spt_min", "waso_spt_min", "rem_latency_min", "n1_min", "n2_min", "n3_min",
              "rem_min", "awakenings", "transitions")  # fmt: skip


def main() -> None:
    """Measure all, and write it."""
    if "EPOCHAL_DATA" not in os.environ:
        print("EPOCHAL_DATA is not set, where dod_scorers/ would be: nothing measured anew")
        return
    cohorts = {group: read(name) for group, name in GROUPS.items()}
    # scorers of the two groups are not known to be the same people: only their sums are pooled
    cohorts["both"] = {
        night: codes for cohort in cohorts.values() for night, codes in cohort.items()
    }
    figures = {group: describe(nights) for group, nights in cohorts.items()}
    report = {
        "name": "agreement",
        "note": "Nothing to win here: a ratio of 1 reproduces the literature.",
        "rows": list(rows(cohorts, figures)),
        "scorers": figures,
        "statistics": differences(cohorts["both"]),
        "offsets": offsets(cohorts["both"]),
        "data_source": "real",
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("epochal", "numpy", "pandas")},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def read(name: str) -> dict[str, np.ndarray]:
    """Return the codes of all scorers `(5, n_epochs)` of each night."""
    path = Path(os.environ["EPOCHAL_DATA"]) / "dod_scorers" / f"{name}.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    scorers = sorted(told)
    return {
        night: np.array([told[s][night] for s in scorers]) for night in sorted(told[scorers[0]])
    }


def describe(nights: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return κ and F1, of all and per stage, against the others' consensus and in pairs."""
    names = [f"scorer {number}" for number in range(1, 6)]
    consensus = judge_scorers(nights, names, STAGES)
    pairs = judge_pairs(nights, names, STAGES)
    each = consensus.loc[consensus["scorer"] != "all", "kappa"]
    return {
        "n_nights": len(nights),
        "against_the_others_consensus": _rounded(consensus),
        "in_pairs": _rounded(pairs),
        "least_and_most_kappa": [round(float(each.min()), 3), round(float(each.max()), 3)],
        "unanimous_percent": round(100 * _unanimous(nights), 1),
    }


def _rounded(table: pd.DataFrame) -> dict[str, Any]:
    row = table[table["scorer"] == "all"].iloc[0].drop("scorer")
    return {
        name: int(value) if name.startswith("n_") else round(float(value), 3)
        for name, value in row.items()
    }


def _unanimous(nights: dict[str, np.ndarray]) -> float:
    same = [(codes == codes[0]).all(axis=0)[(codes >= 0).all(axis=0)] for codes in nights.values()]
    return float(np.concatenate(same).mean())


def as_published(nights: dict[str, np.ndarray]) -> tuple[float, float]:
    """Return mean and sd of F1 in %, by the paper's own recipe.

    F1 of a scorer and night, weighted by the stages' shares and each epoch by the share of the
    other four who chose the consensus; then the mean over nights and scorers. Nights begin where
    all scorers do.
    """
    values = [
        _weighted_f1(own, consensus, np.delete(codes, scorer, axis=0))
        for codes in (cut_to_lights(night, codes) for night, codes in nights.items())
        for scorer, (own, consensus) in enumerate(
            zip(codes, leave_one_out(codes, len(STAGES)), strict=True)
        )
    ]
    return 100 * float(np.mean(values)), 100 * float(np.std(values))


def cut_to_lights(night: str, codes: np.ndarray) -> np.ndarray:
    """Return the part of a night that all five scored, between its lights where they are told."""
    known = [np.flatnonzero(own >= 0) for own in codes]
    first = max(*(one[0] for one in known), LIGHTS_OFF.get(night, 0))
    last = min(*(one[-1] + 1 for one in known), LIGHTS_ON.get(night, codes.shape[1]))
    return codes[:, first:last]


def _weighted_f1(own: np.ndarray, consensus: np.ndarray, others: np.ndarray) -> float:
    n_stages = len(STAGES)
    known = consensus >= 0
    shares = count_votes(others, n_stages).max(axis=0)[known] / len(others)
    table = np.zeros((n_stages + 1, n_stages + 1))  # the last column: left unscored by the judged
    np.add.at(table, (consensus[known], np.where(own < 0, n_stages, own)[known]), shares)
    support = table.sum(axis=1)
    return float(np.nansum(f1(table) * support) / support.sum())


def rows(cohorts: dict[str, Any], figures: dict[str, Any]) -> Iterator[dict[str, object]]:
    """Yield what can stand beside the literature."""
    for group, published in GUILLOT_F1.items():
        mean, sd = as_published(cohorts[group])
        case = f"{group}: F1 of a scorer against the others' consensus, sd over nights {sd:.1f}"
        yield _row(case, "%", mean, "Guillot et al. 2020", published)
    for name, published in LEE_KAPPA.items():
        column = "kappa" if name == "all" else f"kappa_{name}"
        ours = figures["both"]["in_pairs"][column]
        case = f"80 nights: κ of two scorers, {'all stages' if name == 'all' else name}"
        yield _row(case, "κ", ours, "Lee et al. 2022, other nights", published)


def _row(case: str, unit: str, ours: float, peer_name: str, peer: float) -> dict[str, object]:
    return {
        "case": case,
        "unit": unit,
        "ours": round(ours, 3),
        "peer_name": peer_name,
        "peer": peer,
        "ratio": round(ours / peer, 3),
    }


def differences(nights: dict[str, np.ndarray]) -> list[dict[str, object]]:
    """Return Bland–Altman's figures of each scorer's statistics against the others' consensus."""
    own: dict[str, list[float]] = {name: [] for name in STATISTICS}
    judged: dict[str, list[float]] = {name: [] for name in STATISTICS}
    units = []
    for night, codes in nights.items():
        for scored, consensus in zip(codes, leave_one_out(codes, len(STAGES)), strict=True):
            units.append(night)
            for target, side in ((own, scored), (judged, consensus)):
                found = measure_sleep(to_labels(side), epoch_s=EPOCH_S).values
                for name in STATISTICS:
                    target[name].append(np.nan if found[name] is None else found[name])
    found = {name: bland_altman(judged[name], own[name], units) for name in STATISTICS}
    return [
        {"statistic": name} | {key: round(value, 2) for key, value in one.items()}
        for name, one in found.items()
    ]


def to_labels(codes: np.ndarray) -> list[str | None]:
    """Return stage names, null where unscored."""
    return [STAGES[code] if code >= 0 else None for code in codes]


def offsets(nights: dict[str, np.ndarray], *, seed: int = 0) -> dict[str, object]:
    """Say how often an offset is found where there is none, and where one was planted.

    Two scorers of a night stand for a scored recording and its reference: none of them has an
    offset; then one of two loses 2 to 18 epochs at its start.
    """
    random = np.random.default_rng(seed)
    false, found, seconds = 0, [], []
    for codes in nights.values():
        pairs = list(combinations(range(len(codes)), 2))
        for one, other in pairs:
            began = time.process_time()
            offset = find_offset(codes[one], codes[other], len(STAGES), most_epochs=MOST_EPOCHS)
            seconds.append(time.process_time() - began)
            false += offset.epochs != 0
        one, other = pairs[random.integers(len(pairs))]
        planted = int(random.integers(2, 19))
        offset = find_offset(
            codes[one][planted:], codes[other], len(STAGES), most_epochs=MOST_EPOCHS
        )
        found.append(offset.epochs + planted if offset.epochs else None)
    return {
        "searched_epochs": MOST_EPOCHS,
        "pairs_without_offset": len(seconds),
        "offsets_found_among_them": false,
        "planted": len(found),
        "found_exactly": sum(error == 0 for error in found),
        "found_within_one_epoch": sum(error is not None and abs(error) <= 1 for error in found),
        "left_at_zero_as_ambiguous": sum(error is None for error in found),
        "median_s": round(float(np.median(seconds)), 4),
    }


if __name__ == "__main__":
    main()
