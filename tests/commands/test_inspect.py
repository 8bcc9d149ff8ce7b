"""`epochal inspect`: channels, rates, units, gaps, labels, problems, and who could score it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from builders import (
    make_annotations,
    make_bundle,
    make_channel,
    make_night,
    make_recording,
    sine,
    write_edf,
)
from epochal.cli import cli
from epochal.commands.inspect import describe
from epochal.readers.scorers import combine
from epochal.recording import Recording, write_recording
from epochal.serving.bundle import write_bundle


def inspect(*arguments):
    return CliRunner().invoke(cli, ["inspect", *map(str, arguments)])


def described(recording, manifests=None):
    return "\n".join(describe(recording, "file", manifests or {}))


@pytest.fixture
def night(tmp_path):
    return write_edf(tmp_path / "night.edf", {"EEG": sine(10.0, length_s=120, amplitude=20.0)})


def test_channels_are_listed_with_rate_unit_and_extent(night, tmp_path):
    result = inspect(night, "--bundles", tmp_path)
    assert result.exit_code == 0, result.output
    assert "recording 'night' (real)" in result.output
    assert "EEG  100 Hz, uV, mostly -19 to 19 (all -19.02 to 19.02)" in result.output
    assert "2 min without gaps" in result.output
    assert "bundles that could score it: none" in result.output


def test_a_bundle_that_could_score_it_is_named_and_the_others_with_the_reason(night, tmp_path):
    bundle = make_bundle()
    write_bundle(tmp_path / "b/mine/07_model_output/bundle", bundle)
    write_edf(night, {"EEG": make_night(["W"] * 6 + ["N2"] * 6, seed=100).channels[0].data})
    result = inspect(night, "--bundles", tmp_path / "b")
    assert "bundles that could score it: mine" in result.output
    recording = make_recording(make_channel("EMG"))
    text = described(recording, {"made": bundle.manifest})
    assert "bundles that could score it: none" in text
    assert "    not made: it lacks EEG" in text


def test_bundles_with_the_same_reason_are_named_together():
    manifest = make_bundle().manifest
    assert "    not made, other: it lacks EEG" in described(
        make_recording(make_channel("EMG")), {"made": manifest, "other": manifest}
    )


def test_a_broken_bundle_is_passed_over(night, tmp_path):
    folder = tmp_path / "b/mine/07_model_output/bundle"
    write_bundle(folder, make_bundle())
    (folder / "MODEL_CARD.md").write_text("changed")
    result = inspect(night, "--bundles", tmp_path / "b")
    assert result.exit_code == 0
    assert "Bundle passed over: " in result.output
    assert "changed since the bundle was written" in result.output


def test_gaps_missing_samples_labels_and_repairs_are_said():
    channel = make_channel()
    holed = replace(channel, data=np.where(np.arange(len(channel.data)) < 12, np.nan, channel.data))
    text = described(
        make_recording(
            holed,
            labels=["W", "N2", "W"],
            runs=((0.0, 30.0), (60.0, 90.0)),
            problems=("record count −1: counted",),
        )
    )
    assert "90 s in 2 runs" in text
    assert "gap from 30 s to 60 s" in text
    assert "0.1% missing" in text
    assert "repaired: record count −1: counted" in text
    assert "labels: W 60 s, N2 30 s" in text


@pytest.mark.parametrize(
    ("data", "text"), [(np.full(100, np.nan), "no value, 100.0% missing"),
                       (np.full(100, 900.0), "always 900")],
)  # fmt: skip
def test_a_channel_that_holds_nothing_is_said(data, text):
    assert text in described(make_recording(make_channel(data=data)))


def test_a_channel_that_starts_later_says_when():
    late = make_channel("late", start_s=10.0)
    assert "uV, mostly -19 to 19 (all -19.02 to 19.02), from 10 s on" in described(
        make_recording(late)
    )


@pytest.mark.parametrize(
    ("length_s", "text"), [(90, "90 s"), (125, "2 min 5 s"), (3600, "1 h"), (7320, "2 h 2 min")]
)
def test_times_are_written_for_a_reader(length_s, text):
    channel = make_channel(data=np.ones(length_s), sfreq=1.0)
    assert f"  {text} without gaps" in described(make_recording(channel))


def test_the_consensus_of_several_scorers_names_them():
    recording = make_recording()
    scored = {
        name: replace(recording, annotations=make_annotations(*labels))
        for name, labels in {"ada": ["W", "W"], "bob": ["W", "N2"]}.items()
    }
    text = described(combine(recording, scored, ties="first", where="x"))
    assert "labels: W 60 s; consensus of ada, bob" in text


def test_given_epochs_features_and_votes_are_counted():
    labels = ["LPD", "LPD", "LPD", None]
    table = pd.DataFrame({"onset_s": np.arange(4.0), "length_s": 50.0, "label": labels,
                          "vote_LPD": 1, "power": 2.0})  # fmt: skip
    arrays = {"windows": np.zeros((4, 1, 8), np.float32)}
    text = described(Recording("r", "r", table=table, arrays=arrays))
    assert "windows: 4 × 1 × 8, always 0" in text
    assert "4 given epochs of 50 s, votes for LPD" in text
    assert "1 given features: power" in text
    assert "labels: LPD (3×)" in text


def test_a_bad_file_is_named_and_the_rest_go_on(night, tmp_path):
    bad = tmp_path / "bad.edf"
    bad.write_bytes(b"")
    result = inspect(bad, night, tmp_path / "absent.edf", "--bundles", tmp_path)
    assert result.exit_code == 1
    assert "bad.edf" in result.output
    assert "absent.edf: no such file" in result.output
    assert "EEG  100 Hz" in result.output
    assert "2 of 3 could not be read" in result.output


def test_an_unknown_ending_is_refused_with_those_that_are_known(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("x")
    result = inspect(path, "--bundles", tmp_path)
    assert result.exit_code == 1
    assert "no reader for '.txt'" in result.output


def test_a_reader_can_be_named_and_only_one_that_there_is(night, tmp_path):
    named = inspect(night, "--reader", "rodent", "--bundles", tmp_path)
    assert named.exit_code == 0, named.output
    assert "EEG  100 Hz" in named.output
    assert inspect(night, "--reader", "rodents").exit_code == 2


def test_a_folder_shows_three_recordings_unless_all_are_asked_for(tmp_path):
    for number in range(5):
        write_edf(tmp_path / f"n{number}.edf", {"EEG": sine(10.0, amplitude=20.0)})
    some = inspect(tmp_path, "--bundles", tmp_path).output
    assert some.count("recording 'n") == 3
    assert "2 more recordings; --all describes them too" in some
    assert inspect(tmp_path, "--all", "--bundles", tmp_path).output.count("recording 'n") == 5


def test_an_e4_folder_is_found_out(tmp_path):
    folder = tmp_path / "S1"
    folder.mkdir()
    (folder / "ACC.csv").write_text("1.6e9,1.6e9,1.6e9\n32,32,32\n" + "2,10,63\n" * 640)
    output = inspect(folder, "--bundles", tmp_path).output
    assert "recording 'S1' (real)" in output
    assert "ACC x  32 Hz, g, always 0.03125" in output
    assert "repaired: There is no BVP.csv in S1; its channel is missing." in output


def test_a_stored_recording_is_described_as_it_is(tmp_path):
    write_recording(tmp_path / "r1.h5", make_recording(labels=["W"]))
    output = inspect(tmp_path / "r1.h5", "--bundles", tmp_path).output
    assert "recording 'r1'" in output
    assert "labels: W 30 s" in output


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".tsv"])
def test_a_table_of_features_is_described_by_its_columns(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    table = pd.DataFrame({"night": ["n1"] * 30, "stage": ["W", "N2", None] * 10,
                          "delta": np.arange(30.0), "theta": np.arange(30.0)})  # fmt: skip
    if suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    write_bundle(tmp_path / "b/mine/07_model_output/bundle", make_bundle())
    output = inspect(path, "--bundles", tmp_path / "b").output
    assert "a table, 30 rows, 4 columns (real)" in output
    assert "night: n1 (30×)" in output
    assert "stage: W (10×), N2 (10×), 10 missing" in output
    assert "2 columns of numbers: delta, theta" in output
    assert "not sleep, stress, mine: it is a table; the bundle was trained on signals" in output


def test_a_table_that_may_be_labels_says_so(tmp_path):
    path = tmp_path / "stages.csv"
    path.write_text("epoch,stage\n" + "".join(f"{n},W\n" for n in range(20)))
    assert "these may be labels" in inspect(path, "--bundles", tmp_path).output


@pytest.mark.parametrize("content", ["", "a,b\n"])
def test_an_empty_table_is_refused(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_text(content)
    result = inspect(path, "--bundles", tmp_path)
    assert result.exit_code == 1
    assert "t.csv" in result.output
    assert "Traceback" not in result.output
