import numpy as np
import pytest
from made_chains import LEFT_SIDE, RIGHT_SIDE, SFREQ, make_sine, make_windows, one
from scipy.signal import welch

from epochal.features.chain_power import chain_power
from epochal.features.chains import REGIONS


def features_of(course, electrodes, **options):
    return one(chain_power(make_windows(course, electrodes, **options), SFREQ))


@pytest.mark.parametrize(
    ("frequency_hz", "band"), [(2, "delta"), (6, "theta"), (10, "alpha"), (16, "beta")]
)
def test_a_sine_has_its_power_in_its_band(frequency_hz, band):
    found = features_of(make_sine(frequency_hz), LEFT_SIDE + RIGHT_SIDE)
    assert found[f"relative_{band}"] > 0.95


def test_a_regions_power_is_that_of_scipy():
    windows = make_windows(make_sine(2.0), LEFT_SIDE)
    frequencies, density = welch(windows[0, REGIONS["LP"]], SFREQ, nperseg=800)
    inside = (frequencies >= 0.5) & (frequencies < 4)
    expected = np.log((density[:, inside].sum(axis=1) * 0.25).mean())
    assert one(chain_power(windows, SFREQ))["LP_log_delta"] == pytest.approx(expected, rel=1e-5)


def test_what_is_on_the_left_is_asymmetric_to_the_left():
    left = features_of(make_sine(2.0), LEFT_SIDE)
    right = features_of(make_sine(2.0), RIGHT_SIDE)
    both = features_of(make_sine(2.0), LEFT_SIDE + RIGHT_SIDE)
    assert left["asymmetry_delta"] > 2
    assert right["asymmetry_delta"] < -2
    assert right["abs_asymmetry_delta"] > 2
    assert abs(both["asymmetry_delta"]) < 0.05
    assert left["LL_log_delta"] > left["RL_log_delta"] + 2
    assert left["LP_log_line_length"] > left["RP_log_line_length"]


def test_mirror_images_have_no_pairwise_asymmetry_and_one_side_alone_has_it_all():
    windows = make_windows(make_sine(2.0), LEFT_SIDE)
    mirrored = windows.copy()
    mirrored[:, 4:8], mirrored[:, 12:16] = windows[:, 0:4], windows[:, 8:12]
    assert one(chain_power(mirrored, SFREQ))["pairwise_asymmetry"] == 0
    mirrored[:, 4:8], mirrored[:, 12:16] = 0, 0
    assert one(chain_power(mirrored, SFREQ))["pairwise_asymmetry"] > 0.99


def test_what_is_in_front_has_a_gradient():
    assert features_of(make_sine(2.0), ("Fp1", "Fp2"))["front_back_delta"] > 2


def test_twice_the_voltage_adds_the_logarithm_of_its_square():
    windows = make_windows(make_sine(2.0), LEFT_SIDE)
    single, double = (one(chain_power(size * windows, SFREQ)) for size in (1.0, 2.0))
    assert double["LL_log_delta"] - single["LL_log_delta"] == pytest.approx(np.log(4), rel=1e-3)
    assert double["log_span_max"] - single["log_span_max"] == pytest.approx(np.log(2), rel=1e-3)
    assert double["asymmetry_delta"] == pytest.approx(single["asymmetry_delta"], abs=1e-3)


def test_the_line_length_of_a_sine_is_four_amplitudes_a_cycle():
    found = features_of(make_sine(2.0), ("C3",), noise_uv=0.0)
    # C3 is in two of LP's four derivations, at 0.6 of 50 µV.
    expected = 2 / 4 * 4 * 0.6 * 50 * 2.0
    assert np.exp(found["LP_log_line_length"]) == pytest.approx(expected, rel=0.01)


def test_a_flat_window_has_sizes_but_no_shape():
    found = chain_power(np.zeros((2, 18, 2000), np.float32), SFREQ)
    for name, values in found.items():
        assert np.isfinite(values).all() == ("log_" in name)


def test_no_epochs_at_all_still_have_names():
    found = chain_power(np.zeros((0, 18, 2000), np.float32), SFREQ)
    assert len(found) == 37
    assert all(values.shape == (0,) for values in found.values())
