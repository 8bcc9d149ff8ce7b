"""A simulated hour as files that are sound, and with one thing wrong each."""

from __future__ import annotations

import io
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import edfio
import numpy as np
from scipy.signal import resample_poly

from epochal.simulation.sleep import Options, write_night

sys.path.append(str(Path(__file__).parents[1] / "readers"))
from edf_files import GAIN, build, field_offset, signal

HOUR_S, SFREQ, EPOCH_S = 3600, 100, 30
GAP_AT_S, GAP_S = 1000, 100
LOST_S = (300, 361)  # the epochs 10, 11 and 12
INFINITE_S = 300
WIDE = {"physical_minimum": "-500000", "physical_maximum": "500000"}  # a thousand times as much


@cache
def hour() -> dict[str, np.ndarray]:
    """Return the channels of a simulated hour in microvolts, by name."""
    with tempfile.TemporaryDirectory() as folder:
        write_night(Path(folder), Options(hours=1, part="telemetry", n_subjects=1), 0, 1)
        night = edfio.read_edf(next(Path(folder).rglob("*-PSG.edf")))
    return {one.label: one.data for one in night.signals if one.sampling_frequency == SFREQ}


def rows(*, sfreq: int = SFREQ, seconds: int = HOUR_S, without: str = " ", **fields: str) -> list:
    """Return the channels as `edf_files.build` takes them."""
    chosen = {name: data for name, data in hour().items() if not name.startswith(without)}
    return [
        signal(name, as_digital(resample_poly(data, sfreq, SFREQ)[: seconds * sfreq]), **fields)
        for name, data in chosen.items()
    ]


def as_digital(data: np.ndarray) -> np.ndarray:
    return np.clip(np.round(data / GAIN), -2000, 2000).astype(int)


@cache
def sound_edf() -> bytes:
    """Return the hour as a sound EDF."""
    return build(rows(), n_records=HOUR_S)


def broken_field(name: str, value: str) -> bytes:
    """Return the EDF with a field of its first channel overwritten."""
    raw = bytearray(sound_edf())
    offset, width = field_offset(name, len(hour()))
    raw[offset : offset + width] = value.encode().ljust(width)
    return bytes(raw)


def flat() -> bytes:
    return build([{**one, "data": one["data"] * 0} for one in rows()], n_records=HOUR_S)


def twice_named() -> bytes:
    """Return the EDF with another channel's samples under the first one's name, too."""
    first, second, *_ = sound = rows()
    return build([*sound, {**first, "data": second["data"]}], n_records=HOUR_S)


def with_gap() -> bytes:
    """Return an EDF+D that was paused."""
    onsets = [f"+{at if at < GAP_AT_S else at + GAP_S}" for at in range(HOUR_S)]
    return build(rows(), n_records=HOUR_S, onsets=onsets, reserved="EDF+D")


def brainvision(value: float | None = None, *, seconds: tuple[float, float] = (0, 0)) -> bytes:
    """Return the hour in BrainVision's floats as a zip, a value standing in a stretch of it.

    EDF's whole numbers hold neither NaN nor infinity.
    """
    data = np.array(list(hour().values()))
    if value is not None:
        first, last = (round(at * SFREQ) for at in seconds)
        data[:, first:last] = value
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("n.vhdr", _header(list(hour())))
        packed.writestr("n.vmrk", _MARKS)
        packed.writestr("n.eeg", data.T.astype("<f4").tobytes())
    return content.getvalue()


FILES = {
    "sound.edf": sound_edf,
    "empty.edf": bytes,
    "garbage.edf": lambda: np.random.default_rng(0).bytes(65536),
    "truncated.edf": lambda: sound_edf()[: len(sound_edf()) * 3 // 5 + 37],
    "header only.edf": lambda: sound_edf()[: 256 * (1 + len(hour()))],
    "missing channel.edf": lambda: build(rows(without="EOG"), n_records=HOUR_S),
    "no EEG.edf": lambda: build(rows(without="EEG"), n_records=HOUR_S),
    "flat.edf": flat,
    "32 Hz.edf": lambda: build(rows(sfreq=32), n_records=HOUR_S),
    "50 Hz.edf": lambda: build(rows(sfreq=50), n_records=HOUR_S),
    "ten seconds.edf": lambda: build(rows(seconds=10), n_records=10),
    "x1000.edf": lambda: build(rows(**WIDE), n_records=HOUR_S),
    "NaN.edf": lambda: broken_field("physical minimum", "nan"),
    "inf.edf": lambda: broken_field("physical maximum", "inf"),
    "duplicate labels.edf": twice_named,
    "gap.edf": with_gap,
    "sound.zip": brainvision,
    "NaN.zip": lambda: brainvision(np.nan, seconds=(0, HOUR_S)),
    "some NaN.zip": lambda: brainvision(np.nan, seconds=LOST_S),
    "inf.zip": lambda: brainvision(np.inf, seconds=(0, HOUR_S)),
    "some inf.zip": lambda: brainvision(-np.inf, seconds=(INFINITE_S, INFINITE_S + 0.02)),
}
_MARKS = (
    "Brain Vision Data Exchange Marker File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
    "DataFile=n.eeg\n\n[Marker Infos]\n"
)


def _header(names: list[str]) -> str:
    channels = "".join(f"Ch{at}={name},,1,µV\n" for at, name in enumerate(names, 1))
    return (
        "Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=n.eeg\nMarkerFile=n.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        f"NumberOfChannels={len(names)}\nSamplingInterval={1_000_000 // SFREQ}\n\n"
        f"[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n\n[Channel Infos]\n{channels}"
    )
