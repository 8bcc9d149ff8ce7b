"""Reports of animals and of what is no sleep: hours, light and dark, bouts, burden."""

import numpy as np
import pytest

from epochal.serving.report.hours import Light, count_hours, light_of
from epochal.serving.report.rodent import measure_bouts
from made_report import RODENT, make_manifest, material_of, report_of, spell
from page_checks import check_page

MOUSE = make_manifest("rodent", RODENT, epoch_s=10.0)
ICU = make_manifest("icu_eeg", ("Seizure", "LPD", "Other"), epoch_s=50.0, step_s=10.0)
HOUR = 360  # epochs
# lights go on half an hour after the start, and off twelve hours later
METADATA = {"lights_on_s": 1800.0, "lights_off_s": 1800.0 + 12 * 3600}
HALF_DARK = "W*90 NREM*90 W*60 NREM*90 REM*30"  # half an hour before the light, half after


def bouts_of(pattern, **given):
    material = material_of(spell(pattern), MOUSE, **given)
    return {(row.phase, row.name): row for row in measure_bouts(material, light_of(material))}


def test_light_and_dark_alternate_every_24_hours():
    light = Light(on_s=1800.0, length_s=12 * 3600.0)
    at = np.array([0.0, 1799.0, 1800.0, 44999.0, 45000.0, 1800.0 + 86400.0])
    assert light.is_on(at).tolist() == [False, False, True, True, False, True]


def test_dark_phases_are_cut_to_the_recording():
    light = Light(on_s=1800.0, length_s=12 * 3600.0)
    assert light.dark_spans(0.0, 50000.0) == [(0.0, 1800.0), (45000.0, 50000.0)]
    assert Light(0.0, 43200.0).dark_spans(100.0, 200.0) == []


def test_lights_on_later_than_off_are_of_the_next_day():
    material = material_of(["W"], MOUSE, metadata={"lights_on_s": 72000.0, "lights_off_s": 28800.0})
    light = light_of(material)
    assert light.length_s == 12 * 3600
    assert bool(light.is_on(0.0))


def test_one_light_alone_tells_nothing():
    assert light_of(material_of(["W"], MOUSE, metadata={"lights_on_s": 0.0})) is None


def test_zeitgeber_hours_begin_with_the_light():
    material = material_of(spell(HALF_DARK), MOUSE, metadata=METADATA)
    hours = count_hours(material, light_of(material))
    assert [(hour.name, hour.phase, hour.minutes) for hour in hours] == [
        ("ZT 0", "light", 30.0),
        ("ZT 23", "dark", 30.0),
    ]
    assert hours[1].by_class == (15.0, 15.0, 0.0)
    assert hours[0].shares == pytest.approx((1 / 3, 1 / 2, 1 / 6))


def test_days_are_summed_by_zeitgeber_hour():
    onsets = np.concatenate([np.arange(6), 8640 + np.arange(6)]) * 10.0
    material = material_of(spell("W*6 REM*6"), MOUSE, onsets_s=onsets, metadata=METADATA)
    (hour,) = count_hours(material, light_of(material))
    assert (hour.name, hour.minutes, hour.by_class) == ("ZT 23", 2.0, (1.0, 0.0, 1.0))


def test_without_lights_hours_count_from_the_start():
    hours = count_hours(material_of(spell(f"W*{HOUR} NREM*6"), MOUSE), None)
    assert [(hour.name, hour.phase) for hour in hours] == [("hour 0", ""), ("hour 1", "")]
    assert hours[0].by_class == (60.0, 0.0, 0.0)


def test_epochs_without_a_label_are_no_time_of_an_hour():
    (hour,) = count_hours(material_of(spell("W*6 ?*6"), MOUSE), None)
    assert (hour.minutes, hour.shares) == (1.0, (1.0, 0.0, 0.0))


def test_bouts_belong_to_the_phase_in_which_they_begin():
    # the second bout of NREM begins in the dark and ends in the light
    found = bouts_of("W*120 NREM*120 REM*6", metadata=METADATA)
    assert found["dark", "NREM"].n_bouts == 1
    assert found["light", "NREM"].n_bouts == 0
    assert found["dark", "NREM"].longest_s == 1200
    assert found["light", "REM"].n_bouts == 1


def test_bouts_are_counted_and_measured_by_phase():
    found = bouts_of("W*3 NREM*6 W*1 NREM*12 W*2", metadata={})
    wake = found["all", "W"]
    assert (wake.n_bouts, wake.median_s, wake.mean_s, wake.longest_s) == (3, 20.0, 20.0, 30.0)
    assert found["all", "NREM"].mean_s == 90.0
    assert wake.per_hour == pytest.approx(3 / (24 * 10 / 3600))
    assert found["all", "REM"].n_bouts == 0
    assert np.isnan(found["all", "REM"].median_s)


def test_a_gap_and_an_unscored_epoch_end_a_bout():
    onsets = np.array([0, 10, 20, 300, 310]) + 0.0
    assert bouts_of("NREM*5", onsets_s=onsets)["all", "NREM"].n_bouts == 2
    assert bouts_of("NREM*2 ?*1 NREM*2")["all", "NREM"].n_bouts == 2


def test_bouts_after_a_gap_of_half_an_epoch_keep_all_their_epochs():
    onsets = np.arange(40) * 4.0
    onsets[2:] += 2.0
    pattern = "W*4 NREM*1 W*5 NREM*10 REM*1 W*9 NREM*10"
    labels, manifest = spell(pattern), make_manifest("rodent", RODENT, epoch_s=4.0)
    material = material_of(labels, manifest, onsets_s=onsets)
    found = {row.name: row for row in measure_bouts(material, None)}
    assert (found["W"].n_bouts, found["W"].longest_s) == (3, 36.0)
    assert (found["NREM"].n_bouts, found["NREM"].mean_s) == (3, 28.0)
    assert (found["REM"].n_bouts, found["REM"].longest_s) == (1, 4.0)


def test_the_page_shows_hours_bouts_spectra_and_the_dark():
    page = report_of(spell(HALF_DARK), MOUSE, metadata=METADATA)
    shown = check_page(page).shown
    assert "Zeitgeber hour 0 begins when the lights go on (0.50 h from" in shown
    assert "they stay on for 12 h" in shown
    assert "ZT 23 dark 30.0 15.0 50.0 15.0 50.0 0.0 0.0" in shown
    assert "Bouts by light and dark" in shown
    assert "Mean power of EEG by class" in shown
    assert 'class="shade"' in page


def test_without_lights_the_page_says_what_it_cannot_tell():
    shown = check_page(report_of(spell("W*30 NREM*30"), MOUSE)).shown
    assert "light and dark are not told apart" in shown
    assert "all W" in shown


def test_no_statistics_of_people_stand_in_an_animals_report():
    shown = check_page(report_of(spell(HALF_DARK), MOUSE, metadata=METADATA)).shown
    assert "AASM" not in shown
    assert "SOL" not in shown


@pytest.mark.slow
def test_burden_is_the_share_of_an_hours_time_and_overlapping_epochs_count_by_their_step():
    material = material_of(spell("Seizure*36 Other*324 Other*36"), ICU)
    hours = count_hours(material, None)
    # the middle of an epoch of 50 s lies 25 s after its onset
    assert hours[0].by_class[0] == pytest.approx(6.0)
    assert hours[0].minutes == pytest.approx(358 / 6)
    shown = check_page(report_of(spell("Seizure*36 Other*360"), ICU)).shown
    assert "Burden by hour" in shown
    assert "hour 0 59.7 6.0 10.1" in shown


def test_a_short_recording_of_another_kind_has_no_table_of_hours():
    wrist = make_manifest("wrist", ("baseline", "stress"), epoch_s=60.0, step_s=30.0)
    shown = check_page(report_of(spell("baseline*9 stress*4"), wrist)).shown
    assert "By hour" not in shown
    assert "baseline 9 4.5 69.2 % 0.80" in shown
    assert "69.2 % baseline" in shown
