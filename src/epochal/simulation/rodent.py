"""Mouse cohorts in the formats that rodent laboratories keep: EDF or MAT, labels, participants."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, Field

from epochal.provenance import mark_as_simulated
from epochal.simulation import rodent_files
from epochal.simulation.rodent_artefacts import bad_epochs, draw_artefacts
from epochal.simulation.rodent_behaviour import draw_behaviour
from epochal.simulation.rodent_channels import Montage, record
from epochal.simulation.rodent_cohort import AnimalFacts, draw_animal, draw_facts, draw_site
from epochal.simulation.rodent_files import Layout, SimulatedRecording
from epochal.simulation.rodent_hypnograms import draw_states, majority_stages, score
from epochal.simulation.rodent_signals import Site


class Options(BaseModel, extra="forbid", frozen=True):
    """The cohort, its recordings and how they are written."""

    seed: int = Field(0, ge=0, description="Same seed, same files")
    n_subjects: int = Field(16, ge=1, le=999, description="Animals, one recording each")
    n_sites: int = Field(3, ge=1, description="Laboratories; animal i belongs to site i mod n")
    length_h: float = Field(4.0, gt=0, le=96, description="Hours of each recording")
    sfreq: int = Field(128, ge=100, le=1024, description="EEG and EMG rate in Hz; 128-512 met")
    epoch_s: float = Field(10.0, ge=1, description="Length of the scored epochs: 10 or 4 s")
    start_zeitgeber_h: float | None = Field(
        None, ge=0, lt=24, description="Hours since lights-on at the start; null: each site's own"
    )
    layout: Layout = Field(
        "edf_csv", description="EDF with labels CSV or events.tsv, AccuSleep-like MAT, or BIDS"
    )
    n_eeg: int = Field(1, ge=1, le=2, description="EEG channels; the second is posterior")
    emg: bool = Field(True, description="Record the neck EMG")
    accelerometer: bool = Field(False, description="Record an accelerometer at 32 Hz")
    disagreement: float = Field(
        0.25, ge=0, le=1, description="Chance that the scorer sets a stage boundary one epoch off"
    )
    artefacts: float = Field(1.0, ge=0, description="Artefact rate beside each site's usual")


class Truth(NamedTuple):
    """What the animal did in each second; the true and the scored stage of each whole epoch."""

    states: np.ndarray
    stages: np.ndarray
    scored: np.ndarray


def jobs(folder: Path, options: Options) -> dict[str, Callable[[], None]]:
    """Return `{animal: what writes its files}`; each depends on the seed and the animal alone."""
    return {
        subject_name(index): partial(write_animal, Path(folder), options, index)
        for index in range(options.n_subjects)
    }


def finish(folder: Path, options: Options) -> None:
    """Write the tables of the cohort and the mark that it is simulated."""
    facts = [animal_facts(options, index) for index in range(options.n_subjects)]
    rodent_files.write_participants(Path(folder), facts, layout=options.layout)
    mark_as_simulated(folder, "mouse EEG and EMG with sleep stages")


def subject_name(index: int) -> str:
    """Return the name of an animal, `sub-001` for the first."""
    return f"sub-{index + 1:03d}"


def write_animal(folder: Path, options: Options, index: int) -> None:
    """Simulate one animal and write its files."""
    rodent_files.write(
        folder, simulate(options, index), animal_facts(options, index), layout=options.layout
    )


def animal_facts(options: Options, index: int) -> AnimalFacts:
    """Return what is noted about an animal."""
    return draw_facts(
        subject_name(index),
        site=site_of(options, index),
        day=index // options.n_sites,
        rng=_rng(options, index, purpose=2),
    )


def site_of(options: Options, index: int) -> Site:
    """Return the laboratory of an animal."""
    number = index % options.n_sites
    return draw_site(options.seed, number, start_zeitgeber_h=options.start_zeitgeber_h)


def truth(options: Options, index: int) -> Truth:
    """Return an animal's hypnogram as it was and as it is scored, to measure realism with."""
    rng = _rng(options, index, purpose=0)
    states = draw_states(
        length_s=max(1, round(options.length_h * 3600)),
        start_zeitgeber_h=site_of(options, index).start_zeitgeber_h,
        rng=rng,
    )
    stages = majority_stages(states, options.epoch_s)
    return Truth(states, stages, score(stages, disagreement=options.disagreement, rng=rng))


def simulate(options: Options, index: int) -> SimulatedRecording:
    """Return one animal's channels and scored stages, the artefacts in both."""
    rng = _rng(options, index, purpose=1)
    site, hypnogram = site_of(options, index), truth(options, index)
    animal = draw_animal(animal_facts(options, index).strain, rng)
    behaviour = draw_behaviour(hypnogram.states, rng)
    per_hour = options.artefacts * site.artefacts_per_h
    artefacts = draw_artefacts(behaviour, per_hour=per_hour, rng=rng)
    montage = Montage(float(options.sfreq), options.n_eeg, options.emg, options.accelerometer)
    return SimulatedRecording(
        channels=record(montage, behaviour, artefacts, site=site, animal=animal, rng=rng),
        stages=hypnogram.scored,
        bad=bad_epochs(artefacts, n_epochs=len(hypnogram.scored), epoch_s=options.epoch_s),
        epoch_s=options.epoch_s,
    )


def _rng(options: Options, index: int, *, purpose: int) -> np.random.Generator:
    return np.random.default_rng([options.seed, index, purpose])
