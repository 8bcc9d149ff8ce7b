"""Write what YASA says of a few hypnograms: the reference of the tests of sleep statistics.

Run it in an environment that has YASA (BSD-3): `python benchmarks/_yasa_statistics.py`. It writes
`tests/hypnogram/yasa_statistics.json`, hypnograms included, so that the tests need no YASA.
"""

from __future__ import annotations

import json
import random
from itertools import groupby
from pathlib import Path

import yasa

TARGET = Path(__file__).parent.parent / "tests/hypnogram/yasa_statistics.json"
NAMES = {"W": "WAKE", "?": "UNS"}
HAND_MADE = {
    "a short night": "W*4 N1*3 N2*6 N3*8 N2*2 REM*6 W*2 N2*5 N1*1 REM*3 W*5",
    "unscored inside and after sleep": "W*3 N2*4 ?*2 N2*3 W*1 REM*4 ?*3 W*2",
    "no REM": "W*10 N1*2 N2*20 W*1 N2*4 W*3",
    "no sleep": "W*40",
    "asleep from end to end": "N2*10 REM*5",
}


def main() -> None:
    """Write the statistics of hand-made and of drawn hypnograms."""
    hypnograms = HAND_MADE | {f"drawn {seed}": draw(seed) for seed in range(6)}
    report = {
        "yasa": yasa.__version__,
        "script": "benchmarks/_yasa_statistics.py",
        "epoch_s": 30,
        "cases": [{"name": k, "hypnogram": v, "yasa": measure(v)} for k, v in hypnograms.items()],
    }
    TARGET.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def draw(seed: int) -> str:
    """Return a night of bouts that end in any other stage, now and then unscored."""
    chance = random.Random(seed)
    stages = ["W"] * chance.randint(5, 40)
    while len(stages) < 900:
        stage = chance.choices(["W", "N1", "N2", "N3", "REM", "?"], [2, 2, 5, 3, 3, 0.3])[0]
        stages += [stage] * chance.randint(1, 60 if stage in ("N2", "N3", "REM") else 8)
    return " ".join(f"{name}*{len(list(run))}" for name, run in groupby(stages))


def expand(text: str) -> list[str]:
    """Turn `W*4 N1*3` into its epochs."""
    pairs = (part.split("*") for part in text.split())
    return [name for name, n in pairs for _ in range(int(n))]


def measure(text: str) -> dict[str, float | None]:
    """Return YASA's statistics, null where they are undefined."""
    epochs = [NAMES.get(name, name) for name in expand(text)]
    found = yasa.Hypnogram(epochs, freq="30s").sleep_statistics()
    return {key: None if value != value else float(value) for key, value in found.items()}


if __name__ == "__main__":
    main()
