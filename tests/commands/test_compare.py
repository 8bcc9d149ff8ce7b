import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal.commands.compare import compare
from epochal.errors import RecordingError
from epochal.evaluation.scoring_files import KINDS, read_scoring
from epochal.hypnogram.sleep_statistics import CLASSES

NIGHT = ["W"] * 10 + ["N1"] * 4 + ["N2"] * 30 + ["N3"] * 20 + ["N2"] * 8 + ["REM"] * 12 + ["W"] * 6


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(compare, [str(argument) for argument in arguments])


def write_scored(name, labels, *, source="real", length_s=30):
    rows = [f"{i},{length_s * i},{label},0.9,," for i, label in enumerate(labels)]
    head = "epoch,onset_s,label,confidence,flags,proba_W"
    Path(f"{name}.epochs.csv").write_text("\n".join([head, *rows]) + "\n")
    facts = {"epoch_length_s": length_s, "model": "lightgbm", "data_source": source}
    Path(f"{name}.json").write_text(json.dumps(facts))
    return f"{name}.epochs.csv"


def write_text(name, labels):
    Path(name).write_text("\n".join(label or "?" for label in labels) + "\n")
    return name


def told(name):
    return json.loads(Path("out", f"{name}.comparison.json").read_text(encoding="utf-8"))


def test_a_scored_recording_is_compared_and_written(folder):
    guess = [*NIGHT[:-6], *["N1"] * 6]
    write_scored("night", guess)
    write_text("mine.txt", NIGHT)
    done = run("night.epochs.csv", "--reference", "mine.txt", "--out", "out")
    assert done.exit_code == 0, done.output
    files = sorted(path.name for path in Path("out").iterdir())
    assert files == ["comparison.csv", "night.comparison.csv", "night.comparison.json"]
    found = told("night")
    assert found["accuracy"] == pytest.approx(84 / 90)
    assert found["confusion"]["W"] == {"W": 10, "N1": 6, "N2": 0, "N3": 0, "REM": 0}
    assert (found["data_source"], found["model"]) == ("real", "lightgbm")
    assert "Research use only" in found["notice"]
    assert found["definitions"]["waso_min"]["definition"].startswith("Wake after sleep onset")
    assert "limb movements" in found["not_produced"]


def test_the_table_on_the_screen_holds_what_the_files_do(folder):
    write_scored("night", NIGHT, source="simulated")
    write_text("mine.txt", NIGHT)
    done = run("night.epochs.csv", "--reference", "mine.txt")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("night.epochs.csv against mine.txt (simulated)")
    for part in ("κ 1.000", "offset 0 epochs", "scored as", "SPT", "not available",
                 "Research use only, not a medical device."):  # fmt: skip
        assert part in done.output
    assert not Path("out").exists()


def test_the_epochs_of_both_stand_in_a_csv(folder):
    write_scored("night", NIGHT)
    write_text("mine.txt", [None, *NIGHT[1:]])
    run("night.epochs.csv", "--reference", "mine.txt", "--out", "out")
    rows = pd.read_csv("out/night.comparison.csv")
    assert list(rows) == ["epoch", "onset_s", "scored", "reference", "agree"]
    assert len(rows) == 90
    assert rows.loc[0, ["scored", "reference"]].isna().tolist() == [False, True]


def test_lights_give_time_in_bed(folder):
    write_scored("night", NIGHT)
    write_text("mine.txt", NIGHT)
    lights = ("--lights-off", 60, "--lights-on", 2700)
    run("night.epochs.csv", "--reference", "mine.txt", "--out", "out", *lights)
    statistics = told("night")["sleep_statistics"]["scored"]
    assert (statistics["tib_min"], statistics["sol_min"]) == (44.0, 4.0)


def test_a_label_that_nobody_knows_is_refused_by_name(folder):
    write_scored("night", NIGHT)
    write_text("mine.txt", [*NIGHT[:-1], "Dozing"])
    done = run("night.epochs.csv", "--reference", "mine.txt")
    assert done.exit_code == 1
    assert "mine.txt: unknown stage 'Dozing'" in done.output
    assert done.output.count("\n") == 2
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["absent.epochs.csv", "--reference", "mine.txt"], "absent.epochs.csv: no such file"),
        (["night.epochs.csv", "--reference", "absent.txt"], "absent.txt: no such file"),
        (["night.epochs.csv", "--reference", "absent", "--reference", "mine.txt"], "no such file"),
        (["night.epochs.csv", "--reference", "night.json"], "no hypnogram format ends in '.json'"),
        (["night.epochs.csv", "--reference", "mine.txt", "--epoch-s", "20"], "30 s long, not 20 s"),
    ],
)
def test_a_failure_is_one_line_that_names_the_file(folder, arguments, reason):
    write_scored("night", NIGHT)
    write_text("mine.txt", NIGHT)
    done = run(*arguments)
    assert done.exit_code == 1
    assert reason in done.output
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["night.epochs.csv"],
        ["night.epochs.csv", "--reference", "mine.txt", "--kind", "fish"],
        ["night.epochs.csv", "--reference", "mine.txt", "--epoch-s", "0"],
        ["night.epochs.csv", "--reference", "mine.txt", "--lights-off", "90", "--lights-on", "60"],
        ["night.epochs.csv", "b.epochs.csv", "--reference", ".", "--lights-off", "90"],
        ["night.epochs.csv", "./night.epochs.csv", "--reference", "."],
    ],
)
def test_wrong_usage_exits_with_2(folder, arguments):
    write_scored("night", NIGHT)
    write_text("mine.txt", NIGHT)
    assert run(*arguments).exit_code == 2


@pytest.mark.slow
def test_several_are_paired_by_stem_with_a_row_each_and_a_pooled_one(folder):
    Path("refs").mkdir()
    for name, wrong in (("a", 0), ("b", 9), ("c", 18)):
        write_scored(name, ["REM"] * wrong + NIGHT[wrong:])
        write_text(f"refs/{name}.txt", NIGHT)
    files = [f"{name}.epochs.csv" for name in "abc"]
    done = run(*files, "--reference", "refs", "--out", "out")
    assert done.exit_code == 0, done.output
    table = pd.read_csv("out/comparison.csv").set_index("recording")
    assert table.index.tolist() == ["a", "b", "c", "all"]
    assert table["n_epochs"].tolist() == [90, 90, 90, 270]
    assert table.loc["all", "accuracy"] == pytest.approx(1 - 27 / 270)
    assert table.loc["all", "kappa_low"] <= table.loc["all", "kappa"]
    assert table["data_source"].eq("real").all()
    together = json.loads(Path("out/comparison.json").read_text(encoding="utf-8"))
    bias = {row["statistic"]: row["bias"] for row in together["bland_altman"]}
    assert bias["rem_min"] == pytest.approx((0 + 9 + 18) / 3 / 2)
    assert "All 3 together (real): 270 epochs" in done.output


def test_one_that_fails_does_not_stop_the_others(folder):
    Path("refs").mkdir()
    for name in ("a", "b", "d"):
        write_scored(name, NIGHT)
    write_text("refs/a.txt", NIGHT)
    write_text("refs/b.txt", [*NIGHT, "N9"])
    done = run("a.epochs.csv", "b.epochs.csv", "d.epochs.csv", "--reference", "refs")
    assert done.exit_code == 1
    assert "a.epochs.csv against a.txt" in done.output
    assert "refs/b.txt: unknown stage 'N9'" in done.output
    assert "d.epochs.csv: no reference of that name; there are: a.txt, b.txt" in done.output
    assert "Error: 2 of 3 comparisons failed" in done.output


@pytest.mark.parametrize(
    ("scored", "reference"),
    [
        ("night01", "night01.txt"),
        ("night01-PSG", "night01-Hypnogram.txt"),
        ("sub-01_psg", "SUB-01_stages.txt"),
        ("SC4001E0-PSG", "SC4001EC-Hypnogram.txt"),
        ("night01", "night01.hypnogram.txt"),
    ],
)
def test_what_names_add_to_a_recordings_own_is_passed_over(folder, scored, reference):
    Path("refs").mkdir()
    write_text(f"refs/{reference}", NIGHT)
    write_text("refs/night011.txt", NIGHT)
    write_text("refs/SC4002EC-Hypnogram.txt", NIGHT)
    done = run(write_scored(scored, NIGHT), "--reference", "refs")
    assert done.exit_code == 0, done.output
    assert f"against {reference}" in done.output


def test_two_references_that_may_both_be_the_own_are_not_chosen_from(folder):
    Path("refs").mkdir()
    for name in ("a_stages.txt", "a-Hypnogram.txt"):
        write_text(f"refs/{name}", NIGHT)
    done = run(write_scored("a", NIGHT), "--reference", "refs")
    assert done.exit_code == 1
    assert "several references may be its own: a-Hypnogram.txt, a_stages.txt" in done.output


def test_animals_are_compared_in_their_own_classes_and_epochs(folder):
    labels = ["W"] * 40 + ["NREM"] * 50 + ["REM"] * 10
    write_scored("mouse", labels, length_s=4)
    write_text("mine.txt", ["Wake" if name == "W" else name for name in labels])
    given = ("mouse.epochs.csv", "--reference", "mine.txt", "--out", "out")
    assert run(*given).exit_code == 1  # human classes have no NREM
    done = run(*given, "--kind", "rodent")
    assert done.exit_code == 0, done.output
    assert (told("mouse")["kappa"], told("mouse")["epoch_length_s"]) == (1.0, 4.0)
    assert "definitions" not in told("mouse")


def test_the_help_tells_what_is_compared():
    text = " ".join(run("--help").output.split())
    for part in ("offset between the two", "--reference", "Research use only"):
        assert part in text


def test_two_nights_of_one_stem_are_told_apart_by_their_folders(folder):
    Path("refs").mkdir()
    write_text("refs/night.txt", NIGHT)
    for name in ("monday", "tuesday"):
        Path(name).mkdir()
        write_scored(f"{name}/night", NIGHT)
    files = [f"{name}/night.epochs.csv" for name in ("monday", "tuesday")]
    done = run(*files, "--reference", "refs", "--out", "out")
    assert done.exit_code == 0, done.output
    assert told("monday-night")["kappa"] == told("tuesday-night")["kappa"] == 1.0


def test_offsets_and_notes_of_several_are_told_below_their_lines(folder):
    Path("refs").mkdir()
    late = [*NIGHT[::-1], *NIGHT, *NIGHT]
    write_scored("a", late)
    write_scored("b", NIGHT)
    write_text("refs/a.txt", late[6:])
    write_text("refs/b.txt", NIGHT)
    done = run("a.epochs.csv", "b.epochs.csv", "--reference", "refs")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith("a.epochs.csv: 264 epochs: κ 1.000")
    assert lines[1].startswith("  offset -6 epochs: the reference has it 180 s earlier")
    assert lines[2].startswith("b.epochs.csv: 90 epochs: κ 1.000")


def test_an_offset_is_not_looked_for_when_clocks_are_trusted(folder):
    late = [*NIGHT[::-1], *NIGHT, *NIGHT]
    write_scored("a", late)
    write_text("mine.txt", late[6:])
    run("a.epochs.csv", "--reference", "mine.txt", "--max-offset-min", "0", "--out", "out")
    assert told("a")["offset"]["epochs"] == 0
    assert told("a")["kappa"] < 0.9


def test_many_references_are_named_in_part(folder):
    Path("refs").mkdir()
    for number in range(8):
        write_text(f"refs/r{number}.txt", NIGHT)
    done = run(write_scored("night", NIGHT), "--reference", "refs")
    assert "there are: r0.txt, r1.txt, r2.txt, r3.txt, r4.txt and 3 others" in done.output


def test_an_empty_folder_has_no_reference(folder):
    Path("refs").mkdir()
    done = run(write_scored("night", NIGHT), "--reference", "refs")
    assert done.exit_code == 1
    assert "there are: none at all" in done.output


def test_a_night_without_sleep_is_compared_too(folder):
    write_scored("night", ["W"] * 50)
    write_text("mine.txt", ["W"] * 50)
    done = run("night.epochs.csv", "--reference", "mine.txt", "--out", "out")
    assert done.exit_code == 0, done.output
    found = told("night")
    assert (found["accuracy"], found["kappa_per_class"]["N2"]) == (1.0, None)
    assert found["not_available"]["scored"]["rem_latency_min"] == "no epoch of sleep"


def test_files_are_whole_or_absent(folder, monkeypatch):
    write_scored("night", NIGHT)
    write_text("mine.txt", NIGHT)
    Path("out").write_text("in the way")
    done = run("night.epochs.csv", "--reference", "mine.txt", "--out", "out")
    assert done.exit_code == 1
    assert sorted(path.name for path in Path().iterdir()) == [
        "mine.txt", "night.epochs.csv", "night.json", "out",
    ]  # fmt: skip


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(max_size=60), ending=st.sampled_from([".txt", ".csv", ".tsv", ".xml", ".edf"]))
def test_no_reference_ends_in_a_traceback(folder, text, ending):
    write_scored("night", NIGHT)
    Path(f"mine{ending}").write_text(text, encoding="utf-8")
    done = run("night.epochs.csv", "--reference", f"mine{ending}")
    assert done.exit_code in (0, 1)
    if done.exit_code:
        assert "Error: 1 of 1 comparisons failed" in done.output
        assert "EPOCHAL_DEBUG" not in done.output  # a fault of ours would be told with it


def test_debugging_shows_where(folder, monkeypatch):
    monkeypatch.setenv("EPOCHAL_DEBUG", "1")
    write_text("mine.txt", ["N9"])
    done = run(write_scored("night", NIGHT), "--reference", "mine.txt")
    assert isinstance(done.exception, RecordingError)


def real_hypnograms(n):
    folder = Path(os.environ.get("EPOCHAL_DATA", "absent")) / "sleep_edf_hypnograms"
    found = sorted(folder.glob("*-Hypnogram.edf"))[:n]
    if len(found) < n:
        pytest.skip("EPOCHAL_DATA holds no sleep_edf_hypnograms")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("shift", [-15, -4, 1, 9])
def test_a_real_night_that_was_shifted_gives_its_shift_back(folder, shift):
    path = real_hypnograms(1)[0]
    codes = read_scoring(path, KINDS["human"], epoch_s=30).codes
    assert (codes >= 0).sum() > 1000
    moved = np.roll(codes, -shift)
    labels = ["" if code < 0 else CLASSES[code] for code in moved]
    write_scored("SC4001E0-PSG", labels)
    done = run("SC4001E0-PSG.epochs.csv", "--reference", path.parent, "--out", "out")
    assert done.exit_code == 0, done.output
    offset = told("SC4001E0-PSG")["offset"]
    assert (offset["epochs"], offset["seconds"]) == (shift, 30.0 * shift)
    assert told("SC4001E0-PSG")["kappa"] > 0.999
    assert offset["kappa_without"] < told("SC4001E0-PSG")["kappa"]


@pytest.mark.slow
def test_real_nights_against_themselves_agree_wholly(folder):
    Path("mine").mkdir()
    for path in real_hypnograms(3):
        shutil.copy(path, "mine")
    files = sorted(Path("mine").iterdir())
    done = run(*files, "--reference", files[0].parent, "--out", "out")
    assert done.exit_code == 1  # the scored files themselves are no references
    done = run(*files, "--reference", real_hypnograms(1)[0].parent, "--out", "out")
    assert done.exit_code == 0, done.output
    assert pd.read_csv("out/comparison.csv")["kappa"].tolist() == [1.0] * 4
