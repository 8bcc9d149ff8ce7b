"""Who was recorded, what happens when, and how the experts voted: all but the signals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from epochal.readers.hms import WINDOW_S
from epochal.readers.hms_rows import CLASSES, VOTES
from epochal.simulation.harmful_eeg_background import Patient, draw_patient
from epochal.simulation.harmful_eeg_panel import (
    Leaning,
    class_probabilities,
    draw_leaning,
    draw_panel_size,
    draw_votes,
)
from epochal.simulation.harmful_eeg_patterns import ELECTRODES, FOCI, Pattern

SPECTROGRAM_S = 600.0
EEG_IN_SPECTROGRAM_S = 275.0  # the 50 s of EEG sit in the middle of the 10 min
_LABELLED = (20.0, 30.0)  # the seconds of a window that the votes are about
_GAP_S = 130.0  # between two EEGs of one spectrogram
# Rows per class in train.csv: 20933 Seizure, 14856 LPD, 16702 GPD, 16640 LRDA, 18861 GRDA,
# 18808 Other. What is *meant* differs, since weak patterns often end as Other.
INTENDED_SHARES = {
    "Seizure": 0.22, "LPD": 0.14, "GPD": 0.16, "LRDA": 0.16, "GRDA": 0.19, "Other": 0.13,
}  # fmt: skip
# Median strength of weak patterns, periodic discharges, rhythmic delta and seizures.
_STRENGTH = {"Other": 0.65, "PD": 2.8, "RDA": 1.9, "Seizure": 6.5}
_INTERICTAL_HZ = {"PD": (0.5, 2.3), "RDA": (0.9, 2.5), "Other": (0.6, 2.4)}
_FAITHFULNESS = 3.0  # of a patient to few classes: concentration of the Dirichlet of her shares
_PATIENT_LEANING, _EEG_LEANING = 0.5, 0.7  # standard deviations, log odds


@dataclass(frozen=True)
class Window:
    """One labelled row: where it lies in its EEG, its votes and the chance of each vote."""

    offset_s: float
    votes: dict[str, int]
    consensus: str
    probabilities: np.ndarray


@dataclass(frozen=True)
class PlannedEEG:
    """One EEG file: `start_s` is the offset of its first window in the spectrogram's file."""

    number: int
    start_s: float
    length_s: float
    windows: tuple[Window, ...]

    @property
    def eeg_id(self) -> int:
        """The EEG's id in the tables and its file's name."""
        return scrambled_id(self.number, 2**32)


@dataclass(frozen=True)
class Session:
    """One spectrogram file: the EEGs within it and the patterns in it."""

    number: int
    length_s: float
    patterns: tuple[Pattern, ...]
    eegs: tuple[PlannedEEG, ...]

    @property
    def spectrogram_id(self) -> int:
        """The spectrogram's id in the tables and its file's name."""
        return scrambled_id(self.number, 2**31)


@dataclass(frozen=True)
class Plan:
    """All of one patient."""

    patient_id: int
    patient: Patient
    sessions: tuple[Session, ...]


def draw_plan(
    number: int, *, eegs_per_patient: float, windows_per_eeg: float, rng: np.random.Generator
) -> Plan:
    """Draw the plan of patient `number`; her sessions hold one or two EEGs each."""
    patient = draw_patient(rng)
    concentration = _FAITHFULNESS * np.array([INTENDED_SHARES[name] for name in CLASSES])
    shares = rng.dirichlet(concentration)
    leaning = draw_leaning(_PATIENT_LEANING, rng)
    focus = _draw_focus(rng)
    n_eegs = int(np.clip(1 + rng.poisson(max(0.0, eegs_per_patient - 1)), 1, 60))
    sessions: list[Session] = []
    while n_eegs > 0:
        n_here = min(n_eegs, int(rng.choice([1, 2], p=[0.6, 0.4])))
        kinds = [CLASSES[index] for index in rng.choice(len(CLASSES), n_here, p=shares)]
        session = _draw_session(
            number * 100 + len(sessions), kinds, windows_per_eeg=windows_per_eeg,
            focus=focus, leaning=leaning, rng=rng,
        )  # fmt: skip
        sessions.append(session)
        n_eegs -= n_here
    return Plan(scrambled_id(number, 2**16), patient, tuple(sessions))


def rows_of(plan: Plan) -> list[dict[str, Any]]:
    """Return the plan's rows of train.csv."""
    rows = []
    for session in plan.sessions:
        windows = [
            (eeg, index, window) for eeg in session.eegs for index, window in enumerate(eeg.windows)
        ]
        rows += [
            _row(plan, session, eeg, window, sub_ids=(index, position))
            for position, (eeg, index, window) in enumerate(windows)
        ]
    return rows


def for_test(plan: Plan) -> Plan:
    """Return the plan with one window a session, as test.csv knows no offsets."""
    sessions = []
    for session in plan.sessions:
        first = session.eegs[0]
        eeg = replace(first, length_s=WINDOW_S, windows=first.windows[:1])
        sessions.append(replace(session, length_s=SPECTROGRAM_S, eegs=(eeg,)))
    return replace(plan, sessions=tuple(sessions))


def scrambled_id(number: int, limit: int) -> int:
    """Return an id that looks drawn, different for every number below `limit` (a power of two)."""
    return (number * 2654435761 + 40503) % limit


def _row(
    plan: Plan, session: Session, eeg: PlannedEEG, window: Window, *, sub_ids: tuple[int, int]
) -> dict[str, Any]:
    votes = {column: window.votes[name] for column, name in zip(VOTES, CLASSES, strict=True)}
    return {
        "eeg_id": eeg.eeg_id,
        "eeg_sub_id": sub_ids[0],
        "eeg_label_offset_seconds": window.offset_s,
        "spectrogram_id": session.spectrogram_id,
        "spectrogram_sub_id": sub_ids[1],
        "spectrogram_label_offset_seconds": eeg.start_s + window.offset_s,
        "label_id": scrambled_id(eeg.number * 1024 + sub_ids[0], 2**32),
        "patient_id": plan.patient_id,
        "expert_consensus": window.consensus,
        **votes,
    }


def _draw_session(
    number: int,
    kinds: list[str],
    *,
    windows_per_eeg: float,
    focus: tuple[float, float],
    leaning: Leaning,
    rng: np.random.Generator,
) -> Session:
    """Lay EEGs one after the other, each with its pattern, and let the panel vote."""
    eegs, patterns, start_s = [], [], 0.0
    for index, kind in enumerate(kinds):
        offsets_s = _draw_offsets(windows_per_eeg, rng)
        length_s = offsets_s[-1] + WINDOW_S
        first_s = start_s + EEG_IN_SPECTROGRAM_S
        limits_s = (
            0.0 if index == 0 else first_s - _GAP_S / 2,
            np.inf if index == len(kinds) - 1 else first_s + length_s + _GAP_S / 2,
        )
        pattern = _draw_pattern(
            kind, centre_s=first_s + length_s / 2, limits_s=limits_s, focus=focus, rng=rng
        )
        windows = _draw_windows(pattern, offsets_s, start_s=start_s, leaning=leaning, rng=rng)
        eegs.append(PlannedEEG(number * 2 + index, start_s, float(length_s), windows))
        patterns += [pattern] if pattern else []
        start_s += 2 * round((length_s + _GAP_S + rng.uniform(0, 60)) / 2)
    last = eegs[-1]
    length_s = last.start_s + last.length_s - WINDOW_S + SPECTROGRAM_S
    return Session(number, length_s, tuple(patterns), tuple(eegs))


def _draw_offsets(windows_per_eeg: float, rng: np.random.Generator) -> np.ndarray:
    """Return the windows' offsets in even seconds; they overlap."""
    n_windows = 1 + rng.poisson(max(0.0, windows_per_eeg - 1))
    steps = 2.0 * rng.integers(1, 6, n_windows - 1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _draw_windows(
    pattern: Pattern | None,
    offsets_s: np.ndarray,
    *,
    start_s: float,
    leaning: Leaning,
    rng: np.random.Generator,
) -> tuple[Window, ...]:
    """Let one panel vote on every window of an EEG."""
    own, n_experts = draw_leaning(_EEG_LEANING, rng), draw_panel_size(rng)
    panel = Leaning(
        leaning.visible + own.visible, leaning.ictal + own.ictal,
        leaning.sharp + own.sharp, leaning.one_side + own.one_side,
    )  # fmt: skip
    windows = []
    for offset_s in offsets_s:
        share = _share(pattern, start_s + EEG_IN_SPECTROGRAM_S + float(offset_s))
        probabilities = class_probabilities(pattern, share=share, leaning=panel)
        votes, consensus = draw_votes(probabilities, n_experts, rng)
        windows.append(Window(float(offset_s), votes, consensus, probabilities))
    return tuple(windows)


def _share(pattern: Pattern | None, window_s: float) -> float:
    """Return how much of the labelled seconds of the window at `window_s` the pattern fills."""
    if pattern is None:
        return 0.0
    start_s, stop_s = window_s + _LABELLED[0], window_s + _LABELLED[1]
    covered_s = min(stop_s, pattern.stop_s) - max(start_s, pattern.start_s)
    return float(np.clip(covered_s / (stop_s - start_s), 0, 1))


def _draw_focus(rng: np.random.Generator) -> tuple[float, float]:
    x, y = ELECTRODES[FOCI[rng.integers(len(FOCI))]]
    return (float(rng.choice([-1, 1])) * abs(x), y)


def _draw_pattern(
    kind: str,
    *,
    centre_s: float,
    limits_s: tuple[float, float],
    focus: tuple[float, float],
    rng: np.random.Generator,
) -> Pattern | None:
    """Draw what makes a window look like its class, near the boundary often enough."""
    if kind == "Other" and rng.random() < 0.6:
        return None
    ictal = kind == "Seizure"
    name = kind if kind in _STRENGTH else kind[1:]  # without its L or G
    before_s, after_s = rng.uniform(15, 70, 2) if ictal else rng.uniform(40, 420, 2)
    return Pattern(
        start_s=float(max(limits_s[0], centre_s - before_s)),
        stop_s=float(min(limits_s[1], centre_s + after_s)),
        sharpness=_draw_side(kind in ("LPD", "GPD"), decided=kind.endswith(("PD", "DA")), rng=rng),
        laterality=_draw_side(kind[0] == "L", decided=kind[0] in "LG", rng=rng),
        frequency_hz=float(rng.uniform(2.0, 4.2) if ictal else rng.uniform(*_INTERICTAL_HZ[name])),
        evolution=float(rng.uniform(0.4, 1.0) if ictal else rng.uniform(0, 0.4)),
        strength=float(rng.lognormal(np.log(_STRENGTH[name]), 0.5)),
        focus=focus,
        irregularity=float(rng.uniform(0.03, 0.35)),
    )


def _draw_side(high: bool, *, decided: bool, rng: np.random.Generator) -> float:
    """Draw from 0 to 1: mostly on one side of a half, or anywhere when the class does not say."""
    if not decided:
        return float(rng.uniform(0, 1))
    value = float(rng.beta(4.5, 1.7))
    return value if high else 1 - value
