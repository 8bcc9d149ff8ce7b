import io

import pandas as pd
import pytest
from test_reviewing import make_card, make_scored_epochs

from epochal.readers.hypnograms import read_hypnogram
from epochal.serving.review_export import export_review, tabulate
from epochal.serving.reviewing import Reviews


@pytest.fixture
def review(tmp_path):
    made = Reviews(tmp_path / "reviews").begin(make_card(), make_scored_epochs())
    made.correct(1, old="N2", new="REM", who="AB")
    made.correct(0, old="W", new="W", who="CD")
    return made


def test_the_table_has_both_labels_and_who_looked_when(review):
    table = tabulate(review)
    assert table["label"].tolist() == ["W", "REM", "N2", "REM", ""]
    assert table["model_label"].tolist() == ["W", "N2", "N2", "REM", ""]
    assert table["reviewed"].tolist() == [True, True, False, False, False]
    assert table["who"].tolist() == ["CD", "AB", "", "", ""]
    assert set(table["data_source"]) == {"simulated"}
    read = pd.read_csv(io.BytesIO(export_review(review, "table")), keep_default_na=False)
    assert read["label"].tolist() == table["label"].tolist()


def test_what_was_taken_back_counts_as_not_looked_at(review):
    review.undo("AB")
    assert tabulate(review)["reviewed"].tolist() == [True, False, False, False, False]


def test_who_is_the_person_whose_entry_still_stands(review):
    review.correct(2, old="N2", new="REM", who="Anna")
    review.correct(2, old="REM", new="W", who="Bert")
    taken_back = review.undo("Bert")
    row = tabulate(review).iloc[2]
    assert (row["label"], row["reviewed"], row["who"]) == ("REM", True, "Anna")
    assert row["at"] <= taken_back.at


@pytest.mark.parametrize("ending", ["csv", "edf"])
def test_the_exported_hypnogram_is_read_back_as_corrected(review, tmp_path, ending):
    path = tmp_path / f"corrected.{ending}"
    path.write_bytes(export_review(review, ending))
    found = read_hypnogram(path).stages
    assert found["label"].tolist() == ["W", "REM", "N2", "REM"]
    assert found["onset_s"].tolist() == [0, 30, 60, 90]
    assert found["duration_s"].tolist() == [30] * 4


def test_every_export_says_whether_the_data_are_real(review):
    for kind in ("csv", "edf", "table"):
        assert b"simulated" in export_review(review, kind), kind
    assert b"reviewed by a person" in export_review(review, "edf")


def test_epochs_that_overlap_end_where_the_next_begins(tmp_path):
    rows = make_scored_epochs().assign(onset_s=[0.0, 15.0, 30.0, 45.0, 60.0])
    review = Reviews(tmp_path / "r").begin(make_card(), rows)
    table = pd.read_csv(io.BytesIO(export_review(review, "csv")), keep_default_na=False)
    assert table["duration"].tolist()[:4] == [15, 15, 15, 15]
    assert table["stage"].tolist()[-1] == "n/a"
