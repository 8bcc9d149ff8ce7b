"""BrainVision and EEGLAB files, written from their specifications for tests."""

import numpy as np
import scipy.io

SFREQ = 100.0


def sine(length_s=60, *, uv=50.0, hz=10.0):
    return uv * np.sin(2 * np.pi * hz * np.arange(round(length_s * SFREQ)) / SFREQ)


def write_brainvision(path, signals, *, marks=(), unit="µV"):
    """Write `path` (.vhdr) with its .vmrk and .eeg; `marks` are `(sample from 1, type, text)`."""
    stem = path.stem
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = "\n".join(f"Ch{n}={name},,1,{unit}" for n, name in enumerate(signals, start=1))
    path.write_text(
        "BrainVision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={stem}.eeg\nMarkerFile={stem}.vmrk\nDataFormat=BINARY\n"
        f"DataOrientation=MULTIPLEXED\nNumberOfChannels={len(signals)}\n"
        f"SamplingInterval={1e6 / SFREQ:g}\n\n[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n\n"
        f"[Channel Infos]\n{channels}\n",
        encoding="utf-8",
    )
    given = [(1, "New Segment", ""), *marks]
    lines = "\n".join(
        f"Mk{n}={kind},{text},{at},1,0" for n, (at, kind, text) in enumerate(given, 1)
    )
    path.with_suffix(".vmrk").write_text(
        "BrainVision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={stem}.eeg\n\n[Marker Infos]\n{lines}\n",
        encoding="utf-8",
    )
    np.stack(list(signals.values()), axis=1).astype("<f4").tofile(path.with_suffix(".eeg"))
    return path


def write_eeglab(path, signals, *, events=(), apart=False):
    """Write `path` (.set), its data inside or in a .fdt; `events` are `(sample from 1, text)`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.stack(list(signals.values()))
    places = np.zeros(len(signals), dtype=[("labels", object)])
    places["labels"] = list(signals)
    marks = np.zeros(len(events), dtype=[("latency", float), ("type", object), ("duration", float)])
    for mark, (latency, text) in zip(marks, events, strict=True):
        mark["latency"], mark["type"], mark["duration"] = latency, text, 0
    eeg = {
        "setname": "test", "nbchan": float(len(data)), "trials": 1.0, "srate": SFREQ,
        "pnts": float(data.shape[1]), "xmin": 0.0, "xmax": (data.shape[1] - 1) / SFREQ,
        "data": path.with_suffix(".fdt").name if apart else data.astype(np.float32),
        "chanlocs": places, "event": marks, "epoch": [],
        "icawinv": [], "icasphere": [], "icaweights": [], "icaact": [],
    }  # fmt: skip
    scipy.io.savemat(path, {"EEG": eeg}, appendmat=False)
    if apart:
        data.T.astype("<f4").tofile(path.with_suffix(".fdt"))
    return path
