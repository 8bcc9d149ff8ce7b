import numpy as np
import pandas as pd
import pytest

from builders import CLASSES, make_epochs, make_predictions, make_splits, make_study
from epochal import schemas
from epochal.errors import EpochalError
from epochal.labels import encode, proba_columns
from epochal.models.cross_fitting import empty_predictions
from epochal.models.smoothing import estimate_prior, estimate_transitions, forward
from epochal.models.stack_smoothing import (
    MEMORIES,
    SCALES,
    choose_memory,
    estimate_smoothing,
    fit_final,
    list_runs,
    smooth_predictions,
    tabulate_losses,
)
from epochal.options.models import StackingOptions
from epochal.splits import rows_to_fit

# sticky stages, as sleep has them
N = 60
EPOCHS = make_epochs(list(np.repeat(CLASSES, N // 3)), n_subjects=5)
SPLITS = make_splits(EPOCHS, n_folds=2)
SCORED = EPOCHS.merge(SPLITS, on=["recording_id", "epoch"])
STUDY = make_study()
COLUMNS = proba_columns(CLASSES)


def smooth(predictions, epochs=EPOCHS, **options):
    given = {"smoothing": ("forward", "forward_backward"), "memory": 1.0} | options
    chosen = StackingOptions(**given)
    return smooth_predictions(predictions, epochs, SPLITS, chosen, STUDY)


def noisy():
    """Return predictions that are wrong in a quarter of the epochs, at random."""
    found = make_predictions(EPOCHS, SPLITS, model="stack", family="stack", certainty=0.6)
    wrong = np.random.default_rng(0).random(len(found)) < 0.25
    found.loc[wrong, COLUMNS] = found.loc[wrong, COLUMNS].to_numpy()[:, [1, 2, 0]]
    return found


def accuracy(rows):
    merged = rows.merge(EPOCHS[["recording_id", "epoch", "label"]], on=["recording_id", "epoch"])
    guess = np.array(CLASSES)[merged[COLUMNS].to_numpy().argmax(axis=1)]
    return (guess == merged["label"]).mean()


@pytest.mark.slow
def test_each_smoother_adds_rows_of_its_own_beside_the_given_ones():
    predictions = noisy()
    found = schemas.predictions.validate(smooth(predictions))
    assert found["model"].value_counts().to_dict() == {
        "stack": 5 * N,
        "stack_forward": 5 * N,
        "stack_forward_backward": 5 * N,
    }
    pd.testing.assert_frame_equal(found[: 5 * N], predictions)


@pytest.mark.slow
def test_smoothing_mends_what_is_wrong_at_random():
    by_model = {name: accuracy(rows) for name, rows in smooth(noisy()).groupby("model")}
    assert by_model["stack"] < by_model["stack_forward"] < by_model["stack_forward_backward"]


@pytest.mark.slow
def test_only_the_forward_filter_of_a_causal_model_is_causal():
    for causal in (True, False):
        found = smooth(noisy().assign(causal=causal)).groupby("model")["causal"].all()
        assert found.to_dict() == {
            "stack": causal,
            "stack_forward": causal,
            "stack_forward_backward": False,
        }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "recording", "others"),
    [
        ("oof", "r0", ["r1", "r3"]),
        ("oof", "r1", ["r0", "r2"]),
        ("test", "r4", [f"r{i}" for i in range(4)]),
    ],
)
def test_transitions_come_from_the_other_folds_alone(role, recording, others):
    predictions = noisy()
    seen = EPOCHS[EPOCHS["recording_id"].isin(others)]
    rows = predictions[predictions["recording_id"] == recording]
    expected = forward(
        rows[COLUMNS].to_numpy(), estimate_transitions(seen, CLASSES), estimate_prior(seen, CLASSES)
    )
    found = smooth(predictions)
    own = found[(found["model"] == "stack_forward") & (found["recording_id"] == recording)]
    assert set(own["role"]) == {role}
    assert own[COLUMNS].to_numpy() == pytest.approx(expected)


@pytest.mark.slow
def test_smoothing_never_crosses_a_gap():
    split = EPOCHS.assign(run=(EPOCHS["epoch"] >= N // 2).astype(int))
    early = noisy()
    late = early.copy()
    late.loc[late["epoch"] >= N // 2, COLUMNS] = [0.01, 0.01, 0.98]
    one, other = (smooth(given, split) for given in (early, late))
    before = one["epoch"] < N // 2
    assert np.allclose(one.loc[before, COLUMNS], other.loc[before, COLUMNS])


@pytest.mark.slow
def test_the_order_of_the_rows_does_not_matter():
    predictions = noisy()
    one, other = smooth(predictions), smooth(predictions.sample(frac=1, random_state=0))
    keys = ["model", "recording_id", "epoch"]
    pd.testing.assert_frame_equal(
        one.sort_values(keys, ignore_index=True), other.sort_values(keys, ignore_index=True)
    )


def test_without_smoothers_or_without_predictions_nothing_is_added():
    predictions, empty = noisy(), empty_predictions(CLASSES)
    assert smooth_predictions(predictions, EPOCHS, SPLITS, StackingOptions(), STUDY) is predictions
    assert smooth(empty) is empty


@pytest.mark.slow
def test_only_the_stack_itself_is_smoothed():
    predictions = pd.concat(
        make_predictions(EPOCHS, SPLITS, model=name, family="stack")
        for name in ("stack", "stack_average")
    )
    options = StackingOptions(smoothing=("forward",), memory=1.0)
    found = smooth_predictions(predictions, EPOCHS, SPLITS, options, STUDY)
    assert set(found["model"]) == {"stack", "stack_average", "stack_forward"}


def of(found, model):
    return found[found["model"] == model]


def log_loss(rows):
    merged = rows.merge(EPOCHS[["recording_id", "epoch", "label"]], on=["recording_id", "epoch"])
    codes = encode(merged["label"], CLASSES)
    return -np.log(merged[COLUMNS].to_numpy()[np.arange(len(codes)), codes]).mean()


def repeated():
    """Return the noisy predictions, each said three times: a model that sees its neighbours."""
    found = noisy()
    groups = found.groupby("recording_id")[COLUMNS]
    kept = [part.iloc[1::3].loc[part.iloc[1::3].index.repeat(3)] for _, part in groups]
    found[COLUMNS] = pd.concat(kept).to_numpy()
    return found


@pytest.mark.slow
def test_every_kind_of_smoother_makes_rows_and_only_the_forward_filter_is_causal():
    kinds = ("forward", "forward_backward", "viterbi", "mode", "median_probability")
    found = smooth(noisy(), smoothing=kinds, memory="fitted")
    schemas.predictions.validate(found)
    causal = found.groupby("model")["causal"].all()
    assert set(causal.index) == {"stack", *(f"stack_{kind}" for kind in kinds)}
    assert causal[causal].index.tolist() == ["stack", "stack_forward"]


@pytest.mark.parametrize("kind", ["forward_backward", "viterbi", "mode", "median_probability"])
def test_every_smoother_mends_single_epochs(kind):
    found = smooth(noisy(), smoothing=(kind,))
    assert accuracy(of(found, f"stack_{kind}")) > accuracy(of(found, "stack")) + 0.05


@pytest.mark.slow
def test_what_a_model_says_three_times_over_is_trusted_less_once_fitted():
    plain, fitted = (
        smooth(repeated(), smoothing=("forward_backward",), memory=memory)
        for memory in (1.0, "fitted")
    )
    losses = [log_loss(of(found, "stack_forward_backward")) for found in (plain, fitted)]
    assert losses[1] < losses[0]
    assert losses[1] <= log_loss(of(fitted, "stack")) + 0.01


@pytest.mark.slow
def test_a_memory_of_0_changes_nothing():
    found = smooth(noisy(), smoothing=("forward", "forward_backward", "viterbi"), memory=0.0)
    before = of(found, "stack").sort_values(["recording_id", "epoch"])
    for kind in ("forward", "forward_backward", "viterbi"):
        after = of(found, f"stack_{kind}").sort_values(["recording_id", "epoch"])
        assert after[COLUMNS].to_numpy() == pytest.approx(before[COLUMNS].to_numpy())


@pytest.mark.slow
def test_the_memory_of_a_fold_is_what_suits_the_rows_of_the_others():
    predictions, kind = repeated(), "forward_backward"
    options = StackingOptions(smoothing=(kind,))
    own, theirs = (EPOCHS[EPOCHS["recording_id"].isin(ids)] for ids in (["r1", "r3"], ["r0", "r2"]))
    others = predictions[predictions["fold"] == 1]
    losses = tabulate_losses(
        list_runs(others, SCORED, STUDY.classes), estimate_smoothing(kind, theirs, options, STUDY)
    )
    chosen = choose_memory(estimate_smoothing(kind, own, options, STUDY), [losses])
    smoothing = estimate_smoothing(kind, own, options, STUDY).model_copy(
        update={"memory": chosen.memory, "calibration": chosen.calibration}
    )
    assert chosen.memory > 0
    found = of(smooth(predictions, smoothing=(kind,), memory="fitted"), f"stack_{kind}")
    for recording in ("r0", "r2"):
        given = predictions[predictions["recording_id"] == recording][COLUMNS].to_numpy()
        smoothed = found[found["recording_id"] == recording][COLUMNS].to_numpy()
        assert smoothed == pytest.approx(smoothing.apply(given))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["forward", "forward_backward", "viterbi"])
def test_what_is_served_is_what_the_test_role_was_judged_by(kind):
    predictions = repeated()
    options = StackingOptions(smoothing=(kind,))
    served = fit_final(predictions, EPOCHS, SPLITS, options, STUDY)[f"stack_{kind}"]
    judged = of(smooth(predictions, smoothing=(kind,), memory="fitted"), f"stack_{kind}")
    test = judged[judged["role"] == "test"].sort_values(["recording_id", "epoch"])
    given = predictions[predictions["role"] == "test"].sort_values(["recording_id", "epoch"])
    for recording, rows in test.groupby("recording_id"):
        proba = given.loc[given["recording_id"] == recording, COLUMNS].to_numpy()
        assert rows[COLUMNS].to_numpy() == pytest.approx(served.apply(proba))
    assert len(test)


@pytest.mark.slow
def test_an_epoch_that_nobody_predicted_parts_its_neighbours_by_the_time_it_takes():
    predictions = noisy()
    gone = predictions["epoch"].between(10, 39)
    found = of(smooth(predictions[~gone], smoothing=("forward",)), "stack_forward")
    rows = predictions[predictions["recording_id"] == "r4"].sort_values("epoch")
    given = rows[COLUMNS].to_numpy().copy()
    given[10:40] = np.nan
    seen = EPOCHS[EPOCHS["recording_id"] != "r4"]
    expected = forward(given, estimate_transitions(seen, CLASSES), estimate_prior(seen, CLASSES))
    own = found[found["recording_id"] == "r4"].sort_values("epoch")
    assert own["epoch"].tolist() == [*range(10), *range(40, 60)]
    assert own[COLUMNS].to_numpy() == pytest.approx(np.delete(expected, slice(10, 40), axis=0))


def test_an_unlikely_transition_is_penalised_and_a_forbidden_one_is_0():
    seen = EPOCHS.merge(SPLITS[["recording_id", "epoch", "role"]])
    plain, unlikely, forbidden = (
        np.array(estimate_smoothing("viterbi", seen, StackingOptions(**given), STUDY).transitions)
        for given in ({}, {"unlikely": [("W", "REM")]}, {"forbidden": [("W", "REM")]})
    )
    assert unlikely[0, 2] / unlikely[0, 0] == pytest.approx(plain[0, 2] / plain[0, 0] / 10)
    assert forbidden[0, 2] == 0
    for found in (unlikely, forbidden):
        assert found.sum(axis=1) == pytest.approx(np.ones(3))
        assert np.array_equal(found[1:], plain[1:])


@pytest.mark.slow
def test_a_forbidden_transition_is_never_made():
    predictions = noisy()
    pairs = [("N2", "W"), ("REM", "W"), ("REM", "N2")]
    found = smooth(predictions, smoothing=("viterbi",), memory=0.5, forbidden=pairs)
    for _, rows in of(found, "stack_viterbi").groupby("recording_id"):
        codes = rows.sort_values("epoch")[COLUMNS].to_numpy().argmax(axis=1)
        assert (np.diff(codes) >= 0).all()


@pytest.mark.parametrize(
    ("pair", "told"),
    [(("W", "REN"), "'REN' is no class; there are W, N2, REM; did you mean 'REM'"),
     (("W", "W"), "W to itself")],
)  # fmt: skip
def test_a_transition_of_unknown_classes_or_to_itself_is_refused(pair, told):
    with pytest.raises(EpochalError, match=told):
        smooth(noisy(), unlikely=[pair])


@pytest.mark.slow
@pytest.mark.parametrize("lacking", ["REM", "W"])
def test_nights_without_a_class_get_none_of_it_by_smoothing(lacking):
    """Nobody who trains lacks it; the night to be scored does, and its evidence says so."""
    labels = [label for label in np.repeat(CLASSES, N // 3) if label != lacking]
    predictions = make_predictions(EPOCHS, SPLITS, model="stack", family="stack", certainty=0.9)
    own = predictions["recording_id"] == "r4"
    kept = EPOCHS.loc[EPOCHS["recording_id"] == "r4", "label"].to_numpy() != lacking
    night = predictions[own][kept].assign(epoch=range(len(labels)))
    given = pd.concat([predictions[~own], night], ignore_index=True)
    found = smooth(given, smoothing=("viterbi", "forward_backward"), memory="fitted")
    for kind in ("viterbi", "forward_backward"):
        rows = of(found, f"stack_{kind}")
        proba = rows.loc[rows["recording_id"] == "r4", COLUMNS].to_numpy()
        assert (proba.argmax(axis=1) != CLASSES.index(lacking)).all()


@pytest.mark.slow
def test_nights_of_val_choose_no_memory_for_what_is_served():
    """Of the night of val the stack's words are those of another, so that it would tell."""
    predictions, kind = repeated(), "forward_backward"
    own = predictions["recording_id"] == "r3"
    predictions.loc[own, COLUMNS] = predictions.loc[own, COLUMNS].to_numpy()[::-1]
    splits = SPLITS.assign(role=SPLITS["role"].mask(SPLITS["recording_id"] == "r3", "val"))
    options, scored = StackingOptions(smoothing=(kind,)), EPOCHS.merge(splits)
    plain = estimate_smoothing(kind, rows_to_fit(scored), options, STUDY)
    chosen = {}
    for allowed in ({True}, {True, False}):
        losses = [
            tabulate_losses(
                [run for run in list_runs(rows, scored, STUDY.classes) if run.trains in allowed],
                estimate_smoothing(kind, rows_to_fit(scored, fold=fold), options, STUDY),
            )
            for fold, rows in predictions[predictions["role"] == "oof"].groupby("fold")
        ]
        chosen[len(allowed)] = choose_memory(plain, losses)
    assert chosen[1] != chosen[2]
    assert fit_final(predictions, EPOCHS, splits, options, STUDY)[f"stack_{kind}"] == chosen[1]


def test_training_without_a_class_still_lets_it_happen():
    seen = EPOCHS[EPOCHS["label"] != "REM"]
    smoothing = estimate_smoothing("viterbi", seen, StackingOptions(memory=1.0), STUDY)
    proba = np.tile([0.02, 0.03, 0.95], (10, 1))
    assert (smoothing.apply(proba).argmax(axis=1) == 2).all()


@pytest.mark.slow
def test_the_final_smoothing_has_what_all_out_of_fold_rows_favour():
    options = StackingOptions(smoothing=("forward_backward", "mode"), filter_width=5)
    seen = EPOCHS[EPOCHS["recording_id"] != "r4"]
    found = fit_final(repeated(), EPOCHS, SPLITS, options, STUDY)
    chosen = found["stack_forward_backward"]
    assert chosen.memory in MEMORIES
    assert chosen.calibration.scale[0] in SCALES
    assert chosen.memory > 0
    assert chosen.calibration.scale[0] < 1  # neighbours repeat each other
    assert (found["stack_mode"].width, found["stack_mode"].calibration) == (5, None)
    assert chosen.transitions == estimate_smoothing("viterbi", seen, options, STUDY).transitions
