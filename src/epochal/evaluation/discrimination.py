"""How well each class is told from all others, whatever the threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.evaluation.agreement import f1, kappa_per_class
from epochal.evaluation.scored import Scored
from epochal.metrics import confusion

COLUMNS = ["model", "role", "data_source", "class", "n_epochs", "n_predicted", "prevalence",
           "precision", "recall", "f1", "kappa", "auroc", "auprc"]  # fmt: skip


def measure_classes(scored: list[Scored]) -> pd.DataFrame:
    """Return a row per model, role and class, in one against the rest.

    `n_epochs` is the support. AUROC is the probability that an epoch of the class is given more of
    it than one of another; AUPRC is the average precision, to be held against the prevalence. Both
    are missing where the class never occurs, or nothing else does.
    """
    rows = [row for one in scored for row in _measure(one)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _measure(one: Scored) -> list[dict[str, object]]:
    table = confusion(one.truth, one.proba.argmax(axis=1), len(one.classes))
    f1s, kappas = f1(table), kappa_per_class(table)
    hits, given, true = np.diag(table), table.sum(axis=0), table.sum(axis=1)
    return [
        one.described
        | {
            "class": name,
            "n_epochs": int(true[code]),
            "n_predicted": int(given[code]),
            "prevalence": true[code] / len(one.truth),
            "precision": hits[code] / given[code] if given[code] else np.nan,
            "recall": hits[code] / true[code] if true[code] else np.nan,
            "f1": f1s[code],
            "kappa": kappas[code],
            **measure_ranking(one.truth == code, one.proba[:, code]),
        }
        for code, name in enumerate(one.classes)
    ]


def measure_ranking(came: np.ndarray, proba: np.ndarray) -> dict[str, float]:
    """Return `auroc` and `auprc` of an event, NaN where it always or never came."""
    from sklearn import metrics as sk  # here: a comparison of two scorings does without

    if came.all() or not came.any():
        return {"auroc": float("nan"), "auprc": float("nan")}
    return {
        "auroc": float(sk.roc_auc_score(came, proba)),
        "auprc": float(sk.average_precision_score(came, proba)),
    }
