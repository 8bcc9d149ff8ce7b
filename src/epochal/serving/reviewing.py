"""Review of a scored recording by a person: the least certain epochs first, every change kept."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import threading
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from epochal.errors import EpochalError, did_you_mean
from epochal.provenance import RESEARCH_USE
from epochal.serving.audit_trail import AuditTrail, sync_folder

_CARD, _EPOCHS, _TRAIL = "review.json", "epochs.csv", "corrections.jsonl"
_TEXTS = ("label", "expert", "flags")
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Origin(BaseModel):
    """Where a reviewed recording comes from; its signals are asked for there."""

    kind: Literal["job", "study"]
    name: str = Field(description="The job's id, or the study's name.")


class ReviewCard(BaseModel):
    """What is known of a review from its beginning."""

    id: str
    recording_id: str
    origin: Origin
    model: str
    classes: list[str]
    data_source: str
    epoch_length_s: float
    made_at: str = Field(description="ISO 8601, UTC.")
    notice: str = RESEARCH_USE


class Correction(BaseModel):
    """One entry of the audit trail; `old` equal to `new` is a confirmation."""

    number: int = Field(description="From 1 on, in the order in which they were made.")
    at: str = Field(description="ISO 8601, UTC.")
    who: str
    epoch: int
    onset_s: float
    old: str
    new: str
    undoes: int | None = Field(None, description="The number of the entry that this one takes back")


class ConflictError(EpochalError):
    """The epoch has another label than the caller believes: somebody else was quicker."""


class Standing(NamedTuple):
    """What all entries of a trail come to."""

    labels: dict[int, str]  # of the epochs that any entry names
    reviewed: set[int]
    undone: set[int]  # numbers of entries


def order_for_review(confidence: np.ndarray) -> np.ndarray:
    """Return row numbers, the least confident first; rows without a label before all others.

    Confidence is the probability of the label. On the real table of 65 sleepers the first tenth
    of each recording holds 3.4 times its share of errors (see the how-to of the dashboard).
    """
    known = np.where(np.isfinite(confidence), confidence, -1.0)
    return np.argsort(known, kind="stable")


class Review:
    """One review in its folder: a card, the scored epochs, and the trail of corrections."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trail = AuditTrail(folder / _TRAIL)
        self._lock = threading.Lock()

    @cached_property
    def card(self) -> ReviewCard:
        """What was known at its beginning."""
        return ReviewCard.model_validate_json((self.folder / _CARD).read_text(encoding="utf-8"))

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """The epochs as the model scored them, by epoch."""
        table = pd.read_csv(
            self.folder / _EPOCHS,
            dtype=dict.fromkeys(_TEXTS, "str"),
            keep_default_na=False,
            na_values=[""],
        )
        texts = [name for name in _TEXTS if name in table]
        return table.assign(**table[texts].fillna(""))

    @cached_property
    def _given(self) -> dict[int, tuple[str, float]]:
        rows = zip(self.epochs["epoch"], self.epochs["label"], self.epochs["onset_s"], strict=True)
        return {int(epoch): (str(label), float(onset_s)) for epoch, label, onset_s in rows}

    def corrections(self) -> list[Correction]:
        """Return the trail, oldest first."""
        return [Correction(**entry) for entry in self.trail.read()]

    def labels(self) -> list[str]:
        """Return each epoch's label as it stands now."""
        changed = stand(self.corrections()).labels
        return [changed.get(epoch, label) for epoch, (label, _) in self._given.items()]

    def order(self) -> list[int]:
        """Return the epochs' numbers in the order of review."""
        rows = order_for_review(self.epochs["confidence"].to_numpy(dtype=float))
        return [int(epoch) for epoch in self.epochs["epoch"].to_numpy()[rows]]

    def correct(self, epoch: int, *, old: str, new: str, who: str) -> Correction:
        """Give an epoch another label, or confirm its own; on the disk when this returns.

        A class or epoch that the review does not have raises `EpochalError`, another label than
        `old` a `ConflictError`.
        """
        if new not in self.card.classes:
            raise EpochalError(f"No class '{new}'{did_you_mean(new, self.card.classes)}")
        if epoch not in self._given:
            raise EpochalError(f"The review has no epoch {epoch}")
        with self._lock:
            entries = self.corrections()
            self._check(epoch, old, stand(entries))
            return self._enter(entries, epoch=epoch, old=old, new=new, who=who)

    def undo(self, who: str) -> Correction:
        """Take back a person's latest entry; none left raises `EpochalError`."""
        with self._lock:
            entries = self.corrections()
            standing = stand(entries)
            own = [one for one in entries if one.who == who and one.undoes is None]
            left = [one for one in own if one.number not in standing.undone]
            if not left:
                raise EpochalError(f"'{who}' has nothing to undo")
            last = left[-1]
            self._check(last.epoch, last.new, standing)
            return self._enter(
                entries, epoch=last.epoch, old=last.new, new=last.old, who=who, undoes=last.number
            )

    def _check(self, epoch: int, believed: str, standing: Standing) -> None:
        label = standing.labels.get(epoch, self._given[epoch][0])
        if believed != label:
            raise ConflictError(f"Epoch {epoch} is '{label}' by now, not '{believed}'")

    def _enter(self, entries: list[Correction], *, epoch: int, **told: Any) -> Correction:
        entry = Correction(
            number=max((one.number for one in entries), default=0) + 1,
            at=now(),
            epoch=epoch,
            onset_s=self._given[epoch][1],
            **told,
        )
        self.trail.append(entry.model_dump())
        return entry


def stand(entries: list[Correction]) -> Standing:
    """Return what entries come to: labels by epoch, which epochs were looked at, what is undone."""
    undone = {one.undoes for one in entries if one.undoes is not None}
    labels = {one.epoch: one.new for one in entries}
    kept = [one for one in entries if one.undoes is None and one.number not in undone]
    return Standing(labels, {one.epoch for one in kept}, undone)


class Reviews:
    """All reviews under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, Review] = {}

    def list(self) -> list[Review]:
        """Return the reviews, the latest begun first."""
        found = [self.get(path.parent.name) for path in self.folder.glob(f"*/{_CARD}")]
        return sorted(found, key=lambda review: review.card.made_at, reverse=True)

    def get(self, review_id: str) -> Review:
        """Return a review by its id; one that is not there raises `EpochalError`."""
        with self._lock:
            if review_id not in self._known:
                folder = self.folder / review_id
                if not _SAFE_ID.fullmatch(review_id) or not (folder / _CARD).is_file():
                    raise EpochalError(f"No review '{review_id}'")
                self._known[review_id] = Review(folder)
            return self._known[review_id]

    def begin(self, card: ReviewCard, epochs: pd.DataFrame) -> Review:
        """Begin a review, or go on with the one of that id; its folder is whole or absent."""
        if not _SAFE_ID.fullmatch(card.id):
            raise EpochalError(f"'{card.id}' cannot be a review's name")
        place = self.folder / card.id
        if not (place / _CARD).is_file():
            self._write(place, card, epochs)
        return self.get(card.id)

    def _write(self, place: Path, card: ReviewCard, epochs: pd.DataFrame) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".part-", dir=self.folder))
        try:
            epochs.to_csv(made / _EPOCHS, index=False, lineterminator="\n")
            told = json.dumps(card.model_dump(), ensure_ascii=False, indent=2)
            (made / _CARD).write_text(told, encoding="utf-8")
            made.replace(place)
            sync_folder(self.folder)
        except OSError:
            if not (place / _CARD).is_file():  # else another request was quicker
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)


def find_corrected(folder: Path) -> list[Path]:
    """Return the folders of the reviews under one folder that somebody made an entry in."""
    return [path.parent for path in folder.glob(f"*/{_TRAIL}")]


def safe_id(text: str) -> str:
    """Return a text as a review's id: other characters than letters, digits, . _ - become _."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text).lstrip("._-")[:200] or "review"


def now() -> str:
    """Return the time as ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
