import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders import CLASSES, make_bundle, make_ingestion, make_night, make_study
from epochal.errors import EpochalError
from epochal.features import extract_features
from epochal.models.inventory import METRICS
from epochal.models.smoothing import forward, forward_backward
from epochal.serving import bundle as bundles
from epochal.serving.bundle import (
    CARD,
    MANIFEST,
    Bundle,
    Scorer,
    data_source_of_result,
    open_session,
    read_bundle,
    write_bundle,
)
from epochal.signals.epoching import index_epochs

DATA = Path(__file__).parents[1] / "data"
LABELS = ["W"] * 6 + ["N2"] * 6 + ["REM"] * 6


@pytest.fixture
def folder(tmp_path):
    write_bundle(tmp_path / "bundle", make_bundle())
    return tmp_path / "bundle"


@pytest.fixture(scope="module")
def features():
    night = make_night(LABELS, seed=100, metadata={"age": 32.0, "sex": "F"})
    epochs = index_epochs(night, make_ingestion())
    return extract_features(night, epochs, make_bundle().manifest.feature_engineering)


def change(folder, **values):
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_bundle_comes_back_as_it_was_written(folder):
    found, given = read_bundle(folder), make_bundle()
    assert found.files == given.files
    hashes = found.manifest.hashes
    assert found.manifest.model_copy(update={"hashes": {}}) == given.manifest
    assert hashes.keys() == given.files.keys()


def test_a_bundle_is_a_folder_of_a_manifest_a_card_onnx_models_and_json(folder):
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    models = {f"models/{name}.onnx" for name in ("logistic_regression", "lightgbm", "stack")}
    assert files == {MANIFEST, CARD, *models, METRICS}


def test_a_bundle_written_by_an_earlier_version_is_read_and_scores_as_it_did():
    """`data/bundle_format_1` was written before a bundle held JSON beside its manifest.

    Whoever changes the format such that this fails raises `FORMAT_VERSION`, or mends it.
    """
    scorer = Scorer(read_bundle(DATA / "bundle_format_1"))
    table = pd.read_csv(DATA / "bundle_format_1.csv").astype("float32")
    expected = table.filter(regex="^expected:")
    assert len(expected.columns) == 5 * len(CLASSES)
    for name, columns in expected.T.groupby(lambda column: column.split(":")[1]):
        assert np.abs(scorer.predict(table, name) - columns.T.to_numpy()).max() < 1e-5, name


@pytest.mark.parametrize("name", [METRICS, "models/lightgbm.onnx"])
def test_every_file_but_the_manifest_is_hashed(folder, name):
    assert name in read_bundle(folder).manifest.hashes


def test_a_read_bundle_says_the_same_as_the_one_in_memory(folder, features):
    one, other = Scorer(make_bundle()), Scorer(read_bundle(folder))
    assert np.array_equal(one.predict(features), other.predict(features))


def test_a_bundle_is_never_written_over_another(folder):
    with pytest.raises(FileExistsError):
        write_bundle(folder, make_bundle())


@pytest.mark.parametrize("name", ["models/lightgbm.onnx", CARD, METRICS])
def test_a_changed_file_is_refused_by_its_hash(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(EpochalError, match=rf"{name}: changed since .* SHA-256 differs"):
        read_bundle(folder)


def test_a_missing_file_is_refused_by_name(folder):
    (folder / "models/stack.onnx").unlink()
    with pytest.raises(EpochalError, match=r"stack\.onnx: missing from the bundle"):
        read_bundle(folder)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path):
    with pytest.raises(EpochalError, match=r"no bundle here .it holds no manifest"):
        read_bundle(tmp_path)


@pytest.mark.parametrize("version", [2, 0, "1", None])
def test_an_unknown_format_version_is_refused_whatever_else_the_manifest_holds(folder, version):
    change(folder, format_version=version, key_of_the_future=1)
    with pytest.raises(EpochalError, match=f"bundle format {version}; this Epochal reads 1"):
        read_bundle(folder)


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"format_version": 1', "\x80"])
def test_a_damaged_manifest_is_refused_in_one_line(folder, text):
    (folder / MANIFEST).write_text(text, encoding="latin-1")
    with pytest.raises(EpochalError, match=r"manifest\.json: (not a manifest|bundle format None)"):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"classes": 5}, "classes: "),
        ({"extra": 1}, "extra: (Extra inputs|no option 'extra')"),
        (
            {"smoothing": {"s": {"kind": "median", "transitions": [], "prior": []}}},
            "smoothing.s.kind",
        ),
    ],
)
def test_a_fault_in_the_manifest_is_named_with_its_key(folder, values, reason):
    change(folder, **values)
    with pytest.raises(EpochalError, match=reason):
        read_bundle(folder)


def test_a_bundle_needs_no_simulator_to_be_read(tmp_path):
    given = make_bundle()
    ingestion = given.manifest.ingestion.model_copy(update={"simulator": "not here"})
    manifest = given.manifest.model_copy(update={"ingestion": ingestion})
    write_bundle(tmp_path / "bundle", replace(given, manifest=manifest))
    assert read_bundle(tmp_path / "bundle").manifest.ingestion.simulator == "not here"


@pytest.mark.parametrize("model", ["logistic_regression", "lightgbm", "stack", "stack_forward"])
def test_every_model_of_a_bundle_tells_the_classes_of_a_night_apart(features, model):
    proba = Scorer(make_bundle()).predict(features, model)
    assert proba.shape == (18, 3)
    assert proba.sum(axis=1) == pytest.approx(np.ones(18))
    assert [CLASSES[code] for code in proba.argmax(axis=1)] == LABELS


def test_the_headline_speaks_unless_another_model_is_asked_for(features):
    scorer = Scorer(make_bundle("lightgbm"))
    assert np.array_equal(scorer.predict(features), scorer.predict(features, "lightgbm"))
    assert not np.allclose(
        scorer.predict(features), scorer.predict(features, "logistic_regression")
    )


@pytest.mark.parametrize("smooth", [forward, forward_backward])
def test_a_smoothed_model_is_the_stack_smoothed_by_the_manifests_transitions(features, smooth):
    scorer = Scorer(make_bundle())
    name = f"stack_{smooth.__name__}"
    smoothing = scorer.manifest.smoothing[name]
    expected = smooth(
        scorer.predict(features, "stack"),
        np.array(smoothing.transitions),
        np.array(smoothing.prior),
    )
    assert np.array_equal(scorer.predict(features, name), expected)


def test_columns_are_found_by_name_in_any_order(features):
    scorer = Scorer(make_bundle())
    shuffled = features[list(reversed(features.columns))].assign(another=1.0)
    assert np.array_equal(scorer.predict(shuffled), scorer.predict(features))


@pytest.mark.parametrize("model", ["stack", "stack_forward"])
def test_a_stack_speaks_only_of_rows_that_every_base_model_knows(features, model):
    scorer = Scorer(make_bundle())
    columns = {entry.name: entry.columns for entry in scorer.manifest.models}
    gaps = features.copy()
    gaps.loc[gaps.index[0], columns["lightgbm"]] = np.nan
    assert not scorer.known_rows(gaps, "lightgbm")[0]
    assert not scorer.known_rows(gaps, model)[0]
    assert scorer.known_rows(gaps, model)[1:].all()


@pytest.mark.slow
def test_time_passes_where_a_smoothed_model_may_not_speak(features):
    scorer = Scorer(make_bundle())
    columns = {entry.name: entry.columns for entry in scorer.manifest.models}
    gaps = features.copy()
    gaps.iloc[1:4, gaps.columns.get_indexer(columns["lightgbm"])] = np.nan
    found = scorer.predict(gaps, "stack_forward")
    assert np.isnan(found).all(axis=1).tolist() == [1 <= row < 4 for row in range(len(gaps))]
    smoothing = scorer.manifest.smoothing["stack_forward"]
    given = scorer.predict(features, "stack")
    given[1:4] = np.nan
    expected = forward(given, np.array(smoothing.transitions), np.array(smoothing.prior))
    assert found[4:] == pytest.approx(expected[4:])
    gaps[columns["lightgbm"]] = np.nan
    assert np.isnan(scorer.predict(gaps, "stack_forward")).all()


def test_an_unknown_model_is_refused_with_the_near_miss(features):
    with pytest.raises(
        EpochalError, match="No model 'lightgmb' in the bundle; did you mean 'light"
    ):
        Scorer(make_bundle()).predict(features, "lightgmb")


def test_a_class_that_training_lacked_gets_probability_0(features):
    given = make_bundle()
    wider = given.manifest.model_copy(update={"classes": ("W", "N2", "REM", "N1")})
    proba = Scorer(Bundle(wider, given.files)).predict(features)
    assert proba.shape == (18, 4)
    assert set(proba[:, 3]) == {0.0}


def test_a_session_is_made_once_per_model(features, monkeypatch):
    opened = []

    def count(model, **options):
        opened.append(options)
        return open_session(model, **options)

    monkeypatch.setattr(bundles, "open_session", count)
    scorer = Scorer(make_bundle(), n_threads=2)
    for _ in range(2):
        scorer.predict(features, "stack")
    assert opened == [{"n_threads": 2, "provider": "cpu"}] * 3  # the stack and its two base models


def test_a_session_runs_on_so_many_threads_of_the_processor():
    session = open_session(make_bundle().files["models/stack.onnx"], n_threads=2)
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.get_session_options().intra_op_num_threads == 2


@pytest.mark.parametrize(
    ("trained_on", "recording", "result"),
    [
        ("real", "real", "real"),
        ("real", "simulated", "simulated"),
        ("simulated", "real", "simulated"),
        ("real/simulated", "real", "simulated"),
    ],
)
def test_a_result_is_real_only_where_both_recording_and_training_are(trained_on, recording, result):
    assert data_source_of_result(trained_on, recording) == result


def test_the_manifest_is_readable_by_others(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["classes"] == list(CLASSES)
    assert manifest["study"] == make_study().name
    assert isinstance(manifest["metrics"]["kappa"], float)
    assert pd.Series(manifest["reference"]).map(len).eq(2).all()
