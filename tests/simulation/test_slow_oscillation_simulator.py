import tracemalloc

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.signal import welch

from epochal.provenance import MARK
from epochal.readers import slow_oscillation as reader
from epochal.readers.slow_oscillation_files import METADATA_COLUMNS
from epochal.simulation.slow_oscillation import (
    ORIGINAL_N_ROWS,
    Options,
    describe_rows,
    draw_rows,
    finish,
    jobs,
    simulate_night,
)
from epochal.simulation.slow_oscillation_eeg import slow_wave
from epochal.simulation.slow_oscillation_night import (
    DEEP,
    HIGH_UV,
    LIGHT,
    N1,
    REM,
    STAGE_S,
    WAKE,
    draw_night,
    draw_stages,
    metadata_rows,
)

pytestmark = pytest.mark.slow  # whole cohorts are simulated

SMALL = Options(n_rows=2600, n_test_rows=40, tabular=True)
SHARES = np.array([114_032, 78_620, 68_982]) / ORIGINAL_N_ROWS


def rng(seed=0):
    return np.random.default_rng(seed)


def write_all(folder, options):
    for job in jobs(folder, options).values():
        job()
    finish(folder, options)
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("so"), SMALL)


@pytest.fixture(scope="module")
def night():
    return draw_night(rng(1))


@pytest.fixture(scope="module")
def rows():
    return simulate_night(rng(1))


@pytest.fixture(scope="module")
def table(rows):
    return pd.DataFrame(rows.features[:, :11], columns=list(METADATA_COLUMNS))


# The layout


def test_the_files_are_those_of_the_challenge(written):
    with h5py.File(written / "X_train.h5") as file:
        assert list(file) == ["features"]
        assert file["features"].shape == (2600, 1261)
        assert file["features"].dtype == np.float32
    labels = pd.read_csv(written / "y_train_2.csv")
    assert list(labels.columns) == ["id", "label"]
    assert labels["id"].tolist() == list(range(2600))
    assert set(labels["label"]) == {0, 1, 2}
    with h5py.File(written / "X_test.h5") as file:
        assert file["features"].shape == (40, 1261)
    assert "Simulated by Epochal" in (written / MARK).read_text()


def test_the_table_that_stands_in_has_ids_and_the_eleven_columns(written):
    train = pd.read_csv(written / "X_train_merged.csv")
    assert list(train.columns[:12]) == ["id", *METADATA_COLUMNS]
    assert len(train) == 2600
    assert len(pd.read_csv(written / "X_test_merged.csv")) == 40


def test_files_that_were_not_asked_for_are_not_written(tmp_path):
    write_all(tmp_path, Options(n_rows=10, n_test_rows=0))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "SIMULATED.txt", "X_train.h5", "y_train_2.csv"
    ]  # fmt: skip


def test_the_reader_takes_the_simulated_rows_without_a_problem(written):
    options = reader.Options(rows_per_recording=1000)
    recordings = [reader.read(source, options) for source in reader.find(written, options)]
    assert [len(recording.table) for recording in recordings] == [1000, 1000, 600]
    for recording in recordings:
        assert recording.problems == ()
        assert recording.data_source == "simulated"
        assert recording.arrays["windows"].shape[1:] == (1, 1250)


def test_the_table_reads_as_the_hdf5_file_does(written):
    from_h5 = reader.read(reader.find(written, reader.Options())[0], reader.Options())
    options = reader.Options(h5="none.h5")
    from_csv = reader.read(reader.find(written, options)[0], options)
    columns = ["label", *METADATA_COLUMNS]
    pd.testing.assert_frame_equal(
        from_h5.table[columns], from_csv.table[columns], check_dtype=False, rtol=1e-5
    )


def test_the_same_seed_gives_the_same_files_in_any_order(written, tmp_path):
    for job in reversed(list(jobs(tmp_path, SMALL).values())):
        job()
    for name in ("y_train_2.csv", "X_test_merged.csv", "X_train_merged.csv"):
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()
    for name in ("X_train.h5", "X_test.h5"):
        with h5py.File(tmp_path / name) as one, h5py.File(written / name) as other:
            assert (one["features"][:] == other["features"][:]).all()


def test_another_seed_and_the_test_rows_are_other_nights(written):
    first = next(draw_rows(Options(), "train", 5)).features
    other = next(draw_rows(Options(seed=1), "train", 5)).features
    test = next(draw_rows(Options(), "test", 5)).features
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, test)


def test_more_rows_begin_with_the_same_rows():
    few, many = (next(draw_rows(Options(), "train", n_rows)) for n_rows in (7, 900))
    assert np.array_equal(few.features, many.features[:7])


def test_many_rows_are_written_with_the_memory_of_one_night(tmp_path):
    tracemalloc.start()
    write_all(tmp_path, Options(n_rows=12_000, n_test_rows=0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6  # whatever the number of rows; these alone are 60 MB
    assert (tmp_path / "X_train.h5").stat().st_size == pytest.approx(12_000 * 1261 * 4, rel=0.01)


# The labels


@pytest.fixture(scope="module")
def nights():
    return [draw_night(rng(seed)) for seed in range(12)]


def test_the_classes_have_the_shares_of_the_original(nights):
    labels = np.concatenate([one.label for one in nights])
    np.testing.assert_allclose(np.bincount(labels) / len(labels), SHARES, atol=0.035)


def test_a_label_is_about_the_second_that_follows(night):
    gap_s = night.start_s[1:] - night.end_s[:-1]
    follows = night.label[:-1] > 0
    assert (gap_s[follows] <= 1).all()
    assert (gap_s[~follows] >= 1).all()
    high = night.amplitude_uv[1:] >= HIGH_UV
    assert high[night.label[:-1] == 2].all()
    assert not high[night.label[:-1] == 1].any()


def test_the_columns_say_something_of_the_label_but_little(nights):
    label = np.concatenate([one.label for one in nights])
    amplitude = np.concatenate([one.amplitude_uv for one in nights])
    deep = np.concatenate([metadata_rows(one)[:, 5] == DEEP for one in nights])
    high = label == 2
    assert high[deep].mean() > 1.3 * high[~deep].mean()
    assert high[amplitude > 150].mean() > 1.3 * high[amplitude < 100].mean()
    best = max(np.bincount(label[deep], minlength=3).max(), 0)
    best += np.bincount(label[~deep], minlength=3).max()
    assert best / len(label) < 0.55


# The eleven columns


def test_counts_and_means_are_of_the_oscillations_before(table):
    assert table["previous_count"].tolist() == list(range(len(table)))
    assert table["previous_mean_amplitude"][0] == 0
    for name in ("amplitude", "duration"):
        before = table[f"current_{name}"].expanding().mean().shift()
        np.testing.assert_allclose(table[f"previous_mean_{name}"][1:], before[1:], rtol=1e-3)


def test_times_rise_and_the_stages_times_add_up(table):
    since = table["time_since_sleep_onset"]
    assert (np.diff(since) > 0).all()
    parts = table[["time_in_deep", "time_in_light", "time_in_rem", "time_in_wake"]]
    assert (np.diff(parts, axis=0) >= -0.01).all()
    np.testing.assert_allclose(parts.sum(axis=1), since, atol=0.1)


def test_oscillations_occur_in_light_and_deep_sleep(night):
    began = night.stages[(night.start_s // STAGE_S).astype(int)]
    assert set(began) == {LIGHT, DEEP}
    assert 800 < len(night.label) < 6000
    minutes = {stage: (night.stages == stage).sum() * STAGE_S / 60 for stage in (LIGHT, DEEP)}
    rate = {stage: (began == stage).sum() / minutes[stage] for stage in (LIGHT, DEEP)}
    assert rate[DEEP] > 1.5 * rate[LIGHT]


def test_amplitudes_and_durations_are_those_of_detected_oscillations(night):
    assert night.amplitude_uv.min() >= 75
    assert 90 < np.median(night.amplitude_uv) < 140
    assert (night.duration_s >= 0.5).all()
    assert (night.duration_s <= 1.6).all()
    assert (night.start_s[1:] >= night.end_s[:-1]).all()


def test_deep_sleep_comes_early_and_rem_late():
    halves = {DEEP: [0, 0], REM: [0, 0]}
    for seed in range(10):
        stages = draw_stages(rng(seed))
        assert set(stages) <= {WAKE, N1, LIGHT, DEEP, REM}
        assert 4 < len(stages) * STAGE_S / 3600 < 12
        for stage, counts in halves.items():
            for half, part in enumerate(np.array_split(stages, 2)):
                counts[half] += (part == stage).sum()
    assert halves[DEEP][0] > 2 * halves[DEEP][1]
    assert halves[REM][1] > halves[REM][0]


# The EEG


def test_the_eeg_ends_with_the_current_oscillation(rows, table):
    """The negative half-wave lies where the row's duration says, and is as deep as it says."""
    eeg = rows.features[:, 11:]
    n_samples = np.round(table["current_duration"] * 125).astype(int)
    depths = [-part[-n:].min() for part, n in zip(eeg, n_samples, strict=True)]
    assert np.corrcoef(depths, table["current_amplitude"])[0, 1] > 0.8
    alone = table["current_amplitude"] > 200
    lowest = [part[-n:].argmin() / n for part, n in zip(eeg[alone], n_samples[alone], strict=True)]
    assert 0.1 < np.median(lowest) < 0.35


def test_windows_that_overlap_hold_the_same_samples(rows, table):
    ends = np.round(table["time_since_sleep_onset"].to_numpy(dtype=float) * 125, 0)
    near = np.flatnonzero(np.diff(ends) < 600)[:20]
    for row in near:
        shift = int(ends[row + 1] - ends[row])
        same = [
            np.abs(rows.features[row, 11 + s :] - rows.features[row + 1, 11 : 1261 - s]).max()
            for s in (shift - 1, shift, shift + 1)  # the end is rounded to a sample
        ]
        assert min(same) == 0


def test_the_eeg_has_the_size_and_spectrum_of_sleep(rows):
    eeg = rows.features[:, 11:]
    assert np.isfinite(eeg).all()
    assert 10 < np.median(eeg.std(axis=1)) < 45
    frequency, power = welch(eeg[::20], 125, nperseg=500)
    bands = [power[:, (frequency >= low) & (frequency < high)].mean()
             for low, high in ((0.5, 4), (4, 8), (12, 15), (20, 40))]  # fmt: skip
    assert bands[0] > 10 * bands[1] > 10 * bands[3]
    assert bands[2] > 2 * bands[3]


def test_a_slow_wave_is_one_high_and_negative_first():
    wave = slow_wave(100, 0.4)
    assert np.ptp(wave) == pytest.approx(1.0, abs=0.01)
    assert wave[:40].max() <= 0 <= wave[40:].min()
    assert len(wave) == 100


def test_the_tables_statistics_know_a_sine():
    features = np.zeros((1, 1261), dtype=np.float32)
    features[0, 11:] = 10 * np.sin(2 * np.pi * 13 * np.arange(1250) / 125)
    described = describe_rows(features).iloc[0]
    assert described["eeg_sd"] == pytest.approx(10 / np.sqrt(2), rel=1e-3)
    bands = described[[name for name in described.index if name.startswith("eeg_log_")]]
    assert bands.astype(float).idxmax() == "eeg_log_sigma"
