"""Wearable recordings of stress tests: Stress-Predict's E4 folders, or WESAD's files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from epochal.places import writing
from epochal.provenance import mark_as_simulated
from epochal.simulation.wearable_course import Course, Person, draw_course, draw_person
from epochal.simulation.wearable_e4 import e4_texts, simulate_wrist, write_folder
from epochal.simulation.wearable_heart import device_rate, draw_beats, draw_breathing
from epochal.simulation.wearable_tasks import WESAD_ORDERS, Layout, draw_stress_predict
from epochal.simulation.wearable_wesad import write_wesad_subject

LABELS_TABLE = "Processed_data/Improved_All_Combined_hr_rsp_binary.csv"
FIRST_START_UNIX_S = 1644226200  # as in the real study: a February morning, UTC
LABELS_FROM_S = 9  # the real table's first second, from the recording's start
STRESSFUL = {"stroop", "interview", "hyperventilation"}
PERSON, COURSE, SIGNALS = range(3)  # what a stream of random numbers is for


class Options(BaseModel, extra="forbid", frozen=True):
    """The cohort, its protocol, and how it is written."""

    seed: int = Field(0, ge=0, description="Same seed, same files")
    layout: Layout = Field(
        "stress_predict",
        description="`stress_predict`: E4 folders and a table of labels; `wesad`: pickles of chest "
        "and wrist, E4 zips, quest, readme and respiban files",
    )
    n_subjects: int = Field(15, ge=1, le=99, description="Subjects, one recording each")
    tempo: float = Field(
        1.0, gt=0.03, le=2, description="Length of every task beside the real one (an hour in all)"
    )
    effect: float = Field(
        1.0, ge=0, le=3, description="How strongly the tasks act; 0: they change nothing"
    )
    respiban_s: float = Field(
        60.0,
        ge=0,
        description="Seconds of SX_respiban.txt (WESAD): 0.1 MB each; no reader needs it",
    )


def jobs(folder: Path, options: Options) -> dict[str, Callable[[], None]]:
    """Return `{subject: what writes its files}`; each depends on the seed and the subject alone."""
    write = write_e4_subject if options.layout == "stress_predict" else write_wesad
    return {
        subject_name(options, index): partial(write, Path(folder), options, index)
        for index in range(options.n_subjects)
    }


def finish(folder: Path, options: Options) -> None:
    """Write the table of labels (Stress-Predict) and the mark that all is simulated.

    Time logs and questionnaires of the real study are not written.
    """
    if options.layout == "stress_predict":
        _write_labels(Path(folder) / LABELS_TABLE, options)
    mark_as_simulated(folder, f"wearable recordings in {options.layout} layout")


def subject_name(options: Options, index: int) -> str:
    """Return `S02` or `S2` for the first: neither study has a usable S1, and WESAD no S12."""
    if options.layout == "stress_predict":
        return f"S{index + 2:02d}"
    return f"S{index + 2 if index < 10 else index + 3}"


def draw_subject(options: Options, index: int) -> tuple[Person, Course]:
    """Return a subject and the course of their session (Stress-Predict's protocol)."""
    rng = _rng(options, index, COURSE)
    person = draw_person(_rng(options, index, PERSON))
    stretches = draw_stress_predict(rng, options.tempo)
    return person, draw_course(person, stretches, effect=options.effect, rng=rng)


def write_e4_subject(folder: Path, options: Options, index: int) -> None:
    """Simulate one subject and write their E4 folder."""
    person, course = draw_subject(options, index)
    signals = simulate_wrist(person, course, _rng(options, index, SIGNALS))
    name, start = subject_name(options, index), start_unix_s(index)
    ends = np.cumsum([stretch.duration_s for stretch in course.stretches])[:-1]
    tags = {f"tags_{name}.csv": [start + int(end) for end in ends]}
    texts = e4_texts(signals, start_unix_s=start, tags=tags)
    write_folder(folder / "Raw_data" / name, texts)


def write_wesad(folder: Path, options: Options, index: int) -> None:
    """Simulate one subject and write their WESAD folder."""
    write_wesad_subject(
        folder,
        name=subject_name(options, index),
        order=WESAD_ORDERS[index % 2],
        person=draw_person(_rng(options, index, PERSON)),
        tempo=options.tempo,
        effect=options.effect,
        respiban_s=options.respiban_s,
        course_rng=_rng(options, index, COURSE),
        signal_rng=_rng(options, index, SIGNALS),
    )


def start_unix_s(index: int) -> int:
    """Return when a subject's session starts: one after another, five a day."""
    day, place = divmod(index, 5)
    return FIRST_START_UNIX_S + 86400 * day + 5000 * place


def label_rows(options: Options, index: int) -> pd.DataFrame:
    """Return a subject's rows of the table of labels, one a second, as the real table has them."""
    _, course = draw_subject(options, index)
    codes = np.repeat(
        [int(stretch.task in STRESSFUL) for stretch in course.stretches],
        [stretch.duration_s for stretch in course.stretches],
    )
    seconds = np.arange(LABELS_FROM_S, course.n_seconds)
    rng = _rng(options, index, SIGNALS)
    beats_s = draw_beats(course, draw_breathing(course, rng), rng)
    rate = device_rate(beats_s, course.n_seconds)
    return pd.DataFrame(
        {
            "Participant": int(subject_name(options, index)[1:]),
            "HR": np.round(rate[np.maximum(seconds - 10, 0)], 2),
            "respr": np.round(60 * course.breathing_hz[seconds], 7),
            "Time(sec)": start_unix_s(index) + seconds,
            "Label": codes[seconds],
        }
    )


def _write_labels(path: Path, options: Options) -> None:
    rows = pd.concat([label_rows(options, index) for index in range(options.n_subjects)])
    with writing(path) as part:
        rows.to_csv(part, index=False, lineterminator="\n")


def _rng(options: Options, index: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([options.seed, index, purpose])
