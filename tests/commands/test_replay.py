from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from builders import make_bundle, write_edf
from epochal.checksums import checksum
from epochal.commands.replay import replay
from epochal.commands.score import score
from epochal.errors import EpochalError
from epochal.serving.bundle import write_bundle
from epochal.serving.stream import StreamScorer
from serving.stream.stream_material import causal_bundle, make_signal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("replay")
    write_bundle(path / "causal", causal_bundle())
    write_bundle(path / "later", make_bundle("stack_forward_backward"))
    write_edf(
        path / "night.edf", {"EEG": make_signal(130), "EMG": make_signal(130, seed=1)}, sfreq=100
    )
    (path / "SIMULATED.txt").write_text("made up\n")
    return path


def call(command, *arguments):
    return CliRunner().invoke(command, [str(one) for one in arguments], catch_exceptions=False)


@pytest.mark.slow
def test_it_says_and_writes_what_score_does(folder, tmp_path):
    done = call(
        replay, folder / "night.edf", "--bundle", folder / "causal", "--out", tmp_path / "live"
    )
    assert done.exit_code == 0, done.output
    call(score, folder / "night.edf", "--bundle", folder / "causal", "--out", tmp_path / "whole")
    live, whole = (
        pd.read_csv(tmp_path / name / "night.epochs.csv", keep_default_na=False)
        for name in ("live", "whole")
    )
    assert live["label"].tolist() == whole["label"].tolist()
    assert live["flags"].tolist() == whole["flags"].tolist()
    for name in whole.filter(like="proba_"):
        np.testing.assert_allclose(live[name], whole[name], atol=1.001e-6, rtol=0)
    assert list(live) == list(whole)
    assert set(live["data_source"]) == {"simulated"}
    assert sorted(path.name for path in (tmp_path / "live").iterdir()) == [
        "night.epochs.csv",
        "night.json",
    ]
    lines = done.stdout.splitlines()
    assert [line.split("\t")[:3] for line in lines] == [
        [str(number), f"{30 * number}", label] for number, label in enumerate(whole["label"])
    ]


def test_what_it_stands_on_is_said(folder, tmp_path):
    done = call(replay, folder / "night.edf", "--bundle", folder / "causal", "--out", tmp_path)
    summary = json.loads((tmp_path / "night.json").read_text())
    assert summary["data_source"] == "simulated"
    assert summary["streamed"] is True
    assert summary["n_epochs"] == 4
    assert summary["unscored_s"] == 10
    assert "not a medical device" in summary["notice"]
    assert "simulated" in done.stderr
    assert "10 s lie in no whole epoch" in done.stderr


@pytest.mark.parametrize(("seen", "said"), [("the file", True), ("others", False), ("", None)])
def test_what_training_saw_is_in_sample(folder, tmp_path, seen, said):
    known = {"the file": [checksum([folder / "night.edf"])], "others": ["0" * 64], "": []}[seen]
    bundle = causal_bundle()
    manifest = bundle.manifest.model_copy(update={"training_recordings": known})
    write_bundle(tmp_path / "bundle", replace(bundle, manifest=manifest))
    done = call(replay, folder / "night.edf", "--bundle", tmp_path / "bundle", "--out", tmp_path)
    assert ("IN-SAMPLE: the bundle was trained on this recording" in done.stderr) == bool(said)
    assert json.loads((tmp_path / "night.json").read_text())["in_sample"] is said
    rows = pd.read_csv(tmp_path / "night.epochs.csv", dtype="str", keep_default_na=False)
    assert set(rows["in_sample"]) == {"" if said is None else str(said)}


def break_off(monkeypatch, error, *, after):
    """Let a stream of four epochs end so, once some of them came."""
    push, came = StreamScorer.push, []

    def push_some(stream, chunk):
        if len(came) >= after:
            raise error
        came.extend(push(stream, chunk))
        return came[-1:]

    monkeypatch.setattr(StreamScorer, "push", push_some)
    monkeypatch.setattr("epochal.commands.replay._PIECE_S", {"max": 30.0})


@pytest.mark.slow
@pytest.mark.parametrize("error", [KeyboardInterrupt(), EpochalError("the line broke")])
def test_what_came_before_it_was_broken_off_is_kept_and_called_a_part(
    folder, tmp_path, monkeypatch, error
):
    break_off(monkeypatch, error, after=2)
    given = [folder / "night.edf", "--bundle", folder / "causal", "--out", tmp_path]
    done = CliRunner().invoke(replay, list(map(str, given)))
    assert done.exit_code == 1
    part = tmp_path / "night.epochs.part.csv"
    assert f"2 epochs came so far and are in {part}; it is not whole" in done.stderr
    assert pd.read_csv(part)["epoch"].tolist() == [0, 1]
    assert list(tmp_path.iterdir()) == [part]  # nothing that looks whole


def test_broken_off_before_an_epoch_nothing_is_left(folder, tmp_path, monkeypatch):
    break_off(monkeypatch, KeyboardInterrupt(), after=0)
    given = [folder / "night.edf", "--bundle", folder / "causal", "--out", tmp_path]
    done = CliRunner().invoke(replay, list(map(str, given)))
    assert (done.exit_code, "so far" in done.stderr) == (1, False)
    assert not list(tmp_path.iterdir())


def test_only_some_channels_may_be_sent(folder):
    some = call(replay, folder / "night.edf", "--bundle", folder / "causal", "--channel", "EEG")
    assert len(some.stdout.splitlines()) == 4
    with pytest.raises(EpochalError, match="no channel 'EEG'"):
        call(replay, folder / "night.edf", "--bundle", folder / "causal", "--channel", "EMG")


@pytest.mark.slow
def test_a_speed_is_kept(folder, monkeypatch):
    slept = []
    clock = SimpleNamespace(sleep=slept.append, monotonic=lambda: 100.0)
    monkeypatch.setattr("epochal.commands.replay.time", clock)
    call(replay, folder / "night.edf", "--bundle", folder / "causal", "--speed", "10")
    assert len(slept) == 13  # a second of the clock each
    assert slept[0] == pytest.approx(1.0)
    assert slept[-1] == pytest.approx(13.0)


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan", "inf"])
def test_a_speed_that_cannot_be(folder, speed):
    done = call(replay, folder / "night.edf", "--speed", speed)
    assert done.exit_code == 2
    assert "a number above 0, or max" in done.output


def test_a_bundle_that_looks_ahead_is_refused(folder):
    with pytest.raises(EpochalError, match="look ahead"):
        call(replay, folder / "night.edf", "--bundle", folder / "later")


def test_a_file_that_is_not_there_or_too_short(folder, tmp_path):
    with pytest.raises(EpochalError, match="no such file"):
        call(replay, folder / "none.edf", "--bundle", folder / "causal")
    short = write_edf(tmp_path / "short.edf", {"EEG": make_signal(20)}, sfreq=100)
    with pytest.raises(EpochalError, match="shorter than an epoch"):
        call(replay, short, "--bundle", folder / "causal")
