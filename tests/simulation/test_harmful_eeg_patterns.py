import numpy as np
import pytest
from made_patterns import pattern, rng
from scipy.signal import welch

from epochal.simulation.harmful_eeg_patterns import (
    ELECTRODES,
    discharge,
    render_pattern,
    steepest_difference,
)

LEFT, RIGHT = ["F7", "T3", "F3", "C3"], ["F8", "T4", "F4", "C4"]
FRONT, BACK = ["Fp1", "Fp2", "F3", "F4"], ["O1", "O2"]


def render(seconds=60, **changes):
    return render_pattern(pattern(**changes), n_samples=200 * seconds, sfreq=200.0, rng=rng())


def sd_of(eeg, names):
    return np.mean([eeg[list(ELECTRODES).index(name)].std() for name in names])


@pytest.mark.parametrize("frequency_hz", [0.7, 1.5, 2.5])
@pytest.mark.parametrize("sharpness", [0.0, 1.0])
def test_a_pattern_repeats_at_its_frequency(sharpness, frequency_hz):
    eeg = render(sharpness=sharpness, frequency_hz=frequency_hz)
    course = eeg[list(ELECTRODES).index("F3")]
    spectrum = np.abs(np.fft.rfft(course - course.mean()))
    frequency = np.fft.rfftfreq(len(course), 1 / 200)
    harmonic = frequency[spectrum.argmax()] / frequency_hz
    assert harmonic == pytest.approx(round(harmonic), abs=0.1)
    if sharpness == 0:
        assert harmonic == pytest.approx(1, abs=0.05)


def test_discharges_leave_gaps_and_rhythm_does_not():
    quiet = []
    for sharpness in (0.0, 1.0):
        course = np.abs(render(sharpness=sharpness, frequency_hz=0.5)[0])
        quiet.append((course < 0.1 * course.max()).mean())
    assert quiet[1] > 0.5 > 0.35 > quiet[0]


def test_a_sharper_discharge_is_faster():
    widths = [(np.abs(discharge(s, 200.0)) > 0.3).sum() / 200 for s in (0.0, 0.5, 1.0)]
    assert widths[0] > widths[1] > widths[2]
    assert np.ptp(discharge(0.7, 200.0)) == pytest.approx(1)


def test_lateralised_lies_on_the_focus_side_and_generalised_on_both():
    focal, general = render(laterality=1.0), render(laterality=0.0)
    assert sd_of(focal, LEFT) > 4 * sd_of(focal, RIGHT)
    assert sd_of(general, LEFT) == pytest.approx(sd_of(general, RIGHT), rel=1e-6)
    mirrored = render(laterality=1.0, focus=(0.81, 0.59))
    assert sd_of(mirrored, RIGHT) > 4 * sd_of(mirrored, LEFT)


def test_generalised_is_largest_in_front():
    general = render(laterality=0.0)
    assert sd_of(general, FRONT) > 3 * sd_of(general, BACK)


def test_a_pattern_is_about_one_high_between_neighbours_and_zero_outside():
    eeg = render(seconds=100, start_s=20.0, stop_s=80.0)
    assert 0.4 < steepest_difference(eeg[:, 4000:16_000].std(axis=1)) * 4 < 2.5
    assert np.abs(eeg[:, :3900]).max() == 0
    assert np.abs(eeg[:, 16_200:]).max() < 1e-9


def test_a_seizure_slows_down_and_builds_up():
    eeg = render(evolution=1.0, frequency_hz=3.0, sharpness=0.0)
    course = eeg[list(ELECTRODES).index("F3")]
    peaks = []
    for part in (course[1000:4000], course[8000:11_000]):
        frequency, power = welch(part, 200, nperseg=2000)
        peaks.append(frequency[power.argmax()])
    assert peaks[0] > 1.5 * peaks[1]
    assert course[:1000].std() < 0.7 * course[5000:7000].std()
