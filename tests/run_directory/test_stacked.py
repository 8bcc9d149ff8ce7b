import numpy as np
import pandas as pd
import pytest

from epochal.options.models import RangeOptions
from epochal.run_directory.base_models import describe_model, list_builders
from epochal.run_directory.flags import TrainFlags
from epochal.run_directory.manifest import NAMES
from epochal.run_directory.rows import H5Rows
from epochal.run_directory.searching import SPACES, Trials
from epochal.run_directory.stacked import (
    deal_folds,
    describe_meta,
    fit_base,
    list_epochs,
    spread,
)
from epochal.run_directory.timing import Clock
from epochal.run_directory.training import prepare
from run_directory.small_runs import data

LABELS = np.array(list("0011220012"))


def make_flags(**given):
    files = {"x_csv": data() / "X_train_merged.csv", "y_csv": data() / "y_train_2.csv"}
    return TrainFlags(**files | {"splits": 2} | given)


@pytest.fixture(scope="module")
def training():
    return prepare(make_flags())


@pytest.mark.parametrize(
    ("n_rows", "n_blocks"), [(1, 1), (20, 20), (200, 20), (30_000, 30), (30_001, 31)]
)
def test_blocks_of_rows_stand_for_recordings(n_rows, n_blocks):
    epochs = list_epochs(np.zeros(n_rows), "real")
    assert epochs["recording_id"].nunique() == n_blocks
    assert epochs["recording_id"].is_monotonic_increasing
    assert epochs["epoch"].tolist() == list(range(n_rows))
    assert (epochs["subject_id"] == epochs["recording_id"]).all()


def test_contiguous_folds_are_stretches_of_rows():
    splits = deal_folds(list_epochs(np.tile(LABELS, 6), "real"), make_flags(splits=3))
    in_order = splits.sort_values("epoch")["fold"].to_numpy()
    assert in_order.tolist() == sorted(in_order)
    assert np.bincount(in_order).tolist() == [20, 20, 20]
    assert set(splits["role"]) == {"train"}


def test_shuffled_folds_follow_from_the_seed():
    epochs = list_epochs(np.tile(LABELS, 6), "real")
    folds = [
        deal_folds(epochs, make_flags(folds="shuffled", seed=seed))["fold"].tolist()
        for seed in (1, 1, 2)
    ]
    assert folds[0] == folds[1] != folds[2]


def test_the_flags_of_a_network_are_its_parameters():
    flags = make_flags(with_lstm=True, lstm_units=7, lstm_epochs=9, lstm_max_train_samples=5)
    params = describe_model("lstm", flags, ["row"], {}).params
    assert params == {
        "units": 7, "dense_units": 32, "n_epochs": 9, "batch_size": 32, "downsample": 5,
        "max_train_samples": 5, "verbose": 1, "predict_batch_size": 1024,
    }  # fmt: skip


def test_what_a_search_found_comes_before_the_flags():
    flags = make_flags(with_cnn=True, cnn_batch_size=8)
    options = describe_model("cnn", flags, ["row"], {"batch_size": 16, "dropout": 0.5})
    assert (options.params["batch_size"], options.params["dropout"]) == (16, 0.5)


def test_columns_are_taken_by_their_names_not_as_patterns():
    options = describe_model("hgb", make_flags(), ["a[1]", "b*"], {})
    table = pd.DataFrame({"a[1]": [0.0], "a1": [0.0], "b*": [0.0], "bc": [0.0]})
    from epochal.models.fitted_model import select_columns

    assert select_columns(table, options.columns, "hgb") == ["a[1]", "b*"]


def test_class_weights_are_for_all_that_is_fitted():
    flags = make_flags(class_weights_auto=True, with_lstm=True)
    models = [describe_model(target, flags, ["row"], {}) for target in ("hgb", "lstm")]
    assert [one.class_weight for one in (*models, describe_meta(flags, 1.0))] == ["balanced"] * 3
    plain = describe_model("hgb", make_flags(), ["a"], {})
    assert plain.class_weight is None


@pytest.mark.parametrize("target", ["hgb", "lstm", "cnn"])
def test_every_parameter_of_a_search_can_be_built(target):
    h5 = H5Rows(data() / "X_train.h5", "features")
    flags = make_flags(with_lstm=True, with_cnn=True)
    for end in (0, -1):
        found = {
            name: (space.low, space.high)[end] if isinstance(space, RangeOptions) else space[end]
            for name, space in SPACES[target].items()
        }
        options = describe_model(target, flags, ["row"], found)
        estimator = list_builders(h5, {})[options.kind](0, **options.params)
        assert hasattr(estimator, "fit")


@pytest.mark.slow
def test_a_base_model_predicts_every_row_once(training):
    fitted = fit_base("hgb", training, {"max_iter": 5}, Clock(n_folds=2, final=True))
    assert sorted(fitted.out_of_fold["epoch"]) == list(range(180))
    table = spread({NAMES["hgb"]: fitted}, training)
    assert [name for name in table if "__" in name] == [f"hgb_tabular__{c}" for c in "012"]


@pytest.mark.slow
def test_a_trial_does_not_look_at_the_labels_that_judge_it(training):
    params = {"meta.C": 1.0, "hgb.max_iter": 5}
    epochs = training.epochs
    rows, held_out = epochs[epochs["epoch"] < 90], epochs[epochs["epoch"] >= 90]
    one = Trials(training).predict(params, rows, held_out)
    other = Trials(training).predict(params, rows, held_out.assign(label="0"))
    assert np.array_equal(one, other)
    assert (one.argmax(axis=1) == held_out["label"].astype(int)).mean() > 0.8
