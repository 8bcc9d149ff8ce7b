import json

import numpy as np
import pandas as pd
import pytest

from builders import (
    CLASSES,
    make_bundle,
    make_epochs,
    make_features,
    make_features_options,
    make_ingestion,
    make_predictions,
    make_splits,
    make_study,
)
from epochal import __version__
from epochal.errors import EpochalError
from epochal.models.bundling import (
    assemble_bundle,
    describe_training,
    mark_causal,
)
from epochal.models.card import write_card
from epochal.models.cross_fitting import empty_predictions, join_table
from epochal.models.fitted_model import FittedModel
from epochal.models.inventory import CONFIG, METRICS
from epochal.models.smoothing import estimate_prior, estimate_transitions
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.options.models import StackingOptions
from epochal.options.results import ExportOptions
from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import CARD
from epochal.serving.entries import ModelEntry, QuantisedEntry

EPOCHS = make_epochs(n_subjects=4, n_epochs=50)
SPLITS = make_splits(EPOCHS)
SMOOTHED = StackingOptions(smoothing=("forward",), self_transition_weight=2.0, memory=1.0)
QUANTISED = QuantisedEntry(
    file="models/best.int8.onnx", agreement=0.995, largest_difference=0.01, n_epochs=200,
    compared_on="test", size_ratio=0.3, latency_ratio=0.8,
)  # fmt: skip
SUMMARY = pd.DataFrame({"recording_id": ["r0", "r3"], "sha256": ["bb", "aa"]})


def describe(features=None, *, stacking=SMOOTHED, summary=SUMMARY, predictions=None):
    features = make_features(EPOCHS) if features is None else features
    table = join_table(features, EPOCHS, SPLITS)
    said = empty_predictions(CLASSES) if predictions is None else predictions
    return describe_training(table, EPOCHS, summary, said, stacking, make_study())


def leaderboard():
    rows = [
        ("majority", "baseline", "oof", True, 0.0),
        ("quick", "classical", "oof", True, 0.6),
        ("best", "classical", "oof", False, 0.8),
        ("quick", "classical", "test", True, 0.9),
        ("best", "classical", "test", False, 0.1),
    ]
    board = pd.DataFrame(rows, columns=["model", "family", "role", "causal", "kappa"])
    return board.assign(data_source="simulated", n_epochs=np.int64(7), kappa_low=np.nan)


def assemble(
    board=None,
    descriptions=None,
    features=None,
    quantised=None,
    described=None,
    ingestion=None,
    **options,
):
    exported = {
        name: (
            ModelEntry(name=name, family="classical", file=f"models/{name}.onnx",
                       columns=["a"], classes=[0, 1, 2], causal=True),
            name.encode(),
        )
        for name in ("quick", "best")
    }  # fmt: skip
    return assemble_bundle(
        exported,
        described or describe(),
        leaderboard() if board is None else board,
        options=ExportOptions(**options),
        ingestion=ingestion
        or make_ingestion(path="/home/somebody/raw", simulated_path="/home/somebody/made"),
        features=features or make_features_options(),
        study=make_study(caveats=("Made up.",)),
        descriptions=descriptions,
        quantised=quantised,
    )


@pytest.mark.slow
def test_the_training_data_are_known_by_one_hash_whatever_their_order():
    first = describe()["training_data_sha256"]
    assert describe(summary=SUMMARY[::-1])["training_data_sha256"] == first
    assert describe(summary=SUMMARY.assign(sha256="cc"))["training_data_sha256"] != first
    assert len(first) == 64


def test_the_recordings_that_training_saw_are_known_one_by_one_and_test_ones_are_not_among_them():
    names = [f"r{i}" for i in range(4)]
    summary = pd.DataFrame({"recording_id": names, "sha256": ["dd", "bb", "cc", "aa"]})
    assert set(SPLITS.loc[SPLITS["role"] == "test", "recording_id"]) == {"r3"}
    assert describe(summary=summary)["training_recordings"] == ["bb", "cc", "dd"]


def test_a_file_of_many_recordings_is_seen_once_any_of_them_was():
    summary = pd.DataFrame({"recording_id": ["r0", "r3"], "sha256": ["ff", "ff"]})
    assert describe(summary=summary)["training_recordings"] == ["ff"]


@pytest.mark.slow
def test_a_memory_is_fitted_on_the_stacks_out_of_fold_rows():
    stacking = SMOOTHED.model_copy(update={"memory": "fitted"})
    nothing = describe(stacking=stacking)["smoothing"]["stack_forward"]
    assert (nothing["memory"], nothing["calibration"]["scale"]) == (0.0, (1.0, 1.0, 1.0))
    sticky = EPOCHS.assign(label=np.tile(np.repeat(CLASSES, [20, 20, 10]), 4))
    said = make_predictions(sticky, SPLITS, model="stack", family="stack", certainty=0.5)
    table = join_table(make_features(sticky), sticky, SPLITS)
    found = describe_training(table, sticky, SUMMARY, said, stacking, make_study())["smoothing"]
    assert found["stack_forward"]["memory"] > 0


@pytest.mark.slow
def test_the_reference_is_the_range_of_nearly_all_training_epochs():
    features = make_features(EPOCHS)
    own = features.merge(SPLITS)
    low, high = describe(features)["reference"]["eeg_level"]
    inside = own.loc[own["role"] == "train", "eeg_level"].between(low, high)
    assert 0.97 < inside.mean() < 1.0
    outlier = features.assign(eeg_level=features["eeg_level"].mask(own["role"] == "test", 1e6))
    assert describe(outlier)["reference"]["eeg_level"] == (low, high)  # test rows say nothing


def test_the_reference_holds_own_features_of_the_signal_alone():
    features = make_features(EPOCHS).assign(
        demographics_age_years=np.float32(30), eeg_level__past5=np.float32(1),
        eeg_empty=np.float32("nan"),
    )  # fmt: skip
    assert set(describe(features)["reference"]) == {"eeg_level", "eeg_turn", "eeg_nothing"}


def test_each_smoother_of_the_stack_has_the_transitions_of_the_training_subjects():
    training = EPOCHS[EPOCHS["subject_id"] < "s3"]
    found = describe()["smoothing"]
    assert list(found) == ["stack_forward"]
    assert found["stack_forward"]["kind"] == "forward"
    assert found["stack_forward"]["transitions"] == pytest.approx(
        estimate_transitions(training, CLASSES, self_weight=2.0)
    )
    assert found["stack_forward"]["prior"] == pytest.approx(estimate_prior(training, CLASSES))
    json.dumps(found)


def test_without_smoothing_there_is_none():
    assert describe(stacking=StackingOptions())["smoothing"] == {}


def test_the_headline_is_the_best_out_of_fold_and_its_figures_are_out_of_fold():
    manifest = assemble().manifest
    assert (manifest.headline, manifest.causal) == ("best", False)
    assert manifest.metrics == {
        "model": "best", "family": "classical", "role": "oof", "causal": False, "kappa": 0.8,
        "data_source": "simulated", "n_epochs": 7, "kappa_low": None,
    }  # fmt: skip


@pytest.mark.slow
def test_conf_may_name_the_headline_or_ask_for_a_causal_one():
    assert assemble(model="quick").manifest.headline == "quick"
    assert assemble(causal_only=True).manifest.headline == "quick"


@pytest.mark.parametrize(("filters", "causal"), [("zero_phase", False), ("causal", True)])
def test_a_bundle_is_causal_only_where_its_filters_look_back_too(filters, causal):
    signal = SignalOptions(channels=("EEG",), features=("level",), band_hz=(0.3, 35.0))
    features = FeatureOptions(signals={"eeg": signal}, filters=filters)
    manifest = assemble(model="quick", features=features).manifest
    assert (manifest.headline, manifest.causal) == ("quick", causal)


@pytest.mark.slow
@pytest.mark.parametrize(("reference", "causal"), [("window", True), ("recording", False)])
def test_a_bundle_is_causal_only_where_its_flags_look_back_too(reference, causal):
    ingestion = make_ingestion(quality={"channels": ("EEG",), "reference": reference})
    assert assemble(model="quick", ingestion=ingestion).manifest.causal is causal


@pytest.mark.parametrize(
    ("name", "near"), [("quik", "; did you mean 'quick'"), ("majority", "; it has: best, quick")]
)
def test_a_headline_that_was_not_exported_is_refused(name, near):
    with pytest.raises(EpochalError, match=f"No exported model '{name}'.*serving_export.*{near}"):
        assemble(model=name)


@pytest.mark.slow
def test_a_board_of_baselines_alone_makes_no_bundle():
    with pytest.raises(EpochalError, match="No exported model 'majority'"):
        assemble(leaderboard()[:1])


@pytest.mark.slow
def test_the_manifest_says_what_it_stands_on():
    manifest = assemble().manifest
    assert (manifest.study, manifest.data_source) == ("made", "simulated")
    assert (manifest.classes, manifest.recording_kind) == (CLASSES, "polysomnogram")
    assert (manifest.epochal_version, manifest.caveats) == (__version__, ("Made up.",))
    assert [entry.name for entry in manifest.models] == ["quick", "best"]


def test_no_folder_of_this_machine_is_handed_on():
    bundle = assemble()
    assert "somebody" not in bundle.manifest.model_dump_json()
    assert bundle.manifest.ingestion.epoch_length_s == 30.0


def test_the_files_of_a_bundle_are_its_models_a_card_and_what_is_said_of_the_models():
    found = assemble(descriptions={CONFIG: {"quick": {"kind": "lightgbm"}}}).files
    assert found.keys() == {"models/quick.onnx", "models/best.onnx", CARD, CONFIG, METRICS}
    assert found["models/best.onnx"] == b"best"
    assert json.loads(found[CONFIG]) == {"quick": {"kind": "lightgbm"}}


def test_the_metrics_are_the_leaderboards_rows_by_model():
    found = json.loads(assemble().files[METRICS])
    assert list(found) == ["majority", "quick", "best"]
    assert [row["role"] for row in found["best"]] == ["oof", "test"]
    assert [row["kappa"] for row in found["quick"]] == [0.6, 0.9]
    assert found["quick"][0]["kappa_low"] is None  # NaN is no JSON


@pytest.mark.slow
def test_the_card_says_what_a_user_must_know():
    card = write_card(assemble().manifest)
    for text in (
        RESEARCH_USE, "W, N2, REM", "polysomnogram; epochs of 30 s", "**simulated** data",
        "Headline model: best (looks ahead)", "never by the test subjects", "| kappa | 0.8 |",
        "- Made up.", "Not intended for",
    ):  # fmt: skip
        assert text in card


def test_a_card_without_caveats_says_so():
    manifest = assemble().manifest.model_copy(update={"caveats": (), "causal": True})
    card = write_card(manifest)
    assert "- none stated" in card
    assert "(causal)" in card


def test_an_exported_stack_knows_its_base_models_in_their_frozen_order():
    entries = {entry.name: entry for entry in make_bundle().manifest.models}
    assert entries["stack"].base_models == ["lightgbm", "logistic_regression"]
    assert entries["stack"].columns[:2] == ["lightgbm__W", "lightgbm__N2"]
    assert entries["lightgbm"].base_models == []
    assert entries["lightgbm"].classes == [0, 1, 2]


@pytest.mark.parametrize(("b_is_causal", "expected"), [(True, True), (False, False)])
def test_an_exported_stack_looks_ahead_where_one_of_its_base_models_does(b_is_causal, expected):
    """The names of a stack's columns, `<model>__<class>`, say nothing of it."""

    def model(name, family, causal, columns=("x",)):
        return FittedModel(name, family, None, list(columns), CLASSES, causal)

    fitted = {
        "a": model("a", "classical", True),
        "b": model("b", "classical", b_is_causal),
        "stack": model("stack", "stack", True, ["a__W", "a__N2", "b__W", "b__N2"]),
    }
    assert mark_causal(fitted["stack"], fitted).causal is expected
    assert mark_causal(fitted["a"], fitted).causal


def test_the_manifest_says_all_that_the_card_and_other_programs_ask():
    manifest = assemble(quantised={"best": (QUANTISED, b"small")}).manifest
    assert [one.name for one in manifest.channels] == ["EEG"]
    assert manifest.channels[0].required
    assert manifest.feature_names == ["eeg_level", "eeg_turn", "eeg_nothing"]
    assert manifest.training.n_subjects == 3
    assert manifest.training.n_epochs == sum(manifest.training.epochs_per_class.values()) == 150
    assert np.array(manifest.training.transitions).sum(axis=1) == pytest.approx(
        np.ones(3), abs=1e-5
    )
    assert manifest.libraries["numpy"] == np.__version__
    best = {entry.name: entry for entry in manifest.models}["best"]
    assert best.metrics["oof"]["kappa"] == 0.8
    assert best.metrics["test"]["kappa"] == 0.1
    assert best.quantised == QUANTISED
    assert (manifest.precision, manifest.adaptation) == ("float", None)


@pytest.mark.slow
def test_a_file_of_8_bits_is_written_beside_the_float_one_and_the_card_tells_of_it():
    bundle = assemble(quantised={"best": (QUANTISED, b"small")}, precision="int8")
    assert bundle.files["models/best.int8.onnx"] == b"small"
    assert bundle.files["models/best.onnx"] == b"best"
    assert bundle.manifest.precision == "int8"
    assert "| best | 99.50% of 200 (test) | 0.30 | 0.80 |" in bundle.files[CARD].decode()


@pytest.mark.slow
def test_the_card_tells_groups_and_what_is_taken_for_what_of_the_headline_alone():
    facts = pd.DataFrame({"sex": ["F", "M", "F", "M"], "age": [30.0, 50.0, 50.0, 50.0]})
    summary = facts.assign(recording_id=[f"r{n}" for n in range(4)], sha256="aa")
    said = make_predictions(EPOCHS, SPLITS, model="best", certainty=0.9)
    wrong = EPOCHS["label"] == "REM"  # never said
    rem = said.merge(EPOCHS[wrong][["recording_id", "epoch"]], how="left", indicator=True)
    said.loc[(rem["_merge"] == "both").to_numpy(), ["proba_W", "proba_REM"]] = [0.95, 0.0]
    other = said.assign(model="quick")
    described = describe(summary=summary, predictions=pd.concat([said, other]))
    manifest = assemble(described=described).manifest
    assert [one.name for one in manifest.strata] == [
        "age below 40", "age 40 to 60", "sex F", "sex M",
    ]  # fmt: skip
    assert manifest.confusions[0].model_dump() == {"label": "REM", "taken_for": "W", "share": 1.0}
    card = write_card(manifest)
    assert "- 100% of REM is taken for W" in card
    assert "| sex F | 2 |" in card
    assert "- Subjects by sex: F 2, M 1" in card
    assert "## Intended use" in card
