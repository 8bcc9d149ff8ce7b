"""Passes of different lengths, and the passes of a fit that was interrupted."""

from __future__ import annotations

from contextlib import contextmanager

import pandas as pd
import pytest
import torch

from epochal.models.networks.adversarial import SiteAdversary
from epochal.models.training import pretrained
from epochal.models.training.curves import CURVES, LISTENERS, CurvePoint
from epochal.models.training.pretext import MaskedReconstruction
from epochal.models.training.trainer import LAST
from window_cohort import fit, give_votes, make_cohort, make_network

TWO_STAGES = {
    "targets": "votes",
    "loss": {"kind": "kl_votes"},
    "sampling": {"kind": "two_stage", "min_votes": 10, "first_epochs": 3},
}
LONGER_BY_CHANCE = {"sampling": {"kind": "oversample", "classes": ["REM"], "factor": 1.5}}
PRETRAINED = {"pretraining": {"task": "masked", "max_epochs": 2}}


@pytest.fixture(scope="module")
def cohort():
    store, table = make_cohort()
    return store, give_votes(table)


def train(cohort, folder, **given):
    """Fit for six passes; return the folder of the fit."""
    given["training"] = {"patience": None} | given.get("training", {})
    fit(make_network(folder, **given), *cohort)
    return folder / "net" / "fold_0"


@contextmanager
def interrupted(part, epoch):
    """Interrupt whoever notes this pass of this part, which no checkpoint knows yet."""

    def stop(point: CurvePoint) -> None:
        if (point.part, point.epoch) == (part, epoch):
            raise KeyboardInterrupt

    LISTENERS.append(stop)
    try:
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            yield
    finally:
        LISTENERS.remove(stop)


@contextmanager
def heard():
    points: list[CurvePoint] = []
    LISTENERS.append(points.append)
    try:
        yield points
    finally:
        LISTENERS.remove(points.append)


def last_weights(place):
    return torch.load(place / LAST, weights_only=False)["state_dict"]


@pytest.mark.parametrize("given", [TWO_STAGES, LONGER_BY_CHANCE], ids=["shorter", "by chance"])
def test_passes_of_different_lengths_all_validate_and_end_the_schedule(cohort, tmp_path, given):
    place = train(cohort, tmp_path, **given, training={"batch_size": 4})
    curves = pd.read_csv(place / CURVES)
    assert curves["val_loss"].nunique() == 6
    assert curves["learning_rate"].iloc[-1] == pytest.approx(0.01 * 0.01)


def test_without_validation_a_schedule_ends_with_a_short_last_pass_too(cohort, tmp_path):
    place = train(cohort, tmp_path, **TWO_STAGES, training={"validation_share": 0})
    assert pd.read_csv(place / CURVES)["learning_rate"].iloc[-1] == pytest.approx(0.01 * 0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        {
            "kind": "cnn_bilstm",
            "sequence": {"n_epochs": 4},
            "params": {"dropout": 0.3},
            "augmentations": [{"kind": "noise"}],
        },
        {"sampling": {"kind": "hard", "first_epochs": 1}},
        {"training": {"n_workers": 1}},
        {"training": {"validation_share": 0}},
        {"domain_weight": 0.1},
        TWO_STAGES,
        LONGER_BY_CHANCE,
        PRETRAINED,
    ],
    ids=["dropout", "hard", "workers", "novalidation", "sites", "two_stage", "oversample", "pre"],
)
def test_an_interrupted_fit_ends_with_the_weights_of_one_that_was_not(cohort, tmp_path, given):
    whole = train(cohort, tmp_path / "whole", **given)
    with interrupted("fold_0", 5):
        train(cohort, tmp_path / "cut", **given)
    with heard() as points:
        cut = train(cohort, tmp_path / "cut", **given)
    assert [(one.part, one.epoch) for one in points] == [("fold_0", 5), ("fold_0", 6)]
    expected, found = last_weights(whole), last_weights(cut)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_pretraining_has_a_curve_of_its_own(cohort, tmp_path):
    place = train(cohort, tmp_path, **PRETRAINED, training={"max_epochs": 1})
    assert pd.read_csv(place / CURVES)["epoch"].tolist() == [1]
    curve = pd.read_csv(place / "pretraining" / CURVES)
    assert curve["part"].unique().tolist() == ["fold_0.pretraining"]
    assert curve["epoch"].tolist() == [1, 2]
    assert curve["train_loss"].notna().all()


def test_pretraining_that_was_done_is_not_done_again(cohort, tmp_path):
    whole = train(cohort, tmp_path / "whole", **PRETRAINED)
    with interrupted("fold_0", 1):
        train(cohort, tmp_path / "cut", **PRETRAINED)
    with heard() as points:
        cut = train(cohort, tmp_path / "cut", **PRETRAINED)
    assert {one.part for one in points} == {"fold_0"}
    expected, found = last_weights(whole), last_weights(cut)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_pretraining_that_was_cut_off_begins_anew(cohort, tmp_path):
    with interrupted("fold_0.pretraining", 2):
        train(cohort, tmp_path, **PRETRAINED)
    place = train(cohort, tmp_path, **PRETRAINED, training={"max_epochs": 6})
    assert pd.read_csv(place / "pretraining" / CURVES)["epoch"].tolist() == [1, 2]


def test_pretraining_goes_to_the_device_that_trains(cohort, monkeypatch):
    seen = []

    def look(task, signal, generator):
        seen.extend([signal.device.type, *{one.device.type for one in task.parameters()}])
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrained, "choose_device", lambda: torch.device("meta"))
    monkeypatch.setattr(MaskedReconstruction, "loss", look)
    with pytest.raises(KeyboardInterrupt):
        fit(make_network(**PRETRAINED), *cohort)
    assert seen == ["meta", "meta"]


def test_the_adversary_is_told_every_sequences_site_and_counts_more_and_more(cohort, monkeypatch):
    told, loss = [], SiteAdversary.loss

    def watch(self, embedding, domains, *, strength):
        told.append((domains, strength))
        return loss(self, embedding, domains, strength=strength)

    monkeypatch.setattr(SiteAdversary, "loss", watch)
    training = {"max_epochs": 2, "validation_share": 0}
    fit(make_network(domain_weight=0.1, training=training), *cohort)
    sites = torch.cat([domains for domains, _ in told])
    assert sites.bincount().tolist() == [2 * 48, 2 * 48]  # two subjects a site, in two passes
    strengths = [strength for _, strength in told]
    assert strengths == sorted(strengths)
    assert strengths[0] == 0.0
    assert strengths[-1] > 0.09
