"""Animals are scored with what lies beside their files, as they were trained on."""

import json
from pathlib import Path

import numpy as np
import pytest

from builders import write_edf
from epochal.serving.reading import read_all
from made_report import RODENT, make_manifest

MOUSE = make_manifest("rodent", RODENT, epoch_s=10.0, ingestion={"reader": "rodent"})
SIDE = {"start_utc": "2024-03-04T11:00:00Z", "lights_on": "07:00", "lights_off": "19:00"}


@pytest.fixture
def animal(tmp_path):
    random = np.random.default_rng(0)
    write_edf(tmp_path / "sub-01.edf", {"EEG": random.normal(0, 50, 6000)})
    return tmp_path / "sub-01.edf"


def test_the_side_file_tells_when_the_lights_go_on_and_off(animal):
    animal.with_suffix(".json").write_text(json.dumps(SIDE))
    (recording,) = read_all(animal, MOUSE)
    assert recording.recording_id == "sub-01"
    assert recording.metadata["lights_on_s"] == 20 * 3600
    assert recording.metadata["lights_off_s"] == 8 * 3600


def test_without_a_side_file_nothing_is_known_of_the_light(animal):
    (recording,) = read_all(animal, MOUSE)
    assert "lights_on_s" not in recording.metadata


def test_labels_beside_the_file_are_not_looked_at(animal):
    Path(f"{animal.with_suffix('')}_labels.csv").write_text("epoch,stage\n0,nonsense\n")
    (recording,) = read_all(animal, MOUSE)
    assert recording.annotations.empty


def test_a_name_that_is_no_safe_id_keeps_the_stem_of_its_results(animal):
    moved = animal.rename(animal.with_name("my mouse.edf"))
    (recording,) = read_all(moved, MOUSE)
    assert recording.recording_id == "my mouse"
