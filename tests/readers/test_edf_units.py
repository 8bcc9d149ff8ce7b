import numpy as np
import pytest

from epochal.errors import RecordingError
from epochal.readers.edf_units import measure_spread, needs_settling, parse_unit, settle_unit


@pytest.mark.parametrize(
    ("written", "unit", "factor"),
    [
        ("uV", "uV", 1), ("UV", "uV", 1), ("µV", "uV", 1), ("μV", "uV", 1), ("Â\xb5V", "uV", 1),
        ("mV", "uV", 1e3), ("V", "uV", 1e6), ("nV", "uV", 1e-3), ("DegC", "degC", 1),
        ("degreeC", "degC", 1), ("°C", "degC", 1), ("uS", "uS", 1), ("%", "%", 1), ("", "", 1),
        ("Boolean", "Boolean", 1), ("MV", "uV", 1e3), ("volts", "uV", 1e6), ("muV", "uV", 1),
        ("microvol", "uV", 1), ("microV", "uV", 1), ("uVolts", "uV", 1), ("µVolt", "uV", 1),
        ("μVolts", "uV", 1), ("mVolt", "uV", 1e3), ("mVolts", "uV", 1e3), ("milliV", "uV", 1e3),
        ("millivol", "uV", 1e3), ("nanovolt", "uV", 1e-3), ("vol", "vol", 1), ("mkV", "mkV", 1),
        ("uV/m", "uV/m", 1), ("uV2", "uV2", 1), ("kV", "kV", 1),
    ],
)  # fmt: skip
def test_units_have_one_spelling_and_voltages_become_microvolts(written, unit, factor):
    assert parse_unit(written) == (unit, factor)


def test_the_spread_is_that_of_a_sine():
    time_s = np.arange(0, 120, 1 / 100)
    spread = measure_spread(np.float32(50 * np.sin(2 * np.pi * 10 * time_s)), 100)
    assert spread == pytest.approx(50 / np.sqrt(2), rel=1e-3)


def test_offset_drift_and_a_burst_do_not_reach_the_spread():
    rng = np.random.default_rng(0)
    data = rng.normal(0, 20, 60_000)
    spoilt = data + 1e5 + np.linspace(0, 500, 60_000)
    spoilt[1000:3000] += rng.normal(0, 1e4, 2000)
    assert measure_spread(spoilt, 100) == pytest.approx(measure_spread(data, 100), rel=0.05)


def test_a_flat_or_empty_or_missing_signal_has_no_spread():
    assert measure_spread(np.full(1000, 7.0), 100) is None
    assert measure_spread(np.full(1000, np.nan), 100) is None
    assert measure_spread(np.full(3, 7.0), 100) is None


def test_gaps_are_left_out_of_the_spread():
    data = np.random.default_rng(0).normal(0, 20, 60_000)
    data[10_000:40_000] = np.nan
    assert measure_spread(data, 100) == pytest.approx(20, rel=0.05)


@pytest.mark.parametrize(
    ("name", "unit", "sfreq", "needed"),
    [
        ("EEG Cz", "uV", 100, True), ("EMG", "", 256, True), ("EKG", "uV", 200, True),
        ("EMG submental", "uV", 1, False), ("SpO2", "uV", 100, False), ("EEG Cz", "%", 100, False),
        ("EEG Cz", "mkV", 100, True), ("SpO2", "mkV", 100, False), ("EEG Cz", "mkV", 10, False),
        ("ECG rate", "bpm", 100, False), ("ECG rate", "1/min", 100, False),
        ("EEG power", "uV^2", 100, False), ("EEG power", "dB", 100, False),
        ("EMG", "boolean", 100, False),
    ],
)  # fmt: skip
def test_only_fast_voltages_of_the_body_are_judged(name, unit, sfreq, needed):
    assert needs_settling(name, unit, sfreq) == needed


def settle(declared, spread, half_range=None):
    """Settle a channel whose range is ten times its spread, unless it is given."""
    limit = 10 * spread if half_range is None else half_range
    return settle_unit(
        "night.edf", name="EEG", declared=declared, raw_spread=spread, raw_half_range=limit
    )


@pytest.mark.parametrize("spread", [0.1, 5, 50, 300, 5000])
def test_plausible_microvolts_are_believed(spread):
    assert settle("uV", spread) == (1.0, "")


@pytest.mark.parametrize(
    ("declared", "spread", "factor"),
    [
        ("uV", 3e-5, 1e6), ("uV", 0.03, 1e3), ("mV", 3e-5, 1e6), ("mV", 30, 1.0), ("V", 0.03, 1e3),
        ("V", 30, 1.0), ("", 30, 1.0), ("", 0.03, 1e3), ("", 3e-5, 1e6),
    ],
)  # fmt: skip
def test_the_only_plausible_unit_is_taken_and_told(declared, spread, factor):
    settled, sentence = settle(declared, spread)
    assert settled == factor
    assert "can only be" in sentence
    assert 0.1 <= spread * settled <= 5000


@pytest.mark.parametrize(
    ("declared", "told"),
    [("mkV", "in an unknown unit ('mkV'), but"), ("", "without a unit, but"), ("V", "declared V")],
)
def test_what_was_declared_is_told_as_it_stands(declared, told):
    settled, sentence = settle(declared, 30)
    assert settled == 1.0
    assert sentence.startswith(f"channel 'EEG': {told}")


@pytest.mark.parametrize(
    ("declared", "spread"), [("mkV", 1e7), ("uV", 1e5), ("V", 1e-8), ("", 1e7), ("", 1e-9)]
)
def test_an_amplitude_plausible_in_no_unit_is_refused(declared, spread):
    with pytest.raises(RecordingError, match=r"channel 'EEG', field 'physical dimension' \('"):
        settle(declared, spread)


def test_a_weak_signal_in_a_wide_range_is_a_dead_channel_not_another_unit():
    assert settle("uV", 0.03, half_range=500) == (1.0, "channel 'EEG' is nearly flat (0.03 uV)")
