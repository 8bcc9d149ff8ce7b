"""Several people's labels of one recording: their consensus, and what each of them said.

The consensus is the class that most of them chose. Each scorer's own labels stay beside it, in the
annotations' columns `scorer_<name>`, from which ingestion counts each epoch's votes; whoever judges
a scorer against the others can leave that one out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from glob import escape
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field, field_validator

from epochal.errors import RecordingError
from epochal.recording import ANNOTATION_COLUMNS, Recording

SCORER = "scorer_"
TieRule = Literal["most agreeing", "first", "unscored"]
_DIGITS = 6  # times in text are rounded: ends that differ by less are the same


class Ties(BaseModel, extra="forbid", frozen=True):
    """What several scorers' labels become where they disagree."""

    ties: TieRule = Field(
        "most agreeing",
        description="Where as many scorers chose one class as another: the class of the scorer who "
        "agrees most with the others over this recording (as Guillot et al. 2020, "
        "doi:10.1109/TNSRE.2020.3011181), that of the scorer first in the alphabet, or no label",
    )


class Scorers(Ties, extra="forbid", frozen=True):
    """Where the label files of several scorers lie."""

    scorers: str | None = Field(
        None,
        description="Label files of several scorers beside the recording: `{stem}` stands for its "
        "own name, one `*` for the scorer's, e.g. `{stem}_scorer*.csv`. They become votes, and "
        "the consensus the label",
    )

    @field_validator("scorers")
    @classmethod
    def _holds_one_star(cls, pattern: str | None) -> str | None:
        if pattern is not None and pattern.count("*") != 1:
            raise ValueError(f"'{pattern}' needs one * where the scorer's name is")
        return pattern


def find_scorers(folder: Path, pattern: str, stem: str = "") -> dict[str, Path]:
    """Return the label files that a pattern finds below a folder, by scorer, sorted."""
    found = sorted(folder.glob(pattern.replace("{stem}", escape(stem))))
    return {name_scorer(path, pattern, stem): path for path in found if path.is_file()}


def name_scorer(path: Path, pattern: str, stem: str = "") -> str:
    """Return what the pattern's `*` stands for in a file's name: the scorer."""
    before, after = Path(pattern.replace("{stem}", stem)).name.split("*", 1)
    return path.name[len(before) : len(path.name) - len(after)]


def combine(
    recording: Recording, scored: Mapping[str, Recording], *, ties: TieRule, where: str | Path
) -> Recording:
    """Return the recording with the consensus of its scorers, `scored` by each of them alone.

    `metadata` gets `scorers`, each one's mean agreement with the others (null for one alone), and
    `tied_s`, how long they were tied. No label at all raises `RecordingError`.
    """
    if all(one.annotations.empty for one in scored.values()):
        raise RecordingError(where, f"no label by any of {', '.join(scored)}")
    annotations, agreement, tied_s = combine_annotations(
        {name: one.annotations for name, one in scored.items()}, ties=ties
    )
    labelled = annotations[annotations["label"].notna()]
    unscored_s = recording.duration_s - float(labelled["duration_s"].sum())
    facts = {"scorers": agreement, "tied_s": tied_s, "unscored_s": round(unscored_s, _DIGITS)}
    return replace(
        recording,
        annotations=annotations,
        metadata={**recording.metadata, **facts},
        problems=(*recording.problems, *_own_problems(recording, scored)),
    )


def _own_problems(recording: Recording, scored: Mapping[str, Recording]) -> list[str]:
    return [
        f"scorer '{name}': {problem}"
        for name, one in scored.items()
        for problem in one.problems[len(recording.problems) :]
    ]


def combine_annotations(
    scorings: Mapping[str, pd.DataFrame], *, ties: TieRule
) -> tuple[pd.DataFrame, dict[str, float | None], float]:
    """Return annotations, each scorer's agreement with the others, and the seconds that were tied.

    The annotations are the consensus in `label`, followed by every scorer's own stretches in
    `scorer_<name>`, where `label` is null. Scorers may begin, end and cut epochs as they like:
    votes are counted between any two of their bounds.
    """
    names = sorted(scorings)
    classes = sorted({label for frame in scorings.values() for label in frame["label"]})
    edges = _edges(scorings)
    lengths_s = np.diff(edges)
    codes = np.stack([_codes(scorings[name], edges, classes) for name in names])
    chosen = codes[:, None, :] == np.arange(len(classes))[:, None]  # (scorers, classes, stretches)
    agreement = _agreement(codes, chosen.sum(axis=0), lengths_s)
    winner, tied = _elect(chosen, agreement, ties)
    consensus = _stretches(winner, edges, classes)
    own = [
        scorings[name][ANNOTATION_COLUMNS].rename(columns={"label": f"{SCORER}{name}"})
        for name in names
    ]
    shown = {
        name: None if np.isnan(share) else round(float(share), 4)
        for name, share in zip(names, agreement, strict=True)
    }
    merged = pd.concat([consensus, *own], ignore_index=True)
    merged = merged.astype(object).where(merged.notna(), None)
    typed = merged.astype({"onset_s": float, "duration_s": float})
    return typed, shown, round(float(lengths_s[tied].sum()), _DIGITS)


def _edges(scorings: Mapping[str, pd.DataFrame]) -> np.ndarray:
    bounds = [
        bound
        for frame in scorings.values()
        for bound in (frame["onset_s"], frame["onset_s"] + frame["duration_s"])
    ]
    return np.unique(np.concatenate(bounds).astype(float).round(_DIGITS))


def _codes(frame: pd.DataFrame, edges: np.ndarray, classes: list[str]) -> np.ndarray:
    """Return the class between each two edges, −1 where this scorer gave none."""
    codes = np.full(len(edges) - 1, -1)
    starts = np.searchsorted(edges, frame["onset_s"].round(_DIGITS))
    ends = np.searchsorted(edges, (frame["onset_s"] + frame["duration_s"]).round(_DIGITS))
    for start, end, label in zip(starts, ends, frame["label"], strict=True):
        codes[start:end] = classes.index(label)
    return codes


def _agreement(codes: np.ndarray, votes: np.ndarray, lengths_s: np.ndarray) -> np.ndarray:
    """Return for each scorer the mean share of the others who said the same, by time."""
    n_others = votes.sum(axis=0) - 1
    shares = np.full(len(codes), np.nan)
    for scorer, own in enumerate(codes):
        known = (own >= 0) & (n_others > 0)
        if known.any():
            same = votes[own[known], np.flatnonzero(known)] - 1
            shares[scorer] = np.average(same / n_others[known], weights=lengths_s[known])
    return shares


def _elect(
    chosen: np.ndarray, agreement: np.ndarray, ties: TieRule
) -> tuple[np.ndarray, np.ndarray]:
    """Return the class with most votes between each two edges (−1: none), and where it was tied."""
    votes = chosen.sum(axis=0)
    most = votes.max(axis=0)
    tied = (votes == most).sum(axis=0) > 1
    tied &= most > 0
    order = -np.arange(len(chosen), dtype=float)
    weight = order if ties == "first" else np.nan_to_num(agreement) + 1e-9 * order
    rank = np.argsort(np.argsort(weight)) + 1.0  # of the scorers, the most weighty the highest
    backing = (chosen * rank[:, None, None]).max(axis=0) / (len(chosen) + 1)  # below one vote
    winner = np.where(most > 0, (votes + backing).argmax(axis=0), -1)
    return (np.where(tied, -1, winner) if ties == "unscored" else winner), tied


def _stretches(codes: np.ndarray, edges: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Return the runs of one class as `onset_s, duration_s, label`."""
    firsts = np.flatnonzero(np.diff(codes, prepend=-2))
    ends = np.append(firsts[1:], len(codes))
    rows = [
        (edges[first], edges[end] - edges[first], classes[codes[first]])
        for first, end in zip(firsts, ends, strict=True)
        if codes[first] >= 0
    ]
    return pd.DataFrame(rows, columns=ANNOTATION_COLUMNS)


def count_votes(epochs: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return the epochs with `vote_<class>`, how many scorers chose it; unchanged without scorers.

    A labelled epoch of a recording with one scorer counts as that one's vote.
    """
    scorers = [name for name in epochs if re.match(SCORER, str(name))]
    if not scorers:
        return epochs
    votes = {name: (epochs[scorers] == name).sum(axis=1).astype(float) for name in classes}
    table = pd.DataFrame(votes, index=epochs.index)
    alone = table.sum(axis=1) == 0
    for name in classes:
        table.loc[alone & (epochs["label"] == name).fillna(False), name] = 1.0
    return epochs.join(table.add_prefix("vote_"))
