import numpy as np
import pytest
import torch
from sklearn.base import clone

from epochal.errors import EpochalError
from epochal.models.downsampling import shorten
from epochal.models.sequence import NETWORKS, SequenceClassifier, export_sequence
from epochal.serving.bundle import open_session

N_TIMES = 80


def make_windows(n=60, *, n_classes=3, n_times=N_TIMES, seed=0, noise=0.1):
    """Return windows in which class c is a sine of c + 1 cycles, and the classes."""
    random = np.random.default_rng(seed)
    classes = np.arange(n) % n_classes
    turns = np.linspace(0, 2 * np.pi, n_times)
    windows = 20 * np.sin(turns * (classes[:, None] + 1))
    return (windows + random.normal(0, 20 * noise, windows.shape)).astype(np.float32)[:, None], (
        classes
    )


X, Y = make_windows()
SMALL = {"lstm": {"units": 16, "dense_units": 8}, "cnn1d": {"dropout": 0.0}}


def make(name, **params):
    settings = {
        "n_epochs": 8,
        "batch_size": 6,
        "learning_rate": 1e-2,
        "network_params": SMALL[name],
    }
    return SequenceClassifier(name, **settings | params)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("n_channels", "n_times", "n_classes"), [(1, 80, 3), (2, 250, 5)])
def test_every_network_maps_windows_to_logits(name, n_channels, n_times, n_classes):
    network = NETWORKS[name](n_channels, n_times, n_classes)
    assert network(torch.randn(4, n_channels, n_times)).shape == (4, n_classes)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_of_the_network_is_trained(name):
    torch.manual_seed(0)
    network = NETWORKS[name](1, N_TIMES, 3)
    network(torch.randn(16, 1, N_TIMES)).square().sum().backward()
    untouched = [
        key for key, weights in network.named_parameters() if weights.grad is None
        or not weights.grad.any()
    ]  # fmt: skip
    assert untouched == []


@pytest.mark.parametrize("name", NETWORKS)
def test_the_first_sample_of_a_window_is_heard_at_its_end(name):
    torch.manual_seed(0)
    windows = torch.randn(2, 1, N_TIMES, requires_grad=True)
    NETWORKS[name](1, N_TIMES, 3).eval()(windows).sum().backward()
    assert windows.grad[:, :, :20].abs().sum() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_learns_eight_windows_by_heart(name):
    noise = np.random.default_rng(0).normal(size=(8, 1, N_TIMES))
    target = np.array([0, 1, 2, 0, 2, 1, 1, 0])
    model = make(name, n_epochs=150, batch_size=8, learning_rate=3e-2).fit(noise, target)
    assert (model.predict(noise) == target).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_recognises_the_classes_of_new_windows(name):
    model = make(name, n_epochs=30).fit(X, Y)
    unseen, truth = make_windows(seed=1)
    assert (model.predict(unseen) == truth).mean() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_windows_probabilities_do_not_depend_on_its_batch(name):
    model = make(name, n_epochs=1).fit(X, Y)
    alone = np.concatenate([model.predict_proba(X[i : i + 1]) for i in range(5)])
    assert alone == pytest.approx(model.predict_proba(X)[:5], abs=1e-6)
    assert model.set_params(predict_batch_size=7).predict_proba(X)[:5] == pytest.approx(
        alone, abs=1e-6
    )


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network_and_another_another():
    one, same, other = (
        make("cnn1d", n_epochs=1, seed=seed).fit(X, Y).predict_proba(X) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.allclose(one, other)


def test_training_leaves_the_global_generator_as_it_was():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    make("lstm", n_epochs=1).fit(X, Y)
    assert torch.equal(torch.rand(3), expected)


def test_classes_keep_their_numbers():
    kept = Y != 1
    model = make("cnn1d", n_epochs=1).fit(X[kept], Y[kept])
    assert model.classes_.tolist() == [0, 2]
    assert set(model.predict(X)) <= {0, 2}


@pytest.mark.slow
def test_weights_move_the_probabilities_towards_the_heavy_class():
    noise = np.random.default_rng(0).normal(size=X.shape).astype(np.float32)
    plain = make("cnn1d", n_epochs=2).fit(noise, Y).predict_proba(noise)
    heavy = make("cnn1d", n_epochs=2).fit(noise, Y, np.where(Y == 2, 20.0, 0.2))
    assert heavy.predict_proba(noise)[:, 2].mean() > plain[:, 2].mean() + 0.2


def test_a_sample_that_is_not_finite_counts_as_the_mean():
    model = make("cnn1d", n_epochs=1).fit(X + 5, Y)
    holed, filled = X[:3] + 5, X[:3] + 5
    holed[:, 0, 3:6] = [np.nan, np.inf, -np.inf]
    filled[:, 0, 3:6] = model.mean_
    assert model.predict_proba(holed) == pytest.approx(model.predict_proba(filled))
    assert np.isfinite(make("cnn1d", n_epochs=1).fit(holed, Y[:3]).predict_proba(X)).all()


def test_windows_that_are_all_alike_are_no_division_by_zero():
    flat = np.full((6, 1, N_TIMES), 3.0, dtype=np.float32)
    assert np.isfinite(make("lstm", n_epochs=1).fit(flat, Y[:6]).predict_proba(flat)).all()


@pytest.mark.slow
def test_amplitude_tells_classes_apart():
    """One scale for all windows: scaling each by itself would make these the same."""
    loud = np.concatenate([X[:30] * 0 + X[0], 5 * (X[:30] * 0 + X[0])])
    target = np.repeat([0, 1], 30)
    assert (make("cnn1d").fit(loud, target).predict(loud) == target).all()


def test_too_short_windows_are_refused_with_what_is_needed():
    with pytest.raises(EpochalError, match=r"50 samples are too short .* needs 64"):
        make("cnn1d").fit(X[:, :, :50], Y)


def test_sklearn_can_copy_and_set_it():
    model = make("lstm", seed=4)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(n_epochs=9).n_epochs == 9


@pytest.mark.slow
def test_a_loss_per_epoch_is_told_where_it_is_wanted(caplog):
    caplog.set_level("INFO")
    make("cnn1d", n_epochs=2, verbose=1).fit(X, Y)
    assert [r.getMessage()[:17] for r in caplog.records] == [
        "cnn1d epoch 1/2: ", "cnn1d epoch 2/2: ",
    ]  # fmt: skip
    caplog.clear()
    make("cnn1d", n_epochs=2).fit(X, Y)
    assert not caplog.records


def test_no_window_gives_no_row():
    assert make("cnn1d", n_epochs=1).fit(X, Y).predict_proba(X[:0]).shape == (0, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("downsample", [1, 3])
def test_the_exported_network_says_what_the_trained_one_says(name, downsample):
    raw, truth = make_windows(n_times=250)
    model = make(name, n_epochs=1).fit(shorten(raw, downsample), truth)
    holed = raw[:9, 0].copy()
    holed[:, 4] = np.nan
    content = export_sequence(model, holed, downsample=downsample, name="x")
    exported = open_session(content).run(None, {"features": raw[:, 0]})[0]
    assert exported == pytest.approx(model.predict_proba(shorten(raw, downsample)), abs=1e-5)


@pytest.mark.slow
def test_an_export_that_says_something_else_is_refused(monkeypatch):
    model = make("cnn1d", n_epochs=1).fit(X, Y)
    monkeypatch.setattr(SequenceClassifier, "predict_proba", lambda *_: np.full((len(X), 3), 0.9))
    with pytest.raises(EpochalError, match=r"Model 'x': its ONNX form differs by 0\.\d+"):
        export_sequence(model, X[:, 0], downsample=1, name="x")
