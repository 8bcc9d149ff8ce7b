"""WESAD's files of one subject: pickle of chest and wrist, E4 zip, quest, readme, respiban."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epochal.simulation.python2_pickle import dump_python2
from epochal.simulation.wearable_course import Course, Person, draw_course
from epochal.simulation.wearable_e4 import E4Signals, e4_texts, simulate_wrist, write_zip
from epochal.simulation.wearable_heart import GRID_HZ, draw_beats, draw_breathing, ecg_wave
from epochal.simulation.wearable_motion import acceleration, shaped_noise
from epochal.simulation.wearable_skin import electrodermal_activity, skin_temperature
from epochal.simulation.wearable_tasks import draw_wesad

CHEST_HZ = 700
CODES = {"transient": 0, "baseline": 1, "tsst": 2, "amusement": 3, "meditation": 4}
START_UNIX_S = 1495437300  # a May morning in 2017, as the real sessions
CHEST_REST = np.array([0.88, -0.1, -0.45])
CHEST_MOTION = 0.12  # beside the wrist's
CHEST_SKIN = 6.0  # a chest conducts that many times better than a dry wrist electrode
# What a sensor gives over 16 bits: name, and volts as a function of the signal (RespiBAN's manual).
RESPIBAN_COLUMNS = ("ECG", "EDA", "EMG", "Temp", "ACC", "Resp")
FULL_SCALE, VOLTS = 65536, 3.0
QUEST_COLUMNS = 27


def write_wesad_subject(
    folder: Path,
    *,
    name: str,
    order: tuple[str, ...],
    person: Person,
    tempo: float,
    effect: float,
    respiban_s: float,
    course_rng: np.random.Generator,
    signal_rng: np.random.Generator,
) -> None:
    """Write a subject's pickle, E4 zip, quest, readme and respiban files into `SN/`."""
    stretches, conditions = draw_wesad(order, course_rng, tempo)
    course = draw_course(person, stretches, effect=effect, rng=course_rng)
    wrist = simulate_wrist(person, course, signal_rng)
    chest = simulate_chest(person, course, signal_rng)
    target = Path(folder) / name
    target.mkdir(parents=True, exist_ok=True)
    tags = {"tags.csv": [START_UNIX_S]}
    write_zip(target / f"{name}_E4_Data.zip", e4_texts(wrist, start_unix_s=START_UNIX_S, tags=tags))
    _write(target / f"{name}_quest.csv", quest_text(name, course, conditions))
    _write(target / f"{name}_readme.txt", readme_text(person))
    _write(target / f"{name}_respiban.txt", respiban_text(chest, seconds=respiban_s))
    _write_pickle(target / f"{name}.pkl", wesad_content(name, chest, wrist, course))


def simulate_chest(
    person: Person, course: Course, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return RespiBAN's signals at 700 Hz: ACC `(n, 3)` g, the others `(n, 1)` mV, uS, degC, %."""
    breathing = draw_breathing(course, rng)
    beats_s = draw_beats(course, breathing, rng)
    n_samples = course.n_seconds * CHEST_HZ
    time_s = np.arange(n_samples) / CHEST_HZ
    moving = np.interp(time_s, np.arange(course.n_seconds) + 0.5, course.moving)
    muscle = shaped_noise(n_samples, CHEST_HZ, low_hz=20, high_hz=250, rng=rng)
    phase = np.interp(time_s, np.arange(len(breathing)) / GRID_HZ, breathing)
    belt = 4.0 * np.sin(phase) + 1.5 * moving * rng.normal() + 0.1 * rng.normal(size=n_samples)
    acc = acceleration(course, CHEST_REST, sfreq=CHEST_HZ, rng=rng, scale=CHEST_MOTION)
    columns = {
        "ECG": ecg_wave(course, beats_s, sfreq=CHEST_HZ, rng=rng),
        "EMG": (0.008 + 0.02 * moving) * muscle,
        "EDA": CHEST_SKIN * electrodermal_activity(person, course, sfreq=CHEST_HZ, rng=rng),
        "Temp": (skin_temperature(person, course, sfreq=CHEST_HZ, rng=rng) + 2).astype(np.float32),
        "Resp": belt,
    }
    return {"ACC": acc.T, **{name: column[:, None] for name, column in columns.items()}}


def wesad_content(
    name: str, chest: Mapping[str, np.ndarray], wrist: E4Signals, course: Course
) -> dict[str, Any]:
    """Return what the pickle holds: chest and label at 700 Hz, wrist at the E4's rates."""
    labels = np.repeat(
        np.array([CODES[stretch.task] for stretch in course.stretches], np.int32),
        [stretch.duration_s * CHEST_HZ for stretch in course.stretches],
    )
    on_wrist = {
        "ACC": wrist.acc.astype(float),
        "BVP": wrist.bvp[:, None],
        "EDA": wrist.eda[:, None],
        "TEMP": wrist.temp[:, None],
    }
    return {"signal": {"chest": dict(chest), "wrist": on_wrist}, "label": labels, "subject": name}


def quest_text(name: str, course: Course, conditions: Sequence[str]) -> str:
    """Return the order of the conditions with start and end as minutes.seconds, then the scales.

    The questionnaires' answers are not simulated: their lines are empty.
    """
    ends_s = np.cumsum([stretch.duration_s for stretch in course.stretches])
    rows: dict[str, list[str]] = {"# ORDER": [], "# START": [], "# END": []}
    for condition, end_s, stretch in zip(conditions, ends_s, course.stretches, strict=True):
        if condition:
            rows["# ORDER"].append(condition)
            rows["# START"].append(_minutes(end_s - stretch.duration_s))
            rows["# END"].append(_minutes(end_s))
    lines = [["# Subj", name], *([key, *values] for key, values in rows.items()), [""]]
    lines += [["# PANAS"]] * 5 + [["# STAI"]] * 5 + [["# DIM"]] * 5 + [["# SSSQ"]]
    return "".join(";".join(line) + ";" * (QUEST_COLUMNS - len(line)) + "\n" for line in lines)


def readme_text(person: Person) -> str:
    """Return the subject's readme."""
    gender = {"F": "female", "M": "male"}[person.sex]
    return (
        "### Personal information ###\n"
        f"Age: {person.age}\nHeight (cm): 172\nWeight (kg): 70\nGender: {gender}\n"
        "Dominant hand: right\n\n### Study prerequisites ###\nSimulated: nobody was asked.\n"
    )


def respiban_text(chest: Mapping[str, np.ndarray], *, seconds: float) -> str:
    """Return RespiBAN's own file: a header, then raw 16-bit values of the first `seconds`.

    Columns: line number, a digital input, then ECG, EDA, EMG, temperature, x, y, z, breathing.
    """
    n_rows = min(round(seconds * CHEST_HZ), len(chest["ECG"]))
    raw = np.hstack([_as_raw(name, chest[name][:n_rows]) for name in RESPIBAN_COLUMNS])
    rows = np.hstack([np.arange(n_rows)[:, None], np.zeros((n_rows, 1), int), raw])
    lines = ["\t".join(map(str, row)) + "\t" for row in rows.tolist()]
    return "\n".join([*_respiban_header(), *lines]) + "\n"


def _as_raw(name: str, values: np.ndarray) -> np.ndarray:
    """Invert the conversions that WESAD's readme gives from 16-bit values to units."""
    inverse = {
        "ECG": lambda mv: (mv / VOLTS + 0.5) * FULL_SCALE,
        "EMG": lambda mv: (mv / VOLTS + 0.5) * FULL_SCALE,
        "EDA": lambda us: us * 0.12 / VOLTS * FULL_SCALE,
        "Temp": lambda c: (0.2 + 0.015 * c) / VOLTS * FULL_SCALE,
        "ACC": lambda g: 28000 + (g + 1) / 2 * 10000,
        "Resp": lambda share: (share / 100 + 0.5) * FULL_SCALE,
    }[name]
    return np.clip(np.round(inverse(values)), 0, FULL_SCALE - 1).astype(int)


def _respiban_header() -> list[str]:
    device = {
        "sensor": ["ECG", "EDA", "EMG", "TEMP", "XYZ", "XYZ", "XYZ", "RESPIRATION"],
        "device name": "simulated",
        "column": ["nSeq", "DI", *(f"CH{channel}" for channel in range(1, 9))],
        "sampling rate": CHEST_HZ,
        "resolution": [16] * 8,
        "channels": list(range(1, 9)),
        "date": "2017-5-22",
        "time": "7:15:0.000",
    }
    return [
        "# OpenSignals Text File Format",
        f"# {json.dumps({'simulated': device})}",
        "# EndOfHeader",
    ]


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}.{int(seconds) % 60:02d}"


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _write_pickle(path: Path, content: Mapping[str, Any]) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        dump_python2(content, file)
    part.replace(path)
