"""HMS harmful brain activity (Kaggle): 20 channels of EEG, spectrograms, and experts' votes.

Jing et al., Neurology 2023, doi:10.1212/WNL.0000000000207127. The EEG stays continuous, as
channels; `table` has a row per labelled window of 50 s, which may overlap, and
`arrays["spectrogram"]` the 10 minutes around each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from epochal.errors import RecordingError, did_you_mean
from epochal.provenance import data_source_of
from epochal.readers import Source
from epochal.readers.float32 import as_float32
from epochal.readers.hms_rows import VOTES, read_rows
from epochal.readers.hms_spectrogram import Spectrogram
from epochal.readers.parquet import read_parquet
from epochal.recording import Channel, Recording

CHANNELS = (
    *("Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz"),
    *("Fp2", "F4", "C4", "P4", "F8", "T4", "T6", "O2", "EKG"),
)
SFREQ = 200.0
WINDOW_S = 50.0


class Options(BaseModel, extra="forbid", frozen=True):
    """How to read the HMS data set."""

    part: Literal["train", "test"] = Field(
        "train", description="train.csv with its votes, or test.csv, which has no labels"
    )
    spectrogram: bool = Field(
        True, description="Read the spectrogram of every window (0.5 MB each) beside the EEG"
    )
    windows_per_eeg: int | None = Field(
        None,
        gt=0,
        description="At most so many windows of one EEG, spread evenly; null keeps all. One EEG "
        "of the data set has up to 743, which overlap almost wholly: 1 is enough for all of it "
        "(17,089 windows, 8 GB of spectrograms instead of 51 GB)",
    )
    allow_missing: bool = Field(
        False,
        description="Leave out EEGs whose files are absent (a partial download) instead of "
        "refusing the folder",
    )


def find(folder: Path, options: Options) -> list[Source]:
    """List the EEGs of train.csv or test.csv, each with its spectrogram and the table.

    Raises `RecordingError` when the table is absent, broken or names files that are not there
    (unless `allow_missing`), and when one EEG is of two patients.
    """
    table = _table(Path(folder), options.part)
    rows = read_rows(table)
    sources = [_source(table, str(eeg_id), of_eeg) for eeg_id, of_eeg in rows.groupby("eeg_id")]
    present = [source for source in sources if _first_missing(source) is None]
    if len(present) < len(sources) and not options.allow_missing:
        missing = next(path for path in map(_first_missing, sources) if path is not None)
        raise RecordingError(
            missing, f"{table.name} names it but there is no such file (see option allow_missing)"
        )
    if not present:
        raise RecordingError(folder, f"none of the {len(sources)} EEGs of {table.name} is here")
    return present


def read(source: Source, options: Options) -> Recording:
    """Read one EEG and its windows: 20 channels in µV at 200 Hz, NaN where it was not recorded.

    `table` has `onset_s, length_s, label, label_id` and, where there are votes, `vote_<class>`.
    `arrays["spectrogram"]` is float32 `(n_windows, 4 regions LL RL LP RP, 100 frequencies, 300
    frames of 2 s)` in µV²/Hz. Raises `RecordingError` for missing columns, a window beyond the
    EEG's end, and files that are not parquet.
    """
    *spectrograms, csv_path = source.companions
    rows, left_out = _rows(source, csv_path, options)
    channels = _channels(source.path)
    _check_windows(source.path, rows, n_samples=len(channels[0].data))
    arrays, problems = _arrays(spectrograms, rows) if options.spectrogram else ({}, [])
    return Recording(
        recording_id=source.recording_id,
        subject_id=str(rows["patient_id"].iloc[0]),
        channels=channels,
        metadata=_metadata(rows, left_out),
        problems=(*_odd_consensus(rows), *problems),
        data_source=data_source_of(source.path),
        arrays=arrays,
        table=_table_of(rows),
    )


def _table(folder: Path, part: str) -> Path:
    """Find train.csv or test.csv in the folder, or in the one folder below that has it."""
    name = f"{part}.csv"
    found = [folder / name] if (folder / name).is_file() else sorted(folder.rglob(name))
    if not found:
        raise RecordingError(folder, f"no {name} here: the HMS data set has {name}, {part}_eegs/")
    if len(found) > 1:
        raise RecordingError(folder, f"{name} is here {len(found)} times: {found[0]}, {found[1]}…")
    return found[0]


def _source(table: Path, eeg_id: str, rows: pd.DataFrame) -> Source:
    if rows["patient_id"].nunique() > 1:
        patients = ", ".join(map(str, rows["patient_id"].unique()))
        raise RecordingError(table, f"eeg_id {eeg_id} belongs to several patients: {patients}")
    part = table.stem
    spectrograms = [
        str(table.parent / f"{part}_spectrograms" / f"{spectrogram_id}.parquet")
        for spectrogram_id in rows["spectrogram_id"].unique()
    ]
    eeg = table.parent / f"{part}_eegs" / f"{eeg_id}.parquet"
    return Source(eeg_id, str(eeg), (*spectrograms, str(table)))


def _first_missing(source: Source) -> Path | None:
    paths = map(Path, (source.path, *source.companions))
    return next((path for path in paths if not path.is_file()), None)


def _rows(source: Source, csv_path: str, options: Options) -> tuple[pd.DataFrame, int]:
    """Return the EEG's rows in time order, and how many `windows_per_eeg` left out."""
    rows = read_rows(csv_path)
    rows = rows[rows["eeg_id"] == int(source.recording_id)]
    if rows.empty:
        raise RecordingError(csv_path, f"no row has eeg_id {source.recording_id}")
    rows = rows.sort_values("eeg_label_offset_seconds", kind="stable")
    n_kept = min(len(rows), options.windows_per_eeg or len(rows))
    kept = np.unique(np.linspace(0, len(rows) - 1, n_kept).round().astype(int))
    return rows.iloc[kept].reset_index(drop=True), len(rows) - len(kept)


def _channels(path: str) -> tuple[Channel, ...]:
    eeg = read_parquet(path)
    for name in CHANNELS:
        if name not in eeg:
            raise RecordingError(path, f"no column '{name}'{did_you_mean(name, map(str, eeg))}")
        if not pd.api.types.is_numeric_dtype(eeg[name]):
            raise RecordingError(path, f"column '{name}' holds something else than numbers")
    return tuple(
        Channel(name, "uV", SFREQ, as_float32(eeg[name].to_numpy(dtype=float))) for name in CHANNELS
    )


def _check_windows(path: str, rows: pd.DataFrame, *, n_samples: int) -> None:
    last_s = float(rows["eeg_label_offset_seconds"].max())
    needed = round((last_s + WINDOW_S) * SFREQ)
    if needed > n_samples:
        raise RecordingError(
            path, f"the window at {last_s:g} s needs {needed} rows; the file has {n_samples}"
        )


def _arrays(paths: list[str], rows: pd.DataFrame) -> tuple[dict[str, np.ndarray], list[str]]:
    """Cut every window's 10 minutes of spectrogram, and say where frames are missing."""
    files = {int(Path(path).stem): Spectrogram(path) for path in paths}
    wanted = zip(rows["spectrogram_id"], rows["spectrogram_label_offset_seconds"], strict=True)
    cut = [(offset_s, *files[name].window(offset_s)) for name, offset_s in wanted]
    problems = [
        f"The spectrogram of the window at {offset_s:g} s lacks {missing} of 300 frames; "
        "they are NaN."
        for offset_s, _, missing in cut
        if missing
    ]
    return {"spectrogram": np.stack([window for _, window, _ in cut])}, problems


def _table_of(rows: pd.DataFrame) -> pd.DataFrame:
    labels = rows.get("expert_consensus", pd.Series([None] * len(rows), dtype=object))
    table = pd.DataFrame(
        {
            "onset_s": rows["eeg_label_offset_seconds"],
            "length_s": WINDOW_S,
            "label": labels,
        }
    )
    if "label_id" in rows:
        table["label_id"] = rows["label_id"].astype(str)  # text: an identity is no feature
    return table.join(rows[[name for name in VOTES if name in rows]].rename(columns=VOTES))


def _odd_consensus(rows: pd.DataFrame) -> list[str]:
    """Say how many consensus labels have fewer votes than another class; they are kept."""
    if "expert_consensus" not in rows:
        return []
    votes = rows[list(VOTES)].to_numpy()
    names = [f"{name.lower()}_vote" for name in rows["expert_consensus"]]
    own = votes[np.arange(len(rows)), [list(VOTES).index(name) for name in names]]
    n_odd = int((own < votes.max(axis=1)).sum())
    return [f"In {n_odd} rows another class has more votes than the consensus."] if n_odd else []


def _metadata(rows: pd.DataFrame, left_out: int) -> dict[str, object]:
    return {
        "spectrogram_ids": sorted({str(name) for name in rows["spectrogram_id"]}),
        "spectrogram_offsets_s": rows["spectrogram_label_offset_seconds"].tolist(),
        "windows_left_out": left_out,
    }
