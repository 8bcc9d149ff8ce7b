from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from builders import CLASSES, make_bundle, make_ingestion, make_night, write_edf
from epochal.cli import cli
from epochal.errors import EpochalError
from epochal.features import extract_features
from epochal.serving.bundle import Scorer, write_bundle
from epochal.serving.explaining import explain_epoch, list_columns
from epochal.signals.epoching import index_epochs
from rest_material import animals_bundle

pytestmark = pytest.mark.slow  # models are trained and explained

LABELS = ["W"] * 6 + ["N2"] * 6 + ["REM"] * 6
NIGHT = make_night(LABELS, seed=100, metadata={"age": 32.0, "sex": "F"})
ASLEEP = make_night(["N2"] * 6 + ["REM"] * 12, seed=101).channel("EEG").data


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bundle("bundle", make_bundle())
    write_edf(Path("night.edf"), {"EEG": NIGHT.channel("EEG").data})
    return tmp_path


def explain(*arguments, bundle="bundle"):
    given = ["explain", "night.edf", "--bundle", bundle, "--out", "out"]
    return CliRunner().invoke(cli, [*given, *map(str, arguments)])


def features():
    epochs = index_epochs(NIGHT, make_ingestion())
    return extract_features(NIGHT, epochs, make_bundle().manifest.feature_engineering)


def test_one_epoch_is_explained_by_a_table_and_a_picture_of_its_signals(folder):
    done = explain("--epoch", 7)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("night.edf: epoch 7 is N2 with probability 0.")
    table = pd.read_csv("out/night.epoch7.csv")
    assert list(table)[:5] == ["column", "value", "typical", "contribution", "error"]
    assert table["contribution"].abs().is_monotonic_decreasing
    assert Path("out/night.epoch7.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_says_what_it_stands_on_in_every_row_as_score_does(folder):
    done = CliRunner().invoke(cli, ["score", "night.edf", "--bundle", "bundle", "--out", "out"])
    assert done.exit_code == 0, done.output
    explain("--epoch", 7)
    scored, explained = (
        pd.read_csv(f"out/night.{kind}.csv")[["data_source", "in_sample"]]
        for kind in ("epochs", "epoch7")
    )
    assert explained.drop_duplicates().to_dict("records") == [
        {"data_source": "simulated", "in_sample": False}
    ]
    assert explained.iloc[0].equals(scored.iloc[0])


def test_each_recording_of_a_file_has_an_explanation_of_its_own(folder):
    write_edf(Path("night.edf"), {"left": NIGHT.channel("EEG").data, "right": ASLEEP})
    animals = {"A": {"EEG": "left"}, "B": {"EEG": "right"}}
    write_bundle("animals", animals_bundle("night*.edf", animals))
    for recording in ("night_A", "night_B"):
        done = explain("--epoch", 7, "--recording", recording, bundle="animals")
        assert done.exit_code == 0, done.output
    assert sorted(path.name for path in Path("out").iterdir()) == [
        f"night.night_{animal}.epoch7.{ending}" for animal in "AB" for ending in ("csv", "png")
    ]
    first, second = (pd.read_csv(f"out/night.night_{one}.epoch7.csv") for one in "AB")
    assert not first.equals(second)


def test_a_rhythm_of_2_hz_speaks_for_the_class_that_is_made_of_it(folder):
    """N2 is 2 Hz in these nights: what the columns say together is δ, or θ and α that lack."""
    table = explain_epoch(features(), 7, Scorer(make_bundle())).columns
    first = table.iloc[0]
    assert first["contribution"] > 0
    assert any(band in first["column"] for band in ("delta", "theta", "alpha"))


@pytest.mark.parametrize("headline", ["logistic_regression", "lightgbm", "stack"])
def test_contributions_and_the_other_epochs_add_up_to_the_probability(headline):
    scorer, table = Scorer(make_bundle(headline)), features()
    found = explain_epoch(table, 7, scorer)
    proba = scorer.predict(table.iloc[[7]])[0]
    assert found.class_ == CLASSES[int(proba.argmax())]
    assert found.proba == pytest.approx(proba.max())
    assert found.expected + found.columns["contribution"].sum() == pytest.approx(found.proba)
    others = scorer.predict(table.drop(index=7))[:, CLASSES.index(found.class_)].mean()
    assert found.expected == pytest.approx(others, abs=0.15)  # what the walks started from


def test_a_column_that_the_model_ignores_adds_nothing():
    scorer, table = Scorer(make_bundle("lightgbm")), features()
    found = explain_epoch(table, 7, scorer).columns.set_index("column")["contribution"]
    assert found["demographics_age_years"] == pytest.approx(0, abs=1e-6)  # the same all night
    assert found.abs().max() > 0.01


def test_a_smoothed_stack_is_explained_before_smoothing():
    found = explain_epoch(features(), 7, Scorer(make_bundle("stack_forward_backward")))
    assert found.model == "stack"
    assert set(found.columns["column"]) == set(list_columns(Scorer(make_bundle()), "stack"))


def test_another_class_can_be_asked_about(folder):
    done = explain("--epoch", 7, "--class", "W")
    assert done.exit_code == 0, done.output
    assert "epoch 7 is W with probability 0.0" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--epoch", 99), "No epoch 99 in this recording; the last is 17"),
        (("--epoch", 7, "--class", "N9"), "No class 'N9'; there are: W, N2, REM"),
        (("--epoch", 7, "--recording", "x"), "night.edf: no recording 'x'; it has: night"),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(folder, arguments, message):
    done = explain(*arguments)
    assert done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output


def test_an_epoch_without_a_signal_cannot_be_explained():
    table = features()
    names = [name for name in table if name.startswith("eeg_")]
    table.loc[7, names] = np.nan
    with pytest.raises(EpochalError, match="Epoch 7 was not scored"):
        explain_epoch(table, 7, Scorer(make_bundle()))
