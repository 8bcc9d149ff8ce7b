import json
import os

import pandas as pd
import pytest

from epochal.errors import EpochalError
from epochal.serving.results import (
    StudyRun,
    epochs_table,
    find_studies,
    find_study,
    to_table,
)
from made_results import CAVEAT, make_results, write_curves


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_results(folder)
    return folder


@pytest.fixture
def run(data):
    return find_study(data, "made")


def test_a_study_is_listed_once_it_has_a_leaderboard_or_a_training(data, tmp_path):
    assert [run.name for run in find_studies(data)] == ["made"]
    (tmp_path / "empty" / "08_reporting").mkdir(parents=True)
    assert find_studies(tmp_path) == []
    write_curves(tmp_path / "training", "net", "fold_0", n_passes=1)
    assert [run.name for run in find_studies(tmp_path)] == ["training"]


def test_no_folder_at_all_holds_no_study(tmp_path):
    assert find_studies(tmp_path / "nowhere") == []


@pytest.mark.parametrize("name", ["..", "../made", "made/..", "/etc", "", "made\0"])
def test_a_study_is_found_by_its_listed_name_only(data, name):
    with pytest.raises(EpochalError, match="there are: made"):
        find_study(data, name)


def test_the_card_says_what_was_written_and_what_there_is(run):
    card = run.describe()
    assert (card.study, card.headline, card.data_source) == ("made", "good_net", "simulated")
    assert card.classes == ["W", "N2", "REM"]
    assert card.caveats == [CAVEAT]
    assert card.has_playback
    assert card.has_training
    assert card.has_epochs
    assert {"leaderboard", "roc", "confusions"} <= set(card.tables)
    assert "vote_bands" not in card.tables
    (run.folder / "08_reporting/vote_bands.csv").write_text("model,role\n")
    assert "vote_bands" not in run.describe().tables  # of a study without votes it has no row


def test_a_run_without_a_card_is_described_by_its_tables_and_its_bundle(data, tmp_path):
    board = pd.read_csv(data / "made/08_reporting/leaderboard.csv")
    place = tmp_path / "old"
    (place / "08_reporting").mkdir(parents=True)
    board.to_csv(place / "08_reporting/leaderboard.csv", index=False)
    card = StudyRun(place).describe()
    assert (card.classes, card.data_source, card.caveats) == (["W", "N2", "REM"], "simulated", [])
    bundle = place / "07_model_output/bundle"
    bundle.mkdir(parents=True)
    told = {"classes": ["REM", "N2", "W"], "caveats": ["Old."], "headline": "good_net", "more": 1}
    (bundle / "manifest.json").write_text(json.dumps(told))
    card = StudyRun(place).describe()
    assert (card.classes, card.caveats) == (["REM", "N2", "W"], ["Old."])


def test_a_table_comes_as_it_was_written_and_what_is_missing_as_none(run):
    table = run.table("leaderboard")
    assert table.columns[:3] == ["model", "family", "role"]
    assert {row[0] for row in table.rows} == {"good_net", "fair_tree", "majority"}
    frame = pd.DataFrame({"a": [1.0, float("nan")], "b": ["x", None], "c": [float("inf"), 2]})
    assert to_table(frame).rows == [[1.0, "x", None], [None, None, 2.0]]


def test_a_table_is_read_anew_once_it_has_changed(tmp_path):
    path = tmp_path / "s/08_reporting/leaderboard.csv"
    path.parent.mkdir(parents=True)
    path.write_text("model,role\none,oof\n")
    run = StudyRun(tmp_path / "s")
    assert run.table("leaderboard").rows == [["one", "oof"]]
    path.write_text("model,role\nanother,oof\n")
    assert run.table("leaderboard").rows == [["another", "oof"]]


def test_names_that_look_like_numbers_or_nothing_stay_names(tmp_path):
    path = tmp_path / "s/08_reporting/headline_epochs.csv"
    path.parent.mkdir(parents=True)
    path.write_text("recording_id,epoch,label,said\n007,0,NA,nan\n007,1,,None\n")
    rows = StudyRun(tmp_path / "s").epochs_of("007")
    assert rows["recording_id"].tolist() == ["007", "007"]
    assert epochs_table(rows)["label"] == ["NA", None]
    assert epochs_table(rows)["said"] == ["nan", "None"]


def test_what_the_run_has_not_written_is_named(tmp_path):
    write_curves(tmp_path / "young", "net", "fold_0", n_passes=1)
    run = find_study(tmp_path, "young")
    for ask in (lambda: run.table("roc"), run.playback, run.headline_epochs):
        with pytest.raises(EpochalError, match=r"'young' has no .*: run the study's evaluation"):
            ask()


def test_a_recordings_epochs_come_by_column_with_a_list_per_class(run):
    table = epochs_table(run.epochs_of("r4"))
    assert table["role"][0] == "test"
    assert len(table["epoch"]) == 220
    assert list(table["proba"]) == ["W", "N2", "REM"]
    assert sum(table["proba"][name][0] for name in table["proba"]) == pytest.approx(1, abs=1e-3)


def test_a_recording_that_is_not_there_is_refused_with_a_near_miss(run):
    with pytest.raises(EpochalError, match="no recording 'r44'; did you mean 'r4'"):
        run.epochs_of("r44")


def test_signals_are_found_where_the_folder_has_them(run):
    assert run.recording_file("r0").name == "r0.h5"
    assert run.recording_file("r1") is None
    assert run.recording_file("../recordings/r0") is None


def test_trainings_tell_their_passes_and_whether_they_go_on(tmp_path):
    path = write_curves(tmp_path / "s", "net", "fold_0", n_passes=4)
    (one,) = StudyRun(tmp_path / "s").trainings()
    assert (one.model, one.part, one.live) == ("net", "fold_0", True)
    assert one.table.columns == ["epoch", "train_loss", "learning_rate", "seconds", "val_loss",
                                 "val_kappa", "val_accuracy"]  # fmt: skip
    assert [row[1] for row in one.table.rows] == pytest.approx([1, 0.5, 1 / 3, 0.25])
    os.utime(path, (1e9, 1e9))
    assert not StudyRun(tmp_path / "s").trainings()[0].live


def test_what_came_before_a_training_has_a_curve_beside_it(tmp_path):
    for part in ("fold_0", "fold_0/pretraining"):
        write_curves(tmp_path / "s", "net", part, n_passes=1)
    found = [(one.model, one.part) for one in StudyRun(tmp_path / "s").trainings()]
    assert found == [("net", "fold_0"), ("net", "fold_0.pretraining")]


def test_only_trainings_that_changed_since_are_told(tmp_path):
    old = write_curves(tmp_path / "s", "net", "fold_0", n_passes=1)
    os.utime(old, (1e9, 1e9))
    write_curves(tmp_path / "s", "net", "fold_1", n_passes=1)
    parts = [one.part for one in StudyRun(tmp_path / "s").trainings(since=1e9)]
    assert parts == ["fold_1"]


def test_a_line_that_is_still_being_written_waits_and_an_empty_cell_is_none(tmp_path):
    path = write_curves(tmp_path / "s", "net", "fold_0", n_passes=2)
    with path.open("a") as file:
        file.write("net,fold_0,3,0.3,0.001,6.0,,,\nnet,fold_0,4,0.2")
    (one,) = StudyRun(tmp_path / "s").trainings()
    assert len(one.table.rows) == 3
    assert one.table.rows[-1][4:] == [None, None, None]
    path.write_text("")
    assert StudyRun(tmp_path / "s").trainings()[0].table.rows == []
