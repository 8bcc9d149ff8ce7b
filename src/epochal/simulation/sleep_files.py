"""Sleep-EDFx files as PhysioNet has them: a PSG in EDF and its hypnogram in EDF+."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

import edfio
import numpy as np

from epochal.places import writing
from epochal.simulation.sleep_person import Person

EPOCH_S = 30
DAY_S = 86_400
ELECTRODES = "Ag-AgCl electrodes"
THERMISTORS = "Oral-nasal thermistors"
CASSETTE = "HP:0.5Hz LP:100Hz [enhanced cassette BW]"
EDF_DATES = (1985, 2084)  # years that the header's two digits can tell apart

# label: (unit, physical range, digital range, transducer, filter), as in the original headers.
Layout = tuple[str, tuple[float, float], tuple[int, int], str, str]
LAYOUT: dict[str, Layout] = {
    "EEG Fpz-Cz": ("uV", (-192, 192), (-2048, 2047), ELECTRODES, CASSETTE),
    "EEG Pz-Oz": ("uV", (-197, 196), (-2048, 2047), ELECTRODES, CASSETTE),
    "EOG horizontal": ("uV", (-1009, 1009), (-2048, 2047), ELECTRODES, CASSETTE),
    "Resp oro-nasal": ("", (-2048, 2047), (-2048, 2047), THERMISTORS, "HP:0.03Hz LP:0.9Hz"),
    "EMG submental": ("uV", (-5, 5), (-2500, 2500), ELECTRODES, "HP:16Hz Rectification LP:0.7Hz"),
    "Temp rectal": ("DegC", (34, 40), (-2849, 2731), "Rectal thermistor", ""),
    "Marker": ("", (-2047, 2048), (-2047, 2048), "Marker button", "Hold during 2 seconds"),
    "Event marker": ("", (-2047, 2048), (-2047, 2048), "Marker button", "Hold during 2 seconds"),
}  # fmt: skip
TELEMETRY_EMG: Layout = ("uV", (-512, 512), (-2048, 2047), ELECTRODES, "HP:0.5Hz LP:100Hz")

Channel = tuple[str, float, np.ndarray]


def write_psg(path: Path, channels: Sequence[Channel], *, person: Person, start: datetime) -> None:
    """Write `(label, sfreq, data)` channels with the original header fields."""
    edf = edfio.Edf(
        [_signal(label, sfreq, data) for label, sfreq, data in channels],
        patient=_patient(person),
        recording=_recording(start),
        starttime=start.time(),
        data_record_duration=EPOCH_S,
    )
    _write(edf, path)


def write_hypnogram(path: Path, scored: np.ndarray, *, person: Person, start: datetime) -> None:
    """Write one annotation per bout; after the signals' end the day is unscored, as originally."""
    onset_s, notes = 0, []
    for stage, run in groupby(scored):
        duration_s = EPOCH_S * len(list(run))
        text = "Movement time" if stage == "M" else f"Sleep stage {stage}"
        notes.append(edfio.EdfAnnotation(onset_s, duration_s, text))
        onset_s += duration_s
    if onset_s < DAY_S:
        notes.append(edfio.EdfAnnotation(onset_s, DAY_S - onset_s, "Sleep stage ?"))
    edf = edfio.Edf(
        [], patient=_patient(person), recording=_recording(start), starttime=start.time(),
        annotations=notes,
    )  # fmt: skip
    _write(edf, path)


def _signal(label: str, sfreq: float, data: np.ndarray) -> edfio.EdfSignal:
    unit, physical, digital, transducer, prefiltering = (
        TELEMETRY_EMG if label == "EMG submental" and sfreq > 1 else LAYOUT[label]
    )
    return edfio.EdfSignal(
        np.clip(np.asarray(data, dtype=float), *physical),
        sfreq,
        label=label,
        transducer_type=transducer,
        physical_dimension=unit,
        physical_range=physical,
        digital_range=digital,
        prefiltering=prefiltering,
    )


def _patient(person: Person) -> edfio.Patient:
    word = "Female" if person.sex == "F" else "Male"
    return edfio.Patient(sex=person.sex, name=f"{word}_{person.age}yr")


def _recording(start: datetime) -> edfio.Recording:
    return edfio.Recording(startdate=start.date(), equipment_code="simulated")


def _write(edf: edfio.Edf, path: Path) -> None:
    """Write to a temporary name first, so that a file is there whole or not at all."""
    with writing(path) as part, part.open("wb") as file:
        edf.write(file)
