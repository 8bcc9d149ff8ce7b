import numpy as np
import pytest
from scipy.signal import welch

from epochal.simulation.harmful_eeg_background import (
    Patient,
    coloured_noise,
    draw_patient,
    render_background,
)
from epochal.simulation.harmful_eeg_patterns import ELECTRODES

BACK = ["O1", "O2"]


def rng(seed=0):
    return np.random.default_rng(seed)


def patient(**changes):
    quiet = {"background_uv": 10.0, "slope": 2.0, "alpha_uv": 0.0, "reference_uv": 0.0,
             "heart_rate_bpm": 60.0, "ekg_uv": 100.0, "ekg_leak_uv": 0.0, "blinks_per_min": 0.0,
             "muscle_uv": 0.0, "mains_uv": 0.0, "suppression": 0.0}  # fmt: skip
    return Patient(**(quiet | changes))


def sd_of(eeg, names):
    return np.mean([eeg[list(ELECTRODES).index(name)].std() for name in names])


def background(seconds=60, seed=0, **changes):
    return render_background(
        patient(**changes), n_samples=200 * seconds, sfreq=200.0, rng=rng(seed)
    )


def test_noise_falls_with_its_slope():
    noise = coloured_noise(2, 60_000, sfreq=200.0, slope=2.0, rng=rng())
    frequency, power = welch(noise, 200, nperseg=2000)
    inside = (frequency > 2) & (frequency < 40)
    slope = np.polyfit(np.log(frequency[inside]), np.log(power[0, inside]), 1)[0]
    assert slope == pytest.approx(-2.0, abs=0.2)
    np.testing.assert_allclose(noise.std(axis=1), 1)


@pytest.mark.slow
def test_the_background_has_the_size_asked_for():
    for background_uv in (5.0, 20.0):
        sizes = [
            np.median(
                np.diff(background(seed=seed, background_uv=background_uv)[:4], axis=0).std(1)
            )
            for seed in range(5)
        ]
        assert 0.4 * background_uv < np.median(sizes) < 1.6 * background_uv


@pytest.mark.parametrize(
    ("trait", "low_hz", "high_hz"),
    [({"mains_uv": 40.0}, 59, 61), ({"muscle_uv": 40.0}, 30, 90), ({"alpha_uv": 40.0}, 7, 11)],
)
def test_each_trait_adds_power_where_it_belongs(trait, low_hz, high_hz):
    powers = []
    for eeg in (background(), background(**trait)):
        frequency, power = welch(eeg[:19], 200, nperseg=400)
        powers.append(power[:, (frequency >= low_hz) & (frequency <= high_hz)].mean())
    assert powers[1] > 2 * powers[0]


def test_the_ekg_beats_at_the_heart_rate_and_leaks_into_the_eeg():
    eeg = background(ekg_leak_uv=200.0)
    beats = (np.diff((eeg[19] > 150).astype(int)) == 1).sum()
    assert 55 <= beats <= 65
    assert np.corrcoef(eeg[19], eeg[9])[0, 1] > 0.4
    assert abs(np.corrcoef(background()[19], background()[9])[0, 1]) < 0.1


def test_blinks_are_seen_at_the_front():
    eeg = background(blinks_per_min=30.0)
    assert sd_of(eeg, ["Fp1", "Fp2"]) > 2 * sd_of(eeg, BACK)


def test_suppression_makes_stretches_quiet():
    spans = []
    for suppression in (0.0, 0.7):
        eeg = np.diff(background(suppression=suppression, seed=4)[9:11], axis=0)[0]
        pieces = eeg[: len(eeg) // 100 * 100].reshape(-1, 100).std(axis=1)
        spans.append(np.quantile(pieces, 0.9) / np.quantile(pieces, 0.2))
    assert spans[1] > 1.5 * spans[0]


def test_patients_differ():
    drawn = [draw_patient(rng(seed)) for seed in range(40)]
    sizes = [one.background_uv for one in drawn]
    assert 6 < np.median(sizes) < 16
    assert max(sizes) > 2 * min(sizes)
    assert 0 < sum(one.suppression > 0 for one in drawn) < 20
