"""The public `.mat` samples of HMS's laboratory: SPaRCNet's and the inter-rater study's (IRR).

SPaRCNet: Jing et al., Neurology 2023, doi:10.1212/WNL.0000000000207127: `seg` (20, 10000), the
class in the file's name. IRR: Jing et al., Neurology 2023, doi:10.1212/WNL.0000000000201670:
`seg_10sec` (20, 2000), `Sdata` (four regions' spectrograms) and `vv`, the votes. One recording a
file; whose they are is not said, so each is a subject of its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from epochal.errors import RecordingError
from epochal.provenance import data_source_of
from epochal.readers import Source
from epochal.readers.float32 import as_float32
from epochal.readers.hms import CHANNELS, SFREQ
from epochal.readers.hms_rows import CLASSES
from epochal.readers.irr_spectrogram import read_spectrogram
from epochal.readers.mat_v5 import read_mat_v5
from epochal.readers.naming import name_recordings
from epochal.recording import Channel, Recording

VOTE_ORDER = ("Other", "Seizure", "LPD", "GPD", "LRDA", "GRDA")
_SEGMENTS = ("seg", "seg_10sec")


class Options(BaseModel, extra="forbid", frozen=True):
    """How to read the lab's `.mat` samples."""

    label_pattern: str | None = Field(
        r"([A-Za-z]+)_sample\d+",
        description="Regular expression matched at the start of a file's name; its first group is "
        "the class. Files with votes need none; null: files without votes have no label",
    )
    labels: dict[str, str] = Field(
        {"SZ": "Seizure", **{name: name for name in CLASSES}},
        description="Class of each name that the pattern finds",
    )


def find(folder: Path, options: Options) -> list[Source]:
    """List the `.mat` files at or below `folder`; none raises `RecordingError`."""
    del options
    folder = Path(folder)
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*.mat"))
    if not paths:
        raise RecordingError(folder, "no .mat file here")
    ids = name_recordings(folder, {path: path.stem for path in paths})
    return [Source(name, str(path)) for path, name in ids.items()]


def read(source: Source, options: Options) -> Recording:
    """Read one sample: 20 channels in µV at 200 Hz and one epoch as long as the file.

    `table` has `onset_s, length_s, label` and, where there are votes, `vote_<class>`; a tie has no
    label. `arrays["spectrogram"]` is float32 `(1, 4, 100, 300)`, as `readers.hms` gives it. Raises
    `RecordingError` for a file that is not MATLAB's, a missing key, a shape or a label it does not
    know, and a spectrogram whose time base cannot be told.
    """
    content = read_mat_v5(source.path)
    key = _segment_key(source.path, content)
    segment = _segment(source.path, key, content[key])
    votes = _votes(source.path, content)
    label, notes = _label(source.path, votes, options)
    arrays, problems = read_spectrogram(source.path, content)
    return Recording(
        recording_id=source.recording_id,
        subject_id=source.recording_id,
        channels=tuple(
            Channel(name, "uV", SFREQ, samples)
            for name, samples in zip(CHANNELS, segment, strict=True)
        ),
        metadata={"subjects_known": False, **notes},
        problems=problems,
        data_source=data_source_of(source.path),
        arrays=arrays,
        table=_table(segment.shape[1] / SFREQ, label, votes),
    )


def _segment_key(path: str, content: dict[str, Any]) -> str:
    keys = [key for key in _SEGMENTS if key in content]
    if not keys:
        given = ", ".join(sorted(content)) or "none"
        raise RecordingError(path, f"no variable 'seg' or 'seg_10sec'; it has: {given}")
    return keys[0]


def _segment(path: str, key: str, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[0] != len(CHANNELS) or array.shape[1] == 0:
        raise RecordingError(path, f"'{key}' has shape {array.shape}, not (20, n_samples)")
    if array.dtype.kind not in "iuf":
        raise RecordingError(path, f"'{key}' holds {array.dtype} values, not real numbers")
    return as_float32(array)


def _votes(path: str, content: dict[str, Any]) -> dict[str, int] | None:
    if "vv" not in content:
        return None
    votes = np.asarray(content["vv"]).ravel()
    if votes.dtype.kind not in "iuf" or len(votes) != len(VOTE_ORDER):
        raise RecordingError(path, f"'vv' has {len(votes)} values, not 6 counts of votes")
    if not (votes >= 0).all() or (votes % 1 != 0).any() or votes.sum() == 0:
        raise RecordingError(path, f"'vv' = {votes.tolist()} are not counts of votes")
    named = dict(zip(VOTE_ORDER, votes.astype(int).tolist(), strict=True))
    return {name: named[name] for name in CLASSES}


def _label(
    path: str, votes: dict[str, int] | None, options: Options
) -> tuple[str | None, dict[str, Any]]:
    """Return the class with most votes, or that of the file's name, and what to note about it."""
    if votes is None and options.label_pattern is None:
        return None, {}
    if votes is None:
        return _label_of_name(path, options.label_pattern or "", options), {
            "label_from": "file name"
        }
    most = [name for name, count in votes.items() if count == max(votes.values())]
    if len(most) > 1:
        return None, {"label_from": "votes", "tie_between": most}
    return most[0], {"label_from": "votes"}


def _label_of_name(path: str, pattern: str, options: Options) -> str:
    match = re.match(pattern, Path(path).stem)
    if not match or not match.groups():
        raise RecordingError(
            path,
            f"no votes, and label_pattern '{pattern}' finds no class in its name",
        )
    if match.group(1) not in options.labels:
        known = ", ".join(sorted(options.labels))
        raise RecordingError(path, f"unknown class '{match.group(1)}' in its name; known: {known}")
    return options.labels[match.group(1)]


def _table(length_s: float, label: str | None, votes: dict[str, int] | None) -> pd.DataFrame:
    row = {"onset_s": 0.0, "length_s": length_s, "label": label}
    row |= {f"vote_{name}": count for name, count in (votes or {}).items()}
    return pd.DataFrame([row]).astype({"label": object})
