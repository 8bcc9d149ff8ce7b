"""Where a model and the expert differ in one recording, over time, beside the signals.

from epochal.evaluation.error_view import view_errors
view_errors("data/demo", "SC4001E0")  # in a notebook; .save("errors.html") elsewhere
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from epochal.errors import EpochalError, did_you_mean
from epochal.evaluation.by_recording import score_each_recording
from epochal.evaluation.choice import choose_headline
from epochal.labels import PROBA, encode, proba_columns
from epochal.readers.aliases import kind_of
from epochal.recording import Channel, Recording, read_recording
from epochal.reports.page import render
from epochal.reports.panels import Areas, Grid, Marks, Steps, order_of
from epochal.reports.signals import envelope_panel, spectrogram_panel, trend_panels
from epochal.reports.timeline import Panel, TimeAxis, Timeline


@dataclass(frozen=True)
class ErrorView:
    """A page about one recording; a notebook shows it, `save` writes it."""

    html: str
    drawing: Markup

    def save(self, path: str | Path) -> None:
        """Write the page as one file."""
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own: its style must not touch the notebook's."""
        page = Markup.escape(self.html)
        return (
            f'<iframe srcdoc="{page}" title="Errors over time" '
            'style="width:100%;height:760px;border:0"></iframe>'
        )


def view_errors(folder: str | Path, recording_id: str, *, model: str | None = None) -> ErrorView:
    """Return the view of one recording of a study that has run.

    `folder` is the study's, such as `data/demo`. Without a model, the headline's predictions are
    shown, those of the role that has not seen the recording. Hypnograms of expert and model,
    disagreements, probabilities, spectrogram and muscle tone share one time axis. A recording or
    model that the study does not have raises `EpochalError`.
    """
    study = Path(folder)
    epochs = _read(study / "03_primary/epochs.parquet")
    predictions = _read(study / "07_model_output/predictions.parquet")
    chosen = model or choose_headline(_read(study / "08_reporting/leaderboard.csv"))
    _check(recording_id, epochs["recording_id"], "recording")
    _check(chosen, predictions["model"], "model")
    stored = study / "02_intermediate/recordings" / f"{recording_id}.h5"
    recording = read_recording(stored) if stored.is_file() else None
    classes = tuple(
        str(name).removeprefix(PROBA) for name in predictions if str(name).startswith(PROBA)
    )
    rows = rows_of(predictions, epochs, recording_id, model=chosen)
    drawing = draw_errors(rows, classes, recording, model=chosen)
    html = render(
        "errors.html",
        title=f"Errors in {recording_id}",
        data_source=str(rows["data_source"].iloc[0]),
        told=describe(rows, classes, model=chosen),
        drawing=drawing,
        classes=classes,
        order=order_of(classes),
    )
    return ErrorView(html, drawing)


def rows_of(
    predictions: pd.DataFrame, epochs: pd.DataFrame, recording_id: str, *, model: str
) -> pd.DataFrame:
    """Return a recording's epochs with what the model says, by the role that has not seen them."""
    own = predictions[
        (predictions["recording_id"] == recording_id) & (predictions["model"] == model)
    ]
    if own.empty:
        raise EpochalError(f"'{model}' predicts no epoch of '{recording_id}'")
    role = next(role for role in ("test", "oof", "val") if (own["role"] == role).any())
    held = own[own["role"] == role].drop(columns="data_source", errors="ignore")
    rows = epochs[epochs["recording_id"] == recording_id].merge(held, on=["recording_id", "epoch"])
    return rows.sort_values("epoch", ignore_index=True)


def describe(rows: pd.DataFrame, classes: tuple[str, ...], *, model: str) -> str:
    """Say in a sentence how well the model does here."""
    known = ["recording_id", "epoch", "subject_id", "label", "data_source"]
    said = rows.drop(columns=[*known[2:]])
    (found,) = score_each_recording(said, rows[known], classes).to_dict("records") or [None]
    name, role = str(rows["recording_id"].iloc[0]), str(rows["role"].iloc[0])
    if found is None:
        return f"{name}: nobody scored it; {model} ({role}) says what is shown."
    wrong = round((1 - found["accuracy"]) * found["n_epochs"])
    return (
        f"{name}, {model} ({role}): {wrong} of {found['n_epochs']} epochs differ, "
        f"κ {found['kappa']:.2f}, macro-F1 {found['macro_f1']:.2f}, mean confidence "
        f"{found['mean_confidence']:.2f}."
    )


def draw_errors(
    rows: pd.DataFrame,
    classes: tuple[str, ...],
    recording: Recording | None = None,
    *,
    model: str,
    name: str = "errors",
) -> Markup:
    """Return one recording over time as SVG: expert, model, where they differ, and the signals.

    `rows` are its epochs with `onset_s, length_s, label` and `proba_<class>` (see `rows_of`).
    `name` tells the drawing from others on one page.
    """
    grid = Grid(rows["onset_s"].to_numpy(float), float(rows["length_s"].iloc[0]))
    began = recording.start if recording else None
    axis = TimeAxis(float(grid.onsets_s[0]), float(grid.ends_s.max()), began)
    recording_id = str(rows["recording_id"].iloc[0])
    return Timeline(
        [*_label_panels(rows, grid, classes, model), *_signal_panels(recording, axis)],
        axis,
        name,
        f"{recording_id}: the expert's labels against {model}",
        describe(rows, classes, model=model),
    ).draw()


def _label_panels(
    rows: pd.DataFrame, grid: Grid, classes: tuple[str, ...], model: str
) -> list[Panel]:
    proba, order = rows[proba_columns(classes)].to_numpy(dtype=float), order_of(classes)
    truth, guess = encode(rows["label"], classes), proba.argmax(axis=1)
    differs = (truth >= 0) & (truth != guess)
    marks = {
        classes[code]: differs & (truth == code)
        for code in order
        if (differs & (truth == code)).any()
    }
    shown = model if len(model) <= 18 else f"{model[:17]}…"
    return [
        Steps("Expert", grid, truth, classes, order),
        Steps(shown, grid, guess, classes, order),
        Marks("Differ\nby the expert's", grid, marks or {"none": differs}),
        Areas("Probability\nof each class", grid, proba, order),
    ]


def _signal_panels(recording: Recording | None, axis: TimeAxis) -> list[Panel]:
    if recording is None:
        return []
    eeg, emg = (_first(recording, kind) for kind in ("EEG", "EMG"))
    power = spectrogram_panel(eeg, axis) if eeg else None
    tone = envelope_panel(emg, recording, axis) if emg else None
    found = [panel for panel in (power, tone) if panel is not None]
    return [*(found or trend_panels(recording))]


def _first(recording: Recording, kind: str) -> Channel | None:
    return next((one for one in recording.channels if kind_of(one.name) == kind), None)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise EpochalError(f"{path}: not there; `kedro run` of the study writes it")
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def _check(name: str, known: pd.Series, what: str) -> None:
    names = set(known.astype(str))
    if name not in names:
        raise EpochalError(f"The study has no {what} '{name}'{did_you_mean(name, names)}")
