import itertools
import json

import pandas as pd
import pytest
from click.testing import CliRunner

from epochal.cli import cli
from epochal.commands.hypnogram import hypnogram
from epochal.readers.hypnograms import read_hypnogram

LABELS = ["W", "W", "N1", "N2", "?", "N3", "REM"]


@pytest.fixture
def night(tmp_path):
    path = tmp_path / "night.txt"
    path.write_text("\n".join(LABELS) + "\n")
    return path


def convert(*arguments, expected=0):
    result = CliRunner().invoke(cli, ["hypnogram", *map(str, arguments)])
    assert result.exit_code == expected, result.output
    return result.output


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.edf", "sub-01_task-sleep_events.tsv"])
def test_the_targets_ending_says_the_format(night, tmp_path, name):
    told = convert(night, tmp_path / name)
    assert "N1 0.5, N2 0.5, N3 0.5, REM 0.5, W 1.0 min, 0.5 min unscored (real)" in told
    assert "Research use only" in told
    stages = read_hypnogram(tmp_path / name).stages
    assert stages["label"].tolist() == [label for label in LABELS if label != "?"]


def test_round_the_formats_and_back_nothing_is_lost(night, tmp_path):
    steps = [night, *(tmp_path / n for n in ("1.edf", "2_events.tsv", "3.csv", "4.tsv", "5.edf"))]
    for source, target in itertools.pairwise(steps):
        convert(source, target)
    first, last = read_hypnogram(night), read_hypnogram(steps[-1])
    pd.testing.assert_frame_equal(first.stages, last.stages)
    assert (first.start_s, first.end_s, first.unscored_s) == (0.0, 210.0, 30.0)
    assert (last.start_s, last.end_s, last.unscored_s) == (0.0, 210.0, 30.0)


def test_a_simulated_night_stays_simulated_through_every_format(night, tmp_path):
    (tmp_path / "SIMULATED.txt").write_text("made up")
    out = tmp_path / "a" / "b" / "c" / "d" / "e"  # further away than the mark is looked for
    steps = [night, *(out / n for n in ("1.edf", "2_events.tsv", "3.csv", "4.tsv"))]
    for source, target in itertools.pairwise(steps):
        assert "(simulated)" in convert(source, target)


def test_other_epochs_and_animals(tmp_path):
    path = tmp_path / "mouse.txt"
    path.write_text("W\nNR\nNR\nR\n")
    convert(path, tmp_path / "m.csv", "--kind", "rodent", "--epoch-s", 4)
    table = pd.read_csv(tmp_path / "m.csv")
    assert table["stage"].tolist() == ["W", "NREM", "NREM", "REM"]
    assert table["duration"].tolist() == [4] * 4


def test_what_score_wrote_has_the_epochs_of_its_json(tmp_path):
    table = pd.DataFrame({"epoch": [0, 1], "onset_s": [0.0, 20.0], "label": ["W", "N2"]})
    table.to_csv(tmp_path / "n.epochs.csv", index=False)
    side = {"epoch_length_s": 20.0, "data_source": "simulated"}
    (tmp_path / "n.json").write_text(json.dumps(side))
    assert "(simulated)" in convert(tmp_path / "n.epochs.csv", tmp_path / "n.tsv")
    assert read_hypnogram(tmp_path / "n.tsv").end_s == 40.0


def test_stretches_are_cut_into_epochs_when_asked(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("onset,duration,stage\n0,90,W\n90,60,N2\n")
    convert(path, tmp_path / "cut.csv", "--cut")
    assert pd.read_csv(tmp_path / "cut.csv")["stage"].tolist() == ["W"] * 3 + ["N2"] * 2


@pytest.fixture
def two_scorers(tmp_path):
    path = tmp_path / "two.tsv"
    rows = ["onset\tduration\tstage\tscorer", "0\t30\tW\tanna", "0\t30\tN1\tben", "30\t30\tN2\tben"]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_several_scorers_stay_several(two_scorers, tmp_path):
    told = convert(two_scorers, tmp_path / "x_events.tsv")
    assert "by anna" in told
    assert "by ben" in told
    table = pd.read_csv(tmp_path / "x_events.tsv", sep="\t")
    assert table["scorer"].tolist() == ["anna", "ben", "ben"]
    assert table["trial_type"].tolist() == ["W", "N1", "N2"]


def test_one_of_several_scorers_may_be_taken_alone(two_scorers, tmp_path):
    convert(two_scorers, tmp_path / "ben.edf", "--scorer", "ben")
    assert read_hypnogram(tmp_path / "ben.edf").stages["label"].tolist() == ["N1", "N2"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("{night}", "a.xyz"), 2, "a.xyz does not say which format: give --to csv, tsv, edf, bids"),
        (("none.txt", "a.csv"), 1, "none.txt: no such file"),
        (("{two}", "a.edf"), 1, "edf holds one scorer, given are anna, ben"),
        (("{two}", "a.tsv", "--scorer", "carl"), 1, "no scorer 'carl'; it has: anna, ben"),
        (("{night}", "a.tsv", "--scorer", "carl"), 1, "no column 'scorer', so no 'carl'"),
        (("{night}", "a.tsv", "--to", "bids"), 1, "BIDS events are called …_events.tsv"),
        (("{bad}", "a.tsv"), 1, "unknown stage 'N7'"),
    ],
)
def test_every_fault_of_a_user_is_one_line(night, two_scorers, tmp_path, arguments, code, told):
    bad = tmp_path / "bad.txt"
    bad.write_text("W\nN7\n")
    named = [one.format(night=night, two=two_scorers, bad=bad) for one in arguments]
    named[1] = str(tmp_path / named[1])
    output = convert(*named, expected=code)
    assert told in output
    assert "Traceback" not in output
    assert len([line for line in output.splitlines() if line.startswith("Error")]) == 1
    assert not list(tmp_path.glob(".part-*"))


def test_nothing_is_overwritten_unless_asked(night, tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("mine")
    assert "is there already; --force overwrites it" in convert(night, target, expected=1)
    assert target.read_text() == "mine"
    convert(night, target, "--force")
    assert target.read_text().startswith("onset,duration,stage,data_source")


def test_a_failure_leaves_no_half_written_file(night, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr("epochal.commands.hypnogram.write_hypnogram", fail)
    convert(night, tmp_path / "a.csv", expected=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["night.txt"]


def test_help_says_what_it_is_for():
    told = CliRunner().invoke(hypnogram, ["--help"]).output
    assert "Research use only, not a medical device." in told
