import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from builders import CLASSES, make_epochs, make_features, make_splits, make_study
from epochal.errors import EpochalError
from epochal.labels import encode
from epochal.models.cross_fitting import cross_fit, join_table
from epochal.models.deep import COLUMN_NETWORKS as ROSTER
from epochal.models.deep import NetworkClassifier, make_roster
from epochal.models.networks.residual_mlp import ResidualMLP
from epochal.models.training.curves import CURVES, LISTENERS
from epochal.options.deep import NetworkModelOptions
from epochal.options.networks import LossOptions

EPOCHS = make_epochs(n_subjects=6, n_epochs=60)
X = make_features(EPOCHS).drop(columns=["recording_id", "epoch"])
Y = encode(EPOCHS["label"], CLASSES)
SMALL = {"n_epochs": 10, "width": 16, "batch_size": 64}


def fit(x=X, y=Y, **params):
    return NetworkClassifier(**SMALL | params).fit(x, y)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROSTER)
def test_every_network_learns_what_the_columns_tell(name):
    first = EPOCHS["subject_id"] < "s4"
    model = ROSTER[name](0, **SMALL | {"n_epochs": 20}).fit(X[first], Y[first])
    assert (model.predict(X[~first]) == Y[~first]).mean() > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("name", ROSTER)
def test_every_network_takes_missing_values(name):
    holed = X.mask(np.random.default_rng(0).random(X.shape) < 0.3)
    proba = ROSTER[name](0, **SMALL).fit(holed, Y).predict_proba(holed)
    assert np.isfinite(proba).all()
    assert proba.sum(axis=1) == pytest.approx(np.ones(len(X)))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network_and_another_another():
    one, same, other = (fit(seed=seed).predict_proba(X) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.allclose(one, other)


@pytest.mark.slow
def test_training_leaves_the_global_generator_as_it_was():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    fit()
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.slow
def test_a_network_predicts_the_classes_that_it_was_given():
    kept = Y != 1
    model = fit(X[kept], Y[kept])
    assert model.classes_.tolist() == [0, 2]
    assert set(model.predict(X)) <= {0, 2}


@pytest.mark.slow
def test_a_table_and_an_array_of_the_same_numbers_give_the_same():
    assert np.array_equal(fit().predict_proba(X), fit(X.to_numpy()).predict_proba(X.to_numpy()))
    assert isinstance(X, pd.DataFrame)


@pytest.mark.slow
def test_an_epochs_probabilities_do_not_depend_on_its_batch():
    model = fit()
    assert model.predict_proba(X[:1])[0] == pytest.approx(model.predict_proba(X)[0], abs=1e-6)


def test_sklearn_can_copy_and_set_a_network():
    model = NetworkClassifier(width=8, seed=4)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(width=9).width == 9


def test_a_last_batch_of_one_row_is_trained_on():
    model = fit(X[:65], Y[:65], n_epochs=1)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("n_blocks", [0, 1, 3])
def test_the_network_maps_features_to_logits(n_blocks):
    network = ResidualMLP(5, 3, width=8, n_blocks=n_blocks)
    assert network(torch.zeros(4, 5)).shape == (4, 3)
    assert len(network.blocks) == n_blocks


def test_every_weight_of_the_network_is_trained():
    network = ResidualMLP(5, 3, width=8, n_blocks=2, dropout=0.0)
    network(torch.randn(4, 5)).square().sum().backward()
    assert all(weights.grad is not None for weights in network.parameters())
    untouched = [name for name, weights in network.named_parameters() if not weights.grad.any()]
    assert untouched == []


def test_dropout_acts_in_training_alone():
    network = ResidualMLP(5, 3, width=32, dropout=0.5)
    features = torch.randn(4, 5)
    network.train()
    assert not torch.equal(network(features), network(features))
    network.eval()
    assert torch.equal(network(features), network(features))


@pytest.mark.slow
def test_rows_that_weigh_nothing_are_not_learnt_from():
    other = np.where(Y == 0, 1, Y)
    weights = np.r_[np.ones(len(X)), np.zeros(len(X))]
    doubled, taught = pd.concat([X, X], ignore_index=True), np.r_[Y, other]
    model = NetworkClassifier(**SMALL | {"n_epochs": 20}).fit(doubled, taught, weights)
    misled = NetworkClassifier(**SMALL | {"n_epochs": 20}).fit(doubled, taught)
    assert (model.predict(X) == Y).mean() > 0.1 + (misled.predict(X) == Y).mean()


@pytest.mark.slow
def test_equal_weights_change_nothing():
    plain, weighed = fit(), NetworkClassifier(**SMALL).fit(X, Y, np.ones(len(X)))
    assert np.allclose(plain.predict_proba(X), weighed.predict_proba(X), atol=1e-6)


@pytest.mark.slow
def test_a_fit_leaves_its_curve_by_name_and_part(tmp_path):
    model = fit(folder=str(tmp_path), name="net", part="fold_1")
    curve = pd.read_csv(tmp_path / "net/fold_1" / CURVES)
    assert curve["epoch"].tolist() == list(range(1, SMALL["n_epochs"] + 1))
    assert curve["train_loss"].iloc[-1] < curve["train_loss"].iloc[0]
    assert curve["learning_rate"].max() <= model.learning_rate
    assert curve["learning_rate"].iloc[-1] < curve["learning_rate"].max() / 100  # one cycle
    assert set(curve["model"]) == {"net"}
    assert set(curve["part"]) == {"fold_1"}
    assert curve[["val_loss", "val_kappa"]].isna().all(axis=None)


@pytest.mark.slow
def test_another_fit_begins_its_curve_anew(tmp_path):
    for n_epochs in (7, 3):
        fit(folder=str(tmp_path), name="net", part="refit", n_epochs=n_epochs)
    assert len(pd.read_csv(tmp_path / "net/refit" / CURVES)) == 3


@pytest.mark.slow
def test_a_curve_changes_nothing_of_the_network(tmp_path):
    kept = fit(folder=str(tmp_path), name="net", part="refit")
    assert np.array_equal(kept.predict_proba(X), fit().predict_proba(X))


@pytest.mark.slow
def test_a_small_networks_curve_is_neither_logged_nor_sent(tmp_path, caplog):
    heard: list = []
    LISTENERS.append(heard.append)
    try:
        with caplog.at_level("INFO"):
            fit(folder=str(tmp_path), name="net", part="refit")
    finally:
        LISTENERS.remove(heard.append)
    assert (heard, caplog.records) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ROSTER)
def test_every_network_over_columns_is_followed_through_all_its_fits(tmp_path, kind):
    options = NetworkModelOptions(kind=kind, columns=("*",), params=SMALL)
    splits = make_splits(EPOCHS)
    features = make_features(EPOCHS)
    roster = make_roster("net", options, str(tmp_path))
    table = join_table(features, EPOCHS, splits)
    cross_fit("net", options, roster, table, make_study(), family="deep")
    parts = {path.parent.name for path in tmp_path.glob(f"net/*/{CURVES}")}
    folds = {f"fold_{fold}" for fold in set(splits["fold"]) - {-1}}
    assert parts == folds | {"refit"}


def test_a_network_over_columns_of_which_conf_lists_none_is_refused():
    options = NetworkModelOptions(kind="residual_mlp")
    table = join_table(make_features(EPOCHS), EPOCHS, make_splits(EPOCHS))
    roster = make_roster("net", options, None)
    with pytest.raises(EpochalError, match=r"Model 'net': residual_mlp sees columns, and"):
        cross_fit("net", options, roster, table, make_study(), family="deep")


@pytest.mark.slow
def test_without_checkpoints_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = NetworkModelOptions(kind="residual_mlp", columns=("*",), params=SMALL)
    make_roster("net", options, None)["residual_mlp"](0, **SMALL).fit(X, Y)
    assert list(tmp_path.iterdir()) == []


def test_a_network_over_columns_learns_by_the_loss_that_it_is_given():
    """The focal loss lets go of what is right already: it is less sure, and as often right."""
    plain, focal = (
        make_roster("net", NetworkModelOptions(kind="residual_mlp", loss=loss), None)[
            "residual_mlp"
        ](0, **SMALL).fit(X, Y)
        for loss in ({}, {"kind": "focal", "params": {"gamma": 3}})
    )
    sure = [model.predict_proba(X).max(axis=1).mean() for model in (plain, focal)]
    assert sure[1] < sure[0] - 0.1
    assert (focal.predict(X) == Y).mean() > 0.8
    same = fit(loss=LossOptions(kind="focal", params={"gamma": 0}))
    assert np.allclose(same.predict_proba(X), fit().predict_proba(X), atol=1e-4)


def test_a_loss_that_there_is_not_is_refused_by_name():
    with pytest.raises(EpochalError, match="no loss 'focall'; did you mean 'focal'"):
        fit(loss=LossOptions(kind="focall"))
