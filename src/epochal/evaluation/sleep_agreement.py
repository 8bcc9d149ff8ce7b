"""Sleep statistics of predictions against those of the scoring: Bland and Altman over nights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from epochal.evaluation.agreement import bland_altman
from epochal.evaluation.structure import Sequence
from epochal.hypnogram.sleep_statistics import CLASSES, DEFINITIONS, measure_sleep
from epochal.plots import COLOURS, sign_figure

COLUMNS = ["model", "role", "data_source", "statistic", "unit", "n_pairs", "n_missing",
           "n_recordings", "bias", "bias_low", "bias_high", "lower", "lower_low", "lower_high",
           "upper", "upper_low", "upper_high"]  # fmt: skip
PAIR_COLUMNS = ["model", "role", "data_source", "recording_id", "subject_id", "statistic",
                "scored", "predicted"]  # fmt: skip
# what does not need the lights, which hypnograms do not tell
STATISTICS = ("tst_min", "spt_min", "sme_percent", "waso_spt_min", "rem_latency_min", "awakenings",
              "transitions", *(f"{name.lower()}_min" for name in CLASSES))  # fmt: skip
SHOWN = ("tst_min", "waso_spt_min", "rem_latency_min", "n1_min", "n2_min", "n3_min", "rem_min",
         "transitions")  # fmt: skip
_PANEL_INCHES = 2.9
_LEAST_NIGHTS = 10


def pair_statistics(sequences: Iterable[Sequence], classes: tuple[str, ...]) -> pd.DataFrame:
    """Return each night's statistics, of the scoring and of the prediction, in long form.

    Empty for studies of other classes than W, N1, N2, N3, REM, and of what has no step in time. An
    epoch that either lacks counts as unscored in both.
    """
    rows = []
    for one in sequences if classes == CLASSES else ():
        if not np.isfinite(one.step_s):
            continue
        scored, predicted = (
            measure_sleep(_labels(codes), epoch_s=one.step_s).values
            for codes in (one.truth, one.guess)
        )
        keys = {name: one.described[name] for name in PAIR_COLUMNS[:5]}
        rows += [
            keys | {"statistic": name, "scored": scored[name], "predicted": predicted[name]}
            for name in STATISTICS
        ]
    table = pd.DataFrame(rows, columns=PAIR_COLUMNS)
    return table.astype({"scored": float, "predicted": float})


def compare_sleep_statistics(pairs: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return bias and limits of agreement of every statistic by model and role.

    Bias is prediction less scoring. Intervals resample subjects: two nights of one are not
    independent. `n_recordings` is the number of subjects then drawn.
    """
    rows = []
    for (model, role, source, statistic), part in pairs.groupby(
        ["model", "role", "data_source", "statistic"], sort=False
    ):
        found = bland_altman(part["scored"], part["predicted"], part["subject_id"], seed=seed)
        described = {"model": model, "role": role, "data_source": source, "statistic": statistic}
        rows.append(described | {"unit": DEFINITIONS[str(statistic)].unit} | found)
    return pd.DataFrame(rows, columns=COLUMNS)


def draw_sleep_agreement(pairs: pd.DataFrame, agreement: pd.DataFrame, *, model: str) -> Figure:
    """Draw Bland and Altman's plots of a model: differences over means, bias and limits.

    Of the test nights where there are enough of them, else out of fold.
    """
    own = pairs[pairs["model"] == model]
    n_test = own.loc[own["role"] == "test", "recording_id"].nunique()
    role = "test" if n_test >= _LEAST_NIGHTS else "oof"
    own = own[own["role"] == role]
    figure = Figure(figsize=(4 * _PANEL_INCHES, 2 * _PANEL_INCHES), layout="constrained")
    panels = figure.subplots(2, 4).ravel()
    for axes, statistic in zip(panels, SHOWN, strict=True):
        row = (agreement["model"] == model) & (agreement["role"] == role)
        limits = agreement[row & (agreement["statistic"] == statistic)]
        _draw_panel(axes, own[own["statistic"] == statistic], limits, statistic)
    words = {"test": "test", "oof": "out of fold"}[role]
    title = f"{model} less the scoring, by night ({words})" if len(own) else _NOTHING
    figure.suptitle(title)
    sign_figure(figure, pairs["data_source"])
    return figure


_NOTHING = "No nights of W, N1, N2, N3 and REM in this study"


def _draw_panel(axes: Axes, pairs: pd.DataFrame, limits: pd.DataFrame, statistic: str) -> None:
    definition = DEFINITIONS[statistic]
    difference = pairs["predicted"] - pairs["scored"]
    axes.plot((pairs["predicted"] + pairs["scored"]) / 2, difference, "o", color=COLOURS[3],
              markersize=3, alpha=0.6)  # fmt: skip
    for _, row in limits.iterrows():
        for name, line in (("bias", "-"), ("lower", "--"), ("upper", "--")):
            axes.axhline(row[name], color="black", linewidth=0.8, linestyle=line)
            axes.axhspan(row[f"{name}_low"], row[f"{name}_high"], color="black", alpha=0.08)
    axes.axhline(0, color="gray", linewidth=0.6, linestyle=":")
    axes.set_title(f"{definition.name}, {definition.unit}", fontsize="small")
    axes.set_xlabel("mean of both", fontsize="small")
    axes.set_ylabel("difference", fontsize="small")


def _labels(codes: np.ndarray) -> list[str | None]:
    return [CLASSES[code] if code >= 0 else None for code in codes]
