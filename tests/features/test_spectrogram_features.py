import numpy as np
import pytest
from made_chains import one

from epochal.features.context import is_causal
from epochal.features.spectrogram_features import spectrogram_regions
from epochal.readers.hms_spectrogram import FREQUENCIES_HZ

FRAME_HZ = 0.5
DELTA = (FREQUENCIES_HZ >= 0.5) & (FREQUENCIES_HZ < 4)
MIDDLE = slice(138, 162)


def make_spectrogram(power=1.0):
    return np.full((1, 4, 100, 300), power, dtype=np.float32)


def features_of(spectrogram):
    return one(spectrogram_regions(spectrogram, FRAME_HZ))


def test_a_regions_power_is_the_logarithm_of_its_mean_in_the_band():
    spectrogram = make_spectrogram()
    spectrogram[0, 1][DELTA] = np.e**3
    found = features_of(spectrogram)
    assert found["RL_log_delta"] == pytest.approx(3.0)
    assert found["RL_log_theta"] == pytest.approx(0.0)
    assert found["LL_log_delta"] == pytest.approx(0.0)


def test_asymmetry_is_left_minus_right():
    spectrogram = make_spectrogram()
    spectrogram[0, [1, 3]] = np.e**2
    found = features_of(spectrogram)
    assert found["asymmetry_alpha"] == pytest.approx(-2.0)
    assert found["abs_asymmetry_alpha"] == pytest.approx(2.0)


def test_the_middle_is_compared_with_the_ten_minutes():
    spectrogram = make_spectrogram()
    spectrogram[..., MIDDLE] = np.e
    found = features_of(spectrogram)
    assert found["LL_log_delta"] == pytest.approx(1.0)
    assert found["rise_delta__centred600s"] == pytest.approx(1 - 24 / 300)
    assert found["variability_delta__centred600s"] == pytest.approx(np.sqrt(0.08 * 0.92), rel=1e-4)


def test_the_trend_is_that_inside_the_middle_in_one_per_minute():
    minutes = np.arange(300) * 2 / 60
    course = np.zeros(300)
    course[MIDDLE] = 0.7 * minutes[MIDDLE]
    spectrogram = make_spectrogram() * np.exp(course).astype(np.float32)
    assert features_of(spectrogram)["trend_beta"] == pytest.approx(0.7, rel=1e-4)


def test_missing_frames_are_left_out_and_counted():
    spectrogram = make_spectrogram(np.e)
    spectrogram[..., :100] = np.nan
    spectrogram[..., 140:146] = np.nan
    found = features_of(spectrogram)
    assert found["masked__centred600s"] == pytest.approx(106 / 300)
    assert found["masked_middle"] == pytest.approx(6 / 24)
    assert found["LL_log_delta"] == pytest.approx(1.0)
    assert found["trend_delta"] == pytest.approx(0.0, abs=1e-6)


def test_a_region_that_is_missing_takes_its_own_columns_and_comparisons_with_it():
    spectrogram = make_spectrogram()
    spectrogram[0, 2] = np.nan
    found = features_of(spectrogram)
    assert np.isnan(found["LP_log_delta"])
    assert np.isnan(found["asymmetry_delta"])
    assert found["RP_log_delta"] == pytest.approx(0.0)
    assert found["masked_middle"] == 0.25


def test_frames_that_were_never_computed_count_as_missing():
    spectrogram = make_spectrogram()
    spectrogram[..., 200:] = 2.2e-16
    assert features_of(spectrogram)["masked__centred600s"] == pytest.approx(1 / 3)


@pytest.mark.slow
def test_nothing_at_all_is_nan_throughout():
    assert all(np.isnan(value) for value in features_of(make_spectrogram(np.nan)).values())


def test_what_looks_beyond_the_epoch_says_so():
    names = list(spectrogram_regions(make_spectrogram(), FRAME_HZ))
    ahead = {name for name in names if not is_causal([name])}
    assert {name.split("_")[0] for name in ahead} == {"rise", "variability", "masked"}
    assert "masked_middle" not in ahead
    spectrogram = make_spectrogram()
    spectrogram[..., : MIDDLE.start] = 99
    changed = features_of(spectrogram)
    unchanged = features_of(make_spectrogram())
    assert {name for name in names if changed[name] != unchanged[name]} <= ahead


def test_no_epochs_at_all_still_have_names():
    found = spectrogram_regions(np.empty((0, 4, 100, 300), np.float32), FRAME_HZ)
    assert len(found) == 38
    assert all(values.shape == (0,) for values in found.values())
