"""Write what an Empatica E4 leaves: a folder or a zip of CSV files, as the device lays them out."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from epochal.places import writing
from epochal.simulation.wearable_course import Course, Person
from epochal.simulation.wearable_heart import (
    device_intervals,
    device_rate,
    draw_beats,
    draw_breathing,
    pulse_wave,
)
from epochal.simulation.wearable_motion import acceleration
from epochal.simulation.wearable_skin import E4_STEP_US, electrodermal_activity, skin_temperature

ACC_HZ, BVP_HZ, EDA_HZ, TEMP_HZ, HR_HZ = 32, 64, 4, 4, 1
COUNTS_PER_G = 64
HR_DELAY_S = 10
INFO = """.csv files in this archive are in the following format:
The first row is the initial time of the session expressed as unix timestamp in UTC.
The second row is the sample rate expressed in Hz.

TEMP.csv: degrees Celsius. EDA.csv: microsiemens. BVP.csv: photoplethysmograph.
ACC.csv: x, y and z in 1/64 g, in the range of 2 g.
IBI.csv: time from the initial time and length of each inter-beat interval, in seconds.
HR.csv: average heart rate in beats a minute. tags.csv: times of button presses.

These files are simulated.
"""


class E4Signals(NamedTuple):
    """What the wrist gives at native rates: ACC `(n, 3)` in counts, IBI `(n, 2)` in s."""

    acc: np.ndarray
    bvp: np.ndarray
    eda: np.ndarray
    temp: np.ndarray
    hr: np.ndarray
    ibi: np.ndarray


def simulate_wrist(person: Person, course: Course, rng: np.random.Generator) -> E4Signals:
    """Return an E4's signals in the course of a protocol."""
    breathing = draw_breathing(course, rng)
    beats_s = draw_beats(course, breathing, rng)
    acc_g = acceleration(course, person.wrist, sfreq=ACC_HZ, rng=rng)
    eda_us = electrodermal_activity(person, course, sfreq=EDA_HZ, rng=rng)
    return E4Signals(
        acc=np.clip(np.round(acc_g.T * COUNTS_PER_G), -128, 127).astype(int),
        bvp=pulse_wave(person, course, beats_s, breathing, sfreq=BVP_HZ, rng=rng),
        eda=np.round(eda_us / E4_STEP_US) * E4_STEP_US,
        temp=skin_temperature(person, course, sfreq=TEMP_HZ, rng=rng),
        hr=device_rate(beats_s, course.n_seconds),
        ibi=device_intervals(course, beats_s),
    )


def e4_texts(
    signals: E4Signals, *, start_unix_s: int, tags: Mapping[str, list[int]]
) -> dict[str, str]:
    """Return the text of every file by its name; `tags` are Unix times by file name."""
    start = f"{start_unix_s}.000000"
    return {
        "ACC.csv": _table([start] * 3, [f"{ACC_HZ}.000000"] * 3, signals.acc, "%d,%d,%d"),
        "BVP.csv": _table([f"{start_unix_s}.00"], [f"{BVP_HZ}.000000"], signals.bvp, "%.2f"),
        "EDA.csv": _table([start], [f"{EDA_HZ}.000000"], signals.eda, "%.6f"),
        "HR.csv": _table(
            [f"{start_unix_s + HR_DELAY_S}.000000"], [f"{HR_HZ}.000000"], signals.hr, "%.2f"
        ),
        "IBI.csv": "\n".join([f"{start}, IBI", *_lines(signals.ibi, "%.6f,%.6f")]) + "\n",
        "TEMP.csv": _table([start], [f"{TEMP_HZ}.000000"], signals.temp, "%.2f"),
        "info.txt": INFO,
        **{name: "".join(f"{time}\r\n" for time in times) for name, times in tags.items()},
    }


def write_folder(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the files into a folder that appears whole or not at all."""
    with writing(folder) as part:
        part.mkdir()
        for name, text in texts.items():
            (part / name).write_text(text, encoding="utf-8", newline="")


def write_zip(path: Path, texts: Mapping[str, str]) -> None:
    """Write the files into a zip; the same texts give the same bytes."""
    with writing(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)


def _table(start: list[str], rate: list[str], values: np.ndarray, form: str) -> str:
    return "\n".join([", ".join(start), ", ".join(rate), *_lines(values, form)]) + "\n"


def _lines(values: np.ndarray, form: str) -> list[str]:
    rows = values.tolist()
    return [form % (tuple(row) if isinstance(row, list) else row) for row in rows]
