from dataclasses import replace

import numpy as np
import pytest

from builders import CLASSES, make_bundle, make_night
from epochal.errors import EpochalError
from epochal.serving.bundle import Scorer
from epochal.serving.entries import Adaptation
from epochal.serving.heading import looks_back_only, with_headline
from epochal.serving.scoring import score_recording

OFFSETS = [3.0 if name == "W" else 0.0 for name in CLASSES]


@pytest.fixture(scope="module")
def scorer():
    return Scorer(make_bundle())


@pytest.fixture(scope="module")
def night():
    return make_night(["W", "W", "N2", "N2", "REM", "REM"])


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lightgbm", "stack", "stack_forward_backward"])
def test_it_scores_what_a_bundle_of_that_headline_does(scorer, night, model):
    found = score_recording(night, with_headline(scorer, model))
    wanted = score_recording(night, Scorer(make_bundle(model)))
    proba = [name for name in wanted.epochs if name.startswith("proba_")]
    np.testing.assert_allclose(found.epochs[proba], wanted.epochs[proba], atol=1e-6)
    for said in ("model", "causal", "data_source"):
        assert found.summary[said] == wanted.summary[said]


def test_what_was_said_of_the_headline_alone_is_left_out(scorer):
    other = with_headline(scorer, "lightgbm").manifest
    assert (
        other.metrics["kappa"]
        == dict(
            next(one for one in scorer.manifest.models if one.name == "lightgbm").metrics["oof"]
        )["kappa"]
    )
    assert (other.strata, other.confusions) == ([], [])
    assert other.caveats[0] == (
        "Scored by the model 'lightgbm', not by the bundle's headline 'logistic_regression'."
    )
    assert with_headline(scorer, "stack_forward").manifest.metrics == {}


def test_the_headline_and_no_name_change_nothing(scorer):
    assert with_headline(scorer, None) is scorer
    assert with_headline(scorer, scorer.manifest.headline) is scorer
    assert scorer.manifest.headline == "logistic_regression"


def test_models_are_loaded_once_for_all(scorer, night):
    other = with_headline(scorer, "lightgbm")
    score_recording(night, other)
    again = with_headline(scorer, "lightgbm")
    assert again._session is not None
    assert again.__dict__["_sessions"] is scorer.__dict__["_sessions"]
    assert other.fingerprint != scorer.fingerprint


@pytest.mark.slow
def test_a_labs_adaptation_is_the_headlines_but_what_it_saw_stays_seen(night):
    figures = dict.fromkeys(("kappa", "accuracy", "macro_f1", "log_loss", "ece"), 0.5)
    adaptation = Adaptation(
        kind="vector", n_recordings=1, n_epochs=60, epochs_per_class={}, recordings=["ab" * 32],
        labels=[], data_source="simulated", cross_fitted_by="block", before=figures,
        after=figures, adapted_from="cd" * 32,
        calibration={"kind": "vector", "scale": [1.0] * len(CLASSES), "offset": OFFSETS},
    )  # fmt: skip
    bundle = make_bundle()
    adapted = replace(
        bundle, manifest=bundle.manifest.model_copy(update={"adaptation": adaptation})
    )
    other = with_headline(Scorer(adapted), "lightgbm")
    plain = with_headline(Scorer(bundle), "lightgbm")
    proba = [score_recording(night, one).epochs["proba_W"] for one in (other, plain)]
    np.testing.assert_array_equal(*proba)
    changed = score_recording(night, Scorer(adapted)).epochs["proba_W"]
    assert (changed > score_recording(night, Scorer(bundle)).epochs["proba_W"]).all()
    seen = replace(night, metadata={**night.metadata, "signal_sha256": "ab" * 32})
    assert other.manifest.saw(seen) is True


def test_only_a_forward_smoothing_looks_back_only(scorer):
    told = {
        name: looks_back_only(scorer.manifest, name)
        for name in ("lightgbm", "stack_forward", "stack_forward_backward")
    }
    assert told == {"lightgbm": True, "stack_forward": True, "stack_forward_backward": False}


def test_nothing_looks_back_only_where_flags_compare_with_the_whole_recording(scorer):
    ingestion = scorer.manifest.ingestion
    quality = ingestion.quality.model_copy(update={"reference": "recording"})
    whole = scorer.manifest.model_copy(
        update={"ingestion": ingestion.model_copy(update={"quality": quality})}
    )
    assert looks_back_only(scorer.manifest, "lightgbm")
    assert not looks_back_only(whole, "lightgbm")


def test_an_unknown_model_is_refused_by_name(scorer):
    with pytest.raises(EpochalError, match=r"No model 'stak'.*did you mean 'stack'"):
        with_headline(scorer, "stak")
