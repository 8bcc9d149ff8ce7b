import json
from pathlib import Path

import edfio
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from builders import CLASSES, make_bundle, make_night, write_edf
from epochal.cli import cli
from epochal.serving.batch import tell_unlike
from epochal.serving.bundle import write_bundle
from page_checks import check_page

LABELS = ["W"] * 6 + ["N2"] * 6 + ["REM"] * 6
EEG = make_night(LABELS, seed=100).channel("EEG").data


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a bundle and one night in it, where the command is called."""
    monkeypatch.chdir(tmp_path)
    write_bundle("bundle", make_bundle())
    write_edf(Path("night.edf"), {"EEG": EEG})
    return tmp_path


def score(*arguments, bundle="bundle"):
    named = ["--bundle", bundle] if bundle else []
    return CliRunner().invoke(cli, ["score", *map(str, arguments), *named, "--out", "out"])


def results(folder):
    """What was written of the recordings; the table of all of them has tests of its own."""
    names = {path.name for path in (folder / "out").iterdir()}
    return sorted(names - {"summary.csv"})


def test_a_night_is_scored_into_a_table_and_a_summary(folder):
    done = score("night.edf")
    assert done.exit_code == 0, done.output
    assert results(folder) == ["night.epochs.csv", "night.json"]
    table = pd.read_csv(folder / "out/night.epochs.csv", keep_default_na=False)
    assert table["label"].tolist() == LABELS
    assert list(table)[:5] == ["epoch", "onset_s", "label", "confidence", "flags"]
    assert list(table)[5:-2] == [f"proba_{name}" for name in CLASSES]
    assert list(table)[-2:] == ["data_source", "in_sample"]
    assert set(table["data_source"]) == {"simulated"}
    summary = json.loads((folder / "out/night.json").read_text())
    assert (summary["recording_id"], summary["n_epochs"]) == ("night", 18)
    assert summary["data_source"] == "simulated"
    assert "Research use only" in summary["notice"]


def test_a_line_tells_what_came_out(folder):
    assert score("night.edf").output.splitlines()[0] == (
        "night.edf: 18 epochs (W 6, N2 6, REM 6), 0 flagged; simulated, model logistic_regression"
    )


def test_what_the_reader_repaired_is_told(folder):
    write_edf(Path("volts.edf"), {"EEG": EEG * 1e-6}, unit="V")
    content = bytearray(Path("volts.edf").read_bytes())
    Path("volts.edf").write_bytes(content[: -(len(content) // 3)])  # cut short: told, not hidden
    done = score("volts.edf")
    assert done.exit_code == 0, done.output
    assert "  repaired: " in done.output
    assert json.loads((folder / "out/volts.json").read_text())["problems"]


@pytest.mark.slow
def test_a_picture_and_annotations_are_made_when_asked_for(folder):
    done = score("night.edf", "--plot", "--edf")
    assert done.exit_code == 0, done.output
    assert results(folder) == [
        "night.epochs.csv", "night.hypnogram.edf", "night.hypnogram.png", "night.json",
    ]  # fmt: skip
    assert (folder / "out/night.hypnogram.png").read_bytes().startswith(b"\x89PNG")
    marks = edfio.read_edf(folder / "out/night.hypnogram.edf").annotations
    assert [mark.text for mark in marks[1:3]] == ["Sleep stage W"] * 2


def test_a_bad_file_is_named_with_its_reason_and_the_rest_go_on(folder):
    Path("empty.edf").touch()
    write_edf(Path("short.edf"), {"EEG": EEG[:1000]})
    write_edf(Path("other.edf"), {"EMG chin": EEG})
    done = score("empty.edf", "short.edf", "absent.edf", "other.edf", "night.edf")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert any(line.startswith("Failed: empty.edf: ") for line in lines)
    assert "Failed: short.edf: 10 s long; an epoch needs 30 s" in lines
    assert "Failed: absent.edf: no such file" in lines
    assert "Failed: other.edf: no channel 'EEG'; it has: EMG chin" in lines
    assert lines[-1] == "Error: 4 of 5 recordings failed"
    assert results(folder) == ["night.epochs.csv", "night.json"]


def test_a_recording_unlike_the_training_data_is_refused(folder):
    random = np.random.default_rng(0)
    write_edf(Path("rat.edf"), {"EEG": random.normal(0, 400, len(EEG))})
    done = score("rat.edf")
    assert done.exit_code == 1
    assert "unlike the data that the bundle was trained on" in done.output


def test_two_inputs_of_one_stem_are_told_apart_by_their_folders(folder):
    for name in ("a", "b"):
        Path(name).mkdir()
        write_edf(Path(name) / "night.edf", {"EEG": EEG})
    done = score("a/night.edf", "b/night.edf")
    assert done.exit_code == 0, done.output
    assert results(folder) == [
        "a-night.epochs.csv", "a-night.json", "b-night.epochs.csv", "b-night.json",
    ]  # fmt: skip


def test_two_inputs_of_one_stem_and_folder_do_not_overwrite_one_another(folder):
    for name in ("a/x", "b/x"):
        Path(name).mkdir(parents=True)
        write_edf(Path(name) / "night.edf", {"EEG": EEG})
    assert score("a/x/night.edf", "b/x/night.edf").exit_code == 0
    assert results(folder) == [
        "x-night-2.epochs.csv", "x-night-2.json", "x-night.epochs.csv", "x-night.json",
    ]  # fmt: skip


def test_nothing_half_written_is_left_when_writing_fails(folder, monkeypatch):
    def fail(self, *arguments, **options):
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", fail)
    done = score("night.edf")
    assert done.exit_code == 1
    assert "no space left" in done.output
    assert results(folder) == ["night.epochs.csv"]


@pytest.mark.slow
def test_scoring_again_replaces_the_results(folder):
    assert score("night.edf").exit_code == 0
    first = (folder / "out/night.epochs.csv").read_bytes()
    (folder / "out/night.epochs.csv").write_text("old")
    assert score("night.edf").exit_code == 0
    assert (folder / "out/night.epochs.csv").read_bytes() == first


def test_without_a_bundle_the_demos_is_used_where_none_that_ships_matches(folder):
    write_edf(Path("night.edf"), {"EEG": EEG, "EOG horizontal": EEG})  # a person's night
    (folder / "data/demo/07_model_output").mkdir(parents=True)
    (folder / "bundle").rename(folder / "data/demo/07_model_output/bundle")
    done = score("night.edf", bundle=None)
    assert done.exit_code == 0, done.output


def test_without_any_bundle_the_call_is_wrong_and_says_what_to_do(folder):
    done = score("night.edf", bundle=None)
    assert done.exit_code == 2
    assert "No --bundle given" in done.output


def test_a_folder_that_is_no_bundle_ends_in_one_line(folder):
    done = score("night.edf", bundle=".")
    assert done.exit_code == 1
    assert "no bundle here" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("arguments", [["score"], ["score", "night.edf"]])
def test_a_call_without_files_or_a_place_for_the_results_is_wrong(arguments):
    assert CliRunner().invoke(cli, arguments).exit_code == 2


def test_the_help_says_what_it_is_not_for():
    shown = CliRunner().invoke(cli, ["score", "--help"])
    assert "Research use only, not a medical device." in shown.output


def summary(folder):
    return pd.read_csv(folder / "out/summary.csv", dtype={"results": str}).set_index("results")


def test_the_summary_has_a_row_per_recording_of_this_call_and_of_earlier_ones(folder):
    for name in ("a", "b"):
        write_edf(Path(f"{name}.edf"), {"EEG": EEG})
    assert score("night.edf", "a.edf").exit_code == 0
    assert sorted(summary(folder).index) == ["a", "night"]
    assert score("b.edf", "a.edf").exit_code == 0
    assert sorted(summary(folder).index) == ["a", "b", "night"]
    assert (summary(folder)["n_epochs"] == 18).all()
    assert (summary(folder)["data_source"] == "simulated").all()


def test_a_recording_that_failed_has_no_row_in_the_summary(folder):
    Path("empty.edf").touch()
    assert score("empty.edf", "night.edf").exit_code == 1
    assert summary(folder).index.tolist() == ["night"]


def test_a_foreign_summary_is_not_overwritten(folder):
    (folder / "out").mkdir()
    (folder / "out/summary.csv").write_text("mine\n1\n")
    done = score("night.edf")
    assert done.exit_code == 1
    assert "not a table of summaries" in done.output
    assert (folder / "out/summary.csv").read_text() == "mine\n1\n"


def test_a_report_is_one_page_about_the_recording(folder):
    done = score("night.edf", "--report")
    assert done.exit_code == 0, done.output
    assert results(folder) == ["night.epochs.csv", "night.json", "night.report.html"]
    page = check_page((folder / "out/night.report.html").read_text(encoding="utf-8"))
    assert "Sleep report: night" in page.shown
    assert "not available: lights off is not known" in page.shown


def test_lights_that_are_given_are_counted_from(folder):
    done = score("night.edf", "--report", "--lights-off", "60", "--lights-on", "500")
    assert done.exit_code == 0, done.output
    assert summary(folder).loc["night", "tib_min"] == pytest.approx(440 / 60)
    page = check_page((folder / "out/night.report.html").read_text(encoding="utf-8"))
    assert "lights off at 0:01:00 and lights on at 0:08:20" in page.shown


def test_lights_that_cannot_be_are_told_not_to_be_used(folder):
    done = score("night.edf", "--lights-off", "500", "--lights-on", "60")
    said = "Lights on at 60 s is not after lights off at 500 s: lights not used."
    assert done.output.splitlines()[-1] == f"  {said}"
    assert pd.read_csv(folder / "out/summary.csv")["lights_not_used"].tolist() == [said]


def test_lights_are_of_one_recording(folder):
    write_edf(Path("second.edf"), {"EEG": EEG})
    done = score("night.edf", "second.edf", "--lights-off", "60")
    assert done.exit_code == 2
    assert "give one file" in done.output


@pytest.mark.slow
def test_the_table_of_results_is_the_same_with_a_report_and_without(folder):
    assert score("night.edf").exit_code == 0
    before = (folder / "out/night.epochs.csv").read_bytes()
    assert score("night.edf", "--report").exit_code == 0
    assert (folder / "out/night.epochs.csv").read_bytes() == before


def test_labels_unlike_those_of_training_subjects_are_told():
    confidence = {"confidence": {"unlike": ["mean confidence", "share of REM"]}}
    assert tell_unlike({"drift": confidence}).endswith(": mean confidence, share of REM")
    assert tell_unlike({"drift": {"drift": None, "reason": "too few epochs"}}) == ""
    assert tell_unlike({}) == ""


def test_results_cannot_go_where_a_file_is(folder):
    (folder / "out").write_text("a file")
    done = score("night.edf")
    assert done.exit_code == 1
    assert done.output.endswith("Error: --out out: no folder can be there: File exists\n")


def test_lights_are_seconds(folder):
    done = score("night.edf", "--lights-off", "nan")
    assert done.exit_code == 2
    assert "--lights-off nan: seconds from the recording's start are meant" in done.output
