"""Every kind of model through all eight pipelines: leaderboard, bundle, and one-line refusals."""

import json

import numpy as np
import pytest

from epochal.models.classical import ROSTER
from epochal.models.inventory import CLASS_MAPPING, CONFIG, FEATURE_ORDER, METRICS, SCALER
from epochal.serving.bundle import CARD, MANIFEST, Scorer, read_bundle
from epochal.serving.reading import read_raw
from epochal.serving.scoring import score_recording
from projects import Project, prepared_copy

pytestmark = pytest.mark.slow

STOP = {"rounds": 3, "share": 0.3}
FEW = {"columns": ["fpz_cz_log_*", "eog_log_*", "!*__*"]}  # without context
CLASSICAL = {
    "lightgbm": None,  # base's, left out
    "logistic_regression": {"class_weight": "balanced", "calibration": "vector"},
    "naive_bayes": {"kind": "naive_bayes", "calibration": "isotonic"},
    "forest": {
        "kind": "random_forest", "params": {"n_estimators": 5}, "class_weight": "sqrt",
        "calibration": "sigmoid",
    },
    "hist": {
        "kind": "hist_gradient_boosting", "params": {"max_iter": 8}, "class_weight": "balanced",
        "calibration": "prior",
    },
    "lgbm": {
        "kind": "lightgbm", "params": {"n_estimators": 40, "num_leaves": 7},
        "early_stopping": STOP, "calibration": "temperature",
    },
    "xgb": {
        "kind": "xgboost", "params": {"n_estimators": 40, "max_depth": 3},
        "early_stopping": STOP, "class_weight": "balanced", "calibration": "vector",
    },
}  # fmt: skip
LISTED = {name for name, model in CLASSICAL.items() if model is not None}
MODELS = LISTED | {"residual_mlp"}
STACKS = {"stack", "stack_average", "stack_blend"}
STUDY = {
    "classical_models": {
        "models": {name: model and {**FEW, **model} for name, model in CLASSICAL.items()}
    },
    "deep_models": {
        "models": {"residual_mlp": {
            **FEW, "params": {"n_epochs": 2, "width": 16}, "calibration": "temperature",
        }}
    },
    "stacking": {
        "comparisons": ["average", "blend"], "calibration": "temperature", "smoothing": ["forward"],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(demo, tmp_path_factory) -> Project:
    project = prepared_copy(demo, tmp_path_factory.mktemp("models"))
    project.set(**STUDY)
    project.run(to_outputs=["leaderboard", "bundle"], only_missing_outputs=True)
    return project


@pytest.fixture(scope="module")
def folder(finished):
    return finished.path / "data/demo/07_model_output/bundle"


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_all_kinds_of_the_roster_are_tried_here():
    kinds = {(model or {}).get("kind", name) for name, model in CLASSICAL.items() if model}
    assert kinds == set(ROSTER) - {"majority"}


def test_the_leaderboard_has_a_row_per_model_and_role(finished):
    board = finished.leaderboard()
    expected = MODELS | STACKS | {"stack_forward", "majority", "demographics_only"}
    assert set(board["model"]) == expected
    assert (board.groupby("model")["role"].agg(set) == {"oof", "val", "test"}).all()
    assert len(board) == 3 * len(expected)
    assert board["kappa"].between(-1, 1).all()


def test_every_model_learns_from_the_two_people_of_a_fold(finished):
    board = finished.leaderboard()
    kappa = board[board["role"] == "oof"].set_index("model")["kappa"]
    assert (kappa[sorted(LISTED)] > max(0.0, kappa["majority"])).all()
    assert kappa[sorted(LISTED)].median() > 0.3


def test_a_model_that_null_left_out_is_nowhere(finished, folder):
    assert "lightgbm" not in set(finished.leaderboard()["model"])
    assert not list((finished.path / "data/demo").rglob("lightgbm*"))
    assert "lightgbm__" not in (folder / FEATURE_ORDER).read_text()


def test_the_bundle_has_every_models_file_and_what_is_said_of_it(folder):
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    described = {FEATURE_ORDER, CLASS_MAPPING, SCALER, CONFIG, METRICS}
    onnx = {f"models/{name}.onnx" for name in MODELS | STACKS}
    assert files == {MANIFEST, CARD, *described, *onnx}
    assert set(read(folder, MANIFEST)["hashes"]) == files - {MANIFEST}


def test_what_is_said_of_the_models_agrees_with_the_manifest(folder):
    manifest = read_bundle(folder).manifest
    order, mapping = read(folder, FEATURE_ORDER), read(folder, CLASS_MAPPING)
    assert set(order) == set(mapping["outputs"]) == set(read(folder, CONFIG)) == MODELS | STACKS
    assert list(mapping["codes"]) == list(manifest.classes)
    for entry in manifest.models:
        assert order[entry.name] == entry.columns
        codes = [mapping["codes"][name] for name in mapping["outputs"][entry.name]]
        assert codes == entry.classes


def test_the_config_is_what_conf_asked_for(folder):
    found = read(folder, CONFIG)
    for name in LISTED - {"logistic_regression"}:
        for key, value in CLASSICAL[name].items():
            assert found[name][key] == value, (name, key)
    assert found["lgbm"]["n_trees_per_class"] < 40
    assert found["stack"]["calibration"] == "temperature"
    assert {found[name]["kind"] for name in STACKS} == {"logistic_regression", "average", "blend"}


def test_models_that_scale_say_how(folder):
    scaled = {"logistic_regression", "naive_bayes", "residual_mlp", "stack", "forest"}
    found = read(folder, SCALER)
    assert set(found) == scaled
    assert set(found["forest"]["fpz_cz_log_delta"]) == {"median"}


def test_the_metrics_are_the_leaderboards(finished, folder):
    found, board = read(folder, METRICS), finished.leaderboard()
    counts = board["model"].value_counts().to_dict()
    assert {name: len(rows) for name, rows in found.items()} == counts
    row = board[(board["model"] == "xgb") & (board["role"] == "test")].iloc[0]
    (written,) = (one for one in found["xgb"] if one["role"] == "test")
    assert written["kappa"] == pytest.approx(row["kappa"])


@pytest.mark.parametrize("model", sorted(MODELS | STACKS))
def test_every_model_of_the_bundle_scores_a_raw_recording_as_the_graph_did(finished, folder, model):
    scorer = Scorer(read_bundle(folder))
    object.__setattr__(scorer.manifest, "headline", model)
    predictions = finished.table("07_model_output/predictions.parquet")
    test = predictions[(predictions["role"] == "test") & (predictions["model"] == model)]
    name = test["recording_id"].iloc[0]
    epochs = finished.table("03_primary/epochs.parquet")
    epochs = epochs[epochs["recording_id"] == name].merge(test, on=["recording_id", "epoch"])
    raw = next((finished.path / "data/demo/01_raw").rglob(f"{name}*-PSG.edf"))
    scored = score_recording(read_raw(raw, scorer.manifest), scorer).epochs
    rows = scored.set_index("onset_s").loc[epochs["onset_s"]]
    columns = [column for column in scored if column.startswith("proba_")]
    assert len(rows) == len(epochs) > 100
    difference = np.abs(rows[columns].to_numpy() - epochs[columns].to_numpy())
    assert difference.mean() < 1e-4
    assert difference.max() < 8e-3  # isotonic steps are steep: single precision shows


@pytest.mark.parametrize(
    ("section", "name", "model", "reason"),
    [
        ("classical_models", "m", {"kind": "xgboost", "params": {"max_dept": 3}},
         "xgboost: no parameter 'max_dept'; did you mean 'max_depth'"),
        ("classical_models", "m", {"kind": "random_forest", "params": {"n_estimators": "many"}},
         "'n_estimators' parameter of RandomForestClassifier must be an int"),
        ("classical_models", "m", {"kind": "naive_bayes", "early_stopping": STOP},
         "knows no early stopping"),
        ("deep_models", "residual_mlp", {"params": {"widht": 3}}, "widht"),
    ],
    ids=["parameter", "value", "stopping", "deep parameter"],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_before_any_node(finished, section, name, model, reason):
    with pytest.raises(Exception, match=rf"^{section}\.models\.{name}: .*{reason}"):
        finished.run(section, params={section: {"models": {name: model}}})


def test_a_user_sees_one_line_and_no_traceback(finished):
    wrong = "classical_models.models.forest.params.max_dept=3"
    done = finished.command(
        "run", "--pipelines", "classical_models", "--params", wrong, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert (
        "classical_models.models.forest: random_forest: no parameter 'max_dept'; "
        "did you mean 'max_depth'?" in done.stdout + done.stderr
    )
    assert "Running node" not in done.stdout + done.stderr
