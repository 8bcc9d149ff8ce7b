from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.signal import welch

from epochal.errors import EpochalError
from epochal.provenance import MARK
from epochal.readers import hms
from epochal.readers.hms_rows import CLASSES, VOTES
from epochal.readers.hms_spectrogram import FREQUENCIES_HZ
from epochal.simulation import harmful_eeg
from epochal.simulation.harmful_eeg import Options, finish, jobs, plan, simulate_session
from epochal.simulation.harmful_eeg_background import (
    Patient,
    coloured_noise,
    draw_patient,
    render_background,
)
from epochal.simulation.harmful_eeg_panel import (
    Leaning,
    class_probabilities,
    draw_panel_size,
    draw_votes,
)
from epochal.simulation.harmful_eeg_patterns import (
    ELECTRODES,
    Pattern,
    discharge,
    render_pattern,
    steepest_difference,
)
from epochal.simulation.harmful_eeg_plan import SPECTROGRAM_S, for_test, rows_of, scrambled_id
from epochal.simulation.harmful_eeg_spectrogram import compute_spectrogram

SMALL = Options(n_patients=2, eegs_per_patient=1.5, windows_per_eeg=2, n_test_patients=1)
COLUMNS = [
    "eeg_id", "eeg_sub_id", "eeg_label_offset_seconds", "spectrogram_id", "spectrogram_sub_id",
    "spectrogram_label_offset_seconds", "label_id", "patient_id", "expert_consensus",
    "seizure_vote", "lpd_vote", "gpd_vote", "lrda_vote", "grda_vote", "other_vote",
]  # fmt: skip
LEFT, RIGHT = ["F7", "T3", "F3", "C3"], ["F8", "T4", "F4", "C4"]
FRONT, BACK = ["Fp1", "Fp2", "F3", "F4"], ["O1", "O2"]


def rng(seed=0):
    return np.random.default_rng(seed)


def pattern(**changes):
    usual = {"start_s": 0.0, "stop_s": 60.0, "sharpness": 0.9, "laterality": 0.1,
             "frequency_hz": 1.0, "evolution": 0.0, "strength": 3.0, "focus": (-0.81, 0.59),
             "irregularity": 0.0}  # fmt: skip
    return Pattern(**(usual | changes))


def patient(**changes):
    quiet = {"background_uv": 10.0, "slope": 2.0, "alpha_uv": 0.0, "reference_uv": 0.0,
             "heart_rate_bpm": 60.0, "ekg_uv": 100.0, "ekg_leak_uv": 0.0, "blinks_per_min": 0.0,
             "muscle_uv": 0.0, "mains_uv": 0.0, "suppression": 0.0}  # fmt: skip
    return Patient(**(quiet | changes))


def render(seconds=60, **changes):
    return render_pattern(pattern(**changes), n_samples=200 * seconds, sfreq=200.0, rng=rng())


def sd_of(eeg, names):
    return np.mean([eeg[list(ELECTRODES).index(name)].std() for name in names])


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


# The plan: who is labelled what


@pytest.fixture(scope="module")
def many_rows():
    options = Options(n_patients=150)
    return pd.DataFrame([row for index in range(150) for row in rows_of(plan(options, index))])


def test_every_id_is_its_own(many_rows):
    assert many_rows["label_id"].is_unique
    assert many_rows.groupby("eeg_id")["patient_id"].nunique().max() == 1
    assert many_rows.groupby("spectrogram_id")["patient_id"].nunique().max() == 1
    assert many_rows["patient_id"].nunique() == 150
    assert len({scrambled_id(number, 2**16) for number in range(20_000)}) == 20_000


def test_offsets_are_even_seconds_and_the_spectrogram_follows_the_eeg(many_rows):
    offsets = many_rows[["eeg_label_offset_seconds", "spectrogram_label_offset_seconds"]]
    assert (offsets.to_numpy() % 2 == 0).all()
    assert (many_rows[many_rows["eeg_sub_id"] == 0]["eeg_label_offset_seconds"] == 0).all()
    lag = offsets.diff(axis=1).iloc[:, 1].groupby(many_rows["eeg_id"])
    assert (lag.nunique() == 1).all()
    assert (lag.max() > 0).any()  # the second EEG of a spectrogram


def test_patients_have_several_eegs_and_eegs_several_windows(many_rows):
    assert 3.2 < many_rows.groupby("patient_id")["eeg_id"].nunique().mean() < 4.8
    assert 2.5 < many_rows.groupby("eeg_id").size().mean() < 3.5


def test_votes_are_those_of_3_to_20_experts_and_the_consensus_leads(many_rows):
    votes = many_rows[list(VOTES)]
    assert votes.sum(axis=1).between(3, 20).all()
    assert 0.35 < (votes.sum(axis=1) == 3).mean() < 0.65
    own = [row[f"{row['expert_consensus'].lower()}_vote"] for _, row in many_rows.iterrows()]
    assert (votes.max(axis=1) == own).all()


def test_no_class_is_rare_and_disagreement_is_that_of_the_real_rows(many_rows):
    """In train.csv every class has 14 to 20 %; a uniform prediction scores a KL of 1.41."""
    shares = many_rows["expert_consensus"].value_counts(normalize=True)
    assert set(shares.index) == set(CLASSES)
    assert shares.between(0.09, 0.28).all()
    votes = many_rows[list(VOTES)].div(many_rows[list(VOTES)].sum(axis=1), axis=0).to_numpy()
    uniform = (votes * np.log(np.where(votes > 0, votes * 6, 1))).sum(axis=1).mean()
    assert uniform == pytest.approx(1.41, abs=0.06)


def test_even_who_knows_the_panels_odds_does_not_score_zero():
    """The best attainable KL: .2 here; the competition's winner had .27."""
    kl = []
    for index in range(60):
        for session in plan(Options(), index).sessions:
            for window in (window for eeg in session.eegs for window in eeg.windows):
                votes = np.array([window.votes[name] for name in CLASSES], dtype=float)
                share = votes / votes.sum()
                odds = np.where(share > 0, share / np.maximum(window.probabilities, 1e-15), 1)
                kl.append((share * np.log(odds)).sum())
    assert 0.12 < np.mean(kl) < 0.35


def test_a_test_patient_has_one_window_a_spectrogram():
    tested = for_test(plan(Options(), 3))
    for session in tested.sessions:
        assert session.length_s == SPECTROGRAM_S
        assert [len(eeg.windows) for eeg in session.eegs] == [1]
        assert session.eegs[0].start_s == 0.0
        assert session.eegs[0].length_s == 50.0


# The panel


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sharpness": 0.9, "laterality": 0.9}, "LPD"),
        ({"sharpness": 0.9, "laterality": 0.1}, "GPD"),
        ({"sharpness": 0.1, "laterality": 0.9}, "LRDA"),
        ({"sharpness": 0.1, "laterality": 0.1}, "GRDA"),
        ({"frequency_hz": 3.5, "evolution": 0.9}, "Seizure"),
        ({"strength": 0.3}, "Other"),
    ],
)
def test_a_clear_pattern_gets_its_class_from_nearly_everyone(changes, expected):
    chances = class_probabilities(pattern(**changes), share=1.0, leaning=Leaning())
    assert chances.sum() == pytest.approx(1)
    assert CLASSES[chances.argmax()] == expected
    assert chances.max() > 0.9


def test_without_a_pattern_the_panel_says_other():
    chances = class_probabilities(None, share=0.0, leaning=Leaning())
    assert chances[CLASSES.index("Other")] > 0.9


@pytest.mark.parametrize(
    ("changes", "one", "other"),
    [
        ({"laterality": 0.5}, "LPD", "GPD"),
        ({"sharpness": 0.5}, "GPD", "GRDA"),
        ({"laterality": 0.9, "sharpness": 0.5}, "LPD", "LRDA"),
    ],
)
def test_at_the_boundary_the_panel_is_split_between_the_two(changes, one, other):
    chances = class_probabilities(pattern(**changes), share=1.0, leaning=Leaning())
    first, second = chances[CLASSES.index(one)], chances[CLASSES.index(other)]
    assert first == pytest.approx(second)
    assert first + second > 0.85


def test_a_pattern_that_fills_less_of_the_ten_seconds_is_seen_less():
    other = [
        class_probabilities(pattern(), share=share, leaning=Leaning())[CLASSES.index("Other")]
        for share in (1.0, 0.5, 0.2, 0.0)
    ]
    assert other == sorted(other)
    assert other[0] < 0.05 < 0.9 < other[-1]


def test_a_leaning_shifts_the_panel():
    usual = class_probabilities(pattern(sharpness=0.5), share=1.0, leaning=Leaning())
    keen = class_probabilities(pattern(sharpness=0.5), share=1.0, leaning=Leaning(sharp=2.0))
    assert keen[CLASSES.index("GPD")] > usual[CLASSES.index("GPD")] + 0.3


def test_votes_sum_to_the_panel_and_ties_go_by_lot():
    chances = np.full(6, 1 / 6)
    winners = set()
    for seed in range(40):
        votes, consensus = draw_votes(chances, 3, rng(seed))
        assert sum(votes.values()) == 3
        assert votes[consensus] == max(votes.values())
        winners.add(consensus)
    assert winners == set(CLASSES)
    assert {draw_panel_size(rng(seed)) for seed in range(200)} <= set(range(3, 21))


# The patterns


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


# The background


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


# The spectrogram


def sine(frequency_hz, *, name="F3", amplitude_uv=10.0, seconds=20):
    eeg = np.zeros((20, 200 * seconds))
    course = amplitude_uv * np.sin(2 * np.pi * frequency_hz * np.arange(200 * seconds) / 200)
    eeg[list(ELECTRODES).index(name)] = course
    return eeg


def test_a_sine_peaks_at_its_frequency_with_its_power():
    power = compute_spectrogram(sine(10.0), n_frames=10)
    left_parasagittal = power[3, 2]
    assert FREQUENCIES_HZ[left_parasagittal.argmax()] == pytest.approx(10.0, abs=0.4)
    # F3 is in two of the chain's four derivations; a sine's power is a²/4 on this side of zero.
    total = left_parasagittal.sum() * 200 / 1024
    assert total == pytest.approx(2 / 4 * 10.0**2 / 4, rel=0.02)


def test_only_the_regions_with_the_electrode_see_it():
    seen = compute_spectrogram(sine(6.0, name="T4"), n_frames=5)[2].sum(axis=1) > 1e-9
    assert seen.tolist() == [False, True, False, False]
    seen = compute_spectrogram(sine(6.0, name="O1"), n_frames=5)[2].sum(axis=1) > 1e-9
    assert seen.tolist() == [True, False, True, False]


@pytest.mark.parametrize(("sample", "frames"), [(980, [1, 2]), (1010, [2, 3])])
def test_frame_k_covers_2k_minus_1_to_2k_plus_3_seconds(sample, frames):
    eeg = np.zeros((20, 4000))
    eeg[list(ELECTRODES).index("F3"), sample : sample + 10] = 1000.0  # before, or after, 5 s
    seen = compute_spectrogram(eeg, n_frames=10)[:, 2].sum(axis=1) > 1e-3
    assert np.flatnonzero(seen).tolist() == frames


def test_a_nan_makes_the_frames_it_touches_nan_in_its_regions_alone():
    eeg = sine(5.0)
    eeg[list(ELECTRODES).index("C3"), 2000] = np.nan  # at 10 s: frames 4 and 5
    missing = np.isnan(compute_spectrogram(eeg, n_frames=10)).all(axis=2)
    assert np.argwhere(missing).tolist() == [[4, 2], [5, 2]]


def test_offset_drift_and_the_common_reference_vanish():
    eeg = np.linspace(-500, 500, 4000) * np.ones((20, 1))
    assert compute_spectrogram(eeg, n_frames=10).max() < 1e-12
    eeg = np.linspace(-500, 500, 4000) * np.linspace(0, 1, 20)[:, None]
    assert compute_spectrogram(eeg, n_frames=9)[1:].max() < 1e-12


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
