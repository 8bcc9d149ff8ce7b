import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from epochal.errors import RecordingError
from epochal.readers.irr import Options, find, read
from epochal.readers.irr_spectrogram import reduce_columns
from epochal.recording import read_recording, write_recording
from epochal.signals.spectrogram import compute_spectrogram


def read_one(path, **options):
    chosen = Options(**options)
    return read(find(path, chosen)[0], chosen)


def save(path, **content):
    savemat(path, content)
    return path


def segment(n_samples=2000):
    return np.arange(20)[:, None] * 1000.0 + np.arange(n_samples) % 1000


def regions(n_columns=300, **others):
    """Column j of every region holds j + 1; `others` changes a region's number of columns."""
    cells = np.empty((4, 2), dtype=object)
    for index, name in enumerate(("LL", "RL", "LP", "RP")):
        power = np.tile(np.arange(1.0, others.get(name, n_columns) + 1), (100, 1))
        cells[index] = [name, power]
    return cells


def irr_content(**changes):
    content = {"seg_10sec": segment(), "Sdata": regions(), "vv": [[2, 10, 1, 0, 3, 0]],
               "stimes": np.arange(2, 601, 2)}  # fmt: skip
    return {key: value for key, value in (content | changes).items() if value is not None}


def refuse(path, match, **options):
    with pytest.raises(RecordingError, match=match):
        read_one(path, **options)


def test_a_sparcnet_segment_takes_its_class_from_the_name(tmp_path):
    recording = read_one(save(tmp_path / "SZ_sample2.mat", seg=segment(10_000)))
    assert recording.table.to_dict("records") == [
        {"onset_s": 0.0, "length_s": 50.0, "label": "Seizure"}
    ]
    assert len(recording.channels) == 20
    assert recording.channel("EKG").data[1] == 19_001
    assert recording.channel("Fp1").sfreq == 200.0
    assert recording.channel("Fp1").unit == "uV"
    assert recording.arrays == {}


def test_votes_come_in_the_labs_own_order(tmp_path):
    recording = read_one(save(tmp_path / "A.mat", **irr_content()))
    assert recording.table.to_dict("records") == [
        {"onset_s": 0.0, "length_s": 10.0, "label": "Seizure", "vote_Seizure": 10, "vote_LPD": 1,
         "vote_GPD": 0, "vote_LRDA": 3, "vote_GRDA": 0, "vote_Other": 2}
    ]  # fmt: skip


def test_a_tie_has_no_label_and_says_so(tmp_path):
    content = irr_content(vv=[[7, 0, 0, 7, 0, 0]])
    recording = read_one(save(tmp_path / "A.mat", **content))
    assert recording.table["label"].tolist() == [None]
    assert recording.metadata["tie_between"] == ["GPD", "Other"]


def test_a_tie_survives_storage(tmp_path):
    content = irr_content(vv=[[7, 0, 0, 7, 0, 0]])
    recording = read_one(save(tmp_path / "A.mat", **content))
    write_recording(tmp_path / "one.h5", recording)
    again = read_recording(tmp_path / "one.h5")
    assert again.table["label"].isna().tolist() == [True]
    assert again.table["vote_GPD"].tolist() == [7]


def test_nobody_is_named_so_each_file_is_a_subject(tmp_path):
    save(tmp_path / "LPD_sample1.mat", seg=segment())
    (tmp_path / "irr").mkdir()
    save(tmp_path / "irr/A.mat", **irr_content())
    recordings = [read(source, Options()) for source in find(tmp_path, Options())]
    assert [recording.recording_id for recording in recordings] == ["LPD_sample1", "A"]
    assert [recording.subject_id for recording in recordings] == ["LPD_sample1", "A"]
    assert recordings[0].metadata["subjects_known"] is False


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder in ("a b", "c"):
        (tmp_path / folder).mkdir()
        save(tmp_path / folder / "LPD_sample1.mat", seg=segment())
    names = [source.recording_id for source in find(tmp_path, Options())]
    assert names == ["a_b__LPD_sample1", "c__LPD_sample1"]


def test_nan_in_a_segment_stays_nan(tmp_path):
    values = segment()
    values[3, 5:8] = np.nan
    recording = read_one(save(tmp_path / "LPD_sample1.mat", seg=values))
    assert np.isnan(recording.channel("P3").data).nonzero()[0].tolist() == [5, 6, 7]


def test_three_hundred_columns_are_taken_as_they_are(tmp_path):
    recording = read_one(save(tmp_path / "A.mat", **irr_content()))
    assert recording.arrays["spectrogram"].shape == (1, 4, 100, 300)
    assert recording.problems == ()
    np.testing.assert_array_equal(recording.arrays["spectrogram"][0, 1, 9], np.arange(1, 301))


def test_six_hundred_columns_are_averaged_around_every_second_one(tmp_path):
    sdata = regions(RL=600, LP=600, RP=600)
    recording = read_one(save(tmp_path / "A.mat", **irr_content(Sdata=sdata)))
    left, right = recording.arrays["spectrogram"][0, :2, 0]
    np.testing.assert_array_equal(left, np.arange(1, 301))
    assert right[0] == pytest.approx((0.5 * 1 + 0.25 * 2) / 0.75)  # no column before the first
    np.testing.assert_allclose(right[1:], 2 * np.arange(1, 300) + 1)
    assert "Region RL has 600 columns of 1 s" in recording.problems[0]
    assert len(recording.problems) == 3


def test_597_columns_lie_a_second_and_a_half_later(tmp_path):
    sdata = regions(RL=597, LP=597, RP=597)
    for index in (1, 2, 3):
        sdata[index, 1][:, 596] = 2.2e-16  # never computed, as in the real files
    recording = read_one(save(tmp_path / "A.mat", **irr_content(Sdata=sdata)))
    right = recording.arrays["spectrogram"][0, 1, 0]
    assert np.isnan(right).nonzero()[0].tolist() == [0, 299]
    np.testing.assert_allclose(right[1:299], 2 * np.arange(1, 299) - 0.5)
    assert recording.problems[-1] == "2 frames at the ends have no such column; they are NaN."


@pytest.mark.parametrize("n_columns", [597, 600])
def test_averaging_keeps_a_constant_and_never_mixes_rows(n_columns):
    power = np.tile(np.arange(1.0, 101)[:, None], (1, n_columns))
    reduced = reduce_columns(power)
    known = ~np.isnan(reduced)
    np.testing.assert_allclose(reduced[known], np.tile(power[:, :1], (1, 300))[known])
    assert known[:, 1:-1].all()


# What is refused


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"LL": 600}, "region LL has 600 columns: the times are known only of 300"),
        ({"RP": 598}, "region RP has 598 columns"),
        ({"LP": 1}, "region LP has 1 columns"),
    ],
)
def test_a_time_base_that_cannot_be_told_is_refused(tmp_path, changes, match):
    refuse(save(tmp_path / "A.mat", **irr_content(Sdata=regions(**changes))), match)


def test_regions_of_another_name_are_refused(tmp_path):
    sdata = regions()
    sdata[2, 0] = "XX"
    refuse(save(tmp_path / "A.mat", **irr_content(Sdata=sdata)), "'Sdata' has regions")


def test_a_spectrogram_of_another_form_is_refused(tmp_path):
    refuse(save(tmp_path / "A.mat", **irr_content(Sdata=np.zeros((4, 100)))), "'Sdata' has shape")
    sdata = regions()
    sdata[0, 1] = np.zeros((99, 300))
    refuse(save(tmp_path / "B.mat", **irr_content(Sdata=sdata)), r"region LL has shape \(99, 300\)")


@pytest.mark.parametrize(
    "votes", [[[1, 2, 3]], [[0, 0, 0, 0, 0, 0]], [[1, -1, 0, 0, 0, 0]], [[0.5, 1, 0, 0, 0, 0]]]
)
def test_votes_that_are_no_counts_are_refused(tmp_path, votes):
    refuse(save(tmp_path / "A.mat", **irr_content(vv=votes)), "'vv'")


def test_a_wrong_key_is_named(tmp_path):
    path = save(tmp_path / "A.mat", segment=segment(), note="x")
    refuse(path, "no variable 'seg' or 'seg_10sec'; it has: note, segment")


@pytest.mark.parametrize("shape", [(19, 2000), (2000, 20), (20, 0), (20, 10, 10)])
def test_a_wrong_shape_is_named(tmp_path, shape):
    path = save(tmp_path / "LPD_sample1.mat", seg=np.zeros(shape))
    refuse(path, rf"'seg' has shape \({shape[0]}, {shape[1]}.*not \(20, n_samples\)")


def test_values_that_are_no_real_numbers_are_refused(tmp_path):
    path = save(tmp_path / "LPD_sample1.mat", seg=np.ones((20, 50)) * 1j)
    refuse(path, "'seg' holds complex128 values")


def test_an_unknown_class_in_the_name_is_refused(tmp_path):
    refuse(save(tmp_path / "BIRD_sample1.mat", seg=segment()), "unknown class 'BIRD'.*known: GPD")
    refuse(save(tmp_path / "LPD.mat", seg=segment()), "finds no class in its name")


def test_labels_and_pattern_can_be_given(tmp_path):
    path = save(tmp_path / "case-7-sz.mat", seg=segment())
    options = {"label_pattern": r"case-\d+-(\w+)", "labels": {"sz": "Seizure"}}
    assert read_one(path, **options).table["label"].tolist() == ["Seizure"]


def test_a_folder_without_samples_is_refused(tmp_path):
    refuse(tmp_path, "no .mat file here")


@pytest.mark.parametrize("content", [b"", b"MATLAB", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_a_file_that_is_not_matlabs_is_named(tmp_path, content):
    path = tmp_path / "LPD_sample1.mat"
    path.write_bytes(content)
    refuse(path, "not a readable MATLAB file")


def test_a_version_73_file_is_named_as_such(tmp_path):
    path = tmp_path / "LPD_sample1.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(500))
    refuse(path, r"version 7\.3")


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_never_shows_a_traceback(tmp_path, data):
    path = save(tmp_path / "A.mat", **irr_content(seg_10sec=segment(20), Sdata=None))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, 800))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    message, n_channels = str(path), 20
    try:
        n_channels = len(read_one(path).channels)
    except RecordingError as error:
        message = str(error)
    assert n_channels == 20
    assert message.startswith(str(path))


# The real samples


def real_folder():
    folder = Path(os.environ.get("EPOCHAL_DATA", "")) / "harmful_eeg"
    if "EPOCHAL_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("EPOCHAL_DATA names no folder with harmful_eeg")
    return folder


@pytest.mark.slow
def test_the_real_samples_are_read_with_the_votes_and_classes_they_have():
    sparcnet, irr = (
        {one.recording_id: read(one, Options()) for one in find(real_folder() / part, Options())}
        for part in ("sparcnet", "irr")
    )
    labels = [recording.table["label"][0] for recording in sparcnet.values()]
    assert sorted(labels) == sorted(["GPD", "GRDA", "LPD", "LRDA", "Other", "Seizure"] * 3)
    assert len(irr) == 14
    votes = irr["D_Sample04"].table.filter(like="vote_").iloc[0].to_dict()
    assert votes == {"vote_Seizure": 10, "vote_LPD": 0, "vote_GPD": 9, "vote_LRDA": 0,
                     "vote_GRDA": 0, "vote_Other": 0}  # fmt: skip
    for recording in irr.values():
        assert recording.arrays["spectrogram"].shape == (1, 4, 100, 300)
        assert len(recording.problems) in (0, 3, 4)


def log_power(power):
    return np.log(power + 1e-3)


def differences(recording):
    """|log power computed here − the file's|, of frames 148 to 151: `(4, 100, 4)`.

    The ten seconds lie at 295 to 305 s, so these frames hold nothing else.
    """
    eeg = np.stack([channel.data for channel in recording.channels]).astype(float)
    padded = np.pad(eeg, ((0, 0), (295 * 200, 295 * 200)))
    ours = compute_spectrogram(padded, n_frames=300).transpose(1, 2, 0)
    theirs = recording.arrays["spectrogram"][0]
    return np.abs(log_power(ours) - log_power(theirs))[:, :, 148:152]


@pytest.mark.slow
def test_the_spectrogram_is_that_of_the_ten_seconds_in_its_middle():
    exact = []
    for source in find(real_folder() / "irr", Options()):
        recording = read(source, Options())
        if recording.problems:  # averaged: the same up to what lies between the frames
            assert np.median(differences(recording)[:, :, 1:3]) < 0.35
        else:
            exact.append(differences(recording).max())
    assert len(exact) == 5
    assert max(exact) < 1e-5


@pytest.mark.slow
def test_reduced_regions_follow_ll_without_a_shift():
    for source in find(real_folder() / "irr", Options()):
        recording = read(source, Options())
        if not recording.problems:
            continue
        steps = np.diff(log_power(recording.arrays["spectrogram"][0, :, :, 1:-1]), axis=-1)
        left, parasagittal = steps[0], steps[2]
        agreement = [
            np.corrcoef(left[:, 2:-2].ravel(), np.roll(parasagittal, shift)[:, 2:-2].ravel())[0, 1]
            for shift in (-1, 0, 1)
        ]
        assert agreement[1] > 0.25
        assert agreement[1] > 0.15 + max(agreement[0], agreement[2])
