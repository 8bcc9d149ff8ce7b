"""Human nights in the layout of Sleep-EDFx: PSG and hypnogram pairs, cassette or telemetry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field, model_validator

from epochal.provenance import mark_as_simulated
from epochal.simulation.sleep_architecture import EPOCH_S, Night, draw_night
from epochal.simulation.sleep_background import SFREQ
from epochal.simulation.sleep_body import muscle_noise
from epochal.simulation.sleep_files import Channel, write_hypnogram, write_psg
from epochal.simulation.sleep_person import Person, draw_person
from epochal.simulation.sleep_signals import Signals, draw_signals

FOLDERS = {"cassette": "sleep-cassette", "telemetry": "sleep-telemetry"}
FIRST_NIGHT = datetime(1989, 4, 24)
ASLEEP_AT_H = (23.75, 0.7)  # clock time of sleep onset: mean and standard deviation


class Options(BaseModel, extra="forbid", frozen=True):
    """Who sleeps, how often, and how long the recorder runs."""

    seed: int = Field(0, ge=0, description="Another seed gives other people")
    n_subjects: int = Field(20, ge=1, le=100, description="People, SC400 to SC499")
    nights: int = Field(1, ge=1, le=9, description="Nights a person")
    hours: float = Field(
        9.0, ge=0.5, le=23.5, description="Hours of recording; originally about 22 with the days"
    )
    part: Literal["cassette", "telemetry"] = Field(
        "cassette",
        description="`cassette`: EMG as a 1 Hz envelope, Resp and Temp; `telemetry`: EMG at 100 Hz",
    )
    age_min: int = Field(25, ge=18, le=101, description="Youngest age, years")
    age_max: int = Field(80, ge=18, le=101, description="Oldest age, years")
    sex: Literal["F", "M"] | None = Field(None, description="F or M for one sex only")

    @model_validator(mode="after")
    def _ages_in_order(self) -> Options:
        if self.age_min > self.age_max:
            raise ValueError(f"age_min {self.age_min} is above age_max {self.age_max}")
        return self

    @property
    def n_epochs(self) -> int:
        """Epochs of 30 s in each recording."""
        return round(self.hours * 3600 / EPOCH_S)


def jobs(folder: Path, options: Options) -> dict[str, Callable[[], None]]:
    """Return a piece of work per night; each writes its PSG and its hypnogram."""
    return {
        _stem(subject, night, options): partial(write_night, folder, options, subject, night)
        for subject in range(options.n_subjects)
        for night in range(1, options.nights + 1)
    }


def write_night(folder: Path, options: Options, subject: int, night: int) -> None:
    """Write one night's pair of files."""
    person, plan, start, rng = plan_night(options, subject, night)
    signals = draw_signals(person, plan, rng)
    target = Path(folder) / FOLDERS[options.part]
    target.mkdir(parents=True, exist_ok=True)
    stem = _stem(subject, night, options)
    psg, hypnogram = ("E0", "EC") if options.part == "cassette" else ("J0", "JP")
    channels = CHANNELS[options.part](signals, rng)
    write_psg(target / f"{stem}{psg}-PSG.edf", channels, person=person, start=start)
    write_hypnogram(
        target / f"{stem}{hypnogram}-Hypnogram.edf", plan.scored, person=person, start=start
    )


def finish(folder: Path, options: Options) -> None:
    """Write the mark, the list of records, and ages, sexes and lights-off times as a table."""
    names = sorted(f"{path.parent.name}/{path.name}" for path in Path(folder).glob("*/*-PSG.edf"))
    (Path(folder) / "RECORDS").write_text("\n".join(names) + "\n", encoding="ascii")
    rows = [
        _row(options, subject, night)
        for subject in range(options.n_subjects)
        for night in range(1, options.nights + 1)
    ]
    prefix = "SC" if options.part == "cassette" else "ST"
    pd.DataFrame(rows).to_csv(Path(folder) / f"{prefix}-subjects.csv", index=False)
    mark_as_simulated(folder, "nights in the layout of Sleep-EDFx")


class Plan(NamedTuple):
    """Who sleeps, the night's stages, its start, and the generator to go on with."""

    person: Person
    night: Night
    start: datetime
    rng: np.random.Generator


def plan_night(options: Options, subject: int, night: int) -> Plan:
    """Draw all of a night but its signals, from the seed, the subject and the night alone."""
    person = draw_person(
        subject,
        age_range=(options.age_min, options.age_max),
        sex=options.sex,
        rng=np.random.default_rng([options.seed, subject]),
    )
    rng = np.random.default_rng([options.seed, subject, night])
    plan = draw_night(person, options.n_epochs, rng)
    asleep = FIRST_NIGHT + timedelta(days=7 * subject + night, hours=rng.normal(*ASLEEP_AT_H))
    start = asleep - timedelta(seconds=plan.asleep * EPOCH_S)
    return Plan(person, plan, start.replace(second=0, microsecond=0), rng)


def _row(options: Options, subject: int, night: int) -> dict[str, object]:
    person, plan, start, _ = plan_night(options, subject, night)
    psg = "E0" if options.part == "cassette" else "J0"
    return {
        "subject": subject,
        "night": night,
        "age": person.age,
        "sex": person.sex,
        "LightsOff": f"{start + timedelta(seconds=plan.lights_off * EPOCH_S):%H:%M:%S}",
        "filename": f"{_stem(subject, night, options)}{psg}-PSG",
    }


def _stem(subject: int, night: int, options: Options) -> str:
    return f"{'SC4' if options.part == 'cassette' else 'ST7'}{subject:02d}{night}"


def _cassette(signals: Signals, _: np.random.Generator) -> list[Channel]:
    return [
        *_eeg(signals),
        ("Resp oro-nasal", 1, signals.respiration),
        ("EMG submental", 1, signals.emg),
        ("Temp rectal", 1, signals.temperature),
        ("Event marker", 1, np.full(len(signals.emg), 900.0)),
    ]


def _telemetry(signals: Signals, rng: np.random.Generator) -> list[Channel]:
    """Return the channels of a telemetry night: the EMG is noise under its envelope."""
    emg = muscle_noise(signals.emg, sfreq=int(SFREQ), rng=rng)
    return [
        *_eeg(signals),
        ("EMG submental", SFREQ, emg),
        ("Marker", 1, np.zeros(len(signals.emg))),
    ]


def _eeg(signals: Signals) -> list[Channel]:
    labels = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
    return [(label, SFREQ, data) for label, data in zip(labels, signals.eeg, strict=True)]


CHANNELS = {"cassette": _cassette, "telemetry": _telemetry}
