from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from builders import make_recording
from epochal.errors import RecordingError
from epochal.features.covariates import clock, demographics, light


def epochs_at(*onsets_s):
    return pd.DataFrame({"onset_s": np.array(onsets_s, dtype=float), "length_s": 30.0})


def test_age_and_sex_are_columns_of_every_epoch():
    found = demographics(make_recording(metadata={"age": 33, "sex": "M"}), epochs_at(0, 30))
    assert found["demographics_age_years"].tolist() == [33, 33]
    assert found["demographics_sex"].tolist() == [1, 1]


def test_what_the_recording_does_not_say_is_missing():
    found = demographics(make_recording(), epochs_at(0))
    assert np.isnan([found["demographics_age_years"][0], found["demographics_sex"][0]]).all()


def test_the_clock_counts_hours_and_turns_once_a_day():
    recording = make_recording(start=datetime(2020, 1, 1, 18, 0, 0))
    found = clock(recording, epochs_at(0, 6 * 3600))
    assert found["clock_recording_h"].tolist() == [0, 6]
    assert found["clock_day_sin"] == pytest.approx([-1, 0], abs=1e-9)  # 18:00, midnight
    assert found["clock_day_cos"] == pytest.approx([0, 1], abs=1e-9)


def test_without_a_start_the_time_of_day_is_missing():
    found = clock(make_recording(start=None), epochs_at(3600))
    assert found["clock_recording_h"].tolist() == [1]
    assert np.isnan(found["clock_day_sin"]).all()


def test_the_lights_follow_a_cycle_of_a_day():
    recording = make_recording(metadata={"lights_on_s": 3600, "lights_off_s": 13 * 3600})
    found = light(recording, epochs_at(0, 3600, 12 * 3600, 13 * 3600, 26 * 3600))
    assert found["light_on"].tolist() == [0, 1, 1, 0, 1]


def test_lights_that_went_off_before_they_went_on_again():
    recording = make_recording(metadata={"lights_on_s": 10 * 3600, "lights_off_s": -2 * 3600})
    assert light(recording, epochs_at(0, 11 * 3600))["light_on"].tolist() == [0, 1]


def test_without_lights_nothing_is_said_of_them():
    assert np.isnan(light(make_recording(), epochs_at(0))["light_on"]).all()


def test_half_of_a_light_cycle_is_refused():
    with pytest.raises(RecordingError, match="one of lights_on_s and lights_off_s, not both"):
        light(make_recording(metadata={"lights_on_s": 0}), epochs_at(0))
