"""`epochal adapt` on files: a made-up lab whose scorer calls REM what the bundle calls N2."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from builders import EPOCH_S, make_bundle, make_night, write_edf
from epochal.cli import cli
from epochal.models.lab_scoring import stage_map
from epochal.models.rewriting import adapt_bundle
from epochal.serving.bundle import CARD, MANIFEST, Bundle, Scorer, read_bundle, write_bundle
from epochal.serving.entries import Adaptation
from epochal.serving.reading import read_all
from epochal.serving.scoring import score_recording

STAGES = np.random.default_rng(5).permutation(np.repeat(["W", "N2", "REM"], 25))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Return a folder with a bundle, two nights, and their labels by a scorer with a habit."""
    folder = tmp_path_factory.mktemp("lab")
    write_bundle(folder / "bundle", make_bundle())
    (folder / "SIMULATED.txt").write_text("made up")
    (folder / "labels").mkdir()
    for number in (1, 2):
        night = make_night(STAGES, seed=50 + number)
        write_edf(folder / f"night{number}.edf", {"EEG": night.channels[0].data})
        said = pd.Series(STAGES)
        habit = said.index[said == "N2"][::2]  # every other N2 is called REM
        said[habit] = "REM"
        onset_s = EPOCH_S * np.arange(len(said))
        table = pd.DataFrame({"onset_s": onset_s, "duration_s": EPOCH_S, "label": said})
        table.to_csv(folder / "labels" / f"night{number}.csv", index=False)
    return folder


def adapt(lab, out, *more, files=("night1.edf",), labels=("labels/night1.csv",)):
    given = ["adapt", "--bundle", lab / "bundle", "--out", out, *more]
    given += [part for one in labels for part in ("--labels", lab / one)]
    given += [lab / one for one in files]
    return CliRunner().invoke(cli, list(map(str, given)))


@pytest.mark.slow
def test_a_labs_habit_is_learnt_and_said_before_and_after(lab, tmp_path):
    result = adapt(lab, tmp_path / "new")
    assert result.exit_code == 0, result.output
    assert "75 labelled of 75 epochs" in result.output
    assert "one recording: how another one of this lab would fare is not known" in result.output
    assert "Research use only" in result.output
    new = read_bundle(tmp_path / "new").manifest
    found = new.adaptation
    assert (found.kind, found.prior, found.cross_fitted_by) == ("vector", "labels", "block")
    assert found.epochs_per_class == {"W": 25, "N2": 12, "REM": 38}
    assert found.after["log_loss"] < found.before["log_loss"]
    assert len(found.recordings) == len(found.labels) == 1
    assert (new.data_source, found.data_source) == ("simulated", "simulated")
    shown = f"{found.before['log_loss']:.4f}   {found.after['log_loss']:.4f}"
    assert shown in result.output


@pytest.mark.slow
def test_the_new_bundle_answers_by_the_adaptation_and_the_old_one_as_before(lab, tmp_path):
    adapt(lab, tmp_path / "new")
    scorers = [Scorer(read_bundle(path)) for path in (lab / "bundle", tmp_path / "new")]
    night = next(read_all(lab / "night2.edf", scorers[0].manifest))
    before, after = (score_recording(night, one).epochs for one in scorers)
    columns = ["proba_W", "proba_N2", "proba_REM"]
    expected = scorers[1].manifest.adaptation.calibration.apply(before[columns].to_numpy())
    assert after[columns].to_numpy() == pytest.approx(expected, abs=2e-5)
    assert after["proba_REM"].mean() > before["proba_REM"].mean()


def test_what_was_adapted_on_counts_as_seen_from_then_on(lab, tmp_path):
    adapt(lab, tmp_path / "new")
    manifest = read_bundle(tmp_path / "new").manifest
    seen, unseen = (next(read_all(lab / f"night{n}.edf", manifest)) for n in (1, 2))
    assert manifest.saw(seen) is True
    assert not manifest.saw(unseen)
    assert not read_bundle(lab / "bundle").manifest.saw(seen)


@pytest.mark.slow
def test_several_nights_are_paired_with_a_folder_of_labels_by_their_stems(lab, tmp_path):
    result = adapt(
        lab, tmp_path / "new", "--refit", files=("night1.edf", "night2.edf"), labels=("labels",)
    )
    assert result.exit_code == 0, result.output
    assert "2 recordings, blocks of each" in result.output
    new = read_bundle(tmp_path / "new")
    stage = new.manifest.adaptation.last_stage
    assert stage.models == ["logistic_regression", "lightgbm"]
    assert np.array(stage.weights).shape == (6, 3)
    night = next(read_all(lab / "night2.edf", new.manifest))
    proba = score_recording(night, Scorer(new)).epochs.filter(like="proba_")
    assert proba.sum(axis=1).to_numpy() == pytest.approx(np.ones(75), abs=1e-5)


def test_the_card_tells_of_the_adaptation(lab, tmp_path):
    adapt(lab, tmp_path / "new")
    card = (tmp_path / "new" / CARD).read_text()
    assert "## Adapted to a lab" in card
    assert "By vector, on 75 epochs of 1 recordings (simulated)" in card
    assert "## Adapted to a lab" not in (lab / "bundle" / CARD).read_text()


@pytest.mark.slow
def test_an_adapted_bundle_is_adapted_anew_from_what_it_was(lab, tmp_path):
    adapt(lab, tmp_path / "once")
    shutil.copytree(lab / "labels", tmp_path / "labels")
    given = ["adapt", "--bundle", tmp_path / "once", "--out", tmp_path / "twice",
             "--labels", lab / "labels/night1.csv", lab / "night1.edf"]  # fmt: skip
    result = CliRunner().invoke(cli, list(map(str, given)))
    assert "the bundle's earlier adaptation is replaced" in result.output
    once, twice = (read_bundle(tmp_path / name).manifest.adaptation for name in ("once", "twice"))
    assert once.calibration == twice.calibration
    assert once.adapted_from != twice.adapted_from


def test_labels_of_part_of_a_night_keep_the_bundles_shares(lab, tmp_path):
    table = pd.read_csv(lab / "labels/night1.csv")[:60]
    short = tmp_path / "short.csv"
    # an hour of a longer night: the last quarter of it is not scored
    table[:58].to_csv(short, index=False)
    result = adapt(lab, tmp_path / "new", labels=(short,))
    assert result.exit_code == 1
    assert "58 labelled epochs that the bundle scores; at least 60 are needed" in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_shuffled_labels_are_refused_in_one_line(lab, tmp_path):
    table = pd.read_csv(lab / "labels/night1.csv")
    table["label"] = np.random.default_rng(0).permutation(table["label"])
    table.to_csv(tmp_path / "wrong.csv", index=False)
    result = adapt(lab, tmp_path / "new", labels=(tmp_path / "wrong.csv",))
    assert result.exit_code == 1
    assert "the labels hardly agree with the bundle's answers" in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("changed", "code", "reason"),
    [
        ({"labels": ("labels/night1.csv", "labels/night2.csv")}, 2, "1 files and 2 --labels"),
        ({"labels": ("none.csv",)}, 1, "none.csv: no such file of labels"),
        ({"files": ("none.edf",)}, 1, "none.edf: no such file"),
        ({"files": ("bundle",), "labels": ("labels",)}, 1, "one file of labels is needed in"),
    ],
)
def test_what_does_not_fit_is_named(lab, tmp_path, changed, code, reason):
    result = adapt(lab, tmp_path / "new", **changed)
    assert (result.exit_code, reason in result.output) == (code, True), result.output


def test_a_bundle_is_never_written_over(lab):
    result = adapt(lab, lab / "bundle")
    assert (result.exit_code, "is there already" in result.output) == (2, True)


@pytest.mark.slow
def test_adapting_needs_no_training_library(lab, tmp_path):
    script = (
        "import sys\n"
        "for name in ('sklearn', 'torch', 'kedro', 'mlflow', 'lightgbm', 'joblib'):\n"
        "    sys.modules[name] = None\n"
        "from epochal.cli import cli\n"
        "cli(sys.argv[1:])\n"
    )
    given = ["adapt", "--bundle", lab / "bundle", "--out", tmp_path / "new", "--refit",
             "--labels", lab / "labels/night1.csv", lab / "night1.edf"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, given)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "new" / MANIFEST).read_text())["adaptation"]["kind"] == "refit"


def make_adaptation(data_source):
    return Adaptation(
        kind="prior", n_recordings=1, n_epochs=60, epochs_per_class={}, recordings=[], labels=[],
        data_source=data_source, cross_fitted_by="block", before={}, after={}, adapted_from="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trained_on", "lab_is", "expected"),
    [("real", "real", "real"), ("real", "simulated", "simulated"),
     ("simulated", "real", "simulated")],
)  # fmt: skip
def test_an_adapted_bundle_is_real_only_where_training_and_lab_are(trained_on, lab_is, expected):
    given = make_bundle()
    manifest = given.manifest.model_copy(update={"data_source": trained_on})
    found = adapt_bundle(Bundle(manifest, given.files), make_adaptation(lab_is))
    assert found.manifest.data_source == expected


def test_limits_of_answers_that_were_fitted_before_are_told():
    given = make_bundle()
    without = adapt_bundle(given, make_adaptation("real"))
    assert without.manifest.caveats == given.manifest.caveats
    with_rules = Bundle(given.manifest, {**given.files, "answers.json": b"{}"})
    (*_, told) = adapt_bundle(with_rules, make_adaptation("real")).manifest.caveats
    assert "limits that were fitted before" in told


def test_labels_may_be_called_as_scorers_of_the_kind_call_them_or_as_the_classes():
    assert stage_map(("W", "N1", "N2", "N3", "REM"))[["Sleep", "stage", "4"][-1]] == "N3"
    assert stage_map(("W", "N2", "REM"))["S1"] is None  # no class of the bundle: unscored
    assert stage_map(("W", "NREM", "REM"))["SWS"] == "NREM"
    assert stage_map(("baseline", "stress"))["stress"] == "stress"


def test_a_bundle_is_known_by_its_name_too(lab, tmp_path):
    given = ["adapt", "--bundle", "sleep", "--out", tmp_path / "new"]
    given += ["--labels", lab / "labels/night1.csv", lab / "night1.edf"]
    result = CliRunner().invoke(cli, list(map(str, given)))
    assert result.exit_code == 1
    assert "no channel 'EEG Fpz-Cz'" in result.output  # it is read, and asks for its own channels
