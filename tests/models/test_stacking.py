import numpy as np
import pandas as pd
import pytest

from builders import (
    CLASSES,
    make_epochs,
    make_predictions,
    make_splits,
    make_study,
)
from epochal.errors import EpochalError
from epochal.labels import proba_columns
from epochal.models.cross_fitting import empty_predictions
from epochal.models.stacking import (
    META_ROSTER,
    build_meta,
    choose_base_models,
    list_stacks,
    mark_causal,
    spread_models,
)
from epochal.options.models import StackingOptions

# sticky stages, as sleep has them
N = 60
EPOCHS = make_epochs(list(np.repeat(CLASSES, N // 3)), n_subjects=5)
SPLITS = make_splits(EPOCHS, n_folds=2)
STUDY = make_study()
COLUMNS = proba_columns(CLASSES)


def predictions_of(**certainties):
    parts = [
        make_predictions(EPOCHS, SPLITS, model=name, certainty=certainty)
        for name, certainty in certainties.items()
    ]
    return pd.concat(parts, ignore_index=True)


def baseline(**given):
    return make_predictions(EPOCHS, SPLITS, model="majority", family="baseline", **given)


def test_base_models_are_stacked_in_alphabetical_order_and_never_a_baseline():
    predictions = pd.concat([predictions_of(b=0.8, a=0.7), baseline()])
    assert choose_base_models(predictions, StackingOptions()) == ["a", "b"]


def test_patterns_choose_among_the_base_models():
    predictions = predictions_of(lightgbm=0.8, lightgbm_raw=0.7, mlp=0.6)
    options = StackingOptions(base_models=("mlp", "*_raw"))
    assert choose_base_models(predictions, options) == ["lightgbm_raw", "mlp"]


def test_patterns_that_match_nothing_are_refused_with_what_there_is():
    with pytest.raises(EpochalError, match=r"No base model matches \['c'\]; there are: a, b"):
        choose_base_models(predictions_of(b=0.8, a=0.7), StackingOptions(base_models=("c",)))


@pytest.mark.parametrize("predictions", [baseline(), empty_predictions(CLASSES)])
def test_a_study_without_models_has_nothing_to_stack(predictions):
    assert choose_base_models(predictions, StackingOptions()) == []


def test_an_epochs_row_holds_each_models_log_probabilities():
    found = spread_models(predictions_of(a=0.8, b=0.6), ["a", "b"], ("oof",))
    assert list(found)[2:] == [
        "a__W", "a__N2", "a__REM", "b__W", "b__N2", "b__REM",
    ]  # fmt: skip
    assert len(found) == 4 * N
    first = found.iloc[0]  # an epoch of W
    assert first[["a__W", "a__N2", "b__W"]].tolist() == pytest.approx(np.log([0.8, 0.1, 0.6]))


def test_only_the_roles_asked_for_are_spread():
    found = spread_models(predictions_of(a=0.8), ["a"], ("val", "test"))
    assert set(found["recording_id"]) == {"r4"}


def test_an_epoch_that_one_model_does_not_predict_is_left_out():
    predictions = predictions_of(a=0.8, b=0.6)
    gone = (predictions["model"] == "b") & (predictions["epoch"] == 3)
    found = spread_models(predictions[~gone], ["a", "b"], ("oof",))
    assert 3 not in set(found["epoch"])
    assert len(found) == 4 * (N - 1)


def test_a_model_that_predicts_none_of_these_rows_leaves_none():
    predictions = predictions_of(a=0.8, b=0.6)
    gone = (predictions["model"] == "b") & (predictions["role"] == "test")
    assert len(spread_models(predictions[~gone], ["a", "b"], ("test",))) == 0


def test_a_probability_of_0_stays_finite():
    found = spread_models(predictions_of(a=1.0), ["a"], ("oof",))
    assert np.isfinite(found[["a__W", "a__N2", "a__REM"]]).all(axis=None)


def test_the_meta_learner_trusts_the_model_that_knows():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 600)
    knowing = np.log(np.eye(3)[truth] * 0.8 + 0.05)
    guessing = np.log(random.dirichlet(np.ones(3), 600))
    meta = build_meta(0).fit(np.c_[knowing, guessing][:400], truth[:400])
    assert (meta.predict(np.c_[knowing, guessing][400:]) == truth[400:]).all()


@pytest.mark.parametrize(("b_is_causal", "expected"), [(True, True), (False, False)])
def test_a_stack_is_causal_when_every_base_model_is(b_is_causal, expected):
    predictions = pd.concat(
        [predictions_of(a=0.8), make_predictions(EPOCHS, SPLITS, model="b", causal=b_is_causal)]
    )
    stacked = make_predictions(EPOCHS, SPLITS, model="stack", family="stack", causal=not expected)
    assert set(mark_causal(stacked, predictions, ["a", "b"])["causal"]) == {expected}


def test_the_stack_stands_beside_what_it_is_compared_with():
    found = list_stacks(StackingOptions(C=0.5, comparisons=("average", "blend")))
    assert list(found) == ["stack", "stack_average", "stack_blend"]
    assert found["stack"].params == {"C": 0.5}
    for name, options in found.items():
        assert options.kind in META_ROSTER, name
