from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from builders import make_bundle
from epochal.errors import EpochalError
from epochal.serving.burden import (
    FALSE_ALARMS,
    burden_columns,
    measure_burden,
    tell_burden,
)
from epochal.serving.sliding import with_step

CLASSES = ("Seizure", "LPD", "GPD", "LRDA", "GRDA", "Other")


@pytest.fixture(scope="module")
def bundle():
    made = make_bundle()
    context = made.manifest.feature_engineering.context.model_copy(update={"causal_epochs": ()})
    features = made.manifest.feature_engineering.model_copy(update={"context": context})
    return replace(
        made,
        manifest=made.manifest.model_copy(
            update={
                "classes": CLASSES,
                "recording_kind": "icu_eeg",
                "feature_engineering": features,
            }
        ),
    )


def with_epochs(manifest, length_s=50.0, step_s=None, **changed):
    update = {"epoch_length_s": length_s, "epoch_step_s": step_s}
    ingestion = manifest.ingestion.model_copy(update=update)
    return manifest.model_copy(update={"ingestion": ingestion, **changed})


def table(labels, *, step_s=50.0, start_s=0.0):
    return pd.DataFrame({"onset_s": start_s + step_s * np.arange(len(labels)), "label": labels})


def test_a_sixth_of_the_time_is_ten_minutes_of_each_hour(bundle):
    labels = ["Seizure"] * 12 + ["Other"] * 60  # an hour of 50 s
    found = measure_burden(table(labels), with_epochs(bundle.manifest))
    assert found["scored_minutes"] == 60
    assert found["minutes"]["Seizure"] == 10
    assert found["share"]["Seizure"] == pytest.approx(1 / 6, abs=1e-4)
    assert found["minutes_per_hour"] == {
        "Seizure": 10, "LPD": 0, "GPD": 0, "LRDA": 0, "GRDA": 0, "Other": 50,
    }  # fmt: skip


def test_every_hour_is_told_by_itself(bundle):
    labels = ["Other"] * 72 + ["LPD"] * 36
    hours = measure_burden(table(labels), with_epochs(bundle.manifest))["by_hour"]
    assert [one["hour"] for one in hours] == [0, 1]
    assert [one["scored_minutes"] for one in hours] == [60, 30]
    assert [one["minutes_per_hour"]["LPD"] for one in hours] == [0, 60]


def test_a_window_stands_for_its_step_where_windows_overlap(bundle):
    found = measure_burden(
        table(["Seizure"] * 360, step_s=10.0), with_epochs(bundle.manifest, step_s=10.0)
    )
    assert found["scored_minutes"] == 60
    assert found["alarms"]["n"] == 1


def test_a_window_without_a_label_is_no_scored_time(bundle):
    found = measure_burden(table(["Seizure", "", "", "Other"]), with_epochs(bundle.manifest))
    assert found["share"]["Seizure"] == 0.5
    assert found["scored_minutes"] == pytest.approx(100 / 60, abs=1e-4)


def test_nothing_scored_is_no_burden_and_no_error(bundle):
    found = measure_burden(table(["", ""]), with_epochs(bundle.manifest))
    assert found["scored_minutes"] == 0
    assert set(found["share"].values()) == {0.0}
    assert found["alarms"]["per_hour"] == 0
    assert "nothing scored" in tell_burden(found)[0]


def test_an_alarm_is_a_stretch_without_a_break(bundle):
    labels = ["Seizure"] * 3 + ["Other"] + ["Seizure"] * 2 + ["Other"] * 66
    alarms = measure_burden(table(labels), with_epochs(bundle.manifest))["alarms"]
    assert (alarms["n"], alarms["per_hour"]) == (2, 2.0)


def test_a_gap_of_the_recording_ends_an_alarm(bundle):
    both = pd.concat([table(["Seizure"] * 2), table(["Seizure"] * 2, start_s=1000.0)])
    alarms = measure_burden(both, with_epochs(bundle.manifest))["alarms"]
    assert alarms["n"] == 2


def test_with_alarms_stands_that_their_false_rate_is_not_known(bundle):
    alarms = measure_burden(table(["Seizure"]), with_epochs(bundle.manifest))["alarms"]
    assert alarms["false_per_hour"] is None
    assert "has not been measured" in alarms["note"]
    assert "Not for alerts" in alarms["note"]


def test_a_false_alarm_rate_that_was_measured_is_told(bundle):
    metrics = {**bundle.manifest.metrics, FALSE_ALARMS: 1.25}
    manifest = with_epochs(bundle.manifest, metrics=metrics)
    found = measure_burden(table(["Seizure"]), manifest)
    assert found["alarms"]["false_per_hour"] == 1.25
    assert "1.25 false alarms per hour" in tell_burden(found)[-1]


def test_a_night_has_no_burden(bundle):
    manifest = with_epochs(bundle.manifest, recording_kind="polysomnogram")
    assert measure_burden(table(["Other"]), manifest) is None
    assert burden_columns(None) == {}


def test_the_summary_table_has_minutes_per_hour_and_alarms(bundle):
    found = measure_burden(table(["Seizure", "Other"]), with_epochs(bundle.manifest))
    columns = burden_columns(found)
    assert columns["minutes_per_hour_Seizure"] == 30
    assert columns["alarms_per_hour"] == pytest.approx(36, abs=0.01)


def test_windows_may_begin_more_often_than_they_are_long(bundle):
    made = replace(bundle, manifest=with_epochs(bundle.manifest))
    assert with_step(made, 10.0).manifest.ingestion.epoch_step_s == 10.0
    assert with_step(made, None) is made


@pytest.mark.parametrize("step_s", [0.0, -1.0, 51.0])
def test_a_step_that_leaves_time_out_is_refused(bundle, step_s):
    made = replace(bundle, manifest=with_epochs(bundle.manifest))
    with pytest.raises(EpochalError, match="epochs of 50 s need one up to that"):
        with_step(made, step_s)


def test_a_step_is_refused_for_models_that_look_at_neighbours():
    with pytest.raises(EpochalError, match="its models look at neighbouring epochs"):
        with_step(make_bundle(), 10.0)
