from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from epochal.errors import EpochalError
from epochal.models import window_network
from epochal.models.training.curves import CURVES, LISTENERS, CurvePoint
from window_cohort import CLASSES, accuracy, fit, give_votes, make_cohort, make_network, rows_of


@pytest.fixture(scope="module")
def cohort():
    return make_cohort()


@pytest.fixture(scope="module")
def left_out(cohort):
    """Return the rows of one subject, and those of the others."""
    _, table = cohort
    mine = table["subject_id"] == "s3"
    return table[~mine], table[mine]


@pytest.mark.slow
def test_a_network_learns_rhythms_that_it_meets_in_another_subject(cohort, left_out):
    store, _ = cohort
    training, unseen = left_out
    network = fit(make_network(training={"max_epochs": 12}), store, training)
    assert accuracy(network, store, unseen) > 0.9


@pytest.mark.slow
def test_a_network_over_sequences_speaks_of_every_epoch_once(cohort):
    store, table = cohort
    network = fit(make_network(kind="cnn_bigru", sequence={"n_epochs": 5}), store, table)
    proba = network.predict_proba(rows_of(store, table))
    assert proba.shape == (len(table), 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network_and_another_seed_another(cohort):
    store, table = cohort
    first, again, other = (
        fit(make_network(seed=seed, training={"max_epochs": 2}), store, table).predict_proba(
            rows_of(store, table)
        )
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.slow
def test_the_order_of_rows_does_not_change_what_is_said_of_them(cohort):
    store, table = cohort
    network = fit(make_network(training={"max_epochs": 2}), store, table)
    shuffled = table.sample(frac=1.0, random_state=0)
    straight = network.predict_proba(rows_of(store, table))
    mixed = network.predict_proba(rows_of(store, shuffled))
    places = table.index.get_indexer(shuffled.index)
    np.testing.assert_allclose(mixed, straight[places], atol=1e-6)


@pytest.mark.slow
def test_epochs_without_a_label_are_context_and_teach_nothing(cohort):
    store, table = cohort
    hidden = table.assign(label=table["label"].where(table["epoch"] % 2 == 0))
    lied = table.assign(label=np.where(table["epoch"] % 2 == 0, table["label"], None))
    of_hidden, of_lied = (
        fit(make_network(training={"max_epochs": 2}), store, rows).predict_proba(
            rows_of(store, table)
        )
        for rows in (hidden, lied)
    )
    np.testing.assert_array_equal(of_hidden, of_lied)


@pytest.mark.slow
def test_side_features_are_seen_beside_the_windows(cohort):
    store, table = cohort
    silent = {name: pickle.loads(pickle.dumps(inputs)) for name, inputs in store.items()}
    for inputs in silent.values():
        inputs.arrays["signal"][:] = 0.0
    network = fit(make_network(columns=("is_rem",), training={"max_epochs": 12}), silent, table)
    guess = network.predict(rows_of(silent, table, ("is_rem",)))
    assert ((guess == 2) == (table["label"] == "REM").to_numpy()).mean() > 0.95


@pytest.mark.slow
def test_a_class_that_training_lacked_is_not_among_its_answers(cohort):
    store, table = cohort
    without = table[table["label"] != "REM"]
    network = fit(make_network(training={"max_epochs": 1}), store, without)
    assert network.classes_.tolist() == [0, 1]
    assert network.predict_proba(rows_of(store, table)).shape == (len(table), 2)


@pytest.mark.slow
def test_votes_are_learnt_as_shares(cohort):
    store, table = cohort
    codes = table["label"].map({name: code for code, name in enumerate(CLASSES)}).to_numpy()
    votes = {f"vote_{name}": np.where(codes == code, 8, 1) for code, name in enumerate(CLASSES)}
    asked = {"targets": "votes", "loss": {"kind": "kl_votes"}, "training": {"max_epochs": 25}}
    network = fit(make_network(**asked), store, table.assign(**votes))
    proba = network.predict_proba(rows_of(store, table))
    assert accuracy(network, store, table) > 0.9
    assert 0.65 < proba.max(axis=1).mean() < 0.9  # eight votes of ten, never certainty


@pytest.mark.slow
def test_a_class_that_is_voted_for_but_never_leads_is_learnt(cohort):
    store, table = cohort
    shares = {"vote_W": 6, "vote_NREM": 1, "vote_REM": 3}
    asked = {"targets": "votes", "loss": {"kind": "kl_votes"}, "training": {"max_epochs": 12}}
    network = fit(make_network(**asked), store, table.assign(**shares))
    proba = network.predict_proba(rows_of(store, table))
    assert network.classes_.tolist() == [0, 1, 2]
    np.testing.assert_allclose(proba.mean(axis=0), [0.6, 0.1, 0.3], atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_the_unit_of_signals_and_columns_is_no_matter(cohort, unit):
    store, table = cohort
    scaled = {
        name: replace(inputs, arrays={"signal": inputs.arrays["signal"] * np.float32(unit)})
        for name, inputs in store.items()
    }
    asked = {"columns": ("is_rem",), "training": {"max_epochs": 2}}
    here = fit(make_network(**asked), store, table)
    there_table = table.assign(is_rem=table["is_rem"] * unit)
    there = fit(make_network(**asked), scaled, there_table)
    np.testing.assert_allclose(
        there.predict_proba(rows_of(scaled, there_table, ("is_rem",))),
        here.predict_proba(rows_of(store, table, ("is_rem",))),
        atol=1e-3,
    )


@pytest.mark.slow
def test_a_fit_is_another_where_its_rows_are_other_subjects_or_runs(cohort, tmp_path, monkeypatch):
    store, table = cohort
    barely = {"max_epochs": 1}
    fit(make_network(tmp_path, training=barely), store, table)
    begun = []
    trained = window_network.train
    monkeypatch.setattr(
        window_network, "train", lambda *given, **named: (begun.append(1), trained(*given, **named))
    )
    fit(make_network(tmp_path, training=barely), store, table)
    assert not begun
    fit(make_network(tmp_path, training=barely), store, table.assign(subject_id="x"))
    assert len(begun) == 1
    cut = {name: replace(one, run=(one.epoch > 11).astype(int)) for name, one in store.items()}
    fit(make_network(tmp_path, training=barely), cut, table.assign(subject_id="x"))
    assert len(begun) == 2


@pytest.mark.slow
def test_best_weights_curves_and_provenance_lie_in_the_folder_of_the_fit(cohort, tmp_path):
    store, table = cohort
    fit(make_network(tmp_path), store, table)
    place = tmp_path / "net" / "fold_0"
    assert len(list(place.glob("best-*.ckpt"))) == 3
    curves = pd.read_csv(place / CURVES)
    assert curves["epoch"].tolist() == [1, 2, 3, 4, 5, 6][: len(curves)]
    assert curves[["train_loss", "val_loss", "val_kappa"]].notna().all().all()
    provenance = json.loads((place / "provenance.json").read_text())
    assert provenance["kind"] == "cnn1d"
    assert provenance["subjects"] == ["s0", "s1", "s2", "s3"]


@pytest.mark.slow
def test_a_finished_fit_is_not_made_again(cohort, tmp_path, monkeypatch):
    store, table = cohort
    first = fit(make_network(tmp_path), store, table).predict_proba(rows_of(store, table))
    monkeypatch.setattr(window_network, "train", None)  # to call it would be an error
    again = fit(make_network(tmp_path), store, table).predict_proba(rows_of(store, table))
    np.testing.assert_array_equal(first, again)


@pytest.mark.slow
def test_other_options_or_other_rows_begin_anew_in_the_same_folder(cohort, tmp_path):
    store, table = cohort
    fit(make_network(tmp_path, training={"max_epochs": 1}), store, table)
    fit(make_network(tmp_path, training={"max_epochs": 2}), store, table)
    assert len(pd.read_csv(tmp_path / "net" / "fold_0" / CURVES)) == 2
    fit(make_network(tmp_path, training={"max_epochs": 2}), store, table.iloc[:-4])
    assert len(pd.read_csv(tmp_path / "net" / "fold_0" / CURVES)) == 2


@pytest.mark.slow
def test_an_interrupted_fit_goes_on_where_it_was(cohort, tmp_path):
    store, table = cohort

    def stop_at_third(point: CurvePoint) -> None:
        if point.epoch == 3:
            raise KeyboardInterrupt

    LISTENERS.append(stop_at_third)
    try:
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            fit(make_network(tmp_path, training={"patience": None}), store, table)
    finally:
        LISTENERS.remove(stop_at_third)
    seen: list[int] = []
    LISTENERS.append(lambda point: seen.append(point.epoch))
    try:
        fit(make_network(tmp_path, training={"patience": None}), store, table)
    finally:
        LISTENERS.pop()
    assert seen[0] in (3, 4)  # not from the start
    assert seen[-1] == 6


@pytest.mark.slow
def test_patience_ends_a_training_that_no_longer_gains(cohort, tmp_path):
    store, table = cohort
    impatient = {"max_epochs": 40, "patience": 2, "learning_rate": 1e-9}
    fit(make_network(tmp_path, training=impatient), store, table)
    assert len(pd.read_csv(tmp_path / "net" / "fold_0" / CURVES)) < 10


@pytest.mark.slow
def test_without_validation_the_last_weights_are_kept(cohort, tmp_path):
    store, table = cohort
    network = fit(make_network(tmp_path, training={"validation_share": 0}), store, table)
    assert pd.read_csv(tmp_path / "net" / "fold_0" / CURVES)["val_kappa"].isna().all()
    assert accuracy(network, store, table) > 0.8


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "cnn1x"}, "no kind 'cnn1x'.*cnn1d"),
        ({"kind": "spectrogram_net"}, "sees 'spectrogram', which is not prepared"),
        ({"kind": "cnn1d", "sequence": {"n_epochs": 3}}, "sees each epoch by itself"),
        ({"params": {"depth": 3}}, "no parameter 'depth'"),
        ({"loss": {"kind": "focol"}}, "no loss 'focol'.*focal"),
        ({"augmentations": [{"kind": "shfit"}]}, "no augmentation 'shfit'"),
        (
            {"kind": "conformer", "pretraining": {"task": "masked", "span_s": None}},
            "hides whole epochs.*none are seen",
        ),
        ({"training": {"learning_rate": 1e30, "gradient_clip": None}}, "diverged.*learning_rate"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(cohort, given, message):
    store, table = cohort
    with pytest.raises(EpochalError, match=message):
        fit(make_network(**given), store, table)


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        {"sampling": {"kind": "oversample", "classes": ["REM"]}},
        {"sampling": {"kind": "hard", "first_epochs": 1}},
        {
            "sampling": {"kind": "two_stage", "first_epochs": 6},
            "targets": "votes",
            "loss": {"kind": "kl_votes"},
        },
        {"augmentations": [{"kind": "shift"}, {"kind": "noise"}, {"kind": "amplitude"}]},
        {"domain_weight": 0.1},
        {"loss": {"kind": "focal"}, "class_weight": "sqrt"},
        {"kind": "s4d", "sequence": {"n_epochs": 4}, "params": {"head": "crf"}},
        {"params": {"head": "ordinal"}, "loss": {"kind": "ordinal"}},
        {"pretraining": {"task": "masked", "max_epochs": 1}},
    ],
    ids=lambda given: next(iter(given)),
)
def test_every_way_of_training_learns_the_rhythms(cohort, given):
    store, table = cohort
    network = fit(make_network(training={"max_epochs": 12}, **given), store, give_votes(table))
    assert accuracy(network, store, table) > 0.7


@pytest.mark.slow
def test_hard_examples_are_told_by_the_loss_of_the_last_pass(cohort, monkeypatch):
    store, table = cohort
    seen = []
    sampler = window_network.make_sampler

    def watch(*args, **kwargs):
        order = sampler(*args, **kwargs)

        def watched(targets, losses, **given):
            seen.append(np.isfinite(losses).mean())
            return order(targets, losses, **given)

        return watched

    monkeypatch.setattr(window_network, "make_sampler", watch)
    asked = {"kind": "hard", "first_epochs": 1}
    fit(make_network(sampling=asked, training={"max_epochs": 3}), store, table)
    assert seen[0] == 0.0
    assert seen[-1] > 0.9


@pytest.mark.slow
def test_a_fitted_network_survives_pickling(cohort):
    store, table = cohort
    network = fit(make_network(training={"max_epochs": 1}), store, table)
    again = pickle.loads(pickle.dumps(network))
    rows = rows_of(store, table)
    np.testing.assert_array_equal(again.predict_proba(rows), network.predict_proba(rows))


def test_an_augmentation_of_what_a_network_does_not_see_is_refused(cohort):
    network = make_network(augmentations=[{"kind": "spec_augment"}])
    with pytest.raises(EpochalError, match="'spec_augment' changes nothing of signal"):
        fit(network, *cohort)


def test_sites_cannot_be_unlearnt_where_fewer_than_two_are_known(cohort):
    store, table = cohort
    for site in ("", "a"):
        everyone = {name: replace(one, site=site) for name, one in store.items()}
        with pytest.raises(EpochalError, match="domain_weight: fewer than two sites are known"):
            fit(make_network(domain_weight=0.1), everyone, table)
