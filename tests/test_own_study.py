"""The page "Your own study in 15 minutes": its two studies run as they stand there.

The recordings are made here and belong to no study of the project. Each class has a rhythm of its
own, in noise: what a study learns must stand far above the majority.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from builders import make_ingestion, write_edf
from builders import make_study as make_options
from epochal.cli import cli
from epochal.errors import EpochalError, RecordingError
from epochal.options.checking import GLOBALS, check_classes, check_folder, check_globals
from projects import ROOT, Project, make_once, make_project, merge, pictures_unrendered

PAGE = (ROOT / "docs/how-to/your-own-study.md").read_text(encoding="utf-8")
SFREQ = 100.0
# Models as light as the suite needs; nothing else of the page is changed but the folder.
LIGHT = {
    "classical_models": {"models": {"lightgbm": {"params": {"n_estimators": 20}}}},
    "evaluation": {"n_bootstrap": 50, "explanation": {"n_epochs": 20}},
}
LIGHT_NETWORK = {"models": {"residual_mlp": {"params": {"n_epochs": 3, "width": 16}}}}

# class -> the EEG's rhythm in Hz, its size in uV, breaths a minute
NAP = {"awake": (10.0, 18.0, 16.0), "drowsy": (6.0, 20.0, 13.0), "asleep": (1.5, 35.0, 10.0)}
DEPTH = {
    "responsive": (20.0, 10.0, 0.0),
    "light": (10.0, 25.0, 0.0),
    "deep": (1.5, 45.0, 0.0),
    "suppression": (1.0, 45.0, 0.0),
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def page_study(name: str) -> tuple[str, str]:
    """Return a study's globals and parameters as the page shows them."""
    shown = blocks("yaml")
    first = next(i for i, text in enumerate(shown) if yaml.safe_load(text) == {"study": name})
    return shown[first], shown[first + 1]


def signals_of(
    stretches: list[tuple[str, float]], kinds: dict, channels: list[str], random: Any
) -> dict[str, np.ndarray]:
    """Return noisy rhythms by channel, and a belt that breathes."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in [*channels, "Resp"]}
    for label, length_s in stretches:
        rhythm_hz, size_uv, breaths = kinds.get(label, (3.0, 30.0, 15.0))
        time_s = np.arange(round(length_s * SFREQ)) / SFREQ
        for name in channels:
            wave = size_uv * np.sin(2 * np.pi * rhythm_hz * time_s + random.uniform(0, 6))
            parts[name].append(wave + random.normal(0, 12, len(time_s)))
        belt = np.sin(2 * np.pi * breaths / 60 * time_s)
        parts["Resp"].append(belt + random.normal(0, 0.05, len(time_s)))
    return {name: np.concatenate(part) for name, part in parts.items()}


def shuffled_stretches(labels: list[str], random: Any) -> list[tuple[str, float]]:
    """Return each label twice in a random order, each time 100 to 160 s long."""
    order = [*random.permutation(labels), *random.permutation(labels)]
    return [(str(label), float(random.integers(5, 9) * 20)) for label in order]


def events_of(stretches: list[tuple[str, float]], column: str) -> pd.DataFrame:
    lengths = [length for _, length in stretches]
    return pd.DataFrame(
        {
            "onset": np.cumsum([0.0, *lengths[:-1]]),
            "duration": lengths,
            column: [label for label, _ in stretches],
        }
    )


def write_naps(folder: Path, n_subjects: int = 10) -> Path:
    """Write a BIDS data set by hand; the last subject has no belt."""
    folder.mkdir(parents=True)
    people = pd.DataFrame(
        {
            "participant_id": [f"sub-{n:02d}" for n in range(1, n_subjects + 1)],
            "age": [20 + n for n in range(n_subjects)],
            "sex": ["F", "M"] * (n_subjects // 2),
        }
    )
    people.to_csv(folder / "participants.tsv", sep="\t", index=False)
    (folder / "dataset_description.json").write_text(
        json.dumps({"Name": "Naps made for a test", "BIDSVersion": "1.9.0"})
    )
    (folder / "SIMULATED.txt").write_text("Made by tests/test_own_study.py.\n")
    for number, subject in enumerate(people["participant_id"]):
        _write_nap(folder / subject / "eeg", subject, number, belt=number < n_subjects - 1)
    return folder


def _write_nap(folder: Path, subject: str, number: int, *, belt: bool) -> None:
    random = np.random.default_rng(number)
    stretches = [*shuffled_stretches(list(NAP), random), ("movement", 20.0)]
    made = signals_of(stretches, NAP, ["EEG Cz", "EEG Oz"], random)
    breath = made.pop("Resp")
    folder.mkdir(parents=True)
    stem = f"{subject}_task-nap"
    write_edf(folder / f"{stem}_eeg.edf", made | ({"Resp": breath} if belt else {}))
    events_of(stretches, "trial_type").to_csv(folder / f"{stem}_events.tsv", sep="\t", index=False)


def write_operations(folder: Path, n_subjects: int = 8) -> Path:
    """Write EDF files here and there, label files, and the table that lists them."""
    (folder / "monitor").mkdir(parents=True)
    (folder / "scores").mkdir()
    (folder / "SIMULATED.txt").write_text("Made by tests/test_own_study.py.\n")
    rows = []
    for number in range(1, n_subjects + 1):
        random = np.random.default_rng(number)
        stretches = [*shuffled_stretches(list(DEPTH), random), ("artefact", 20.0)]
        made = signals_of(stretches, DEPTH, ["EEG Fp1"], random)
        write_edf(folder / f"monitor/op{number:02d}.edf", {"EEG Fp1": made["EEG Fp1"]})
        events_of(stretches, "stage").to_csv(folder / f"scores/op{number:02d}.csv", index=False)
        rows.append(
            {
                "recording": f"op{number:02d}",
                "path": f"monitor/op{number:02d}.edf",
                "subject": f"p{number:02d}",
                "labels": f"scores/op{number:02d}.csv",
                "age": 50 + number,
                "sex": "FM"[number % 2],
                "site": ["Basel", "Lyon"][number % 2],
            }
        )
    pd.DataFrame(rows).to_csv(folder / "recordings.csv", index=False)
    return folder


WRITERS = {"naps": write_naps, "anaesthesia": write_operations}


def make_study(root: Path, name: str, data: Path | str, **changes: Any) -> Project:
    """Write a study of the page into a copied conf, its folder and its models' weight changed."""
    project = make_project(root)
    given, parameters = page_study(name)
    (root / "conf" / name).mkdir()
    (root / "conf" / name / "globals.yml").write_text(given)
    sections = yaml.safe_load(parameters.replace(f"/data/{name}", str(data)))
    light = LIGHT if "deep_models" in sections else {**LIGHT, "deep_models": LIGHT_NETWORK}
    made = merge(merge(sections, light), changes)
    (root / "conf" / name / "parameters.yml").write_text(yaml.safe_dump(made))
    return project


@pytest.fixture(scope="module", params=list(WRITERS))
def finished(request) -> tuple[str, Path]:
    """Both studies of the page, run through all eight pipelines."""
    name = request.param
    root = make_once(Path(os.environ["SHARED_BY_WORKERS"]) / name, partial(run_study, name))
    return name, root / "data" / name


def run_study(name: str, root: Path) -> None:
    """Run a study of the page; of the naps alone the pictures are rendered."""
    data = WRITERS[name](root / "raw")
    with contextlib.nullcontext() if name == "naps" else pictures_unrendered():
        make_study(root, name, data).run(env=name)


@pytest.mark.parametrize("name", list(WRITERS))
def test_a_study_of_the_page_has_at_most_fifty_lines(name):
    assert sum(text.count("\n") for text in page_study(name)) <= 50


def test_the_table_on_the_page_has_the_columns_of_the_table_that_is_read(tmp_path):
    write_operations(tmp_path / "raw", 1)
    shown = blocks("csv")[0].splitlines()[0]
    assert (tmp_path / "raw/recordings.csv").read_text().splitlines()[0] == shown


@pytest.mark.slow
def test_what_is_learned_stands_far_above_the_majority(finished):
    _, data = finished
    board = pd.read_csv(data / "08_reporting/leaderboard.csv").set_index(["role", "model"])
    for role in ("oof", "test"):
        rows = board.loc[role]
        assert rows.loc["stack", "accuracy"] > rows.loc["majority", "accuracy"] + 0.4
        assert rows.loc["stack", "kappa"] > 0.85
        assert rows.loc["majority", "kappa"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.slow
def test_labels_become_the_classes_of_the_page_and_the_others_stay_unscored(finished):
    name, data = finished
    epochs = pd.read_parquet(data / "03_primary/epochs.parquet")
    classes = yaml.safe_load(page_study(name)[1])["study"]["classes"]
    assert set(epochs["label"].dropna()) == set(classes)
    assert epochs["label"].isna().sum() >= epochs["recording_id"].nunique()
    assert (epochs["data_source"] == "simulated").all()


@pytest.mark.slow
def test_what_the_tables_say_of_people_reaches_the_summary(finished):
    name, data = finished
    summary = pd.read_csv(data / "08_reporting/recordings.csv")
    assert summary["age"].between(20, 60).all()
    assert set(summary["sex"]) == {"F", "M"}
    if name == "anaesthesia":
        assert set(summary["site"]) == {"Basel", "Lyon"}
        assert summary["subject_id"].tolist() == [f"p{n:02d}" for n in range(1, 9)]


@pytest.mark.slow
def test_a_recording_without_the_optional_belt_is_taken_along(finished):
    name, data = finished
    if name != "naps":
        pytest.skip("only the naps have a belt")
    features = pd.read_parquet(data / "04_feature/features.parquet")
    breaths = features.groupby("recording_id")[
        [column for column in features if "breathing_rate" in column]
    ].count()
    assert (breaths.loc["sub-10_task-nap"] == 0).all()
    assert (breaths.drop("sub-10_task-nap") > 0).all().all()


@pytest.mark.slow
def test_the_bundle_scores_a_recording_of_the_study(finished, tmp_path):
    name, data = finished
    path = next((data.parents[1] / "raw").rglob("*.edf"))
    bundle = data / "07_model_output/bundle"
    given = ["score", path, "--bundle", bundle, "--out", tmp_path]
    result = CliRunner().invoke(cli, [str(one) for one in given])
    assert result.exit_code == 0, result.output
    table = pd.read_csv(next(tmp_path.rglob("*.epochs.csv")))
    classes = yaml.safe_load(page_study(name)[1])["study"]["classes"]
    assert {f"proba_{one}" for one in classes} <= set(table)


@pytest.mark.slow
def test_the_bundle_offers_only_what_never_looks_ahead_where_that_is_asked(finished):
    name, data = finished
    manifest = json.loads((data / "07_model_output/bundle/manifest.json").read_text())
    assert manifest["classes"] == yaml.safe_load(page_study(name)[1])["study"]["classes"]
    if name == "anaesthesia":
        assert "stack_forward_backward" not in manifest["smoothing"]


# What is planted, and the line of the page that it must bring about.
PLANTED = {
    "misspelt section": (
        {"splits": {"n_folds": 3}},
        "No section 'splits' in the parameters; did you mean 'splitting'?",
    ),
    "misspelt option": (
        {"splitting": {"n_fold": 4}},
        "no option 'n_fold'; did you mean 'n_folds'?",
    ),
    "unknown reader": ({"ingestion": {"reader": "bid"}}, "No reader 'bid'; did you mean 'bids'?"),
    "misspelt option of the reader": (
        {"ingestion": {"reader_options": {"tasks": "nap"}}},
        "no option 'tasks'; did you mean 'task'?",
    ),
    "unknown feature": (
        {"feature_engineering": {"signals": {"cz": {"features": ["band_powr"]}}}},
        "feature_engineering.signals.cz: no feature set 'band_powr'; did you mean 'band_power'?",
    ),
    "unknown kind of model": (
        {"classical_models": {"models": {"lightgbm": {"kind": "lightgmb"}}}},
        "classical_models.models.lightgbm: no kind 'lightgmb'; did you mean 'lightgbm'?",
    ),
    "misspelt hyper-parameter": (
        {"classical_models": {"models": {"lightgbm": {"params": {"num_leafs": 9}}}}},
        "classical_models.models.lightgbm: lightgbm: no parameter 'num_leafs'; "
        "did you mean 'num_leaves'?",
    ),
    "missing folder": (
        {"ingestion": {"path": "/data/nap"}},
        "/data/nap: no such folder (ingestion.path)",
    ),
    "unknown class": (
        {"ingestion": {"reader_options": {"stages": {"drowsy": "drowzy"}}}},
        "ingestion.reader_options.stages: 'drowzy' is not in study.classes; did you mean 'drowsy'?",
    ),
    "class without a label": (
        {"ingestion": {"reader_options": {"stages": {"asleep": None}}}},
        "ingestion.reader_options.stages: no label becomes 'asleep' of study.classes",
    ),
    "no number": (
        {"ingestion": {"epoch_length_s": "thirty"}},
        "epoch_length_s Input should be a valid number, unable to parse string as a number, "
        "and not 'thirty'",
    ),
    "nothing given": ({"ingestion": {"epoch_length_s": "???"}}, "epoch_length_s Field required"),
}


# What is said in `globals.yml`, and the line of the page that it must bring about.
PLANTED_GLOBALS = {
    "misspelt global": (
        "study: naps\nstorages: /elsewhere",
        "globals.yml: no option 'storages'; did you mean 'storage'?",
    ),
    "another's name": (
        "study: demo",
        "conf/naps/globals.yml names the study 'demo', another environment's, whose data it would "
        "overwrite; write 'naps', or a name that no environment has",
    ),
}


def refusal(root: Path, *arguments: str) -> str:
    """Return the one line that a run ends in, and assert that nothing was read or written."""
    result = CliRunner().invoke(cli, ["run", *arguments])
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    assert not (root / "data").exists()
    return result.output.strip().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("fault", list(PLANTED))
def test_a_planted_fault_is_named_in_one_line_before_any_node_runs(fault, tmp_path, monkeypatch):
    changes, line = PLANTED[fault]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()  # a folder without recordings: nothing gets as far as to look
    make_study(tmp_path, "naps", tmp_path / "raw", **changes)
    assert line in refusal(tmp_path, "--env", "naps")
    assert f"`{line}" in PAGE


@pytest.mark.slow
@pytest.mark.parametrize("fault", list(PLANTED_GLOBALS))
def test_a_fault_planted_in_the_globals_is_named_in_one_line(fault, tmp_path, monkeypatch):
    given, line = PLANTED_GLOBALS[fault]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    make_study(tmp_path, "naps", tmp_path / "raw")
    (tmp_path / "conf/naps/globals.yml").write_text(given)
    assert refusal(tmp_path, "--env", "naps") == f"Error: {line}"
    assert f"`{line}`" in PAGE


@pytest.mark.parametrize("name", ["paralel", "paralell", "Storage", "storge", "studdy"])
def test_a_near_miss_of_a_global_is_refused(name, tmp_path):
    with pytest.raises(EpochalError, match=f"no option '{name}'; did you mean '"):
        check_globals({"study": tmp_path.name, name: 1}, tmp_path)


@pytest.mark.parametrize("name", ["laboratory", "storage_options", "study_name", "raw_folder"])
def test_a_study_may_have_globals_of_its_own(name, tmp_path):
    check_globals({"study": tmp_path.name, name: 1}, tmp_path)


def test_the_globals_that_are_known_are_those_of_base():
    assert set(yaml.safe_load((ROOT / "conf/base/globals.yml").read_text())) == set(GLOBALS)


def test_a_study_may_have_a_name_that_no_environment_has(tmp_path):
    (tmp_path / "mice").mkdir()
    (tmp_path / "naps").mkdir()
    check_globals({"study": "mice_again"}, tmp_path / "mice")
    check_globals({"study": "mice"}, tmp_path / "mice")
    with pytest.raises(EpochalError, match="names the study 'naps', another environment's"):
        check_globals({"study": "naps"}, tmp_path / "mice")


@pytest.mark.slow
def test_a_fault_in_a_section_that_the_pipeline_does_not_read_is_named_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    make_study(tmp_path, "naps", tmp_path / "raw", stacking={"memry": 1.0})
    said = refusal(tmp_path, "--env", "naps", "--pipelines", "ingestion")
    assert said == "Error: stacking: memry: no option 'memry'; did you mean 'memory'?"


def test_the_class_that_is_trimmed_must_be_one_of_the_studys():
    with pytest.raises(EpochalError, match=r"ingestion.trim.label: 'V' is not in study.classes"):
        check_classes(make_ingestion(trim={"label": "V"}), make_options())
    check_classes(make_ingestion(trim={"label": "W"}), make_options())


def test_a_readers_own_map_may_know_more_classes_than_the_study():
    check_classes(make_ingestion(reader_options={}), make_options(classes=("W", "REM")))
    given = make_ingestion(reader="bids", reader_options={"stages": {"x": "W", "y": "REM"}})
    with pytest.raises(EpochalError, match="no label becomes 'N2'"):
        check_classes(given, make_options(classes=("W", "N2", "REM")))


def test_the_folder_of_raw_files_must_be_there(tmp_path):
    check_folder(make_ingestion(path=str(tmp_path)))
    with pytest.raises(RecordingError, match="no such folder"):
        check_folder(make_ingestion(path=str(tmp_path / "not")))


@pytest.mark.slow
def test_a_misspelt_study_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_study(tmp_path, "naps", tmp_path)
    line = "No environment 'nap'; did you mean 'naps'?"
    assert line in refusal(tmp_path, "--env", "nap")
    assert f"`{line}`" in PAGE


def test_every_line_of_the_pages_table_is_provoked():
    rows = re.findall(r"^\| .* \| `(.*)` \|$", PAGE, re.MULTILINE)
    planted = [*PLANTED.values(), *PLANTED_GLOBALS.values()]
    provoked = {line for _, line in planted} | {"No environment 'nap'; did you mean 'naps'?"}
    assert set(rows) == provoked
