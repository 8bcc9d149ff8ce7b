"""Leaks planted in a project's own files: the run fails and says which."""

from copy import deepcopy

import pandas as pd
import pytest

from projects import Project, copy_of, prepared_copy

pytestmark = pytest.mark.slow
CUT_ROWS = {"study": {"subjects_known": False}, "splitting": {"scheme": "shuffled", "val_share": 0}}


@pytest.fixture(scope="module")
def prepared(demo, tmp_path_factory) -> Project:
    """A tiny project that has been split."""
    project = prepared_copy(demo, tmp_path_factory.mktemp("prepared"))
    project.set(splitting={"consolidate_by": "data_source"})
    project.run("ingestion", "feature_engineering", "splitting", only_missing_outputs=True)
    return project


@pytest.fixture
def copy(prepared, tmp_path) -> Project:
    """A copy of it that a test may change."""
    return copy_of(prepared, tmp_path)


def change(project, name, function):
    path = project.path / "data/demo" / name
    function(pd.read_parquet(path)).to_parquet(path)
    path.with_name(f".{path.name}.key").unlink(missing_ok=True)  # edited by hand


def refuse(project, reason, pipeline="splitting"):
    with pytest.raises(Exception, match=reason):
        project.run(pipeline)


def test_the_tables_of_the_roles_hold_every_epoch_once_with_its_features(prepared):
    splits = prepared.table("05_model_input/splits.parquet")
    features = prepared.table("04_feature/features.parquet")
    tables = {
        role: prepared.table(f"05_model_input/{role}.parquet") for role in ("train", "val", "test")
    }
    for role, table in tables.items():
        assert len(table) == (splits["role"] == role).sum() > 0
        assert set(features.columns) | {"label", "role", "fold"} <= set(table.columns)
    together = pd.concat(tables.values())
    cohort = prepared.table("05_model_input/cohorts/simulated.parquet")
    assert len(together) == len(splits) == len(cohort)


def test_what_the_split_came_to_is_written(prepared):
    report = prepared.table("08_reporting/split.csv")
    assert {"train", "val", "test", "fold 0", "fold 1"} == set(report["part"])
    adjacency = prepared.table("08_reporting/bout_adjacency.csv")
    assert (adjacency["n_kept"] == adjacency["n_epochs"]).all()


def test_rows_of_known_subjects_dealt_singly_stop_the_run(copy):
    copy.set(splitting=CUT_ROWS["splitting"])
    refuse(copy, "Rows of one subject in several folds: SC400")


def test_overlapping_windows_dealt_singly_stop_the_run(copy):
    copy.set(**CUT_ROWS)
    change(copy, "03_primary/epochs.parquet", lambda table: table.assign(length_s=60.0))
    refuse(copy, "Overlapping windows across roles or folds: SC4001E0 epochs")


def test_context_over_a_cut_in_time_stops_the_run(copy):
    copy.set(splitting={"scheme": "temporal", "n_folds": 3, "gap_s": 60})
    refuse(copy, r"Overlapping windows .*sees 450 s farther.*splitting.gap_s")


def test_features_scaled_over_all_rows_stop_the_run(copy):
    column = copy.table("04_feature/features.parquet").columns[2]

    def scale(table):
        one = table[column]
        return table.assign(**{column: ((one - one.mean()) / one.std()).astype("float32")})

    change(copy, "04_feature/features.parquet", scale)
    refuse(copy, f"Features scaled over all rows, test included: {column};")


def test_a_subject_on_two_days_of_which_one_is_held_out_stops_the_run(copy):
    change(
        copy,
        "03_primary/epochs.parquet",
        lambda table: table.assign(subject_id=table["subject_id"].replace("SC401", "SC400")),
    )
    path = copy.path / "data/demo/08_reporting/recordings.csv"
    summary = pd.read_csv(path)
    summary.assign(day=[1, 2, 1, 1, 2]).to_csv(path, index=False)
    path.with_name(f".{path.name}.key").unlink()
    held_out = {"scheme": "hold_out", "group": "day", "held_out": ["2"], "val_share": 0}
    copy.set(splitting=held_out)
    refuse(copy, "Subjects in more than one role: SC400")
    copy.set(splitting={"known_subjects": True})
    copy.run("splitting")
    splits = copy.table("05_model_input/splits.parquet")
    assert set(splits.loc[splits["role"] == "test", "recording_id"]) == {"SC4011E0", "SC4041E0"}


@pytest.fixture(scope="module")
def fitted(prepared, tmp_path_factory) -> Project:
    """The same project with its models fitted."""
    project = copy_of(prepared, tmp_path_factory.mktemp("fitted"))
    project.run("classical_models", "deep_models")
    return project


def test_a_stack_of_in_sample_predictions_stops_the_run(fitted):
    """A base model's predictions by the model of another fold, which has seen the rows."""
    original = fitted.table("07_model_output/classical_predictions.parquet")

    def plant(table):
        seen = (table["model"] == "lightgbm") & (table["role"] == "oof") & (table["fold"] == 0)
        return table.assign(fold=table["fold"].mask(seen, 1))

    change(fitted, "07_model_output/classical_predictions.parquet", plant)
    refuse(fitted, "Model 'lightgbm' predicts .* rows that it may have seen", "stacking")
    change(fitted, "07_model_output/classical_predictions.parquet", lambda _: original)


def test_a_scaler_fitted_on_all_rows_stops_the_run(prepared, tmp_path, monkeypatch):
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from epochal.models import trial
    from epochal.models.classical import ROSTER
    from epochal.options import kinds

    project = copy_of(prepared, tmp_path)
    monkeypatch.setattr(trial, "try_classical", lambda *given: None)  # it has other columns
    features = project.table("04_feature/features.parquet").fillna(0.0)
    columns = list(features.columns[2:12])
    foreign = FrozenEstimator(StandardScaler().fit(features[columns]))
    # a copy for each fit: several at a time would write scikit-learn's notes on one object
    monkeypatch.setitem(
        ROSTER,
        "leaking",
        lambda seed: make_pipeline(deepcopy(foreign), LogisticRegression(max_iter=500)),
    )
    monkeypatch.setattr(kinds, "CLASSICAL", (*kinds.CLASSICAL, "leaking"))
    project.set(classical_models={"models": {"bad": {"kind": "leaking", "columns": columns}}})
    refuse(project, "bad.*Step 'frozenestimator' was not fitted on the model's", "classical_models")


def test_a_cut_in_time_goes_through_the_whole_graph(copy):
    """Fold 0 has no past: nobody predicts it, and the stack begins a fold later still."""
    copy.set(
        splitting={"scheme": "temporal", "n_folds": 4, "gap_s": 450, "val_share": 0.0},
    )
    learning = ("splitting", "classical_models", "deep_models", "stacking", "evaluation")
    copy.run(*learning, to_outputs=["leaderboard"])
    predictions = copy.table("07_model_output/predictions.parquet")
    folds = predictions[predictions["role"] == "oof"].groupby("model")["fold"].unique()
    assert sorted(folds["lightgbm"]) == [1, 2, 3]
    assert sorted(folds["stack"]) == [2, 3]
    assert (copy.leaderboard()["role"] == "test").any()


def test_balanced_subsampling_fits_on_less_and_predicts_everything(copy):
    copy.set(splitting={"balance": True})
    copy.run("splitting", "classical_models")
    splits = copy.table("05_model_input/splits.parquet")
    predictions = copy.table("07_model_output/classical_predictions.parquet")
    predicted = predictions[(predictions["role"] == "oof") & (predictions["model"] == "lightgbm")]
    assert len(predicted) == (splits["role"] != "test").sum() > splits["kept"].sum()


def test_quotas_by_age_and_sex_come_from_the_recordings_themselves(copy):
    quota = {"scheme": "quota_stratified", "n_folds": 2, "val_share": 0, "consolidate_by": "subset"}
    copy.set(splitting=quota)
    copy.run("ingestion", "splitting")
    report = copy.table("08_reporting/split.csv")
    achieved = report[report["quota"].notna() & (report["part"] == "test")]
    assert achieved["quota"].sum() == pytest.approx(0.2 * 5)
    assert achieved["n_subjects"].sum() == 1
    assert achieved["stratum"].str.match(r"age .*, sex [FM]").all()
    assert (copy.path / "data/demo/05_model_input/cohorts/cassette.parquet").exists()
