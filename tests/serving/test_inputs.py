from pathlib import Path

import numpy as np
import pytest

from builders import write_edf
from epochal.serving.inputs import Input, find_inputs, name_inputs

NOISE = np.random.default_rng(0).normal(0, 30, 3000)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edf(name):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_edf(path, {"EEG": NOISE})


def e4(name):
    path = Path(name)
    path.mkdir(parents=True)
    (path / "EDA.csv").write_text("1582000000\n4\n" + "0.5\n" * 80)
    return path


def find(*given, **options):
    inputs, refused = find_inputs([Path(one) for one in given], **options)
    return [(str(one.path), one.stem) for one in inputs], [tuple(map(str, one)) for one in refused]


def test_files_are_taken_as_they_are_named(folder):
    edf("b.edf")
    edf("a.edf")
    assert find("b.edf", "a.edf") == ([("b.edf", "b"), ("a.edf", "a")], [])


def test_a_folder_stands_for_every_recording_in_it(folder):
    edf("nights/a.edf")
    edf("nights/deep/b.edf")
    Path("nights/notes.txt").write_text("not a recording")
    assert find("nights") == ([("nights/a.edf", "a"), ("nights/deep/b.edf", "b")], [])


def test_hypnograms_beside_the_nights_are_no_recordings(folder):
    edf("nights/SC4001E0-PSG.edf")
    edf("nights/SC4001EC-Hypnogram.edf")
    assert find("nights")[0] == [("nights/SC4001E0-PSG.edf", "SC4001E0-PSG")]


def test_a_pattern_stands_for_what_it_matches_in_order(folder):
    for name in ("n1.edf", "n2.edf", "other.edf"):
        edf(name)
    assert find("n?.edf")[0] == [("n1.edf", "n1"), ("n2.edf", "n2")]


def test_a_pattern_with_two_stars_looks_at_any_depth(folder):
    edf("a/b/c/night.edf")
    assert find("**/*.edf")[0] == [("a/b/c/night.edf", "night")]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder):
    edf("night[1].edf")
    assert find("night[1].edf")[0] == [("night[1].edf", "night[1]")]


def test_what_is_named_twice_is_scored_once(folder):
    edf("nights/a.edf")
    assert find("nights", "nights/*.edf", "nights/a.edf")[0] == [("nights/a.edf", "a")]


def test_a_pattern_that_matches_nothing_and_an_empty_folder_are_refused_with_a_reason(folder):
    Path("empty").mkdir()
    edf("a.edf")
    found, refused = find("*.bdf", "empty", "a.edf")
    assert found == [("a.edf", "a")]
    assert refused[0] == ("*.bdf", "no file matches this pattern")
    assert refused[1][0] == "empty"
    assert "no recording that any reader knows" in refused[1][1]


def test_an_absent_file_is_left_to_whoever_reads_it(folder):
    assert find("absent.edf") == ([("absent.edf", "absent")], [])


def test_an_e4_folder_is_one_recording_and_a_folder_of_them_several(folder):
    e4("study/S01")
    e4("study/S02")
    assert find("study/S01")[0] == [("study/S01", "S01")]
    assert find("study")[0] == [("study/S01", "S01"), ("study/S02", "S02")]


def test_a_bundle_of_tables_is_given_the_tables_of_a_folder(folder):
    Path("t").mkdir()
    Path("t/a.csv").write_text("x\n1\n")
    edf("t/night.edf")
    assert find("t", bundle_reader="feature_table")[0] == [("t/a.csv", "a")]


def test_a_folder_without_a_table_is_refused_for_a_bundle_of_tables(folder):
    edf("t/night.edf")
    _, refused = find("t", bundle_reader="feature_table")
    assert refused == [("t", "no .csv or .parquet file here")]


def test_two_of_one_stem_in_a_folder_are_told_apart_by_their_ids(folder):
    edf("all/a/night.edf")
    edf("all/b/night.edf")
    assert [stem for _, stem in find("all")[0]] == ["a__night", "b__night"]


def test_two_of_one_stem_and_id_are_told_apart_by_folder_then_by_number():
    named = name_inputs([(Path(p), Path(p).stem) for p in ("a/x/n.edf", "b/x/n.edf", "c/y/n.edf")])
    assert list(named) == [
        Input(Path("a/x/n.edf"), "x-n"),
        Input(Path("b/x/n.edf"), "x-n-2"),
        Input(Path("c/y/n.edf"), "y-n"),
    ]
