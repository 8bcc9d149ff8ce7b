import base64
import io

import numpy as np
import pytest
from matplotlib.image import imread

from builders import make_channel, make_recording, sine
from epochal.reports.panels import Grid
from epochal.reports.signals import (
    HIGH_HZ,
    LOW_HZ,
    envelope_panel,
    spectra_by_class,
    spectrogram_panel,
    trend_panels,
)
from epochal.reports.timeline import TimeAxis

AXIS = TimeAxis(0.0, 120.0)


def picture(panel):
    """The picture of a panel: `(n_rows, n_columns)` of brightness, and which pixels are there."""
    found = imread(io.BytesIO(base64.b64decode(panel.href.split(",")[1])), format="png")
    return found[..., :3] @ (0.2126, 0.7152, 0.0722), found[..., 3] > 0


def noisy(frequency_hz, length_s=120.0):
    random = np.random.default_rng(0)
    data = sine(frequency_hz, length_s=length_s, amplitude=20.0)
    return data + random.normal(0, 1, len(data)).astype(np.float32)


def test_a_sine_is_a_bright_line_at_its_frequency():
    brightness, _ = picture(spectrogram_panel(make_channel(data=noisy(10.0)), AXIS))
    rows_hz = np.linspace(HIGH_HZ, LOW_HZ, len(brightness))
    assert rows_hz[brightness.mean(axis=1).argmax()] == pytest.approx(10.0, abs=0.3)


def test_a_rhythm_that_begins_later_is_seen_later():
    data = np.concatenate([noisy(20.0, 60.0), noisy(5.0, 60.0)])
    brightness, _ = picture(spectrogram_panel(make_channel(data=data), AXIS))
    slow = brightness[int(len(brightness) * (HIGH_HZ - 5.0) / (HIGH_HZ - LOW_HZ))]
    assert slow[80:].mean() > slow[:40].mean() + 0.3


def test_where_samples_are_missing_the_picture_is_blank():
    data = noisy(10.0)
    data[4000:6000] = np.nan
    _, there = picture(spectrogram_panel(make_channel(data=data), AXIS))
    assert not there[:, 45:55].any()
    assert there[:, :30].all()
    assert there[:, 70:].all()


def test_a_channel_of_one_sample_a_second_has_no_spectrum():
    assert spectrogram_panel(make_channel("EEG", np.ones(120), sfreq=1.0), AXIS) is None


def test_a_channel_without_a_sample_has_no_spectrum():
    assert spectrogram_panel(make_channel(data=np.full(12000, np.nan)), AXIS) is None


def test_a_long_name_is_cut_and_a_unit_is_printed_with_its_sign():
    panel = spectrogram_panel(make_channel("EEG of a very long name", noisy(10.0)), AXIS)
    assert panel.title.startswith("EEG of a very l…\n")
    emg = make_channel("EMG", np.ones(120), sfreq=1.0)
    assert envelope_panel(emg, make_recording(emg), AXIS).title == "EMG\nµV"


def test_a_burst_of_muscle_lifts_the_envelope_and_slow_waves_do_not():
    time_s = np.arange(12000) / 100
    data = 50 * np.sin(2 * np.pi * 1.0 * time_s)
    data[6000:9000] += 20 * np.sin(2 * np.pi * 30.0 * time_s[6000:9000])
    emg = make_channel("EMG", data)
    panel = envelope_panel(emg, make_recording(emg), AXIS)
    assert panel.title == "EMG\nenvelope, µV"
    assert panel.values[65:85].mean() == pytest.approx(20 * 2 / np.pi, rel=0.05)
    assert panel.values[10:50].mean() < 1


def test_an_envelope_that_came_as_one_is_shown_as_it_is():
    emg = make_channel("EMG", np.arange(120.0), sfreq=1.0)
    assert envelope_panel(emg, make_recording(emg), AXIS).values.tolist() == list(range(120))


def test_slow_channels_that_are_no_eeg_are_trends():
    recording = make_recording(
        make_channel("EDA", np.linspace(1, 2, 480), sfreq=4.0, unit="uS"),
        make_channel("BVP", sfreq=64.0, data=np.zeros(64 * 120)),
        make_channel("EEG", np.ones(120), sfreq=1.0),
    )
    (trend,) = trend_panels(recording)
    assert trend.title == "EDA\nµS"
    assert (trend.low, trend.high) == pytest.approx((1.01, 1.99))


def test_each_class_has_the_spectrum_of_its_own_epochs():
    data = np.concatenate([sine(10.0, length_s=60.0), sine(2.0, length_s=60.0)])
    grid = Grid(np.arange(4) * 30.0, 30.0)
    found = spectra_by_class(
        make_channel(data=data), grid, ["W", "W", "N2", ""], np.ones(4, bool), ("W", "N2", "REM")
    )
    peaks = {name: found.frequencies[power.argmax()] for name, power in found.by_class.items()}
    assert peaks == pytest.approx({"W": 10.0, "N2": 2.0})
    assert found.n_epochs == {"W": 2, "N2": 1}


def test_a_sine_of_known_power_has_its_density():
    # amplitude 2: power 2; a Hann window of 4 s spreads it over 1.5 bins of 0.25 Hz
    grid = Grid(np.zeros(1), 30.0)
    channel = make_channel(data=2 * sine(10.0))
    found = spectra_by_class(channel, grid, ["W"], np.ones(1, bool), ("W",))
    assert found.by_class["W"].max() == pytest.approx(10 * np.log10(2 / (1.5 * 0.25)), abs=0.05)


def test_flagged_epochs_and_those_with_holes_are_left_out():
    data = noisy(10.0)
    data[100] = np.nan
    grid, clean = Grid(np.arange(4) * 30.0, 30.0), np.array([True, True, False, True])
    found = spectra_by_class(make_channel(data=data), grid, ["W"] * 4, clean, ("W",))
    assert found.n_epochs == {"W": 2}
    assert spectra_by_class(make_channel(data=data), grid, ["W"] * 4, clean & False, ("W",)) is None
