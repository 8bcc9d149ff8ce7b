import numpy as np
import pytest

from epochal.errors import RecordingError
from epochal.readers.irr_spectrogram import REDUCTIONS, read_spectrogram, reduce_columns


def cells(*lengths, names=("LL", "RL", "LP", "RP")):
    rows = np.empty((4, 2), dtype=object)
    for index, (name, n_columns) in enumerate(zip(names, lengths, strict=True)):
        rows[index] = [name, np.full((100, n_columns), 1.0 + index)]
    return {"Sdata": rows}


def impulse(n_columns, column):
    power = np.ones((100, n_columns))
    power[:, column] = 101.0
    return power


def test_a_file_without_a_spectrogram_has_none():
    assert read_spectrogram("a.mat", {}) == ({}, ())


def test_the_order_of_the_regions_in_the_file_does_not_matter():
    arrays, problems = read_spectrogram(
        "a.mat", cells(300, 300, 300, 300, names=("RP", "LL", "LP", "RL"))
    )
    assert arrays["spectrogram"][0, :, 0, 0].tolist() == [2.0, 4.0, 3.0, 1.0]
    assert problems == ()


def test_mixed_lengths_are_reduced_one_by_one():
    arrays, problems = read_spectrogram("a.mat", cells(300, 600, 300, 597))
    assert arrays["spectrogram"].shape == (1, 4, 100, 300)
    assert [text.split(" columns")[0] for text in problems[:2]] == [
        "Region RL has 600", "Region RP has 597"
    ]  # fmt: skip
    assert np.isnan(arrays["spectrogram"]).all(axis=2).sum() == 1  # RP's first frame


@pytest.mark.parametrize("n_columns", [300, 600, 597])
def test_a_spectrogram_is_float32_whatever_its_length(n_columns):
    arrays, _ = read_spectrogram("a.mat", cells(300, n_columns, n_columns, n_columns))
    assert arrays["spectrogram"].dtype == np.float32


@pytest.mark.parametrize("weights", REDUCTIONS.values(), ids=map(str, REDUCTIONS))
def test_the_weights_of_a_frame_sum_to_one(weights):
    assert sum(weights.values()) == 1


def test_600_columns_frame_k_is_centred_on_column_2k():
    """Column j is centred on j s, and frame k on 2k s."""
    reduced = reduce_columns(impulse(600, 200))[0]
    assert reduced[100] == 51.0
    assert np.flatnonzero(reduced > 1).tolist() == [100]
    reduced = reduce_columns(impulse(600, 201))[0]
    assert reduced[[100, 101]].tolist() == [26.0, 26.0]


def test_597_columns_frame_k_is_centred_between_columns_2k_minus_2_and_2k_minus_1():
    """Column j is centred on j + 2 s, and frame k on 2k + ½ s."""
    for column in (198, 199):
        reduced = reduce_columns(impulse(597, column))[0]
        assert reduced[100] == 51.0
        assert np.flatnonzero(reduced > 1).tolist() == [100]


def test_an_empty_column_makes_its_frame_missing():
    power = np.ones((100, 600))
    power[:, 10] = 2.2e-16
    reduced = reduce_columns(power)
    assert np.isnan(reduced).all(axis=0).nonzero()[0].tolist() == [5]


def test_a_silent_frequency_alone_is_no_empty_column():
    power = np.ones((100, 600))
    power[3, 10] = 2.2e-16
    assert np.isfinite(reduce_columns(power)).all()


@pytest.mark.parametrize("n_columns", [0, 1, 299, 301, 596, 599, 601, 1200])
def test_any_other_length_is_refused(n_columns):
    with pytest.raises(RecordingError, match=f"region RL has {n_columns} columns"):
        read_spectrogram("a.mat", cells(300, n_columns, 300, 300))
