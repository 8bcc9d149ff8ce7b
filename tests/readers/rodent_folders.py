"""Small rodent recordings for tests: ten minutes of EEG and EMG, with labels of every kind."""

import json
from datetime import datetime

import edfio
import numpy as np
import scipy.io

from epochal.readers import rodent
from epochal.simulation.rodent_files import write_mat_v73

SFREQ = 128.0
LENGTH_S = 600
EPOCH_S = 10.0
STAGES = ["W"] * 20 + ["NREM"] * 30 + ["REM"] * 10  # one per 10 s
ACCUSLEEP = {"REM": 1, "W": 2, "NREM": 3}
MSSV = {"W": 1, "NREM": 2, "REM": 3}
LOCAL = datetime(2024, 3, 4, 13, 0)  # what an EDF's header says; it has no time zone
UTC_START = {"start_utc": "2024-03-04T12:00:00Z", "utc_offset_h": 1}


def voltage(seed=0, *, uv=40.0, length_s=LENGTH_S, sfreq=SFREQ):
    rng = np.random.default_rng(seed)
    return uv * rng.standard_normal(round(length_s * sfreq))


def write_edf(path, signals=None, *, sfreq=SFREQ, unit="uV", annotations=(), start=None):
    signals = signals or {"EEG": voltage(1), "EMG": voltage(2)}
    edf = edfio.Edf(
        [
            edfio.EdfSignal(data, sfreq, label=name, physical_dimension=unit)
            for name, data in signals.items()
        ],
        annotations=[edfio.EdfAnnotation(*mark) for mark in annotations],
        **_clock(start),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    edf.write(path)
    return path


def write_edf_labels(path, stages=STAGES, *, start=LOCAL):
    marks = [edfio.EdfAnnotation(n * EPOCH_S, EPOCH_S, stage) for n, stage in enumerate(stages)]
    edfio.Edf([], annotations=marks, **_clock(start)).write(path)
    return path


def _clock(start):
    if start is None:
        return {}
    return {"recording": edfio.Recording(startdate=start.date()), "starttime": start.time()}


def write_mat(path, variables=None, *, version="v5"):
    variables = variables if variables is not None else mat_variables()
    path.parent.mkdir(parents=True, exist_ok=True)
    if version == "v7.3":
        write_mat_v73(path, {n: np.asarray(v, dtype=float) for n, v in variables.items()})
    else:
        scipy.io.savemat(path, {n: np.atleast_2d(v) for n, v in variables.items()})
    return path


def mat_variables(**changes):
    variables = {
        "EEG": voltage(1),
        "EMG": voltage(2),
        "labels": np.array([ACCUSLEEP[stage] for stage in STAGES], dtype=float),
        "fs": SFREQ,
    }
    variables.update(changes)
    return {name: value for name, value in variables.items() if value is not None}


def write_epoch_csv(path, stages=STAGES, *, first=0):
    rows = [f"{first + number},{stage}" for number, stage in enumerate(stages)]
    path.write_text("\n".join(["epoch,stage", *rows]) + "\n")
    return path


def write_bout_csv(path):
    path.write_text("onset,duration,stage\n0,200,Wake\n200,300,NREM\n500,100,REM\n")
    return path


def write_events(path, codes=None, *, epoch_s=EPOCH_S):
    codes = codes if codes is not None else [MSSV[stage] for stage in STAGES]
    rows = [f"{number * epoch_s:g}\t{epoch_s:g}\t{code}" for number, code in enumerate(codes)]
    path.write_text("\n".join(["onset\tduration\tstage", *rows]) + "\n")
    return path


def write_json(path, **content):
    path.write_text(json.dumps(content))
    return path


def epoch_labels(recording, *, epoch_s=EPOCH_S, length_s=LENGTH_S):
    """Return the label in the middle of each epoch, None where nobody scored."""
    labels = []
    for middle in np.arange(0, length_s, epoch_s) + epoch_s / 2:
        rows = recording.annotations
        inside = rows[(rows.onset_s <= middle) & (middle < rows.onset_s + rows.duration_s)]
        labels.append(inside.label.iloc[0] if len(inside) else None)
    return labels


def read_all(folder, **options):
    chosen = rodent.Options(**options)
    return [rodent.read(source, chosen) for source in rodent.find(folder, chosen)]


def read_one(folder, **options):
    (recording,) = read_all(folder, **options)
    return recording
