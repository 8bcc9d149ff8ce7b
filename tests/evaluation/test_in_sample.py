"""A recording that training saw says so: when it is scored, and when it is compared."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from builders import SFREQ, make_bundle, make_night, write_edf
from epochal.checksums import checksum
from epochal.cli import cli
from epochal.commands.score import score
from epochal.evaluation.scoring_files import KINDS, read_scoring
from epochal.serving.bundle import Bundle, read_bundle, write_bundle
from epochal.serving.reading import read_all

NIGHT = ["W"] * 20 + ["N2"] * 40 + ["REM"] * 20


@pytest.fixture
def recording(tmp_path):
    (channel,) = make_night(["W"] * 3 + ["N2"] * 3).channels
    return write_edf(tmp_path / "mine.edf", {"EEG": channel.data}, sfreq=SFREQ)


def trained_on(tmp_path, checksums):
    given = make_bundle()
    changed = given.manifest.model_copy(update={"training_recordings": checksums})
    write_bundle(tmp_path / "bundle", Bundle(changed, given.files))
    return tmp_path / "bundle"


@pytest.mark.parametrize(("seen", "expected"), [(True, True), (False, False), (None, None)])
def test_a_scored_recording_says_whether_training_saw_it(tmp_path, recording, seen, expected):
    checksums = {True: [checksum([recording]), "aa"], False: ["aa"], None: []}[seen]
    folder = trained_on(tmp_path, checksums)
    arguments = [recording, "--bundle", folder, "--out", tmp_path / "out"]
    done = CliRunner().invoke(score, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "out/mine.json").read_text())["in_sample"] is expected
    assert ("IN-SAMPLE" in done.output) is bool(expected)


def test_every_recording_that_is_read_carries_its_files_checksum(tmp_path, recording):
    manifest = read_bundle(trained_on(tmp_path, ["aa"])).manifest
    (found,) = read_all(recording, manifest)
    assert found.metadata["signal_sha256"] == checksum([recording])
    assert manifest.saw(found) is False


def test_a_bundle_of_before_knows_none_of_its_recordings(tmp_path):
    folder = trained_on(tmp_path, ["aa"])
    told = json.loads((folder / "manifest.json").read_text())
    del told["training_recordings"]
    (folder / "manifest.json").write_text(json.dumps(told))
    assert read_bundle(folder).manifest.training_recordings == []


def write_scored(folder, name, *, flags=(), **facts):
    table = pd.DataFrame({"epoch": range(len(NIGHT)), "label": NIGHT, "flags": ""})
    table.insert(1, "onset_s", 30.0 * np.arange(len(NIGHT)))
    for epoch, flag in flags:
        table.loc[epoch, "flags"] = flag
    table.to_csv(folder / f"{name}.epochs.csv", index=False)
    told = {"epoch_length_s": 30, "model": "m", "data_source": "real", **facts}
    (folder / f"{name}.json").write_text(json.dumps(told))
    (folder / f"{name}.txt").write_text("\n".join(NIGHT) + "\n")
    return folder / f"{name}.epochs.csv"


def compare(*arguments):
    done = CliRunner().invoke(cli, ["compare", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("seen", [True, False, None])
def test_a_comparison_warns_where_training_saw_the_recording(tmp_path, seen):
    path = write_scored(tmp_path, "n", in_sample=seen)
    output = compare(path, "--reference", tmp_path / "n.txt", "--out", tmp_path / "out")
    assert ("IN-SAMPLE" in output) is bool(seen)
    assert json.loads((tmp_path / "out/n.comparison.json").read_text())["in_sample"] is seen
    row = pd.read_csv(tmp_path / "out/comparison.csv", dtype=object).iloc[0]
    assert str(row["in_sample"]) == ("nan" if seen is None else str(seen))


def test_of_several_recordings_each_one_that_was_seen_is_named_and_the_whole_is_marked(tmp_path):
    scored = [write_scored(tmp_path, name, in_sample=name == "a") for name in ("a", "b")]
    output = compare(*scored, "--reference", tmp_path / "a.txt", "--reference", tmp_path / "b.txt")
    assert output.count("IN-SAMPLE: the bundle was trained on this recording") == 1
    (whole,) = (line for line in output.splitlines() if line.startswith("All 2 together"))
    assert whole.endswith("IN-SAMPLE in part")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [((False, False), False), ((None, None), None), ((False, None), None), ((None, True), True)],
)
def test_of_several_recordings_the_whole_is_unseen_only_where_each_is_known_to_be(
    tmp_path, seen, expected
):
    scored = [
        write_scored(tmp_path, name, in_sample=one) for name, one in zip("ab", seen, strict=True)
    ]
    references = ["--reference", tmp_path / "a.txt", "--reference", tmp_path / "b.txt"]
    compare(*scored, *references, "--out", tmp_path / "out")
    assert json.loads((tmp_path / "out/comparison.json").read_text())["in_sample"] is expected
    row = pd.read_csv(tmp_path / "out/comparison.csv", dtype=object).iloc[-1]
    assert (row["recording"], str(row["in_sample"])) == (
        "all",
        "nan" if expected is None else str(expected),
    )


def test_minutes_of_artefact_are_those_of_epochs_flagged_for_a_fault_of_the_signal(tmp_path):
    flags = [(3, "flat"), (4, "saturated;outside_reference"), (9, "outside_reference")]
    path = write_scored(tmp_path, "n", flags=flags)
    assert read_scoring(path, KINDS["human"], epoch_s=30.0).artefact.nonzero()[0].tolist() == [3, 4]
    output = compare(path, "--reference", tmp_path / "n.txt", "--out", tmp_path / "out")
    told = json.loads((tmp_path / "out/n.comparison.json").read_text())
    assert told["sleep_statistics"]["scored"]["artefact_min"] == 1.0
    assert told["sleep_statistics"]["reference"]["artefact_min"] is None
    (line,) = (line for line in output.splitlines() if "Artefact" in line)
    assert "1.0 min" in line
    assert "not available" in line


def test_artefacts_move_with_the_offset_and_lights_cut_them(tmp_path):
    path = write_scored(tmp_path, "n", flags=[(0, "flat"), (30, "flat"), (79, "flat")])
    arguments = ["--lights-off", 300, "--lights-on", 1800, "--out", tmp_path / "out"]
    compare(path, "--reference", tmp_path / "n.txt", *arguments)
    told = json.loads((tmp_path / "out/n.comparison.json").read_text())
    assert told["sleep_statistics"]["scored"]["artefact_min"] == 0.5


def test_a_hypnogram_without_flags_has_no_minutes_of_artefact(tmp_path):
    path = write_scored(tmp_path, "n")
    assert read_scoring(tmp_path / "n.txt", KINDS["human"], epoch_s=30.0).artefact is None
    output = compare(tmp_path / "n.txt", "--reference", path)
    assert "Artefact" not in output
