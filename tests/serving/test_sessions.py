"""Where models run: by name, by environment, with one warning where something else does."""

import logging

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from builders import make_bundle
from epochal.errors import EpochalError
from epochal.serving import sessions
from epochal.serving.bundle import Scorer
from epochal.serving.sessions import CPU, PROVIDERS, VARIABLE, name_provider, open_session

CUDA = "CUDAExecutionProvider"
THERE = "there are: cpu, cuda, tensorrt"
pytestmark = pytest.mark.skipif(
    CUDA in onnxruntime.get_available_providers(), reason="these tests ask for what is absent"
)


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch):
    monkeypatch.setattr(sessions, "_warned", set())
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture(scope="module")
def model():
    return make_bundle().files["models/stack.onnx"]


def test_the_processor_is_asked_unless_something_else_is(model, caplog):
    session = open_session(model, n_threads=2)
    assert session.get_providers() == [CPU]
    assert session.get_session_options().intra_op_num_threads == 2
    assert not caplog.records


@pytest.mark.parametrize("provider", ["cuda", "tensorrt", "CUDA"])
def test_an_absent_provider_falls_back_to_the_processor_with_one_warning(model, caplog, provider):
    with caplog.at_level(logging.WARNING):
        found = [open_session(model, provider=provider).get_providers() for _ in range(3)]
    assert found == [[CPU]] * 3
    (record,) = caplog.records
    assert f"provider '{provider.lower()}' is not to be had here" in record.message
    assert "models run on CPU instead" in record.message


def test_the_environment_chooses_and_an_argument_wins(monkeypatch):
    assert name_provider() == "cpu"
    monkeypatch.setenv(VARIABLE, "TensorRT")
    assert name_provider() == "tensorrt"
    assert name_provider("cuda") == "cuda"
    monkeypatch.setenv(VARIABLE, "")
    assert name_provider() == "cpu"


@pytest.mark.parametrize("given", ["gpu", "cud", "CUDAExecutionProvider"])
def test_an_unknown_provider_is_refused_with_those_there_are(model, monkeypatch, given):
    with pytest.raises(EpochalError, match=f"^provider: no provider '{given}'; {THERE}$"):
        open_session(model, provider=given)
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(EpochalError, match=f"^{VARIABLE}: no provider '{given}'; {THERE}$"):
        Scorer(make_bundle())


def test_every_provider_ends_with_the_processor():
    assert {last for *_, last in PROVIDERS.values()} == {CPU}


def test_cuda_computes_in_full_single_precision(monkeypatch, model):
    given = []

    class Session:
        def __init__(self, model, options, providers):
            given.extend(providers)

        def get_providers(self):
            return [CUDA, CPU]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    open_session(model, provider="cuda")
    assert given == [(CUDA, {"use_tf32": "0"}), (CPU, {})]


def test_a_provider_that_is_built_in_but_lacks_its_libraries_is_told_too(
    monkeypatch, caplog, model
):
    """ONNX Runtime then makes the session on the processor by itself, without an error."""
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda m, o, providers: real(m, o, providers=[CPU])
    )
    with caplog.at_level(logging.WARNING):
        session = open_session(model, provider="cuda")
    assert "is not to be had here" in caplog.text
    assert session.get_providers() == [CPU]


def test_a_scorer_says_the_same_wherever_it_falls_back_to(model):
    columns = make_bundle().manifest.models[0].columns
    rows = pd.DataFrame(np.zeros((3, len(columns)), np.float32), columns=columns)
    name = make_bundle().manifest.models[0].name
    one, other = Scorer(make_bundle()), Scorer(make_bundle(), provider="cuda")
    assert np.array_equal(one.predict(rows, name), other.predict(rows, name))
