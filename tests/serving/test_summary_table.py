import numpy as np
import pandas as pd
import pytest

from epochal.errors import EpochalError
from epochal.hypnogram.sleep_statistics import DEFINITIONS
from epochal.serving.summary_table import merge_summary, summarise
from made_report import RODENT, make_manifest, make_scored_recording, spell


def row_of(pattern, manifest=None, name="night", **given):
    manifest = manifest or make_manifest()
    recording, scored = make_scored_recording(spell(pattern), manifest, **given)
    return summarise(name, recording, scored, manifest)


def test_a_night_has_its_facts_and_every_statistic_of_the_report():
    row = row_of("W*4 N2*20 W*4", flags=["flat"] + [""] * 27)
    assert (row["results"], row["model"], row["data_source"]) == ("night", "tree", "simulated")
    assert (row["n_epochs"], row["n_flagged"], row["artefact_min"]) == (28, 1, 0.5)
    assert (row["minutes_N2"], row["confidence_N2"]) == (10.0, pytest.approx(0.8))
    assert set(DEFINITIONS) <= set(row)
    assert row["tst_min"] == 10.0
    assert row["tib_min"] is None  # no lights, no time in bed


@pytest.mark.parametrize("gap_s", [0, 7, 15, 45])
def test_the_statistics_are_of_all_minutes_of_the_classes_whatever_the_gap(gap_s):
    onsets = np.arange(60) * 30.0
    onsets[4:] += gap_s
    row = row_of("W*4 N2*52 W*4", onsets_s=onsets)
    assert row["tst_min"] == row["minutes_N2"] == 26.0
    assert row["w_min"] == row["minutes_W"] == 4.0


@pytest.mark.parametrize(
    ("off_s", "on_s", "said"),
    [
        (600.0, 60.0, "Lights on at 60 s is not after lights off at 600 s: lights not used."),
        (0.0, 840.0, ""),
        (None, None, ""),
    ],
)
def test_impossible_times_of_the_lights_are_said_not_to_be_used(off_s, on_s, said):
    metadata = {"lights_off_s": off_s, "lights_on_s": on_s}
    row = row_of("W*4 N2*20 W*4", metadata=metadata)
    assert row["lights_not_used"] == said
    assert (row["tib_min"] is None) == (off_s != 0.0)


def test_an_animal_has_minutes_of_its_states_and_no_statistics_of_people():
    row = row_of("W*6 NREM*12", make_manifest("rodent", RODENT, epoch_s=10.0))
    assert (row["minutes_W"], row["minutes_NREM"], row["minutes_REM"]) == (1.0, 2.0, 0.0)
    assert "tst_min" not in row


def test_a_further_call_adds_its_recordings(tmp_path):
    path = tmp_path / "summary.csv"
    merge_summary(path, [row_of("W*4", name="007")]).to_csv(path, index=False)
    merged = merge_summary(path, [row_of("N2*4", name="b")])
    assert merged["results"].tolist() == ["007", "b"]
    assert merged["n_epochs"].astype(int).tolist() == [4, 4]


def test_the_same_recording_again_replaces_its_row(tmp_path):
    path = tmp_path / "summary.csv"
    rows = [row_of("W*4", name="a"), row_of("W*4", name="b")]
    merge_summary(path, rows).to_csv(path, index=False)
    merged = merge_summary(path, [row_of("N2*6", name="a")])
    assert merged["results"].tolist() == ["b", "a"]
    assert merged["n_epochs"].astype(int).tolist() == [4, 6]


def test_recordings_of_two_kinds_share_a_table(tmp_path):
    path = tmp_path / "summary.csv"
    merge_summary(path, [row_of("W*4")]).to_csv(path, index=False)
    mouse = row_of("NREM*6", make_manifest("rodent", RODENT, epoch_s=10.0), name="mouse")
    merge_summary(path, [mouse]).to_csv(path, index=False)
    table = pd.read_csv(path).set_index("results")
    assert table.loc["mouse", "minutes_NREM"] == 1.0
    assert pd.isna(table.loc["mouse", "tst_min"])
    assert table.loc["night", "w_min"] == 2.0


@pytest.mark.parametrize("content", ["something,else\n1,2\n", ""])
def test_another_table_of_that_name_is_not_overwritten(tmp_path, content):
    path = tmp_path / "summary.csv"
    path.write_text(content)
    with pytest.raises(EpochalError, match=r"summary\.csv: not a table of summaries"):
        merge_summary(path, [row_of("W*4")])
    assert path.read_text() == content
