"""What a dashboard shows of a study's run: tables and texts that need no parquet to be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from epochal.evaluation.choice import choose_headline
from epochal.evaluation.scored import Scored
from epochal.labels import PROBA, encode, proba_columns
from epochal.metrics import confusion, join_labels
from epochal.options.study import StudyOptions

CONFUSION_COLUMNS = ["model", "role", "data_source", "truth", "said", "n_epochs"]
ROC_COLUMNS = ["model", "role", "data_source", "class", "false_positive_rate",
               "true_positive_rate", "threshold"]  # fmt: skip
_ROLES = ("test", "oof", "val")  # the further from training the better
_ROC_POINTS = 60
_N_SUBJECTS, _N_EPOCHS = 2, 200
_DIGITS = 4


def describe_study(epochs: pd.DataFrame, leaderboard: pd.DataFrame, study: StudyOptions) -> dict:
    """Return what must be known beside every figure: classes, caveats, headline, data source."""
    sources = sorted(set(epochs["data_source"]))
    return {
        "study": study.name,
        "classes": list(study.classes),
        "recording_kind": study.recording_kind,
        "subjects_known": study.subjects_known,
        "caveats": list(study.caveats),
        "headline": choose_headline(leaderboard),
        "data_source": "/".join(sources),
        "epoch_length_s": float(epochs["length_s"].median()),
    }


def count_confusions(scored: list[Scored]) -> pd.DataFrame:
    """Return a row per model, role, true class and said class: how many epochs."""
    rows = []
    for one in scored:
        table = confusion(one.truth, one.proba.argmax(axis=1), len(one.classes))
        rows += [
            one.described | {"truth": truth, "said": said, "n_epochs": int(table[row, column])}
            for row, truth in enumerate(one.classes)
            for column, said in enumerate(one.classes)
        ]
    return pd.DataFrame(rows, columns=CONFUSION_COLUMNS)


def trace_rocs(scored: list[Scored]) -> pd.DataFrame:
    """Return ROC curves, one class against the rest, of so many points as a screen shows.

    A class that always or never occurs has none.
    """
    parts = [
        trace_roc(one.truth == code, one.proba[:, code]).assign(**one.described, **{"class": name})
        for one in scored
        for code, name in enumerate(one.classes)
    ]
    table = pd.concat(parts or [pd.DataFrame(columns=ROC_COLUMNS)], ignore_index=True)
    return table[ROC_COLUMNS].round(_DIGITS)


def trace_roc(came: np.ndarray, proba: np.ndarray) -> pd.DataFrame:
    """Return `false_positive_rate, true_positive_rate, threshold` of an event, from (0, 0) on.

    The points lie where equal probabilities end, thinned evenly along the curve. The event counts
    as said from the threshold on; the first point's is above every probability.
    """
    columns = ["false_positive_rate", "true_positive_rate", "threshold"]
    if came.all() or not came.any():
        return pd.DataFrame(columns=columns, dtype=float)
    order = np.argsort(-proba, kind="stable")
    sorted_proba = proba[order]
    ends = np.append(np.flatnonzero(np.diff(sorted_proba)), len(proba) - 1)
    hits = np.cumsum(came[order])[ends]
    rates = np.column_stack([(ends + 1 - hits) / (~came).sum(), hits / came.sum()])
    curve = np.column_stack([rates, sorted_proba[ends]])
    curve = np.vstack([[0.0, 0.0, np.nextafter(sorted_proba[0], 2)], curve])
    return pd.DataFrame(curve[_thin(curve[:, :2])], columns=columns)


def _thin(points: np.ndarray) -> np.ndarray:
    """Return which points to keep, so that equally much of the curve lies between them."""
    length = np.append(0.0, np.abs(np.diff(points, axis=0)).sum(axis=1).cumsum())
    wanted = np.linspace(0, length[-1], _ROC_POINTS)
    return np.unique(np.searchsorted(length, wanted).clip(0, len(points) - 1))


def list_headline_epochs(
    predictions: pd.DataFrame, epochs: pd.DataFrame, leaderboard: pd.DataFrame
) -> pd.DataFrame:
    """Return what the headline model says of every epoch that it has not seen.

    `recording_id, subject_id, role, epoch, onset_s, label, said, confidence, proba_<class>…`; a
    recording comes in one role, the test role where it has it. `label` is empty where nobody
    scored the epoch.
    """
    own = predictions[predictions["model"] == choose_headline(leaderboard)]
    own = own.assign(rank=own["role"].map(_ROLES.index))
    own = own[own["rank"] == own.groupby("recording_id")["rank"].transform("min")]
    names = [str(name) for name in own if str(name).startswith(PROBA)]
    known = ["recording_id", "epoch", "subject_id", "onset_s", "label"]
    rows = own[["recording_id", "epoch", "role", *names]].merge(epochs[known])
    proba = rows[names].to_numpy()
    classes = np.array([name.removeprefix(PROBA) for name in names], dtype=object)
    rows = rows.assign(said=classes[proba.argmax(axis=1)], confidence=proba.max(axis=1))
    shown = ["recording_id", "subject_id", "role", "epoch", "onset_s", "label", "said",
             "confidence", *names]  # fmt: skip
    return rows[shown].sort_values(["recording_id", "epoch"], ignore_index=True).round(_DIGITS)


def choose_playback(
    predictions: pd.DataFrame, epochs: pd.DataFrame, study: StudyOptions
) -> dict[str, Any]:
    """Return 200 epochs of each of two subjects, with the truth and what every model says.

    The subjects are those with the most scored epochs that all models predict unseen, and the 200
    epochs those that hold the most changes of class: neither is chosen by how well a model does.
    """
    role, rows = _playback_rows(predictions, epochs)
    models = rows.drop_duplicates("model")[["model", "family", "causal"]]
    subjects = _longest_subjects(rows)
    return {
        "study": study.name,
        "classes": list(study.classes),
        "role": role,
        "data_source": "/".join(sorted(set(rows["data_source"]))),
        "chosen": "the two subjects with the most scored epochs; their 200 epochs in a row with "
        "the most changes of class",
        "models": [
            {"model": one.model, "family": one.family, "causal": bool(one.causal)}
            for one in models.itertuples()
        ],
        "subjects": [
            _play(rows[rows["subject_id"] == subject], study.classes) for subject in subjects
        ],
    }


def _playback_rows(
    predictions: pd.DataFrame, epochs: pd.DataFrame
) -> tuple[str | None, pd.DataFrame]:
    """Return the role of at least two subjects that is furthest from training, and its rows."""
    known = epochs[["recording_id", "epoch", "onset_s"]]
    scored = join_labels(predictions, epochs).merge(known, on=["recording_id", "epoch"])
    counts = scored.groupby("role")["subject_id"].nunique()
    roles = [role for role in _ROLES if counts.get(role, 0)]
    role = next((role for role in roles if counts[role] >= _N_SUBJECTS), (*roles, None)[0])
    rows = scored[scored["role"] == role]
    n_models = rows["model"].nunique()
    said_by = rows.groupby(["recording_id", "epoch"])["model"].transform("nunique")
    by = ["subject_id", "recording_id", "epoch"]
    return role, rows[said_by == n_models].sort_values(by, kind="stable")


def _longest_subjects(rows: pd.DataFrame) -> list[str]:
    counts = rows.drop_duplicates(["recording_id", "epoch"])["subject_id"].value_counts()
    table = counts.rename("n").rename_axis("subject").reset_index()
    table = table.sort_values(["n", "subject"], ascending=[False, True])
    return sorted(table["subject"].head(_N_SUBJECTS))


def _play(rows: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, Any]:
    """Return one subject's part, class numbers in place of names."""
    truth = rows.drop_duplicates(["recording_id", "epoch"])
    codes = encode(truth["label"], classes)
    first = _liveliest(codes)
    shown = truth.iloc[first : first + _N_EPOCHS]
    said, confidence = {}, {}
    for model, own in rows.groupby("model", sort=False):
        proba = own[proba_columns(classes)].to_numpy()[first : first + _N_EPOCHS]
        said[str(model)] = proba.argmax(axis=1).tolist()
        confidence[str(model)] = proba.max(axis=1).round(3).tolist()
    return {
        "subject_id": str(shown["subject_id"].iloc[0]),
        "recording_id": shown["recording_id"].astype(str).tolist(),
        "epoch": shown["epoch"].tolist(),
        "onset_s": shown["onset_s"].astype(float).tolist(),
        "truth": codes[first : first + _N_EPOCHS].tolist(),
        "said": said,
        "confidence": confidence,
    }


def _liveliest(codes: np.ndarray) -> int:
    """Return where those epochs begin that hold the most changes; the earliest of equals."""
    changes = np.append(0, (np.diff(codes) != 0).cumsum())
    starts = np.arange(max(1, len(codes) - _N_EPOCHS + 1))
    ends = np.minimum(starts + _N_EPOCHS, len(codes)) - 1
    return int(np.argmax(changes[ends] - changes[starts]))
