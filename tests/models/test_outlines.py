import numpy as np
import pandas as pd

from epochal.models.outlines import outline_recordings

EPOCHS = pd.DataFrame(
    {
        "recording_id": ["b", "a", "a", "a", "a", "b"],
        "epoch": [1, 0, 3, 1, 5, 0],
        "run": [0, 0, 1, 0, 1, 0],
        "label": ["W"] * 6,
    }
)


def test_each_recording_has_its_own_epochs_in_order():
    outlines = outline_recordings(EPOCHS)
    assert list(outlines) == ["a", "b"]
    np.testing.assert_array_equal(outlines["a"].epoch, [0, 1, 3, 5])
    np.testing.assert_array_equal(outlines["a"].run, [0, 0, 1, 1])
    np.testing.assert_array_equal(outlines["b"].epoch, [0, 1])


def test_a_run_or_a_missing_epoch_ends_a_stretch():
    assert outline_recordings(EPOCHS)["a"].stretches() == [(0, 2), (2, 3), (3, 4)]
    assert outline_recordings(EPOCHS)["b"].stretches() == [(0, 2)]


def test_there_is_nothing_to_see_and_nothing_that_looks_ahead():
    one = outline_recordings(EPOCHS)["a"]
    assert one.arrays == {}
    assert one.known.all()
    assert not one.looks_ahead


def test_some_epochs_of_an_outline_are_an_outline():
    kept = outline_recordings(EPOCHS)["a"].take(np.array([True, False, True, False]))
    np.testing.assert_array_equal(kept.epoch, [0, 3])
    assert kept.arrays == {}
