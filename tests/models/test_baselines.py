import pytest

from builders import CLASSES, make_epochs, make_features, make_splits, make_study
from epochal.models.baselines import SCHEDULE, add_schedule, baselines
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import cross_fit, join_table

EPOCHS = make_epochs(n_subjects=4, n_epochs=30)
FEATURES = make_features(EPOCHS)
DEMOGRAPHICS = FEATURES.assign(demographics_age_years=30.0, demographics_sex=0.0)


@pytest.mark.parametrize(
    ("features", "fixed_task_order", "names"),
    [
        (FEATURES, False, ["majority"]),
        (DEMOGRAPHICS, False, ["majority", "demographics_only"]),
        (FEATURES, True, ["majority", "schedule_only"]),
        (DEMOGRAPHICS, True, ["majority", "demographics_only", "schedule_only"]),
    ],
)
def test_a_study_has_the_baselines_that_it_can_have(features, fixed_task_order, names):
    assert list(baselines(features, make_study(fixed_task_order=fixed_task_order))) == names


def test_the_schedule_is_the_seconds_since_the_first_epoch_of_the_recording():
    late = EPOCHS.assign(onset_s=EPOCHS["onset_s"] + 1000)
    table = join_table(FEATURES, EPOCHS, make_splits(EPOCHS))
    found = add_schedule(table, late)
    assert len(found) == len(table)
    assert found.groupby("recording_id")[SCHEDULE].agg(["min", "max"]).to_numpy().tolist() == (
        [[0.0, 29 * 30.0]] * 4
    )


def test_no_feature_is_called_as_the_schedule_is():
    assert SCHEDULE not in FEATURES


@pytest.mark.slow
@pytest.mark.parametrize("name", ["majority", "demographics_only", "schedule_only"])
def test_every_baseline_can_be_cross_fitted(name):
    study = make_study(fixed_task_order=True)
    table = add_schedule(join_table(DEMOGRAPHICS, EPOCHS, make_splits(EPOCHS)), EPOCHS)
    options = baselines(DEMOGRAPHICS, study)[name]
    fitted = cross_fit(name, options, ROSTER, table, study, family="baseline")
    assert len(fitted.out_of_fold) == 90
    assert set(fitted.out_of_fold["family"]) == {"baseline"}
    assert fitted.model.causal


@pytest.mark.slow
def test_schedule_only_learns_a_protocol_of_fixed_order():
    study = make_study(fixed_task_order=True)
    epochs = make_epochs(["W"] * 20 + ["N2"] * 20 + ["REM"] * 20, n_subjects=8)
    table = add_schedule(join_table(make_features(epochs), epochs, make_splits(epochs)), epochs)
    options = baselines(FEATURES, study)["schedule_only"]
    rows = cross_fit("s", options, ROSTER, table, study, family="baseline").out_of_fold
    merged = rows.merge(epochs[["recording_id", "epoch", "label"]])
    guess = merged[[f"proba_{name}" for name in CLASSES]].to_numpy().argmax(axis=1)
    truth = merged["label"].map({name: code for code, name in enumerate(CLASSES)})
    assert (guess == truth).mean() > 0.85
