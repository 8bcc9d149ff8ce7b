"""Adaptations of made-up labs with known answers."""

import numpy as np
import pytest

from builders import make_bundle
from epochal.errors import EpochalError
from epochal.models import adapting
from epochal.models.adapting import (
    Labelled,
    choose_prior,
    cross_fit,
    fit,
    measure,
    refuse_strange_labels,
    refuse_too_little,
    shares_of_bundle,
)
from epochal.models.calibrators import softmax

CLASSES = ("W", "N2", "REM")
SHARES = np.array([0.2, 0.5, 0.3])
KINDS = ("temperature", "vector", "prior", "refit")


def make_lab(n_epochs=4000, *, shares=SHARES, seed=0, distort=lambda score: score, n_owners=1):
    """Return epochs whose true probabilities, for the given shares, `distort` spoils."""
    random = np.random.default_rng(seed)
    codes = random.choice(3, n_epochs, p=shares)
    seen = 1.5 * np.eye(3)[codes] + random.normal(0, 1, (n_epochs, 3))
    proba = softmax(distort(1.5 * seen + np.log(SHARES)))
    owners = np.sort(np.arange(n_epochs) % n_owners)
    return Labelled({"m": proba}, codes, owners, n_epochs)


def log_loss(fitted, lab):
    return measure(fitted.apply(lab.proba), lab.codes)["log_loss"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_lab_that_the_bundle_is_right_about_is_left_as_it_is(kind):
    lab, other = make_lab(), make_lab(seed=1)
    found = fit(kind, lab, shares=None)
    before = measure(other.proba["m"], other.codes)["log_loss"]
    assert log_loss(found, other) == pytest.approx(before, abs=0.01)


@pytest.mark.parametrize("kind", ["temperature", "vector", "refit"])
def test_overconfidence_is_taken_back(kind):
    lab, other = (make_lab(seed=seed, distort=lambda score: 3 * score) for seed in (0, 1))
    right = measure(make_lab(seed=1).proba["m"], other.codes)["log_loss"]
    before = measure(other.proba["m"], other.codes)["log_loss"]
    after = log_loss(fit(kind, lab, shares=None), other)
    assert before > right + 0.1
    assert before - after > 0.8 * (before - right)  # a last stage is held back more


@pytest.mark.parametrize("kind", ["vector", "prior", "refit"])
def test_a_class_that_is_never_said_is_said_again(kind):
    def forget_rem(score):
        return score - np.array([0.0, 0.0, 3.0])

    lab, other = (make_lab(seed=seed, distort=forget_rem) for seed in (0, 1))
    right = measure(make_lab(seed=1).proba["m"], other.codes)["log_loss"]
    assert log_loss(fit(kind, lab, shares=None), other) == pytest.approx(right, abs=0.02)


def test_an_hour_of_mostly_one_class_does_not_teach_that_it_is_frequent():
    """With the bundle's shares what is fitted is the lab, not which hour of it was scored."""
    hour = make_lab(2000, shares=np.array([0.05, 0.15, 0.8]))
    night = make_lab(seed=1)
    before = measure(night.proba["m"], night.codes)["log_loss"]
    by_labels = log_loss(fit("vector", hour, shares=None), night)
    by_bundle = log_loss(fit("vector", hour, shares=SHARES), night)
    assert by_labels > before + 0.1
    assert by_bundle == pytest.approx(before, abs=0.02)


@pytest.mark.parametrize("kind", ["vector", "prior"])
def test_a_class_without_labels_stays_as_it_is(kind):
    hour = make_lab(2000, shares=np.array([0.4, 0.6, 0.0]), distort=lambda s: s - [1.0, 0.0, 0.0])
    found = fit(kind, hour, shares=SHARES).what["calibration"]
    assert found.offset[2] == pytest.approx(0.0, abs=0.02)
    assert set(found.scale[2:]) == {1.0}
    assert found.offset[0] - found.offset[1] == pytest.approx(1.0, abs=0.35)


def test_a_few_epochs_change_little():
    few, many = (make_lab(n, distort=lambda score: 3 * score) for n in (60, 6000))
    fits = [fit("temperature", lab, shares=None) for lab in (few, many)]
    scales = [one.what["calibration"].scale[0] for one in fits]
    assert scales[1] == pytest.approx(1 / 3, abs=0.05)
    assert scales[1] + 0.1 < scales[0] < 1.0


def test_a_last_stage_hears_the_model_that_knows_this_lab():
    lab, other = make_lab(), make_lab(seed=1)
    deaf = np.tile(SHARES, (4000, 1))
    heard = [Labelled({"deaf": deaf, **one.proba}, *one[1:]) for one in (lab, other)]
    stage = fit("refit", heard[0], shares=None)
    assert stage.what["last_stage"].models == ["deaf", "m"]
    assert measure(deaf, other.codes)["kappa"] == 0
    right = measure(other.proba["m"], other.codes)
    found = measure(stage.apply(heard[1].proba), other.codes)
    assert found["kappa"] == pytest.approx(right["kappa"], abs=0.02)


def test_a_last_stage_of_what_changes_nothing_is_the_headline():
    lab = make_lab(300)
    stage = (
        fit("refit", lab, shares=None)
        .what["last_stage"]
        .model_copy(update={"weights": np.eye(3).tolist(), "offset": [0.0] * 3})
    )
    assert stage.apply([lab.proba["m"]]) == pytest.approx(lab.proba["m"], abs=1e-5)


def test_three_recordings_are_left_out_whole_and_one_in_blocks(monkeypatch):
    taken = []
    real = adapting.fit

    def spy(kind, labelled, *, shares):
        taken.append(labelled)
        return real(kind, labelled, shares=shares)

    monkeypatch.setattr(adapting, "fit", spy)
    judged = cross_fit("prior", make_lab(600, n_owners=3), shares=None)
    assert judged.by == "recording"
    assert [sorted(set(one.owners)) for one in taken] == [[1, 2], [0, 2], [0, 1]]
    taken.clear()
    one = make_lab(600)
    judged = cross_fit("prior", one, shares=None)
    assert judged.by == "block"
    assert [len(part.codes) for part in taken] == [480] * 5
    assert np.array_equal(taken[0].codes, one.codes[120:])  # blocks of following epochs
    assert judged.before["n_epochs"] == judged.after["n_epochs"] == 600


def test_what_is_judged_was_not_fitted_on():
    """Labels without any relation: fitted in-sample they would seem to gain."""
    random = np.random.default_rng(0)
    noise = Labelled(
        {"m": np.full((200, 3), 1 / 3)}, random.choice(3, 200), np.zeros(200, int), 200
    )
    judged = cross_fit("vector", noise, shares=None)
    assert judged.after["log_loss"] > judged.before["log_loss"] - 0.01


def test_figures_are_known_where_half_is_right():
    proba = np.tile([0.5, 0.25, 0.25], (4, 1))
    found = measure(proba, np.array([0, 0, 1, 2]))
    assert found == {
        "kappa": 0.0, "accuracy": 0.5, "macro_f1": pytest.approx(0.2222, abs=1e-4),
        "log_loss": pytest.approx((2 * np.log(2) + 2 * np.log(4)) / 4, abs=1e-4), "ece": 0.0,
        "n_epochs": 4,
    }  # fmt: skip


def test_too_few_epochs_are_refused_with_how_many_there_are():
    with pytest.raises(EpochalError, match=r"59 labelled epochs .* at least 60 are needed"):
        refuse_too_little(make_lab(59), CLASSES, "bundle")


def test_classes_of_too_few_labels_are_refused_by_name_or_left_alone():
    lab = make_lab(200, shares=np.array([0.5, 0.5, 0.0]))
    with pytest.raises(EpochalError, match=r"few labelled epochs of REM \(0\).*--prior bundle"):
        refuse_too_little(lab, CLASSES, "labels")
    refuse_too_little(lab, CLASSES, "bundle")


def test_labels_of_a_single_class_are_refused_whatever_the_prior():
    lab = make_lab(200, shares=np.array([0.0, 1.0, 0.0]))
    with pytest.raises(EpochalError, match=r"of W \(0\), REM \(0\): at least 5"):
        refuse_too_little(lab, CLASSES, "bundle")


def test_labels_of_another_clock_are_refused():
    lab = make_lab(400)
    shifted = lab._replace(codes=np.random.default_rng(1).permutation(lab.codes))
    with pytest.raises(EpochalError, match="hardly agree with the bundle's answers"):
        refuse_strange_labels(cross_fit("prior", shifted, shares=None))
    refuse_strange_labels(cross_fit("prior", lab, shares=None))


def test_a_whole_night_tells_the_classes_shares_and_an_hour_of_it_does_not():
    manifest = make_bundle().manifest
    whole, hour = make_lab(100), make_lab(100)._replace(n_scored=900)
    assert choose_prior("auto", whole, manifest) == "labels"
    assert choose_prior("auto", hour, manifest) == "bundle"
    assert choose_prior("labels", hour, manifest) == "labels"


def test_an_older_bundle_tells_its_shares_by_its_smoothing_or_not_at_all():
    manifest = make_bundle().manifest
    counts = np.array([manifest.training.epochs_per_class[name] for name in CLASSES]) + 1
    assert shares_of_bundle(manifest) == pytest.approx(counts / counts.sum())
    older = manifest.model_copy(update={"training": None})
    (prior, *_) = [one.prior for one in older.smoothing.values()]
    assert shares_of_bundle(older) == pytest.approx(prior)
    silent = older.model_copy(update={"smoothing": {}})
    assert shares_of_bundle(silent) is None
    hour = make_lab(100)._replace(n_scored=900)
    assert choose_prior("auto", hour, silent) == "labels"
    with pytest.raises(EpochalError, match=r"does not say how frequent.*--prior labels"):
        choose_prior("bundle", hour, silent)
