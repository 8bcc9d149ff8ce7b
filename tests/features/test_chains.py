from itertools import pairwise

import numpy as np
import pytest

from epochal.errors import EpochalError
from epochal.features.chains import (
    BACK,
    FRONT,
    LEFT,
    REGIONS,
    RIGHT,
    imbalance,
    require_double_banana,
)
from epochal.signals.montage import DOUBLE_BANANA
from epochal.signals.spectrogram import CHAINS

MIRROR = str.maketrans("12345678", "21436587")


def names(rows):
    return np.array(DOUBLE_BANANA)[rows].tolist()


def test_left_derivations_have_odd_numbers_and_right_ones_are_their_mirror_images():
    assert all(int(digit) % 2 for name in names(LEFT) for digit in name if digit.isdigit())
    assert [name.translate(MIRROR) for name in names(LEFT)] == names(RIGHT)


def test_regions_are_the_chains_of_the_data_sets_spectrogram():
    renamed = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
    for region, rows in REGIONS.items():
        chain = [renamed.get(name, name) for name in CHAINS[region]]
        pairs = [f"{a}-{b}" for a, b in pairwise(chain)]
        assert names(rows) == pairs


def test_front_derivations_begin_a_chain_and_back_ones_end_it():
    assert {name.split("-")[0] for name in names(FRONT)} == {
        "Fp1", "Fp2", "F7", "F8", "F3", "F4"
    }  # fmt: skip
    assert {name.split("-")[1] for name in names(BACK)} == {"P7", "P8", "P3", "P4", "O1", "O2"}


@pytest.mark.parametrize("shape", [(3, 500), (3, 17, 500), (3, 20, 500), (2, 3, 18, 500)])
def test_windows_of_anything_else_are_refused(shape):
    with pytest.raises(EpochalError, match=r"need its 18 derivations, Fp1-F7 to Cz-Pz .* given"):
        require_double_banana(np.zeros(shape))


def test_the_imbalance_runs_from_right_alone_to_left_alone():
    left, right = np.array([0.0, 1.0, 3.0, 2.0, 0.0]), np.array([5.0, 1.0, 1.0, 0.0, 0.0])
    assert imbalance(left, right).tolist() == [-1.0, 0.0, 0.5, 1.0, 0.0]
