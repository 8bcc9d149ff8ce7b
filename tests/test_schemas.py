import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from builders import make_epochs, make_features, make_predictions, make_splits, make_study
from epochal import schemas
from epochal.metrics import build_leaderboard
from epochal.options.results import EvaluationOptions

EPOCHS = make_epochs(n_epochs=6).assign(quality_flat=False, vote_a=1)
SPLITS = make_splits(EPOCHS)
PREDICTIONS = make_predictions(EPOCHS, SPLITS)
TABLES = {
    "sources": pd.DataFrame(
        {
            "recording_id": ["a", "b"],
            "path": ["a.edf", "b.edf"],
            "state": ["1", "2"],
            "more": [0, 0],
        }
    ),
    "epochs": EPOCHS,
    "features": make_features(EPOCHS),
    "splits": SPLITS,
    "predictions": PREDICTIONS,
    "leaderboard": build_leaderboard(
        PREDICTIONS, EPOCHS, EvaluationOptions(n_bootstrap=5), make_study()
    ),
}
# table -> (column, value of the first row): one fault each
FAULTS = [
    ("sources", "recording_id", "b"),
    ("sources", "path", None),
    ("sources", "state", 3),
    ("epochs", "epoch", -1),
    ("epochs", "epoch", 1),
    ("epochs", "onset_s", None),
    ("epochs", "length_s", 0.0),
    ("epochs", "run", -1),
    ("epochs", "subject_id", None),
    ("epochs", "data_source", "made up"),
    ("epochs", "vote_a", -1),
    ("epochs", "quality_flat", 2.5),
    ("features", "epoch", 1),
    ("features", "eeg_level", "a lot"),
    ("splits", "role", "training"),
    ("splits", "fold", -2),
    ("predictions", "role", "train"),
    ("predictions", "family", "guess"),
    ("predictions", "proba_W", 1.5),
    ("predictions", "proba_W", -0.1),
    ("predictions", "proba_W", None),
    ("predictions", "epoch", 1),
    ("leaderboard", "n_subjects", 0),
    ("leaderboard", "accuracy", 1.5),
    ("leaderboard", "kappa", None),
    ("leaderboard", "role", "train"),
]


@pytest.mark.parametrize("name", TABLES)
def test_a_sound_table_passes_its_schema(name):
    checked = getattr(schemas, name).validate(TABLES[name])
    assert len(checked) == len(TABLES[name])


@pytest.mark.parametrize(("name", "column", "value"), FAULTS)
def test_one_planted_fault_is_refused_naming_its_column(name, column, value):
    table = TABLES[name].copy()
    table[column] = [value, *table[column][1:]]
    with pytest.raises(pa.errors.SchemaError) as refused:
        getattr(schemas, name).validate(table)
    assert column in str(refused.value)


@pytest.mark.parametrize(("column", "value"), [("fold", -1), ("role", "test")])
def test_a_held_out_epoch_has_no_fold_and_every_other_has_one(column, value):
    splits = SPLITS.copy()
    splits.loc[0, column] = value
    with pytest.raises(pa.errors.SchemaError, match="fold is -1 in test, and nowhere else"):
        schemas.splits.validate(splits)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("sources", "state"),
        ("epochs", "label"),
        ("epochs", "data_source"),
        ("features", "recording_id"),
        ("splits", "fold"),
        ("predictions", "causal"),
        ("leaderboard", "kappa_low"),
    ],
)
def test_a_missing_column_is_refused_by_name(name, column):
    with pytest.raises(pa.errors.SchemaError, match=column):
        getattr(schemas, name).validate(TABLES[name].drop(columns=column))


def test_a_label_may_be_missing():
    epochs = EPOCHS.assign(label=EPOCHS["label"].where(EPOCHS["epoch"] > 2))
    assert schemas.epochs.validate(epochs)["label"].isna().sum() == 12


def test_a_feature_may_be_missing_but_not_doubly_precise():
    features = make_features(EPOCHS)
    features.loc[0, "eeg_level"] = np.nan
    assert schemas.features.validate(features)["eeg_level"].isna().sum() == 1
    with pytest.raises(pa.errors.SchemaError, match="float32"):
        schemas.features.validate(features.astype({"eeg_level": float}))


def test_the_same_epoch_may_be_predicted_by_two_models():
    both = pd.concat([PREDICTIONS, PREDICTIONS.assign(model="other")], ignore_index=True)
    assert len(schemas.predictions.validate(both)) == 2 * len(PREDICTIONS)


def test_a_family_without_models_has_a_valid_empty_table():
    from epochal.models.cross_fitting import empty_predictions

    assert len(schemas.predictions.validate(empty_predictions(("W", "N2")))) == 0
