"""The comparison: a row per cell and smoothing, with intervals over held-out subjects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from epochal.errors import EpochalError, did_you_mean
from epochal.evaluation.paired import bootstrap_difference, correct_holm
from epochal.experiments.cells import Judged, stack_tables
from epochal.experiments.options import ExperimentOptions, row_name
from epochal.intervals import bounds
from epochal.metrics import kappa

SHOWN = ["row", "macro_f1", "macro_f1_low", "macro_f1_high", "kappa", "kappa_low", "kappa_high",
         "d_kappa", "d_kappa_low", "d_kappa_high", "n_subjects", "data_source"]  # fmt: skip


class Row(NamedTuple):
    """A cell in one smoothing."""

    judged: Judged
    smoothing: str

    @property
    def name(self) -> str:
        """Name the row, as `reference` does."""
        return row_name(self.judged.name, self.smoothing)


def compare(
    judged: Sequence[Judged], options: ExperimentOptions, *, n_bootstrap: int, seed: int
) -> pd.DataFrame:
    """Return a row per cell and smoothing: what it is, its figures, how it differs.

    `macro_f1`, `kappa` and `f1_<class>` are of all held-out epochs; `_low` and `_high` are 95 %
    intervals over resampled subjects (NaN with fewer than two). `d_macro_f1` and `d_kappa` are the
    differences from the reference on the same subjects, in the same resamples; `_p` is two-sided,
    of those resamples, and `_p_holm` corrected for all rows that are compared. Nothing to compare,
    or an unknown reference, raises `EpochalError`.
    """
    rows = [Row(one, kind) for one in judged for kind in _smoothings(one, options)]
    if not rows:
        raise EpochalError("experiment: nothing was fitted, so there is nothing to compare")
    base = _choose_reference(rows, options.reference)
    described = [_describe(row, base, n_bootstrap=n_bootstrap, seed=seed) for row in rows]
    return _correct(pd.DataFrame(described))


def macro_f1(tables: np.ndarray) -> np.ndarray:
    """Return the mean F1 of confusion tables `(…, n_classes, n_classes)`; an absent class has 0."""
    return class_f1(tables).mean(axis=-1)


def class_f1(tables: np.ndarray) -> np.ndarray:
    """Return each class's F1, `(…, n_classes)`: 0 where it is neither there nor predicted."""
    hits = np.diagonal(tables, axis1=-2, axis2=-1)
    sizes = tables.sum(axis=-1) + tables.sum(axis=-2)
    return np.divide(2.0 * hits, sizes, out=np.zeros(hits.shape), where=sizes > 0)


FIGURES: dict[str, Callable[[np.ndarray], Any]] = {"macro_f1": macro_f1, "kappa": kappa}


def _smoothings(judged: Judged, options: ExperimentOptions) -> list[str]:
    return [kind for kind in options.smoothing if kind in judged.tables]


def _choose_reference(rows: list[Row], name: str | None) -> Row:
    if name is None:
        return rows[0]
    named = {row.name: row for row in rows}
    if name not in named:
        raise EpochalError(f"experiment: no row '{name}'{did_you_mean(name, named)}")
    return named[name]


def _describe(row: Row, base: Row, *, n_bootstrap: int, seed: int) -> dict[str, Any]:
    judged = row.judged
    subjects = sorted(judged.tables[row.smoothing])
    tables = stack_tables(judged, row.smoothing, subjects)
    drawn = _draw(len(subjects), n_bootstrap, seed)
    whole = tables.sum(axis=0)
    found: dict[str, Any] = {
        "row": row.name,
        **judged.described,
        "smoothing": row.smoothing,
        "causal": judged.causal[row.smoothing],
        "data_source": judged.data_source,
        "n_subjects": len(subjects),
        "n_epochs": int(whole.sum()),
        "n_parameters": judged.n_parameters,
        "seconds": round(judged.seconds, 1),
    }
    for name, measure in FIGURES.items():
        low, high = _interval(measure(_resample(tables, drawn)), len(subjects))
        found |= {name: float(measure(whole)), f"{name}_low": low, f"{name}_high": high}
    of_classes = zip(judged.classes, class_f1(whole), strict=True)
    found |= {f"f1_{name}": float(value) for name, value in of_classes}
    return found | _differ(row, base, n_bootstrap=n_bootstrap, seed=seed)


def _differ(row: Row, base: Row, *, n_bootstrap: int, seed: int) -> dict[str, Any]:
    """Compare on the subjects that both were judged by."""
    theirs = base.judged.tables[base.smoothing]
    shared = sorted(theirs.keys() & row.judged.tables[row.smoothing].keys())
    if row.name == base.name or not shared:
        empty = [f"d_{name}{end}" for name in FIGURES for end in ("", "_low", "_high", "_p")]
        return {"reference": base.name} | dict.fromkeys(empty, np.nan)
    pair = [stack_tables(one.judged, one.smoothing, shared) for one in (row, base)]
    drawn = _draw(len(shared), n_bootstrap, seed)
    found: dict[str, Any] = {"reference": base.name}
    for name, measure in FIGURES.items():
        difference = float(measure(pair[0].sum(axis=0)) - measure(pair[1].sum(axis=0)))
        first, second = (np.asarray(measure(_resample(one, drawn))) for one in pair)
        low, high, p = bootstrap_difference(first, second, difference, n_subjects=len(shared))
        found |= {f"d_{name}": difference, f"d_{name}_low": low, f"d_{name}_high": high}
        found[f"d_{name}_p"] = p
    return found


def _correct(table: pd.DataFrame) -> pd.DataFrame:
    """Correct each figure for the number of rows that are compared in it."""
    p_of = {f"d_{name}_p_holm": table[f"d_{name}_p"].to_numpy() for name in FIGURES}
    return table.assign(**{name: correct_holm(p) for name, p in p_of.items()})


def _draw(n_subjects: int, n_bootstrap: int, seed: int) -> np.ndarray:
    """Return how often each resample holds each subject; of fewer than two, no resample."""
    if n_subjects < 2:
        return np.empty((0, n_subjects))
    even = np.full(n_subjects, 1 / n_subjects)
    return np.random.default_rng(seed).multinomial(n_subjects, even, n_bootstrap).astype(float)


def _resample(tables: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    return np.tensordot(drawn, tables, axes=1)


def _interval(values: Any, n_subjects: int) -> tuple[float, float]:
    if not len(values):
        return float("nan"), float("nan")
    low, high = bounds(values, n_subjects)
    return float(low), float(high)
