"""An uploaded file scored, and written as CSV, JSON, EDF+ annotations or a page."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from epochal.errors import EpochalError, RecordingError
from epochal.provenance import seen_in_any
from epochal.readers.naming import safe_name
from epochal.recording import Recording
from epochal.serving.bundle import Scorer
from epochal.serving.hypnograms import write_edf_annotations
from epochal.serving.messages.alerts import Alert
from epochal.serving.messages.answers import ScoreAnswer, ScoredRecording
from epochal.serving.messages.plain import clean
from epochal.serving.reading import read_all
from epochal.serving.scoring import Scored, score_recording
from epochal.serving.writing import EPOCHS_CSV, with_source

logger = logging.getLogger(__name__)
MEDIA_TYPES: dict[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "edf": "application/octet-stream",
    "report": "text/html; charset=utf-8",
}
ENDINGS = {"csv": EPOCHS_CSV, "json": ".json", "edf": ".hypnogram.edf", "report": ".report.html"}
N_RECORDINGS = 200  # of one table
Told = Callable[[str, float], None]


class Work(NamedTuple):
    """A file to score: where it lies (a zip unpacked), what its sender calls it, and with what."""

    path: Path
    name: str
    bundle: str
    scorer: Scorer
    allow_substitution: bool = False


class ScoredOne(NamedTuple):
    """A recording and its scores, and the alerts that they raised."""

    recording: Recording
    scored: Scored
    alerts: Sequence[Alert] = ()


def score_file(work: Work, tell: Told = lambda stage, share: None) -> list[ScoredOne]:
    """Return the scored recordings of a file, usually one; `tell` hears the stage and its share.

    Whatever is wrong with the file raises `EpochalError`.
    """
    done: list[ScoredOne] = []
    tell("reading", 0.0)
    with blaming(work.name, work.path):
        for recording in _read(work):
            if len(done) == N_RECORDINGS:
                raise RecordingError(work.name, f"more than {N_RECORDINGS} recordings in one file")
            tell("scoring", 1 - 1 / (1 + len(done)))
            scored = score_recording(
                recording, work.scorer, allow_substitution=work.allow_substitution
            )
            done.append(ScoredOne(recording, _doubt(scored, work.path)))
    if not done:
        raise RecordingError(work.name, "no recording in it")
    return done


def _doubt(scored: Scored, path: Path) -> Scored:
    """Take back that training did not see a folder: it is known by all its files together.

    Of a zip that lacks one of them, or has one more, nobody can say that it is new.
    """
    if not path.is_dir() or scored.summary["in_sample"] is not False:
        return scored
    return replace(scored, summary={**scored.summary, "in_sample": None})


def write_answer(work: Work, done: list[ScoredOne], kind: str, retention: str) -> bytes:
    """Return the results in a format; one that is not for several recordings is refused."""
    if kind == "csv":
        return _write_csv(done).encode()
    if kind == "json":
        return describe(work, done, retention).model_dump_json().encode()
    if len(done) > 1:
        raise EpochalError(
            f"'{kind}' is for one recording; '{work.name}' holds {len(done)}: ask for csv or json"
        )
    return _write_edf(done[0]) if kind == "edf" else _write_page(work, done[0])


def describe(work: Work, done: list[ScoredOne], retention: str) -> ScoreAnswer:
    """Return all results as one message."""
    return ScoreAnswer(
        file=work.name,
        bundle=work.bundle,
        model=work.scorer.manifest.headline,
        data_source=source_of(done),
        in_sample=in_sample(done),
        recordings=[
            ScoredRecording(
                summary=clean(one.scored.summary),
                epochs=clean(one.scored.epochs.to_dict("records")),
                alerts=list(one.alerts),
            )
            for one in done
        ],
        retention=retention,
    )


def source_of(done: list[ScoredOne]) -> str:
    """Return `real` where every result is."""
    sources = {one.scored.summary["data_source"] for one in done}
    return "real" if sources == {"real"} else "simulated"


def in_sample(done: list[ScoredOne]) -> bool | None:
    """Say whether training saw any of the recordings; None where that is not known of all."""
    return seen_in_any(one.scored.summary["in_sample"] for one in done)


def problems_of(done: list[ScoredOne]) -> list[str]:
    """Return what the reader repaired or left out, of any of the recordings, each once."""
    return list(dict.fromkeys(said for one in done for said in one.scored.summary["problems"]))


def name_result(name: str, kind: str) -> str:
    """Return a name for a result of a file."""
    return Path(name).stem + ENDINGS[kind]


def _read(work: Work) -> Iterator[Recording]:
    for recording in read_all(work.path, work.scorer.manifest):
        yield replace(recording, recording_id=safe_name(recording.recording_id))


@contextmanager
def blaming(name: str, path: Path) -> Iterator[None]:
    """Turn what a broken file makes a reader stumble over into a plain refusal.

    Where the file lies with us stays out of what is said: it is called by its sender's name.
    """
    try:
        yield
    except RecordingError as error:
        raise RecordingError(name, _hide(error.reason, name, path)) from error
    except EpochalError:
        raise
    except Exception as error:
        logger.exception("a file that cannot be scored")
        raise RecordingError(
            name, f"it cannot be read ({type(error).__name__}): broken, or of another kind"
        ) from error


def _hide(reason: str, name: str, path: Path) -> str:
    return reason.replace(str(path), name).replace(f"{path.parent}/", "")


def _write_csv(done: list[ScoredOne]) -> str:
    """Return the epochs of all recordings, each row with its recording and its data source."""
    tables = []
    for one in done:
        table = with_source(one.scored.epochs, one.scored.summary)
        table.insert(0, "recording_id", one.scored.recording_id)
        tables.append(table)
    return pd.concat(tables, ignore_index=True).to_csv(index=False)


def _write_edf(one: ScoredOne) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.edf"
        write_edf_annotations(path, one.scored.epochs, one.scored.summary)
        return path.read_bytes()


def _write_page(work: Work, one: ScoredOne) -> bytes:
    from epochal.serving.report.page import make_report

    return make_report(one.recording, one.scored, work.scorer.manifest).encode()
