import numpy as np
import pytest

from epochal.signals.ica import find_components


def mixed_sources(n_samples=20_000, n_channels=4, seed=0):
    """Return three sources that are not Gaussian, and channels that hold mixtures of them."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(n_samples) / 200
    sources = np.stack(
        [np.sign(np.sin(2 * np.pi * 1.3 * time_s)), rng.laplace(size=n_samples),
         np.sin(2 * np.pi * 7 * time_s)]
    )  # fmt: skip
    sources -= sources.mean(axis=1, keepdims=True)
    return sources, rng.normal(size=(n_channels, 3)) @ sources


def best_matches(sources, courses):
    return np.abs(np.corrcoef(sources, courses)[: len(sources), len(sources) :]).max(axis=1)


def test_mixed_sources_are_told_apart():
    sources, channels = mixed_sources()
    found = find_components(channels, seed=0)
    assert found.converged
    assert best_matches(sources, found.unmixing @ channels).min() > 0.99


def test_components_add_up_to_the_channels_again():
    _, channels = mixed_sources()
    found = find_components(channels, seed=0)
    np.testing.assert_allclose(found.mixing @ found.unmixing @ channels, channels, atol=1e-8)


def test_there_are_as_many_components_as_the_channels_allow():
    _, channels = mixed_sources(n_channels=6)
    assert find_components(channels, seed=0).unmixing.shape == (3, 6)


def test_the_same_seed_gives_the_same_components():
    _, channels = mixed_sources()
    first, second = (find_components(channels, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.unmixing, second.unmixing)


def test_components_are_those_of_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    _, channels = mixed_sources(n_channels=3)
    theirs = decomposition.FastICA(
        whiten="unit-variance", random_state=0, tol=1e-6, max_iter=1000
    ).fit_transform(channels.T)
    ours = find_components(channels, seed=0)
    assert best_matches(theirs.T, ours.unmixing @ channels).min() > 0.999
