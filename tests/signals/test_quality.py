import numpy as np
import pytest

from builders import sine
from epochal.options import QualityOptions
from epochal.signals.quality import flag_epochs

OPTIONS = QualityOptions()
NOISE = np.random.default_rng(0).normal(0, 20, 3000)


def flags(*windows, **changed):
    found = flag_epochs(np.stack(windows), OPTIONS.model_copy(update=changed))
    return {fault: values.tolist() for fault, values in found.items()}


def test_an_ordinary_epoch_has_no_fault():
    found = flags(NOISE, sine(10.3, amplitude=20.0))
    assert found == {"missing": [False] * 2, "flat": [False] * 2, "saturated": [False] * 2}


def test_a_flat_epoch_is_flat_at_any_level_and_not_saturated():
    found = flags(np.zeros(3000), np.full(3000, -187.5), NOISE)
    assert found["flat"] == [True, True, False]
    assert not any(found["saturated"])


def test_how_flat_is_flat_is_an_option():
    assert flags(NOISE / 1000)["flat"] == [False]
    assert flags(NOISE / 1000, flat_span=1.0)["flat"] == [True]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_sample_that_is_no_number_makes_an_epoch_missing_and_nothing_else(value):
    holed = NOISE.copy()
    holed[7] = value
    assert flags(holed) == {"missing": [True], "flat": [False], "saturated": [False]}
    assert flags(np.full(3000, value)) == {"missing": [True], "flat": [False], "saturated": [False]}


def test_a_clipped_amplifier_is_saturated():
    clipped = np.clip(NOISE, -25, 25)
    share = np.mean(np.abs(NOISE) >= 25)
    assert share > 0.05
    assert flags(clipped)["saturated"] == [True]
    assert flags(clipped, saturated_share=share + 0.01)["saturated"] == [False]


def test_clipping_on_one_side_is_enough():
    assert flags(np.minimum(NOISE, 20))["saturated"] == [True]


def test_no_epochs_have_no_faults():
    found = flag_epochs(np.empty((0, 3000)), OPTIONS)
    assert {fault: len(values) for fault, values in found.items()} == {
        "missing": 0,
        "flat": 0,
        "saturated": 0,
    }
