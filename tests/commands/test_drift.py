import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from builders import (
    CLASSES,
    SFREQ,
    make_bundle,
    make_ingestion,
    make_night,
    make_study,
    write_edf,
)
from epochal import answers
from epochal.answers import AnswerRules
from epochal.cli import cli
from epochal.drift import reference as drift_reference
from epochal.features import extract_features
from epochal.models.bundle_trust import describe_trust
from epochal.models.inventory import write_json
from epochal.options.results import EvaluationOptions
from epochal.serving.bundle import Scorer, read_bundle, write_bundle
from epochal.serving.scoring import score_recording
from epochal.signals.epoching import index_epochs

DATA = Path(__file__).parents[1] / "data"
FEATURES = make_bundle().manifest.feature_engineering


def people(n_subjects=24, n_epochs=24, *, first=0):
    """Return nights of people who differ by a tenth or so in amplitude, in random stages."""
    nights = {}
    for number in range(first, first + n_subjects):
        random = np.random.default_rng(1000 + number)
        labels = random.permutation(np.repeat(CLASSES, n_epochs // 3))
        nights[f"r{number}"] = make_night(
            labels, seed=number, recording_id=f"r{number}", subject_id=f"s{number}",
            metadata={"age": 40.0, "sex": "F"}, data_source="simulated",
        )  # fmt: skip
    return nights


@cache
def training():
    nights = people()
    indexed = {name: index_epochs(night, make_ingestion()) for name, night in nights.items()}
    epochs = pd.concat(indexed.values(), ignore_index=True)
    features = pd.concat(
        [extract_features(nights[name], part, FEATURES) for name, part in indexed.items()],
        ignore_index=True,
    )
    owners = epochs[["recording_id", "epoch", "subject_id", "label"]]
    table = features.merge(owners, on=["recording_id", "epoch"]).assign(role="train", fold=0)
    proba = Scorer(make_bundle()).predict(features)
    predictions = epochs[["recording_id", "epoch"]].assign(
        model="logistic_regression", family="classical", role="oof", fold=0, causal=True,
        **{f"proba_{name}": proba[:, code] for code, name in enumerate(CLASSES)},
    )  # fmt: skip
    loads = {name: (lambda night=night: night) for name, night in nights.items()}
    return describe_trust(
        table, epochs, predictions, headline="logistic_regression", features=FEATURES,
        evaluation=EvaluationOptions(), study=make_study(), recordings=loads,
    )  # fmt: skip


@cache
def trusted():
    bundle = make_bundle()
    more = {name: write_json(content) for name, content in training().items()}
    return replace(bundle, files=bundle.files | more)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bundle("bundle", trusted())
    return tmp_path


NEW = people(1, first=500)["r500"]
EEG = NEW.channel("EEG").data


def call(command, *arguments, bundle="bundle"):
    return CliRunner().invoke(
        cli, [command, *map(str, arguments), "--bundle", bundle, "--out", "out"]
    )


def test_a_bundle_holds_rules_and_reference(folder):
    scorer = Scorer(read_bundle("bundle"))
    assert isinstance(scorer.answer_rules, AnswerRules)
    assert scorer.answer_rules.n_subjects == 24
    assert scorer.drift_reference.channels == ["EEG"]
    names = {fault.name for fault in scorer.drift_reference.faults}
    assert {"eeg times 2", "sampling rate times 2"} <= names
    assert "eeg_log_delta" in scorer.drift_reference.names
    assert not [name for name in scorer.drift_reference.names if "past" in name]


def test_an_old_bundle_without_either_still_loads_and_scores():
    scorer = Scorer(read_bundle(DATA / "bundle_format_1"))
    assert scorer.answer_rules is None
    assert scorer.drift_reference is None
    scored = score_recording(NEW, Scorer(make_bundle()))
    assert not {"prediction_set", "abstain"} & set(scored.epochs)
    assert not {"answers", "drift"} & set(scored.summary)


def test_scores_come_with_sets_abstention_and_a_verdict(folder):
    write_edf(Path("night.edf"), {"EEG": EEG})
    done = call("score", "night.edf")
    assert done.exit_code == 0, done.output
    table = pd.read_csv("out/night.epochs.csv", keep_default_na=False)
    assert list(table)[-4:] == ["prediction_set", "abstain", "data_source", "in_sample"]
    assert list(table)[:5] == ["epoch", "onset_s", "label", "confidence", "flags"]
    firsts = table["prediction_set"].str.split(";").str[0]
    assert (firsts == table["label"]).all()
    summary = json.loads(Path("out/night.json").read_text())
    assert summary["answers"]["fitted_on_subjects"] == 24
    assert summary["drift"]["drift"] is False
    assert set(summary["drift"]["confidence"]["measures"]) == {
        "mean confidence", "share of W", "share of N2", "share of REM",
    }  # fmt: skip


@pytest.mark.slow
def test_a_like_recording_is_no_drift_and_has_json_and_picture(folder):
    write_edf(Path("night.edf"), {"EEG": EEG})
    done = call("drift", "night.edf", "--window-epochs", "20")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("night.edf: no drift (score ")
    content = json.loads(Path("out/night.drift.json").read_text())
    assert content["drift"] is False
    assert content["recording_id"] == "night"
    assert "Research use only" in content["notice"]
    assert [window["onset_s"] for window in content["windows"]] == [0.0]
    assert Path("out/night.drift.png").read_bytes().startswith(b"\x89PNG")


def planted(name):
    time_s = np.arange(len(EEG)) / SFREQ
    return {
        "doubled": {"EEG": 2 * EEG},
        "mains": {"EEG": EEG + 15 * np.sin(2 * np.pi * 50.0 * time_s + np.pi / 4)},
        "noise": {"EEG": np.random.default_rng(0).normal(0, 20, len(EEG))},
    }[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fault"), [("doubled", "eeg times 2"), ("mains", None), ("noise", None)]
)
def test_a_planted_fault_is_drift(folder, name, fault):
    write_edf(Path("night.edf"), planted(name))
    done = call("drift", "night.edf")
    assert done.exit_code == 0, done.output
    content = json.loads(Path("out/night.drift.json").read_text())
    assert content["drift"] is True
    assert done.output.startswith("night.edf: DRIFT (score ")
    if fault:
        assert content["likely_fault"] == fault
    if name == "mains":
        assert "channel EEG: ln 50 Hz share" in [one["feature"] for one in content["drivers"]]


@pytest.mark.slow
@pytest.mark.parametrize("said_hz", [200.0, 50.0])
def test_a_file_that_says_a_wrong_rate_is_drift(folder, said_hz):
    long = np.tile(EEG, 2)
    write_edf(Path("night.edf"), {"EEG": long}, sfreq=said_hz)
    assert call("drift", "night.edf").output.startswith("night.edf: DRIFT")


def test_a_bundle_without_a_reference_is_refused_in_one_line(folder):
    write_bundle("old", make_bundle())
    write_edf(Path("night.edf"), {"EEG": EEG})
    done = call("drift", "night.edf", bundle="old")
    assert done.exit_code == 1
    assert "has no drift reference" in done.output
    assert "Traceback" not in done.output


@pytest.mark.slow
def test_a_bad_file_is_named_and_the_rest_go_on(folder):
    write_edf(Path("night.edf"), {"EEG": EEG})
    done = call("drift", "absent.edf", "night.edf")
    assert done.exit_code == 1
    assert "Failed: absent.edf: no such file" in done.output
    assert "night.edf: no drift" in done.output


@pytest.mark.slow
def test_training_of_too_few_subjects_gives_neither():
    content = training()
    assert set(content) == {answers.FILE, drift_reference.FILE}
    few = people(3)
    epochs = pd.concat([index_epochs(night, make_ingestion()) for night in few.values()])
    features = pd.concat(
        [extract_features(n, index_epochs(n, make_ingestion()), FEATURES) for n in few.values()]
    )
    owners = epochs[["recording_id", "epoch", "subject_id", "label"]]
    table = features.merge(owners, on=["recording_id", "epoch"]).assign(role="train", fold=0)
    nothing = pd.DataFrame(
        columns=["recording_id", "epoch", "model", "family", "role", "fold", "causal",
                 *(f"proba_{name}" for name in CLASSES)]
    )  # fmt: skip
    found = describe_trust(
        table, epochs, nothing, headline="m", features=FEATURES,
        evaluation=EvaluationOptions(), study=make_study(),
    )  # fmt: skip
    assert found == {}


def test_the_model_is_as_sure_of_new_people_as_it_was():
    content = training()[drift_reference.FILE]["confidence"]
    assert content["n_subjects"] == 24
    assert content["model"] == "logistic_regression"
