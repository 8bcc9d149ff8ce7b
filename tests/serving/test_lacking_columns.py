from dataclasses import replace

import numpy as np
import pytest

from builders import make_bundle, make_night
from epochal.errors import RecordingError
from epochal.serving.bundle import Scorer
from epochal.serving.scoring import score_recording

LABELS = ["W"] * 4 + ["N2"] * 4 + ["REM"] * 4


def at_rate(recording, sfreq: float):
    """Take every so many samples, as a recorder of a lower rate would."""
    channels = tuple(
        replace(one, sfreq=sfreq, data=np.asarray(one.data)[:: round(one.sfreq / sfreq)])
        for one in recording.channels
    )
    return replace(recording, channels=channels)


def needing(column: str) -> Scorer:
    """Return the scorer of a bundle whose headline needs one more column."""
    bundle = make_bundle()
    models = [
        one.model_copy(update={"columns": [*one.columns, column]}) for one in bundle.manifest.models
    ]
    return Scorer(replace(bundle, manifest=bundle.manifest.model_copy(update={"models": models})))


def test_a_recording_that_cannot_give_the_models_columns_is_refused_with_what_it_has():
    with pytest.raises(
        RecordingError, match="cannot give the model's features eeg_log_gamma"
    ) as told:
        score_recording(make_night(LABELS, seed=1), needing("eeg_log_gamma"))
    assert "EEG at 100 Hz" in str(told.value)


def test_a_recording_that_has_them_all_lacks_none():
    scorer = Scorer(make_bundle())
    assert score_recording(make_night(LABELS, seed=1), scorer).epochs["label"].ne("").any()


def test_a_slower_recorder_is_scored_or_refused_by_name_and_never_fails_otherwise():
    scorer = Scorer(make_bundle())
    slow = at_rate(make_night(LABELS, seed=1), 50.0)
    try:
        scored = score_recording(slow, scorer)
    except RecordingError as error:
        assert slow.recording_id in str(error)
    else:
        assert len(scored.epochs) == len(LABELS)
