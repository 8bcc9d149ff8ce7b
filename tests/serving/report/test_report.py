"""What holds of every report of a recording, whatever its kind."""

import subprocess
import sys

import pytest

from epochal.serving.report.material import used_channels
from epochal.serving.report.page import make_report
from made_report import (
    RODENT,
    SLEEP,
    make_manifest,
    make_scored_recording,
    material_of,
    report_of,
    spell,
)
from page_checks import check_page

STRESS = ("baseline", "stress")
KINDS = {
    "polysomnogram": (make_manifest(), spell("W*4 N1*2 N2*10 N3*6 REM*4 W*2")),
    "rodent": (make_manifest("rodent", RODENT, epoch_s=10.0), spell("W*20 NREM*30 REM*10")),
    "wrist": (
        make_manifest("wrist", STRESS, epoch_s=60.0, step_s=30.0), spell("baseline*9 stress*4"),
    ),
    "icu_eeg": (make_manifest("icu_eeg", ("Seizure", "Other"), epoch_s=50.0), spell("Other*9")),
    "feature_table": (make_manifest("feature_table"), spell("W*3 N2*3")),
}  # fmt: skip
EVIL = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_recording_gets_a_page_that_needs_nothing_else(kind):
    manifest, labels = KINDS[kind]
    page = check_page(report_of(labels, manifest))
    assert "Data: simulated (recording real, the model's training data simulated)" in page.shown
    assert "tree of the study made" in page.shown
    assert "κ 0.700 (out of fold, 9 subjects, simulated)" in page.shown
    assert "Made up." in page.shown
    assert len(page.of("svg")) >= 1


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("polysomnogram", "Sleep report: night"),
        ("rodent", "Rodent report: night"),
        ("wrist", "Scored recording: night"),
        ("icu_eeg", "Scored recording: night"),
        ("feature_table", "Scored recording: night"),
    ],
)
def test_each_kind_has_its_own_report(kind, title):
    manifest, labels = KINDS[kind]
    assert f"<title>{title}</title>" in report_of(labels, manifest)


@pytest.mark.parametrize(
    "manifest",
    [make_manifest(classes=("awake", "asleep")), make_manifest(epoch_s=30.0, step_s=15.0)],
    ids=["other classes", "overlapping epochs"],
)
def test_a_night_that_the_aasms_figures_do_not_fit_gets_the_plain_page(manifest):
    labels = [manifest.classes[0]] * 5
    assert "Scored recording" in report_of(labels, manifest)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_from_a_file_becomes_a_tag(kind):
    manifest, labels = KINDS[kind]
    recording, scored = make_scored_recording(
        labels, manifest, recording_id=EVIL, problems=(EVIL,), flags=[EVIL] * len(labels)
    )
    named = manifest.model_copy(update={"headline": EVIL, "study": EVIL, "caveats": (EVIL,)})
    page = check_page(make_report(recording, scored, named))
    assert "img" not in {tag for tag, _ in page.elements}
    assert "<script>alert('x')</script>" in page.shown  # as text


def test_a_channel_with_a_hostile_name_is_text():
    feature = {"eeg": {"channels": (f"EEG {EVIL}",), "features": ("statistics",)}}
    manifest = make_manifest(feature_engineering={"signals": feature})
    recording, scored = make_scored_recording(spell("W*5 N2*5"), manifest)
    page = check_page(make_report(recording, scored, manifest))
    assert "img" not in {tag for tag, _ in page.elements}


def test_the_panels_are_hypnogram_probabilities_flags_spectrogram_and_muscle():
    page = report_of(spell("W*4 N2*6"), flags=["flat"] + [""] * 9)
    shown = check_page(page).shown
    for name in ("Scored", "Probability", "Flags", "EEG", "EMG", "22:30"):
        assert name in shown
    assert page.count("data:image/png;base64,") == 1


def test_each_flag_is_counted_in_epochs_and_minutes_and_explained():
    flags = ["flat;pop", "flat", *[""] * 8]
    shown = check_page(report_of(spell("W*4 N2*6"), flags=flags)).shown
    assert "flat 2 1.0 A watched channel does not move." in shown
    assert "pop 1 0.5 A jump that stays: an electrode moved." in shown
    assert "2 of 10 epochs flagged" in shown


def test_a_recording_without_flags_says_so():
    assert "No epoch is flagged." in check_page(report_of(spell("W*4 N2*6"))).shown


def test_confidence_is_told_for_each_class_and_where_it_is_low():
    shown = check_page(report_of(spell("W*4 N2*6"), confidence=0.4)).shown
    assert "100.0 % of the epochs have less than one half" in shown
    assert "N2 6 3.0 60.0 % 0.40" in shown
    assert "N3 0 0.0 0.0 % –" in shown


def test_the_bundles_channels_are_told_with_what_they_are_in_the_file():
    shown = check_page(report_of(spell("W*4 N2*6"))).shown
    assert "EEG 64 Hz, µV" in shown
    assert "No derivation was substituted." in shown


def test_an_alias_is_told_by_its_name_in_the_file():
    manifest = make_manifest(ingestion={"quality": {"channels": ("EEG C3-M2",)}})
    recording, scored = make_scored_recording(spell("W*4 N2*6"), manifest)
    renamed = tuple(
        type(channel)(name, channel.unit, channel.sfreq, channel.data)
        for channel, name in zip(recording.channels, ("C3-A2", "EMG"), strict=True)
    )
    recording = type(recording)("night", "s1", renamed)
    shown = check_page(make_report(recording, scored, manifest)).shown
    assert "EEG C3-M2 called C3-A2, 64 Hz, µV" in shown
    assert "EEG not in this recording" in shown


def test_a_derivation_that_stands_in_is_named_everywhere():
    manifest = make_manifest(ingestion={"substitutes": {"EEG": ("EEG C4-M1",)}})
    recording, scored = make_scored_recording(
        spell("W*4 N2*6"), manifest, metadata={"substitutions": {}}
    )
    channels = tuple(
        type(one)("EEG C4-M1" if one.name == "EEG" else one.name, one.unit, one.sfreq, one.data)
        for one in recording.channels
    )
    recording = type(recording)("night", "s1", channels)
    scored.summary["substitutions"] = {"EEG": "EEG C4-M1"}
    shown = check_page(make_report(recording, scored, manifest)).shown
    assert "EEG C4-M1 stands in: another derivation" in shown
    assert "Substituted derivations: EEG C4-M1 stands in for EEG" in shown
    assert "No figure of the model's holds for such a recording." in shown
    assert "Mean power of EEG C4-M1 by class" in shown  # not under the name that was wanted


def test_derivations_that_a_montage_makes_are_told_with_what_they_are_made_of():
    signals = {"chain": {"channels": ("EEG Fp1-F7",), "features": ("statistics",)}}
    montage = {"bipolar": "double banana"}
    manifest = make_manifest(
        "icu_eeg", ("Seizure", "Other"), epoch_s=50.0,
        feature_engineering={"signals": signals, "montage": montage},
    )  # fmt: skip
    shown = check_page(report_of(spell("Other*9"), manifest)).shown
    assert "Derivations double banana, made of the recorded channels" in shown
    assert "Recorded EEG, EMG" in shown
    assert "not in this recording" not in shown


def test_what_was_repaired_is_told():
    shown = check_page(report_of(spell("W*4 N2*6"), problems=("the sign was turned",))).shown
    assert "Repaired while reading the sign was turned" in shown


def test_a_table_of_features_has_a_page_without_signals():
    manifest = make_manifest("feature_table")
    page = report_of(spell("W*3 N2*3"), manifest, channels=(), start=None)
    assert "The recording holds no channel: there is no signal to show." in check_page(page).shown
    assert "data:image/png" not in page


def test_a_recording_of_one_epoch_has_a_page():
    check_page(report_of(["N2"]))


def test_epochs_that_were_not_scored_are_no_class():
    material = material_of(spell("W*2 ?*2 N2*2"))
    assert material.codes.tolist() == [0, 0, -1, -1, 2, 2]
    check_page(report_of(spell("W*2 ?*2 N2*2")))


def test_being_unusual_is_no_artefact():
    flags = ["outside_reference", "flat", "substituted", "motion_burst;substituted", ""]
    assert material_of(spell("N2*5"), flags=flags).artefact.tolist() == [0, 1, 0, 1, 0]


def test_the_channels_of_a_bundle_are_listed_once():
    manifest = make_manifest(ingestion={"quality": {"channels": ("EEG", "ECG")}})
    assert used_channels(manifest) == ["EEG", "EMG", "ECG"]


def test_both_colour_schemes_and_paper_are_thought_of():
    page = report_of(spell("W*4 N2*6"))
    assert "@media (prefers-color-scheme:dark)" in page
    assert page.count("@media print") == 2


def test_the_order_of_a_hypnogram_is_the_scorers():
    assert [SLEEP[code] for code in material_of(["W"]).order] == ["W", "REM", "N1", "N2", "N3"]


@pytest.mark.slow
def test_a_report_needs_no_library_that_serving_lacks():
    code = (
        "import sys, epochal.serving.report.page, epochal.serving.summary_table; "
        "heavy = {'kedro', 'matplotlib', 'sklearn', 'torch', 'lightgbm', 'plotly', 'joblib'}; "
        "print(sorted(heavy & set(sys.modules)), 'jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "False"]
