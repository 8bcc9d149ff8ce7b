import numpy as np
import pandas as pd
import pytest
from hms_files import row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal.errors import RecordingError
from epochal.readers.hms_rows import CLASSES, OFFSETS, VOTES, read_rows


def save(path, rows):
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_the_classes_are_those_of_the_competition_in_its_order():
    assert CLASSES == ("Seizure", "LPD", "GPD", "LRDA", "GRDA", "Other")
    assert list(VOTES) == [
        "seizure_vote", "lpd_vote", "gpd_vote", "lrda_vote", "grda_vote", "other_vote"
    ]  # fmt: skip
    assert list(VOTES.values()) == [f"vote_{name}" for name in CLASSES]


def test_votes_are_whole_numbers_even_where_the_file_says_3_point_0(tmp_path):
    rows = read_rows(save(tmp_path / "train.csv", [row(lpd_vote=3.0), row(lpd_vote=4.0)]))
    assert rows["lpd_vote"].tolist() == [3, 4]
    assert rows["lpd_vote"].dtype == np.int64


def test_rows_keep_their_order_and_their_other_columns(tmp_path):
    rows = read_rows(save(tmp_path / "train.csv", [row(note="b"), row(note="a")]))
    assert rows["note"].tolist() == ["b", "a"]


def test_a_table_without_offsets_lies_at_zero(tmp_path):
    rows = read_rows(
        save(tmp_path / "test.csv", [{"spectrogram_id": 1, "eeg_id": 2, "patient_id": 3}])
    )
    assert rows[OFFSETS].to_numpy().tolist() == [[0.0, 0.0]]
    assert not set(VOTES) & set(rows)


def test_half_a_set_of_votes_is_not_taken_for_a_test_table(tmp_path):
    path = save(
        tmp_path / "t.csv", [{"eeg_id": 1, "spectrogram_id": 1, "patient_id": 1, "lpd_vote": 1}]
    )
    with pytest.raises(RecordingError, match="no column 'eeg_label_offset_seconds'"):
        read_rows(path)


def test_an_absent_table_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"gone\.csv: no such file"):
        read_rows(tmp_path / "gone.csv")


def test_the_first_bad_line_is_the_one_that_is_named(tmp_path):
    rows = [row(), row(), row(gpd_vote=-3), row(gpd_vote=-4)]
    with pytest.raises(RecordingError, match="line 4: gpd_vote '-3' is not a count of votes"):
        read_rows(save(tmp_path / "train.csv", rows))


values = st.one_of(
    st.integers(-3, 30), st.floats(allow_nan=True), st.text(max_size=5), st.none(),
    st.sampled_from(CLASSES),
)  # fmt: skip


@pytest.mark.slow
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.dictionaries(st.sampled_from(sorted(row())), values, max_size=3))
def test_whatever_a_row_holds_it_is_read_or_refused_by_name(tmp_path, changes):
    path = save(tmp_path / "train.csv", [row(), row(**changes)])
    message, rows = f"{path}: ", pd.DataFrame([row()])
    try:
        rows = read_rows(path)
    except RecordingError as error:
        message = str(error)
    assert message.startswith(f"{path}: ")
    assert rows["expert_consensus"].isin(CLASSES).all()
    assert (rows[list(VOTES)].to_numpy() >= 0).all()
    assert (rows[list(VOTES)].sum(axis=1) > 0).all()


@pytest.mark.slow
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=200))
def test_bytes_that_are_no_table_are_refused_by_name(tmp_path, content):
    path = tmp_path / "train.csv"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"train\.csv: "):
        read_rows(path)
