"""An upload on its way to results: unpacked, its bundle found, scored, and taken down."""

from __future__ import annotations

from pathlib import Path

from epochal.errors import EpochalError, RecordingError
from epochal.serving.finding import explain_mismatch, look
from epochal.serving.heading import with_headline
from epochal.serving.parts import open_parts
from epochal.serving.scored_files import ScoredOne, Told, Work, blaming, score_file
from epochal.serving.service.problems import Problem, reason_of
from epochal.serving.service.shelf import Shelf, Shelved
from epochal.serving.service.state import Service
from epochal.serving.service.watching import watch_scored


def score_upload(
    service: Service,
    path: Path,
    name: str,
    *,
    bundle: str | None,
    allow_substitution: bool,
    model: str | None = None,
    tell: Told = lambda stage, share: None,
) -> tuple[Work, list[ScoredOne]]:
    """Return the scored recordings of a received file, by the headline or another `model`.

    Whatever is wrong raises `EpochalError`.
    """
    tell("reading", 0.0)
    with blaming(name, path):
        opened = open_upload(service, path, name)
        shelved = choose_bundle(service.shelf, opened, bundle)
    scorer = with_headline(shelved.scorer, model)
    work = Work(opened, name, shelved.name, scorer, allow_substitution)
    try:
        done = score_file(work, tell)
    except EpochalError:
        service.metrics.refused(shelved.name)
        raise
    told = [watch_scored(service, shelved, one.recording, one.scored) for one in done]
    return work, [one._replace(alerts=alerts) for one, alerts in zip(done, told, strict=True)]


def open_upload(service: Service, path: Path, name: str) -> Path:
    """Return the recording of a received file: a zip's is unpacked beside it."""
    if path.suffix.lower() != ".zip":
        return path
    return open_parts(path, Path(name).stem, max_bytes=service.options.max_upload_bytes)


def choose_bundle(shelf: Shelf, path: Path, name: str | None) -> Shelved:
    """Return the bundle asked for, the only one, or the only one that matches the recording.

    Where none or several match, a 422 `Problem` says of each bundle why.
    """
    if name is not None or len(shelf.names) <= 1:
        return shelf.get(name)
    sight = look(path)
    reasons = {one: _explain(sight, shelf.get(one)) for one in shelf.names}
    fit = [one for one, reason in reasons.items() if reason is None]
    if len(fit) == 1:
        return shelf.get(fit[0])
    said = {one: reason or "matches" for one, reason in reasons.items()}
    shown = "; ".join(f"{one}: {reason}" for one, reason in said.items())
    raise Problem(
        422, f"not exactly one bundle matches this file; name one (bundle=): {shown}", bundles=said
    )


def _explain(sight, shelved: Shelved) -> str | None:  # type: ignore[no-untyped-def]
    try:
        return explain_mismatch(sight, shelved.scorer.manifest)
    except RecordingError as error:
        return reason_of(error)
