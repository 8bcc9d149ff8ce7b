import numpy as np
import pytest

from builders import sine
from epochal.features.block import Block
from epochal.features.complexity import (
    complexity,
    detrended_fluctuation,
    entropy,
    higuchi_dimension,
)

SFREQ = 100.0
RANDOM = np.random.default_rng(0)
WHITE = RANDOM.normal(size=(4, 3000))
WALK = RANDOM.normal(size=(4, 3000)).cumsum(axis=1)
RAMP = np.arange(500.0)[None]
ALL = [complexity, entropy, detrended_fluctuation]


def test_a_straight_line_has_dimension_1_and_no_entropy():
    found = complexity(RAMP, SFREQ)
    assert found["petrosian_dimension"][0] == pytest.approx(1.0)
    assert found["higuchi_dimension"][0] == pytest.approx(1.0, abs=1e-9)
    assert found["permutation_entropy"][0] == pytest.approx(0.0, abs=1e-12)


def test_white_noise_has_dimension_2_and_all_orders_alike():
    found = complexity(WHITE, SFREQ)
    assert found["higuchi_dimension"] == pytest.approx(np.full(4, 2.0), abs=0.02)
    assert found["permutation_entropy"] == pytest.approx(np.full(4, 1.0), abs=0.002)


def test_a_random_walk_has_dimension_one_and_a_half():
    assert complexity(WALK, SFREQ)["higuchi_dimension"] == pytest.approx(np.full(4, 1.5), abs=0.06)


@pytest.mark.parametrize(("turns", "zigzag"), [(0, [1, 2, 3, 4, 5, 6]), (4, [1, 2, 1, 2, 1, 2])])
def test_petrosian_counts_turns(turns, zigzag):
    found = complexity(np.array([zigzag], float), SFREQ)["petrosian_dimension"][0]
    assert found == pytest.approx(np.log10(6) / (np.log10(6) + np.log10(6 / (6 + 0.4 * turns))))


def test_two_orders_of_equal_share_have_the_entropy_of_a_coin():
    # 1 2 1 2 …: up-down and down-up alternate, the equal outer samples in order of time
    found = complexity(np.tile([1.0, 2.0], 51)[None], SFREQ)
    assert found["permutation_entropy"][0] == pytest.approx(np.log(2) / np.log(6))


def test_permutation_entropy_is_that_of_counted_orders():
    orders = np.lib.stride_tricks.sliding_window_view(WALK[0], 3).argsort(axis=1, kind="stable")
    _, counts = np.unique(orders, axis=0, return_counts=True)
    shares = counts / counts.sum()
    expected = -(shares * np.log(shares)).sum() / np.log(6)
    assert complexity(WALK, SFREQ)["permutation_entropy"][0] == pytest.approx(expected)


@pytest.mark.parametrize("n_samples", [2999, 3000, 3001, 128, 30])
def test_higuchi_dimension_is_that_of_its_definition(n_samples):
    wave, logs = WALK[0, :n_samples], []
    for k in range(1, 11):
        lengths = []
        for m in range(k):
            steps = np.abs(np.diff(wave[m::k]))
            lengths.append(steps.sum() * (n_samples - 1) / (len(steps) * k * k))
        logs.append(np.log(np.mean(lengths)))
    expected = np.polyfit(-np.log(np.arange(1, 11)), logs, 1)[0]
    found = higuchi_dimension(Block(wave[None], SFREQ))
    assert found[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_a_sine_is_regular_and_noise_is_not():
    tone, noise = entropy(sine(1.0).astype(float)[None], SFREQ), entropy(WHITE, SFREQ)
    for name, column in noise.items():
        assert column.min() > tone[name][0] + 0.3, name
    assert noise["lempel_ziv"].mean() == pytest.approx(1.0, abs=0.1)
    assert noise["svd_entropy"] == pytest.approx(np.full(4, 1.0), abs=0.01)


def test_sample_entropy_counts_pairs_that_stay_alike():
    wave = np.array([0.0, 1, 0, 1, 0, 1, 0, 2, 0, 1])
    tolerance, n, like = 0.2 * wave.std(), len(wave), {2: 0, 3: 0}
    for i in range(n - 2):
        for j in range(i + 1, n - 2):
            for m in like:
                like[m] += bool((np.abs(wave[i : i + m] - wave[j : j + m]) < tolerance).all())
    found = entropy(wave[None], SFREQ)["sample_entropy"][0]
    assert found == pytest.approx(-np.log(like[3] / like[2]))


def test_sample_entropy_of_samples_none_of_which_are_alike_is_unknown():
    assert np.isnan(entropy(np.arange(12.0)[None], SFREQ)["sample_entropy"][0])


def test_the_words_of_lempel_and_ziv():
    # 0 . 001 . 10 . 100 . 1000 . 101: the example of their paper, with six words
    bits = np.array([int(bit) for bit in "0001101001000101"], float)[None]
    found = entropy(bits, SFREQ)["lempel_ziv"][0]
    assert found == pytest.approx(6 * np.log2(16) / 16)


@pytest.mark.parametrize(("signal", "exponent"), [(WHITE, 0.5), (WALK, 1.5)], ids=["white", "walk"])
def test_the_fluctuation_exponent_of_noise(signal, exponent):
    found = detrended_fluctuation(signal, SFREQ)["fluctuation_exponent"]
    assert found.mean() == pytest.approx(exponent, abs=0.06)


@pytest.mark.parametrize("features", ALL)
def test_level_and_amplitude_do_not_matter(features):
    one, other = features(WALK[:, :600], SFREQ), features(WALK[:, :600] * 4, SFREQ)
    for name, column in one.items():
        assert other[name] == pytest.approx(column), name


@pytest.mark.parametrize("features", ALL)
def test_a_flat_window_is_neither_simple_nor_complex(features):
    for name, column in features(np.full((2, 200), 7.0), SFREQ).items():
        assert np.isnan(column).all(), name


@pytest.mark.parametrize("features", ALL)
def test_no_windows_have_the_same_columns(features):
    empty = features(np.empty((0, 100), np.float32), SFREQ)
    assert list(empty) == list(features(WHITE[:, :100], SFREQ))
    assert all(len(column) == 0 for column in empty.values())


@pytest.mark.parametrize("features", ALL)
def test_single_precision_is_good_to_one_in_ten_thousand(features):
    windows = WALK[:, :1000]
    exact, found = features(windows, SFREQ), features(windows.astype(np.float32), SFREQ)
    for name, column in exact.items():
        assert found[name] == pytest.approx(column, rel=1e-4), name
