"""Writers of rodent recordings: EDF with labels beside it, AccuSleep-like MAT, BIDS."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import edfio
import h5py
import numpy as np
import pandas as pd
import scipy

from epochal.recording import Channel
from epochal.simulation.parquet import write_csv, write_whole
from epochal.simulation.rodent_cohort import LIGHTS_OFF_HOUR, LIGHTS_ON_HOUR, AnimalFacts

Layout = Literal["edf_csv", "edf_events", "mat_v5", "mat_v73", "bids"]
ACCUSLEEP_CODES = {"REM": 1, "W": 2, "NREM": 3}
MSSV_CODES = {"W": 1, "NREM": 2, "REM": 3}
MSSV_ARTIFACT = 4
MSSV_LEVELS = {"1": "Wake", "2": "NREM", "3": "REM", "4": "Artifact"}
MATLAB_TEXT = 116  # bytes of text that a MATLAB file begins with
MATLAB_USERBLOCK = 512  # bytes before the HDF5 part of a v7.3 file
SCALES = {"uV": (-1600.0, 1600.0), "g": (-4.0, 4.0)}  # physical minimum and maximum


@dataclass(frozen=True)
class SimulatedRecording:
    """Channels, the scored stage of each epoch, and which epochs are artefact."""

    channels: tuple[Channel, ...]
    stages: np.ndarray
    bad: np.ndarray
    epoch_s: float


def write(
    folder: Path, recording: SimulatedRecording, facts: AnimalFacts, *, layout: Layout
) -> None:
    """Write one animal's files; each appears whole or not at all."""
    WRITERS[layout](Path(folder), recording, facts)


def write_participants(folder: Path, facts: Sequence[AnimalFacts], *, layout: Layout) -> None:
    """Write `participants.tsv` with its sidecar, and for BIDS the description of the data set."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"participant_id": one.subject_id, "species": "mus musculus", "strain": one.strain,
         "sex": one.sex, "age": one.age_weeks, "lab": one.site,
         "lights_on": f"{LIGHTS_ON_HOUR:02d}:00", "lights_off": f"{LIGHTS_OFF_HOUR:02d}:00"}
        for one in facts
    ]  # fmt: skip
    _write_tsv(folder / "participants.tsv", pd.DataFrame(rows))
    columns = {
        "age": {"Description": "age at the recording", "Units": "weeks"},
        "lab": {"Description": "laboratory where the recording is conducted"},
        "lights_on": {"Description": "time of day, UTC"},
        "lights_off": {"Description": "time of day, UTC"},
    }
    _write_json(folder / "participants.json", columns)
    if layout == "bids":
        description = {"Name": "Simulated mice", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
        _write_json(folder / "dataset_description.json", description)


def _write_edf_csv(folder: Path, recording: SimulatedRecording, facts: AnimalFacts) -> None:
    _write_edf(folder / f"{facts.subject_id}.edf", recording, facts)
    table = pd.DataFrame({"epoch": range(len(recording.stages)), "stage": recording.stages})
    write_csv(folder / f"{facts.subject_id}_labels.csv", table)
    _write_side_json(folder / f"{facts.subject_id}.json", recording, facts)


def _write_edf_events(folder: Path, recording: SimulatedRecording, facts: AnimalFacts) -> None:
    _write_edf(folder / f"{facts.subject_id}.edf", recording, facts)
    _write_events(folder / f"{facts.subject_id}_events.tsv", recording)
    _write_side_json(folder / f"{facts.subject_id}.json", recording, facts)


def _write_bids(folder: Path, recording: SimulatedRecording, facts: AnimalFacts) -> None:
    stem = folder / facts.subject_id / "eeg" / f"{facts.subject_id}_task-sleep"
    _write_edf(Path(f"{stem}_eeg.edf"), recording, facts)
    _write_events(Path(f"{stem}_events.tsv"), recording)
    _write_json(Path(f"{stem}_events.json"), {"stage": {"Levels": MSSV_LEVELS}})
    _write_side_json(Path(f"{stem}_eeg.json"), recording, facts)
    rows = [
        {"name": c.name, "type": _bids_type(c.name), "units": c.unit, "sampling_frequency": c.sfreq}
        for c in recording.channels
    ]
    _write_tsv(Path(f"{stem}_channels.tsv"), pd.DataFrame(rows))


def _bids_type(name: str) -> str:
    return next((kind for kind in ("EEG", "EMG") if name.startswith(kind)), "MISC")


def _write_mat_v5(folder: Path, recording: SimulatedRecording, facts: AnimalFacts) -> None:
    variables = _mat_variables(recording)
    write_whole(folder / f"{facts.subject_id}.mat", lambda path: write_mat_v5(path, variables))
    _write_side_json(folder / f"{facts.subject_id}.json", recording, facts)


def _write_mat_v73(folder: Path, recording: SimulatedRecording, facts: AnimalFacts) -> None:
    variables = _mat_variables(recording)
    write_whole(folder / f"{facts.subject_id}.mat", lambda path: write_mat_v73(path, variables))
    _write_side_json(folder / f"{facts.subject_id}.json", recording, facts)


def _mat_variables(recording: SimulatedRecording) -> dict[str, Any]:
    """Return AccuSleep's variables, each channel a row vector; the accelerometer has no place."""
    channels = [channel for channel in recording.channels if channel.unit == "uV"]
    codes = [ACCUSLEEP_CODES[stage] for stage in recording.stages]
    return {
        **{channel.name: channel.data for channel in channels},
        "labels": np.array(codes, dtype=np.float64),
        "fs": np.array(channels[0].sfreq),
        "epochLength": np.array(recording.epoch_s),
    }


def write_mat_v5(path: Path, variables: dict[str, Any]) -> None:
    """Write numeric row vectors as MATLAB does with `-v6`; no date, so that files can be equal."""
    rows = {name: np.atleast_2d(value) for name, value in variables.items()}
    scipy.io.savemat(path, rows, appendmat=False)
    _overwrite(path, b"MATLAB 5.0 MAT-file, Platform: simulated".ljust(MATLAB_TEXT))


def write_mat_v73(path: Path, variables: dict[str, Any]) -> None:
    """Write numeric row vectors as MATLAB does with `-v7.3`: HDF5 behind a 512-byte text header."""
    with h5py.File(path, "w", userblock_size=MATLAB_USERBLOCK) as file:
        for name, values in variables.items():
            array = np.atleast_2d(values).T  # MATLAB's columns come first in the file
            kind = {"float64": "double", "float32": "single"}[array.dtype.name]
            dataset = file.create_dataset(name, data=array)
            dataset.attrs["MATLAB_class"] = np.bytes_(kind)
    text = b"MATLAB 7.3 MAT-file, Platform: simulated, HDF5 schema 1.00 ."
    _overwrite(path, text.ljust(MATLAB_TEXT) + bytes(8) + b"\x00\x02IM")


def _overwrite(path: Path, start: bytes) -> None:
    with path.open("r+b") as file:
        file.write(start)


def _write_edf(path: Path, recording: SimulatedRecording, facts: AnimalFacts) -> None:
    signals = [
        edfio.EdfSignal(
            np.asarray(channel.data, dtype=np.float64),
            channel.sfreq,
            label=channel.name,
            physical_dimension=channel.unit,
            physical_range=SCALES[channel.unit],
        )
        for channel in recording.channels
    ]
    edf = edfio.Edf(
        signals,
        patient=edfio.Patient(code=facts.subject_id, sex=facts.sex),
        recording=edfio.Recording(startdate=facts.start.date(), equipment_code="simulated"),
        starttime=facts.start.time(),
    )
    write_whole(path, edf.write)


def _write_events(path: Path, recording: SimulatedRecording) -> None:
    codes = np.array([MSSV_CODES[stage] for stage in recording.stages])
    table = pd.DataFrame(
        {
            "onset": np.arange(len(codes)) * recording.epoch_s,
            "duration": recording.epoch_s,
            "stage": np.where(recording.bad, MSSV_ARTIFACT, codes),
        }
    )
    _write_tsv(path, table)


def _write_side_json(path: Path, recording: SimulatedRecording, facts: AnimalFacts) -> None:
    _write_json(
        path,
        {
            "subject_id": facts.subject_id,
            "strain": facts.strain,
            "sex": facts.sex,
            "age_weeks": facts.age_weeks,
            "site": facts.site,
            "start_utc": facts.start.isoformat(),
            "lights_on": f"{LIGHTS_ON_HOUR:02d}:00",
            "lights_off": f"{LIGHTS_OFF_HOUR:02d}:00",
            "epoch_s": recording.epoch_s,
        },
    )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2) + "\n"
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def _write_tsv(path: Path, table: pd.DataFrame) -> None:
    write_whole(path, lambda partial: table.to_csv(partial, sep="\t", index=False))


WRITERS: dict[str, Callable[[Path, SimulatedRecording, AnimalFacts], None]] = {
    "edf_csv": _write_edf_csv,
    "edf_events": _write_edf_events,
    "mat_v5": _write_mat_v5,
    "mat_v73": _write_mat_v73,
    "bids": _write_bids,
}
