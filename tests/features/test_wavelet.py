import numpy as np
import pandas as pd
import pytest
import pywt
from scipy import special

from builders import make_ingestion, sine
from epochal.errors import EpochalError
from epochal.features import FEATURE_SETS, extract_features
from epochal.features.roster import compute_features
from epochal.features.wavelet import (
    DB4_LEVEL,
    HAAR_LEVEL,
    band_energy,
    decompose,
    entropy,
    wavelet_combo,
    wavelet_energy,
)
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.readers.slow_oscillation_files import METADATA_COLUMNS
from epochal.recording import Recording
from epochal.signals.epoching import index_epochs

SFREQ = 125.0
N_SAMPLES = 1250
SETS = [wavelet_combo, wavelet_energy]
HAAR_BANDS = ["a7", *[f"d{j}" for j in range(1, 8)]]
# 300 rows: more than are transformed at once
NOISE = (np.random.default_rng(0).normal(2.0, 30.0, (300, N_SAMPLES))).astype(np.float32)


def column(found, name):
    return found[name].astype(float)


def dwt_rows(rows, wavelet, level):
    """Transform row by row with PyWavelets; by band, scaled by 2^(-j/2)."""
    names = [f"a{level}", *[f"d{j}" for j in range(level, 0, -1)]]
    bands = {name: [] for name in names}
    for row in rows.astype(float):
        for name, band in zip(names, pywt.wavedec(row, wavelet, level=level), strict=True):
            bands[name].append(band / np.sqrt(2.0 ** int(name[1:])))
    return bands


def shares_entropy(energies):
    shares = np.asarray(energies) / (np.sum(energies) + 1e-6)
    return -special.xlogy(shares, shares).sum() / np.log(len(shares))


@pytest.fixture(scope="module")
def combo():
    return wavelet_combo(NOISE, SFREQ)


def test_there_are_110_named_columns_and_121_with_the_metadata(combo):
    assert len(combo) == 110
    assert sum(name.startswith("haar_") for name in combo) == 40
    assert sum(name.startswith("db4_") for name in combo) == 70
    assert all(values.shape == (300,) for values in combo.values())


@pytest.mark.parametrize("features", SETS)
def test_float32_in_is_float32_out(features):
    found = features(NOISE[:3], SFREQ)
    assert {values.dtype for values in found.values()} == {np.dtype(np.float32)}


@pytest.mark.slow
def test_the_haar_columns_are_those_of_pywavelets_called_row_by_row(combo):
    bands = dwt_rows(NOISE - NOISE.mean(axis=1, keepdims=True, dtype=float), "haar", HAAR_LEVEL)
    energy = {name: np.array([np.mean(row**2) for row in rows]) for name, rows in bands.items()}
    total = sum(energy.values())
    for name, rows in bands.items():
        expected = {
            "log_energy": np.log(energy[name]),
            "relative_energy": energy[name] / total,
            "entropy": [shares_entropy(row**2) for row in rows],
            "min": [row.min() for row in rows],
            "max": [row.max() for row in rows],
        }
        for statistic, values in expected.items():
            found = column(combo, f"haar_{name}_{statistic}")
            np.testing.assert_allclose(found, values, rtol=1e-6, err_msg=f"{name} {statistic}")


@pytest.mark.slow
def test_the_db4_columns_are_those_of_pywavelets_called_window_by_window(combo):
    centred = NOISE - NOISE.mean(axis=1, keepdims=True, dtype=float)
    for tenth in range(10):
        bands = dwt_rows(centred[:, tenth * 125 : (tenth + 1) * 125], "db4", DB4_LEVEL)
        energy = {name: np.mean(np.square(rows), axis=1) for name, rows in bands.items()}
        expected = {f"{name}_log_energy": np.log(value) for name, value in energy.items()}
        expected["entropy"] = [shares_entropy(row) for row in np.transpose(list(energy.values()))]
        for name, values in expected.items():
            found = column(combo, f"db4_w{tenth}_{name}")
            np.testing.assert_allclose(found, values, rtol=1e-6, err_msg=name)
        level = np.mean(bands["a4"], axis=1)  # its sign changes, so that it may be near 0
        np.testing.assert_allclose(
            column(combo, f"db4_w{tenth}_level"), level, rtol=1e-6, atol=1e-6
        )


def test_each_row_is_measured_by_itself(combo):
    alone = wavelet_combo(NOISE[200:201], SFREQ)
    for name, values in alone.items():
        assert combo[name][200] == pytest.approx(values[0], rel=1e-6)


@pytest.mark.parametrize(("wavelet", "level"), [("haar", 6), ("db4", 4)])
def test_energy_is_conserved_with_periodization(wavelet, level):
    windows = NOISE[:, :1216].astype(float)  # 19 · 2^6: no level is padded
    bands = decompose(windows, wavelet, level, mode="periodization")
    total = sum(band_energy(band) for band in bands.values())
    np.testing.assert_allclose(total, np.square(windows).mean(axis=1), rtol=1e-12)


def test_energy_is_nearly_conserved_without_a_step_where_the_ends_meet():
    windows = NOISE.astype(float)
    total = sum(band_energy(band) for band in decompose(windows, "haar", 7).values())
    ratio = total / np.square(windows).mean(axis=1)
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)
    assert ratio == pytest.approx(np.ones(300), abs=0.1)  # 1,250 samples end within coefficients


def test_the_haar_transform_of_one_step_is_half_of_it_at_the_level_of_its_place():
    bands = decompose(np.repeat([3.0, 7.0], 64)[None], "haar", 7)
    assert {name: band.round(12).tolist() for name, band in bands.items()} == {
        "a7": [[5.0]],
        "d7": [[-2.0]],
        **{f"d{j}": [[0.0] * (128 // 2**j)] for j in range(6, 0, -1)},
    }


def test_the_minimum_is_half_the_steepest_rise_and_the_maximum_half_the_steepest_fall():
    windows = np.zeros((1, 1280))
    windows[:, 640 + 4 : 640 + 8] = 10.0  # up within a stretch of 8, down between two
    windows[:, 640 + 32 : 640 + 36] = 6.0  # up between two, down within
    found = wavelet_combo(windows, SFREQ)
    assert found["haar_d3_min"][0] == pytest.approx(-5.0)
    assert found["haar_d3_max"][0] == pytest.approx(3.0)
    assert found["haar_d1_max"][0] == pytest.approx(0.0, abs=1e-12)


def test_an_impulse_has_all_its_energy_at_one_place():
    windows = np.zeros((1, 1280))
    windows[0, 700] = 100.0
    found = wavelet_combo(windows, SFREQ)
    for j in range(1, 8):
        # d_j of an impulse a is one coefficient ±a/2^j; 1280/2^j of them share the energy
        assert found[f"haar_d{j}_entropy"][0] == pytest.approx(0.0, abs=0.01)
        expected = np.log((100 / 2**j) ** 2 * 2**j / 1280)
        assert found[f"haar_d{j}_log_energy"][0] == pytest.approx(expected, rel=1e-5)
    loudest = max(range(10), key=lambda tenth: found[f"db4_w{tenth}_d1_log_energy"][0])
    assert loudest == 5
    assert all(found[f"db4_w{tenth}_d1_log_energy"][0] < -13 for tenth in range(10) if tenth != 5)


def test_the_last_tenth_ends_where_the_window_ends():
    windows = np.zeros((1, 1257))  # 10 tenths of 125, and 7 samples left out at the start
    windows[0, -1] = 100.0
    found = wavelet_combo(windows, SFREQ)
    assert found["db4_w9_d1_log_energy"][0] > 0
    assert all(found[f"db4_w{tenth}_d1_log_energy"][0] < -13 for tenth in range(9))
    early = np.zeros((1, 1257))
    early[0, 6] = 100.0
    assert wavelet_combo(early, SFREQ)["db4_w0_d1_log_energy"][0] < -13


def test_the_level_follows_a_staircase():
    stairs = np.repeat(np.arange(10.0), 125)[None]
    found = wavelet_combo(stairs + 50, SFREQ)
    levels = [found[f"db4_w{tenth}_level"][0] for tenth in range(10)]
    assert levels == pytest.approx(np.arange(10) - 4.5, abs=1e-5)


@pytest.mark.parametrize("features", SETS)
@pytest.mark.parametrize("level_uv", [0.0, 5.0, -1e5])
def test_a_constant_has_no_energy_and_every_column_is_finite(features, level_uv):
    found = features(np.full((2, N_SAMPLES), level_uv, np.float32), SFREQ)
    for name, values in found.items():
        silent = np.log(1e-6) if "_log_" in name else 0.0
        assert values.tolist() == pytest.approx([silent] * 2, abs=1e-6), name


@pytest.mark.parametrize("features", SETS)
def test_an_offset_changes_nothing(features):
    found, raised = features(NOISE[:3], SFREQ), features(NOISE[:3] + np.float32(4096), SFREQ)
    for name in found:
        assert raised[name] == pytest.approx(found[name], rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("features", SETS)
def test_twice_the_amplitude_is_log_4_more_energy_and_the_same_shares(features):
    found, doubled = features(NOISE[:3], SFREQ), features(2 * NOISE[:3], SFREQ)
    for name in found:
        if "_log_" in name:
            assert doubled[name] - found[name] == pytest.approx(np.log(4), rel=1e-4)
        elif "relative" in name or "entropy" in name:
            assert doubled[name] == pytest.approx(found[name], rel=1e-4)
        else:
            assert doubled[name] == pytest.approx(2 * found[name], rel=1e-5)


@pytest.mark.parametrize(
    ("frequency_hz", "octave"),
    [(0.4, "slow"), (1.4, "from_1hz"), (2.8, "from_2hz"), (5.6, "from_4hz"), (11.3, "from_8hz"),
     (22.6, "from_16hz"), (45.0, "from_32hz")],
)  # fmt: skip
def test_a_sine_lies_in_its_octave(frequency_hz, octave):
    wave = sine(frequency_hz, sfreq=128.0, amplitude=20.0)[None]
    found = wavelet_energy(wave, 128.0)
    assert found[f"wavelet_relative_power_{octave}"][0] > 0.75
    assert found["wavelet_entropy"][0] < 0.5


def test_the_power_of_a_sine_is_half_its_squared_amplitude():
    found = wavelet_energy(sine(5.6, sfreq=128.0, amplitude=20.0)[None], 128.0)
    power = sum(np.exp(column(found, name)) for name in found if "_log_" in name)
    assert power[0] == pytest.approx(200.0, rel=0.04)


def test_white_noise_has_half_its_power_in_each_faster_octave():
    white = np.random.default_rng(1).normal(0, 10, (20, 12_800))
    found = wavelet_energy(white, 128.0)
    by_octave = [f"wavelet_relative_power_from_{2**k}hz" for k in range(5, -1, -1)]
    means = [found[name].mean() for name in by_octave]
    assert means == pytest.approx([2.0**-k for k in range(1, 7)], rel=0.1)


@pytest.mark.parametrize(
    ("sfreq", "fastest", "n_columns"),
    [(64.0, "from_16hz", 13), (100.0, "from_32hz", 15), (128.0, "from_32hz", 15),
     (512.0, "from_32hz", 15)],
)  # fmt: skip
def test_octaves_have_the_same_names_at_every_rate_that_holds_them(sfreq, fastest, n_columns):
    windows = np.random.default_rng(2).normal(0, 10, (2, round(30 * sfreq)))
    found = wavelet_energy(windows, sfreq)
    assert len(found) == n_columns
    assert next(iter(found)) == f"wavelet_log_power_{fastest}"
    shares = sum(found[name] for name in found if "relative" in name)
    assert shares == pytest.approx([1.0, 1.0], rel=1e-5)


def test_what_is_faster_than_the_named_octaves_is_not_in_the_shares():
    slow = sine(11.3, sfreq=512.0, amplitude=10.0)
    fast = slow + sine(180.0, sfreq=512.0, amplitude=10.0)
    found = wavelet_energy(np.stack([slow, fast]), 512.0)
    name = "wavelet_relative_power_from_8hz"
    assert found[name][1] == pytest.approx(found[name][0], abs=0.02)


def test_entropy_is_0_of_one_1_of_even_shares_and_0_of_silence():
    energies = np.array([[0.0, 5.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0], [0.0] * 4])
    assert entropy(energies) == pytest.approx([0.0, 1.0, 0.0], abs=1e-6)


@pytest.mark.parametrize("features", SETS)
def test_no_windows_have_the_same_columns_at_whatever_length(features):
    empty = features(np.empty((0, 256), np.float32), SFREQ)
    assert list(empty) == list(features(NOISE[:1], SFREQ))
    assert all(values.shape == (0,) for values in empty.values())


@pytest.mark.parametrize(("features", "n_needed"), [(wavelet_combo, 1120), (wavelet_energy, 448)])
def test_a_window_that_is_too_short_is_refused_by_the_number_of_its_samples(features, n_needed):
    name = features.__name__
    with pytest.raises(EpochalError, match=f"'{name}' needs windows of {n_needed} .* have 300"):
        features(np.zeros((2, 300)), SFREQ)
    assert features(np.zeros((2, n_needed)), SFREQ)


@pytest.mark.parametrize("sfreq", [1.0, 0.0, np.nan])
def test_a_rate_that_holds_no_octave_or_is_unknown_is_refused(sfreq):
    with pytest.raises(EpochalError, match=f"needs 4 Hz or more; this is {sfreq:g} Hz"):
        wavelet_energy(np.zeros((2, 3000)), sfreq)


@pytest.fixture
def _listed(monkeypatch):
    for features in SETS:
        monkeypatch.setitem(
            FEATURE_SETS, features.__name__, f"{features.__module__}:{features.__name__}"
        )


def rows_of_the_study(n_rows, **changed):
    """Return a block of rows as the reader does: eleven columns, and the EEG as an array."""
    table = pd.DataFrame(dict.fromkeys(METADATA_COLUMNS, np.arange(n_rows, dtype=np.float32)))
    table = table.assign(onset_s=10.0 * np.arange(n_rows), length_s=10.0, label="1")
    arrays = {"windows": NOISE[:n_rows, None]}
    given = {"table": table, "arrays": arrays, "metadata": {"sfreq": SFREQ}}
    return Recording("rows", "rows", **given | changed)


def extract(recording):
    signal = SignalOptions(array="windows", features=("wavelet_combo",), required=False)
    epochs = index_epochs(recording, make_ingestion(epoch_length_s=10.0))
    return extract_features(recording, epochs, FeatureOptions(signals={"eeg": signal}))


@pytest.mark.usefixtures("_listed")
def test_a_row_of_the_slow_oscillation_study_has_121_columns(combo):
    found = extract(rows_of_the_study(20)).drop(columns=["recording_id", "epoch"])
    assert found.shape == (20, 121)
    assert set(METADATA_COLUMNS) <= set(found)
    for name, values in combo.items():
        assert found[f"eeg_{name}"].to_numpy() == pytest.approx(values[:20], rel=1e-6)


@pytest.mark.usefixtures("_listed")
def test_a_table_without_eeg_has_the_same_columns_and_the_eegs_are_missing():
    found = extract(rows_of_the_study(4, arrays={}))
    assert list(found) == list(extract(rows_of_the_study(4)))
    missing = found.isna().all()
    assert missing.sum() == 110
    assert missing.index[missing].str.startswith("eeg_").all()


@pytest.mark.usefixtures("_listed")
@pytest.mark.parametrize("name", ["wavelet_combo", "wavelet_energy"])
def test_an_epoch_with_a_missing_sample_has_nan_and_its_neighbours_do_not(name):
    windows = NOISE[:3].copy()
    windows[1, 17] = np.nan
    found = compute_features(windows, SFREQ, [name])
    for feature, values in found.items():
        assert np.isnan(values).tolist() == [False, True, False], feature
