import numpy as np
import pandas as pd
import pytest

from epochal.drift.reference import DriftReference
from epochal.serving.bundle import Scorer
from epochal.serving.drift_watch import DriftWatch, is_whole, judge_rows
from rest_material import night_features, ruled_bundle


@pytest.fixture(scope="module")
def reference() -> DriftReference:
    found = Scorer(ruled_bundle()).drift_reference
    assert found is not None
    return found


def night(times: int = 2) -> pd.DataFrame:
    return pd.concat([night_features()] * times, ignore_index=True)


def test_nothing_seen_is_nothing_judged(reference):
    seen = DriftWatch().seen("b", reference)
    assert (seen.n_seen, len(seen.features), seen.all_real) == (0, 0, True)
    assert judge_rows(seen.features, reference)["drift"] is None


def test_what_was_seen_is_kept_in_its_order(reference):
    watch = DriftWatch()
    watch.see("b", night().iloc[:3], reference, real=True)
    watch.see("b", night().iloc[3:5], reference, real=True)
    seen = watch.seen("b", reference)
    expected = night().iloc[:5][reference.names].to_numpy(np.float32)
    assert np.array_equal(seen.features.to_numpy(np.float32), expected)
    assert seen.n_seen == 5


def test_no_more_than_so_many_epochs_are_held(reference):
    watch = DriftWatch(n_kept=10)
    for number in range(40):
        watch.see("b", night().iloc[[number % 24]] * 0 + number, reference, real=True)
    seen = watch.seen("b", reference)
    assert seen.features.iloc[:, 0].tolist() == [float(number) for number in range(30, 40)]
    assert seen.n_seen == 40
    assert len(watch._kept["b"].parts) == 10


def test_a_long_recording_is_cut_to_its_latest_epochs(reference):
    watch = DriftWatch(n_kept=10)
    watch.see("b", night(), reference, real=True)
    assert len(watch.seen("b", reference).features) == 10
    assert watch._kept["b"].n_held == 10
    assert watch.seen("b", reference).n_seen == 24


def test_bundles_are_watched_apart(reference):
    watch = DriftWatch()
    watch.see("b", night(), reference, real=True)
    assert watch.seen("other", reference).n_seen == 0


def test_a_new_version_with_other_features_begins_anew(reference):
    watch = DriftWatch()
    watch.see("b", night(), reference, real=True)
    fewer = dict(list(reference.features.items())[:-1])
    changed = reference.model_copy(update={"features": fewer})
    assert watch.seen("b", changed).n_seen == 0
    watch.see("b", night(1), changed, real=True)
    assert watch.seen("b", changed).n_seen == 12


def test_one_simulated_recording_makes_the_whole_so(reference):
    watch = DriftWatch()
    watch.see("b", night(), reference, real=True)
    watch.see("b", night(), reference, real=False)
    watch.see("b", night(), reference, real=True)
    assert not watch.seen("b", reference).all_real


def test_nights_like_the_training_do_not_drift_and_loud_ones_do(reference):
    usual = judge_rows(night(), reference)
    assert usual["drift"] is False
    strange = judge_rows(night() + 5.0, reference)
    assert strange["drift"] is True
    assert strange["drivers"][0]["d"] > usual["drivers"][0]["d"]


def test_raw_channels_that_were_not_sent_are_no_loss(reference):
    renamed = _with_raw_channel(reference)
    sent = night().drop(columns=reference.names[0])
    assert is_whole(sent, renamed)
    verdict = judge_rows(sent, renamed)
    assert (verdict["not_judged"], verdict["lost_features"]) == (1, [])
    assert verdict["drift"] is False


def test_without_a_feature_rows_are_not_whole(reference):
    assert is_whole(night(), reference)
    assert not is_whole(night().drop(columns=reference.names[0]), reference)


def _with_raw_channel(reference):
    """Return the reference with its first feature called a raw channel's."""

    def rename(features):
        named = iter(features.items())
        return {"channel EEG: level": next(named)[1], **dict(named)}

    levels = [
        level.model_copy(update={"features": rename(level.features)}) for level in reference.levels
    ]
    return reference.model_copy(update={"features": rename(reference.features), "levels": levels})


def test_a_feature_that_was_lost_is_drift(reference):
    gone = night().assign(**{reference.names[0]: np.nan})
    verdict = judge_rows(gone, reference)
    assert verdict["lost_features"] == [reference.names[0]]
    assert verdict["drift"] is True
