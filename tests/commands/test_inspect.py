"""`epochal inspect`: channels, rates, units, gaps, labels, problems, and who could score it."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from builders import make_bundle, make_channel, make_recording, sine, write_edf
from epochal.cli import cli
from epochal.commands.inspect import describe
from epochal.serving.bundle import write_bundle


def inspect(*arguments):
    return CliRunner().invoke(cli, ["inspect", *map(str, arguments)])


@pytest.fixture
def night(tmp_path):
    return write_edf(tmp_path / "night.edf", {"EEG": sine(10.0, length_s=120, amplitude=20.0)})


def test_channels_are_listed_with_rate_unit_and_extent(night, tmp_path):
    result = inspect(night, "--bundles", tmp_path)
    assert result.exit_code == 0, result.output
    assert "night (real)" in result.output
    assert "EEG: 100 Hz, uV, -" in result.output
    assert "1 contiguous run(s)" in result.output
    assert "bundles that could score it: none" in result.output


def test_a_bundle_that_has_all_it_needs_is_named(night, tmp_path):
    bundle = make_bundle()
    write_bundle(tmp_path / "bundles/mine/07_model_output/bundle", bundle)
    result = inspect(night, "--bundles", tmp_path / "bundles")
    assert f"bundles that could score it: {bundle.manifest.study}" in result.output


def test_gaps_missing_samples_labels_and_repairs_are_said(tmp_path):
    channel = make_channel()
    holed = replace(channel, data=np.where(np.arange(len(channel.data)) < 10, np.nan, channel.data))
    recording = replace(
        make_recording(),
        channels=(holed,),
        runs=((0.0, 30.0), (60.0, 90.0)),
        problems=("record count −1: counted",),
    )
    text = "\n".join(describe(recording, tmp_path, []))
    assert "gap from 30 s to 60 s" in text
    assert "missing" in text
    assert "repaired: record count −1: counted" in text
    assert "labels: " in text


def test_a_channel_without_any_value_is_said(tmp_path):
    channel = replace(make_channel(), data=np.full(100, np.nan, dtype=np.float32))
    text = "\n".join(describe(replace(make_recording(), channels=(channel,)), tmp_path, []))
    assert "no value, 100.0% missing" in text


def test_a_bad_file_is_named_and_the_rest_go_on(night, tmp_path):
    bad = tmp_path / "bad.edf"
    bad.write_bytes(b"")
    result = inspect(bad, night, tmp_path / "absent.edf", "--bundles", tmp_path)
    assert result.exit_code == 1
    assert "bad.edf" in result.output
    assert "absent.edf: no such file" in result.output
    assert "EEG: 100 Hz" in result.output
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
    assert "EEG: 100 Hz" in named.output
    assert inspect(night, "--reader", "rodents").exit_code == 2
