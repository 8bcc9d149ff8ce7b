from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from epochal.errors import EpochalError
from epochal.provenance import MARK
from epochal.readers import hms
from epochal.readers.hms_rows import VOTES
from epochal.signals.spectrogram import compute_spectrogram
from epochal.simulation import harmful_eeg
from epochal.simulation.harmful_eeg import Options, finish, jobs, plan, simulate_session
from epochal.simulation.harmful_eeg_plan import rows_of

pytestmark = pytest.mark.slow  # whole cohorts are simulated

SMALL = Options(n_patients=2, eegs_per_patient=1.5, windows_per_eeg=2, n_test_patients=1)
COLUMNS = [
    "eeg_id", "eeg_sub_id", "eeg_label_offset_seconds", "spectrogram_id", "spectrogram_sub_id",
    "spectrogram_label_offset_seconds", "label_id", "patient_id", "expert_consensus",
    "seizure_vote", "lpd_vote", "gpd_vote", "lrda_vote", "grda_vote", "other_vote",
]  # fmt: skip


def rng(seed=0):
    return np.random.default_rng(seed)


def write_all(folder, options=SMALL):
    for job in jobs(folder, options).values():
        job()
    finish(folder, options)
    return folder


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("hms"))


# The layout


def test_the_files_are_those_of_the_data_set(cohort):
    train = pd.read_csv(cohort / "train.csv")
    assert list(train.columns) == COLUMNS
    eegs = {f"{name}.parquet" for name in train["eeg_id"]}
    assert {path.name for path in (cohort / "train_eegs").iterdir()} == eegs
    spectrograms = {f"{name}.parquet" for name in train["spectrogram_id"]}
    assert {path.name for path in (cohort / "train_spectrograms").iterdir()} == spectrograms
    assert "Simulated by Epochal" in (cohort / MARK).read_text()


def test_an_eeg_file_is_twenty_float32_columns_without_an_index(cohort):
    for path in (cohort / "train_eegs").iterdir():
        frame = pd.read_parquet(path)
        assert tuple(frame.columns) == hms.CHANNELS
        assert (frame.dtypes == np.float32).all()
        assert len(frame) >= 10_000


def test_a_spectrogram_file_has_time_and_four_hundred_columns(cohort):
    kinds = {"train": np.int64, "test": np.int16}
    for part, kind in kinds.items():
        for path in (cohort / f"{part}_spectrograms").iterdir():
            frame = pd.read_parquet(path)
            assert frame["time"].dtype == kind
            assert frame["time"].tolist() == list(range(1, 2 * len(frame), 2))
            assert list(frame.columns[[0, 1, 19, 100, 101, 400]]) == [
                "time", "LL_0.59", "LL_4.1", "LL_19.92", "RL_0.59", "RP_19.92"
            ]  # fmt: skip
            assert (frame.dtypes.iloc[1:] == np.float32).all()
            assert len(frame) >= 300


def test_test_csv_and_the_sample_submission_have_the_data_sets_columns(cohort):
    test = pd.read_csv(cohort / "test.csv")
    assert list(test.columns) == ["spectrogram_id", "eeg_id", "patient_id"]
    assert test["spectrogram_id"].is_unique  # as there are no offsets
    submission = pd.read_csv(cohort / "sample_submission.csv")
    assert list(submission.columns) == ["eeg_id", *VOTES]
    np.testing.assert_allclose(submission[list(VOTES)].sum(axis=1), 1)
    assert not set(test["patient_id"]) & set(pd.read_csv(cohort / "train.csv")["patient_id"])


def test_the_reader_takes_every_simulated_recording_without_a_problem(cohort):
    for part in ("train", "test"):
        options = hms.Options(part=part)
        for source in hms.find(cohort, options):
            recording = hms.read(source, options)
            assert recording.problems == ()
            assert recording.data_source == "simulated"
            assert recording.arrays["spectrogram"].shape == (len(recording.table), 4, 100, 300)
            assert recording.table["label"].isna().all() == (part == "test")


def test_the_spectrogram_sits_275_seconds_before_the_eeg(cohort):
    """The window's 50 s, computed from the EEG file, are frames 138 to 161 of the 10 minutes."""
    for source in hms.find(cohort, hms.Options()):
        recording = hms.read(source, hms.Options(windows_per_eeg=1))
        eeg = np.stack([channel.data[:10_000] for channel in recording.channels]).astype(float)
        ours = compute_spectrogram(np.pad(eeg, ((0, 0), (55_000, 0))), n_frames=162)[139:161]
        theirs = recording.arrays["spectrogram"][0].transpose(2, 0, 1)[139:161]
        known = np.isfinite(theirs)
        np.testing.assert_allclose(ours[known], theirs[known], rtol=2e-3, atol=1e-3)


# The same seed, the same files


def test_files_follow_from_the_seed_and_the_patient_alone(cohort, tmp_path):
    work = jobs(tmp_path, SMALL)
    for name in reversed(list(work)):
        work[name]()
    finish(tmp_path, SMALL)
    written = sorted(path.relative_to(cohort) for path in cohort.rglob("*") if path.is_file())
    assert written == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    for path in written:
        assert (cohort / path).read_bytes() == (tmp_path / path).read_bytes()


def test_a_patient_does_not_change_when_others_join():
    alone, among = Options(n_patients=3), Options(n_patients=9)
    assert rows_of(plan(alone, 2)) == rows_of(plan(among, 2))


def test_another_seed_is_another_cohort():
    one, other = (rows_of(plan(Options(seed=seed), 0)) for seed in (0, 1))
    assert one != other


def test_no_unfinished_file_is_left(cohort):
    assert not [path for path in cohort.rglob("*") if path.name.endswith(".part")]


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    def import_fails(*args, **kwargs):
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", import_fails)
    with pytest.raises(EpochalError, match=r"pip install 'epochal\[train\]'"):
        harmful_eeg._write_spectrogram(
            tmp_path, plan(SMALL, 0).sessions[0], np.zeros((1, 4, 100)), part="train"
        )


# A session as a whole


def test_a_lost_stretch_is_nan_in_eeg_and_spectrogram():
    options = Options(missing=1.0)
    planned = plan(options, 0)
    simulated = simulate_session(planned, planned.sessions[0], options, rng=rng(5))
    lost = np.isnan(simulated.eeg)
    assert 200 <= lost[0].sum() <= 4000
    assert (lost == lost[0]).all()
    frames = np.isnan(simulated.power).all(axis=(1, 2))
    assert lost[0].sum() / 400 <= frames.sum() <= lost[0].sum() / 400 + 3


def test_strength_scales_what_is_seen():
    planned = plan(Options(), 0)
    session = next(s for s in planned.sessions if s.patterns)
    session = replace(session, length_s=session.patterns[0].start_s + 20)
    sizes = [
        simulate_session(planned, session, Options(strength=strength, missing=0), rng=rng()).eeg
        for strength in (0.01, 1.0, 3.0)
    ]
    small, usual = (np.abs(eeg - sizes[0])[:19].mean() for eeg in sizes[1:])
    assert usual == pytest.approx(2.99 / 0.99 * small, rel=0.01)
