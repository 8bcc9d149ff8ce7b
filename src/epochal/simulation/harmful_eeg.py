"""Simulated critical-care EEG in the HMS data set's layout: tables, EEG and spectrograms."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from epochal.provenance import mark_as_simulated
from epochal.readers.hms import CHANNELS, SFREQ
from epochal.readers.hms_rows import CLASSES, VOTES
from epochal.readers.hms_spectrogram import FIRST_FRAME_S, FRAME_STEP_S, REGIONS, column_names
from epochal.signals.spectrogram import compute_spectrogram
from epochal.simulation.harmful_eeg_background import N_EEG, render_background
from epochal.simulation.harmful_eeg_patterns import render_pattern
from epochal.simulation.harmful_eeg_plan import (
    EEG_IN_SPECTROGRAM_S,
    Plan,
    PlannedEEG,
    Session,
    draw_plan,
    for_test,
    rows_of,
)
from epochal.simulation.parquet import write_csv, write_parquet

_PEAK_TO_PEAK = 4.0  # a pattern of strength 1 spans four standard deviations of the background
_WITHOUT_LABELS = ["spectrogram_id", "eeg_id", "patient_id"]


class Options(BaseModel, extra="forbid", frozen=True):
    """The cohort: how many patients, and how much of each."""

    seed: int = Field(0, ge=0, description="Same seed, same files")
    n_patients: int = Field(48, ge=1, le=15000, description="Patients of train.csv")
    eegs_per_patient: float = Field(4.0, ge=1, le=20, description="Mean number of EEGs of one")
    windows_per_eeg: float = Field(3.0, ge=1, le=20, description="Mean number of labelled windows")
    n_test_patients: int = Field(1, ge=0, le=5000, description="Patients of test.csv, unlabelled")
    missing: float = Field(
        0.08, ge=0, le=1, description="Share of recordings in which a stretch is NaN"
    )
    strength: float = Field(
        1.0, gt=0, description="Patterns' size beside the real ones'; less is harder to see"
    )


class Simulated(NamedTuple):
    """One session's signals: `eeg` `(20, n)` from the spectrogram's start on, and the latter."""

    eeg: np.ndarray
    power: np.ndarray  # (n_frames, 4, 100)


def jobs(folder: Path, options: Options) -> dict[str, Callable[[], None]]:
    """Return `{patient: what writes her files}`; each depends on the seed and the patient alone.

    The patients of test.csv come after those of train.csv.
    """
    return {
        f"patient-{index + 1:05d}": partial(write_patient, Path(folder), options, index)
        for index in range(options.n_patients + options.n_test_patients)
    }


def finish(folder: Path, options: Options) -> None:
    """Write train.csv, test.csv, sample_submission.csv and the mark that all is simulated."""
    folder = Path(folder)
    write_csv(folder / "train.csv", _rows(options, range(options.n_patients)))
    if options.n_test_patients:
        n_all = options.n_patients + options.n_test_patients
        test = _rows(options, range(options.n_patients, n_all))
        write_csv(folder / "test.csv", test[_WITHOUT_LABELS])
        uniform = test[["eeg_id"]].assign(**dict.fromkeys(VOTES, 1 / len(CLASSES)))
        write_csv(folder / "sample_submission.csv", uniform)
    mark_as_simulated(folder, "critical-care EEG with the votes of a simulated panel")


def _rows(options: Options, patients: range) -> pd.DataFrame:
    return pd.DataFrame([row for index in patients for row in rows_of(plan(options, index))])


def plan(options: Options, index: int) -> Plan:
    """Return what happens to a patient and how the experts voted; no signals yet."""
    drawn = draw_plan(
        index + 1,
        eegs_per_patient=options.eegs_per_patient,
        windows_per_eeg=options.windows_per_eeg,
        rng=_rng(options, index, 0),
    )
    return drawn if index < options.n_patients else for_test(drawn)


def write_patient(folder: Path, options: Options, index: int) -> None:
    """Simulate a patient's sessions one after the other, and write their files."""
    planned = plan(options, index)
    part = "train" if index < options.n_patients else "test"
    for number, session in enumerate(planned.sessions):
        simulated = simulate_session(planned, session, options, rng=_rng(options, index, 1, number))
        _write_spectrogram(folder, session, simulated.power, part=part)
        for eeg in session.eegs:
            _write_eeg(folder, eeg, simulated.eeg, part=part)


def simulate_session(
    planned: Plan, session: Session, options: Options, *, rng: np.random.Generator
) -> Simulated:
    """Return the signals of one session: background, patterns, and what was not recorded."""
    n_samples = round(session.length_s * SFREQ)
    eeg = render_background(planned.patient, n_samples=n_samples, sfreq=SFREQ, rng=rng)
    unit_uv = _PEAK_TO_PEAK * planned.patient.background_uv * options.strength
    for pattern in session.patterns:
        drawn = render_pattern(pattern, n_samples=n_samples, sfreq=SFREQ, rng=rng)
        eeg[:N_EEG] += pattern.strength * unit_uv * drawn
    if rng.random() < options.missing:
        _lose_stretch(eeg, rng)
    n_frames = int(session.length_s // FRAME_STEP_S)
    return Simulated(eeg, compute_spectrogram(eeg, n_frames=n_frames))


def _lose_stretch(eeg: np.ndarray, rng: np.random.Generator) -> None:
    """Make up to 20 s of every channel NaN, as where a cable was out."""
    start = rng.integers(eeg.shape[1])
    eeg[:, start : start + rng.integers(200, 4000)] = np.nan


def _write_eeg(folder: Path, eeg: PlannedEEG, session_eeg: np.ndarray, *, part: str) -> None:
    start = round((eeg.start_s + EEG_IN_SPECTROGRAM_S) * SFREQ)
    stop = start + round(eeg.length_s * SFREQ)
    samples = session_eeg[:, start:stop].astype(np.float32)
    frame = pd.DataFrame(dict(zip(CHANNELS, samples, strict=True)))
    write_parquet(folder / f"{part}_eegs" / f"{eeg.eeg_id}.parquet", frame)


def _write_spectrogram(folder: Path, session: Session, power: np.ndarray, *, part: str) -> None:
    """Write a session's spectrogram; the data set's `time` is int64 in train, int16 in test."""
    times_s = FIRST_FRAME_S + FRAME_STEP_S * np.arange(len(power))
    columns = {"time": times_s.astype(np.int64 if part == "train" else np.int16)}
    for region, values in zip(REGIONS, power.transpose(1, 2, 0), strict=True):
        columns |= dict(zip(column_names(region), values, strict=True))
    path = folder / f"{part}_spectrograms" / f"{session.spectrogram_id}.parquet"
    write_parquet(path, pd.DataFrame(columns))


def _rng(options: Options, index: int, *purpose: int) -> np.random.Generator:
    return np.random.default_rng([options.seed, index, *purpose])
