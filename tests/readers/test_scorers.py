import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from builders import make_annotations, make_channel, make_ingestion, make_recording, sine, write_edf
from epochal.errors import RecordingError
from epochal.readers import bids, edf, file_table
from epochal.readers.scorers import (
    Scorers,
    combine,
    combine_annotations,
    count_votes,
    find_scorers,
)
from epochal.recording import read_recording, write_recording
from epochal.signals.epoching import index_epochs

CLASSES = ("W", "N1", "N2", "N3", "REM")


def elect(*scorings, ties="most agreeing"):
    named = {
        name: make_annotations(*labels) for name, labels in zip("ABCDE", scorings, strict=False)
    }
    return combine_annotations(named, ties=ties)


def labels_of(annotations, n_epochs, column="label"):
    """Spread stretches over epochs of 30 s; '' where there is none."""
    labels = [""] * n_epochs
    for row in annotations[annotations[column].notna()].itertuples():
        for epoch in range(round(row.onset_s / 30), round((row.onset_s + row.duration_s) / 30)):
            labels[epoch] = getattr(row, column)
    return labels


def test_the_class_of_most_scorers_is_the_label():
    annotations, _, tied_s = elect(["W", "N1", "N2"], ["W", "N1", "N2"], ["W", "W", "N3"])
    assert labels_of(annotations, 3) == ["W", "N1", "N2"]
    assert tied_s == 0


def test_each_scorers_own_labels_stay_beside_the_consensus():
    annotations, _, _ = elect(["W", "N1"], ["W", "W"], ["N2", "W"])
    assert labels_of(annotations, 2, "scorer_A") == ["W", "N1"]
    assert labels_of(annotations, 2, "scorer_C") == ["N2", "W"]
    own = annotations[annotations["label"].isna()]
    assert own.filter(like="scorer_").notna().sum(axis=1).eq(1).all()


def test_agreement_is_the_mean_share_of_the_others_who_said_the_same():
    _, agreement, _ = elect(["W", "N1"], ["W", "N1"], ["W", "N2"])
    assert agreement == {"A": 0.75, "B": 0.75, "C": 0.5}


def test_a_tie_goes_to_the_scorer_who_agrees_most_with_the_others():
    # C and D share nothing with anybody else; B agrees more often with the rest than A does.
    a = ["W", "W", "N2", "N1"]
    b = ["W", "N1", "N2", "N2"]
    c = ["W", "N1", "N2", "N3"]
    annotations, agreement, tied_s = elect(a, b, c)
    assert agreement["B"] == agreement["C"] > agreement["A"]
    assert labels_of(annotations, 4) == ["W", "N1", "N2", "N2"]
    assert tied_s == 30


def test_a_tie_may_go_to_the_first_scorer_or_to_nobody():
    scorings = (["W", "N1"], ["W", "N2"])
    assert labels_of(elect(*scorings, ties="first")[0], 2) == ["W", "N1"]
    assert labels_of(elect(*scorings, ties="unscored")[0], 2) == ["W", ""]


def test_of_two_equally_agreeing_scorers_the_first_in_the_alphabet_decides():
    assert labels_of(elect(["W", "N1"], ["W", "N2"])[0], 2) == ["W", "N1"]


def test_what_a_scorer_left_out_is_no_vote():
    annotations, agreement, _ = elect(["W", ""], ["", "N2"], ["W", "N2"])
    assert labels_of(annotations, 2) == ["W", "N2"]
    assert agreement == {"A": 1.0, "B": 1.0, "C": 1.0}


def test_one_scorer_alone_agrees_with_nobody():
    annotations, agreement, _ = elect(["W", "N2"])
    assert labels_of(annotations, 2) == ["W", "N2"]
    assert agreement == {"A": None}


def test_scorers_may_cut_their_epochs_elsewhere():
    named = {
        "A": make_annotations("W", "N2", length_s=20),
        "B": make_annotations("W", "N2", length_s=30),
        "C": make_annotations("W", "N2", length_s=30),
    }
    consensus = combine_annotations(named, ties="first")[0]
    rows = consensus[consensus["label"].notna()]
    assert rows[["onset_s", "duration_s", "label"]].to_numpy().tolist() == [
        [0.0, 30.0, "W"], [30.0, 30.0, "N2"],
    ]  # fmt: skip


def test_no_label_by_anybody_is_refused():
    recording = make_recording()
    with pytest.raises(RecordingError, match=r"table\.csv: no label by any of A, B"):
        combine(recording, {"A": recording, "B": recording}, ties="first", where="table.csv")


def test_repairs_say_whose_labels_they_were():
    recording = make_recording(problems=("of the signal",))
    scored = replace(
        recording, annotations=make_annotations("W"), problems=("of the signal", "cut off")
    )
    combined = combine(recording, {"Ada": scored}, ties="first", where="x")
    assert combined.problems == ("of the signal", "scorer 'Ada': cut off")
    assert combined.metadata["unscored_s"] == 90


def test_the_votes_of_an_epoch_are_counted_by_the_studys_classes(tmp_path):
    named = {"A": make_annotations("W", "N1", "N2"), "B": make_annotations("W", "N1", "N3"),
             "C": make_annotations("W", "N2", "MT")}  # fmt: skip
    annotations, _, _ = combine_annotations(named, ties="first")
    write_recording(tmp_path / "r.h5", replace(make_recording(), annotations=annotations))
    epochs = index_epochs(read_recording(tmp_path / "r.h5"), make_ingestion())
    voted = count_votes(epochs, ("W", "N1", "N2", "N3"))
    assert voted.filter(like="vote_").to_numpy().tolist() == [
        [3, 0, 0, 0], [0, 2, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0],
    ]  # fmt: skip
    assert voted["label"].fillna("").tolist() == ["W", "N1", "N2", ""]
    assert voted["scorer_C"].fillna("").tolist() == ["W", "N2", "MT", ""]


def test_one_persons_label_among_recordings_of_several_is_one_vote():
    several = index_epochs(
        replace(make_recording(), annotations=elect(["W"], ["W"])[0]), make_ingestion()
    )
    one = index_epochs(make_recording(labels=["N2"], recording_id="r2"), make_ingestion())
    voted = count_votes(pd.concat([several, one], ignore_index=True), ("W", "N2"))
    assert voted[["vote_W", "vote_N2"]].to_numpy()[[0, 4]].tolist() == [[2, 0], [0, 1]]


def test_without_scorers_epochs_stay_as_they_are():
    epochs = index_epochs(make_recording(labels=["W"]), make_ingestion())
    assert count_votes(epochs, ("W",)) is epochs


def test_a_pattern_needs_one_star():
    for pattern in ("{stem}.csv", "*_*.csv"):
        with pytest.raises(ValidationError, match=r"needs one \* where the scorer's name is"):
            Scorers(scorers=pattern)


def test_files_are_found_by_scorer_even_where_the_name_has_brackets(tmp_path):
    for name in ("n[1]_scorerB.txt", "n[1]_scorerA.txt", "n1_scorerC.txt"):
        (tmp_path / name).write_text("W\n")
    found = find_scorers(tmp_path, "{stem}_scorer*.txt", "n[1]")
    assert list(found) == ["A", "B"]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["", *CLASSES]), min_size=6, max_size=6), min_size=1, max_size=5
    ),
    st.sampled_from(["most agreeing", "first", "unscored"]),
)
def test_the_label_never_has_fewer_votes_than_another(scorings, ties):
    if not any(label for labels in scorings for label in labels):
        return
    labels = labels_of(elect(*scorings, ties=ties)[0], 6)
    for epoch, label in enumerate(labels):
        votes = [labels[epoch] for labels in scorings if labels[epoch]]
        most = max((votes.count(one) for one in votes), default=0)
        tied = len({one for one in votes if votes.count(one) == most}) > 1
        if not votes or (tied and ties == "unscored"):
            assert label == ""
        else:
            assert votes.count(label) == most


# The readers


@pytest.fixture
def night(tmp_path):
    path = write_edf(tmp_path / "n1.edf", {"EEG": sine(10.0, length_s=90, amplitude=20.0)})
    for scorer, stages in {"ada": "W\nN1\nN2", "bob": "W\nN1\nN3", "eve": "W\nN2\nN3"}.items():
        (tmp_path / f"n1_{scorer}.txt").write_text(stages)
    return path


def test_an_edf_with_label_files_of_three_scorers(night):
    options = edf.Options(scorers="{stem}_*.txt")
    (source,) = edf.find(night.parent, options)
    assert [Path(one).name for one in source.companions] == [
        "n1_ada.txt",
        "n1_bob.txt",
        "n1_eve.txt",
    ]
    recording = edf.read(source, options)
    assert labels_of(recording.annotations, 3) == ["W", "N1", "N3"]
    assert recording.metadata["scorers"] == {"ada": 0.5, "bob": 0.6667, "eve": 0.5}


def test_an_edf_without_label_files_of_scorers_has_no_labels(night):
    options = edf.Options(scorers="{stem}_x*.txt")
    (source,) = edf.find(night.parent, options)
    assert edf.read(source, options).annotations.empty


def test_hypnograms_of_scorers_in_edf_are_no_recordings(tmp_path, night):
    write_edf(tmp_path / "n1_scorer1.edf", {"x": sine(1.0)})
    sources = edf.find(tmp_path, edf.Options(scorers="{stem}_scorer*.edf"))
    assert [source.recording_id for source in sources] == ["n1"]


def test_a_table_of_files_names_scorers_by_a_star(night):
    table = night.parent / "recordings.csv"
    table.write_text("recording,path,labels\nr1,n1.edf,n1_*.txt\n")
    (source,) = file_table.find(night.parent, file_table.Options())
    recording = file_table.read(source, file_table.Options(ties="first"))
    assert labels_of(recording.annotations, 3) == ["W", "N1", "N3"]
    assert list(recording.metadata["scorers"]) == ["ada", "bob", "eve"]


@pytest.mark.parametrize(("labels", "match"), [("x_*.txt", "no file is called"),
                                               ("*_*.txt", "more than one")])  # fmt: skip
def test_a_star_that_finds_nothing_or_is_two_is_refused(night, labels, match):
    (night.parent / "recordings.csv").write_text(f"recording,path,labels\nr1,n1.edf,{labels}\n")
    with pytest.raises(RecordingError, match=match):
        file_table.find(night.parent, file_table.Options())


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "sub-01/eeg"
    folder.mkdir(parents=True)
    write_edf(
        folder / "sub-01_task-sleep_eeg.edf", {"EEG": sine(10.0, length_s=90, amplitude=20.0)}
    )
    return folder


def read_bids(folder, text=None, **options):
    if text is not None:
        (folder / "sub-01_task-sleep_events.tsv").write_text(text)
    chosen = bids.Options(**options)
    (source,) = bids.find(folder.parents[1], chosen)
    return bids.read(source, chosen)


def test_bids_events_with_a_column_for_each_scorer(dataset):
    text = "onset\tduration\tstage_hum\tstage_ai\n0\t30\tW\tW\n30\t30\tN1\tN2\n60\t30\tN2\tn/a\n"
    recording = read_bids(dataset, text, scorer_columns="stage_*", ties="unscored")
    assert labels_of(recording.annotations, 3) == ["W", "", "N2"]
    assert recording.metadata["scorers"] == {"ai": 0.5, "hum": 0.5}


def test_bids_events_with_a_column_that_names_the_scorer(dataset):
    rows = [(0, "W", "a"), (0, "W", "b"), (30, "N1", "a"), (30, "N1", "b"), (60, "N2", "b")]
    lines = [f"{onset}\t30\t{label}\t{name}" for onset, label, name in rows]
    text = "\n".join(["onset\tduration\ttrial_type\tscorer", *lines])
    recording = read_bids(dataset, text, scored_by="scorer")
    assert labels_of(recording.annotations, 3) == ["W", "N1", "N2"]
    assert labels_of(recording.annotations, 3, "scorer_a") == ["W", "N1", ""]


def test_bids_events_in_a_file_for_each_scorer(dataset):
    for name, last in {"a": "N2", "b": "N3", "c": "N3"}.items():
        text = f"onset\tduration\tstage\n0\t60\tW\n60\t30\t{last}\n"
        (dataset / f"sub-01_task-sleep_desc-{name}_events.tsv").write_text(text)
    recording = read_bids(dataset, scorers="{stem}_desc-*_events.tsv")
    assert labels_of(recording.annotations, 3) == ["W", "W", "N3"]
    assert list(recording.metadata["scorers"]) == ["a", "b", "c"]


@pytest.mark.parametrize("option", [{"scorer_columns": "stages_*"}, {"scored_by": "rater"}])
def test_a_column_of_scorers_that_is_not_there_is_refused(dataset, option):
    text = "onset\tduration\tstage_a\tscorer\n0\t30\tW\ta\n"
    with pytest.raises(RecordingError, match="no column '"):
        read_bids(dataset, text, **option)


# Five real scorers


STAGES = {"0": "W", "1": "N1", "2": "N2", "3": "N3", "4": "REM", "-1": None}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dodh", "dodo"])
def test_five_real_scorers_agree_as_published(tmp_path, name):
    """Guillot et al. 2020: each scorer agrees with the others on about 80 % of the epochs."""
    path = Path(os.environ.get("EPOCHAL_DATA", "")) / f"dod_scorers/{name}.json"
    if "EPOCHAL_DATA" not in os.environ or not path.is_file():
        pytest.skip("EPOCHAL_DATA names no folder with dod_scorers")
    content = json.loads(path.read_text())
    shares = []
    for night in sorted(content["scorer_1"])[:3]:
        codes = {scorer: np.array(nights[night]) for scorer, nights in content.items()}
        n_epochs = len(codes["scorer_1"])
        for scorer, values in codes.items():
            (tmp_path / f"n_{scorer}.txt").write_text("\n".join(map(str, values)))
        recording = make_recording(make_channel(data=np.ones(30 * n_epochs), sfreq=1.0))
        voted = vote(recording, tmp_path)
        expected = np.array([[(codes[s][e] == c) for s in sorted(codes)] for e in range(n_epochs)
                             for c in range(5)]).sum(axis=1).reshape(n_epochs, 5)  # fmt: skip
        assert (voted.filter(like="vote_").to_numpy() == expected).all()
        chosen = voted["label"].map(CLASSES.index, na_action="ignore").to_numpy(dtype=float)
        known = np.isfinite(chosen)
        assert (known == (expected.sum(axis=1) > 0)).all()
        rows = expected[known]
        assert (rows[np.arange(len(rows)), chosen[known].astype(int)] == rows.max(axis=1)).all()
        shares += recording_agreement(recording, tmp_path)
    assert 0.7 < np.mean(shares) < 0.95


def combined(recording, folder):
    from epochal.readers.label_attachment import attach_scorers

    return attach_scorers(
        recording, find_scorers(folder, "n_*.txt"), stages=STAGES, epoch_s=30.0, tolerance=0.0,
        ties="most agreeing",
    )  # fmt: skip


def vote(recording, folder):
    return count_votes(index_epochs(combined(recording, folder), make_ingestion()), CLASSES)


def recording_agreement(recording, folder):
    return list(combined(recording, folder).metadata["scorers"].values())
