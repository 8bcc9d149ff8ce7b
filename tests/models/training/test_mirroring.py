import numpy as np
import pytest

from epochal.errors import EpochalError
from epochal.features.chains import LEFT, RIGHT
from epochal.models.training.mirroring import mirror_channels, mirror_name
from epochal.readers.hms import CHANNELS
from epochal.readers.hms_spectrogram import REGIONS
from epochal.signals.montage import DOUBLE_BANANA

BANANA = tuple(f"EEG {pair}" for pair in DOUBLE_BANANA)


@pytest.mark.parametrize(
    ("name", "mirrored"),
    [
        ("EEG Fp1-F7", "EEG Fp2-F8"),
        ("EEG C4-M1", "EEG C3-M2"),
        ("EEG PO8", "EEG PO7"),
        ("EEG FC5", "EEG FC6"),
        ("EOG E1-M2", "EOG E2-M1"),
        ("EEG Fz-Cz", "EEG Fz-Cz"),
        ("EEG Fpz-Cz", "EEG Fpz-Cz"),
        ("EMG chin1-chin2", "EMG chin1-chin2"),
        ("ECG 1", "ECG 1"),
        ("BVP", "BVP"),
        ("E4 temperature", "E4 temperature"),
        ("LP", "RP"),
    ],
)
def test_odd_is_left_and_even_is_right(name, mirrored):
    assert mirror_name(name) == mirrored


def test_the_double_bananas_chains_change_sides():
    mirror = mirror_channels(BANANA)
    assert set(mirror.signs) == {1.0}
    assert np.array_equal(np.array(mirror.order)[LEFT], RIGHT)
    assert np.array_equal(np.array(mirror.order)[RIGHT], LEFT)
    assert mirror.order[16:] == (16, 17)  # the midline


def test_the_regions_of_a_spectrogram_change_sides():
    assert mirror_channels(REGIONS) == ((1, 0, 3, 2), (1.0,) * 4)


@pytest.mark.parametrize(
    "names",
    [
        BANANA,
        REGIONS,
        tuple(CHANNELS),
        ("EEG C3-M2", "EEG C4-M1", "EMG submental", "EOG E1-M2", "EOG E2-M1"),
        ("EEG C3-C4", "EEG F3-M2", "EEG F4-M1", "EOG horizontal"),
    ],
    ids=lambda names: names[0],
)
def test_a_mirror_image_mirrored_is_the_original(names):
    mirror = mirror_channels(names)
    order, signs = np.array(mirror.order), np.array(mirror.signs)
    assert sorted(order) == list(range(len(names)))
    assert np.array_equal(order[order], np.arange(len(names)))
    assert np.array_equal(signs[order] * signs, np.ones(len(names)))


def test_the_electrodes_of_a_whole_head_find_their_counterparts_under_old_names():
    mirror = mirror_channels(tuple(CHANNELS))
    images = {CHANNELS[here]: CHANNELS[there] for here, there in enumerate(mirror.order)}
    assert images["T3"] == "T4"
    assert images["T6"] == "T5"
    assert images["Fp1"] == "Fp2"
    assert images["Cz"] == "Cz"
    assert images["EKG"] == "EKG"


def test_a_derivation_across_the_midline_turns_upside_down():
    mirror = mirror_channels(("EEG C3-C4", "EEG Fz-Cz"))
    assert mirror.order == (0, 1)
    assert mirror.signs == (-1.0, 1.0)


def test_horizontal_eye_movements_change_their_sign_and_vertical_ones_do_not():
    mirror = mirror_channels(("EOG horizontal", "EOG vertical"))
    assert mirror.signs == (-1.0, 1.0)


def test_spellings_of_one_derivation_are_counterparts():
    assert mirror_channels(("C3-A2", "EEG C4-M1", "chin EMG")).order == (1, 0, 2)


def test_a_side_without_its_counterpart_is_refused_by_name():
    with pytest.raises(EpochalError, match=r"'EEG C4-M1' would be 'EEG C3-M2', which is not"):
        mirror_channels(("EEG C4-M1", "EEG Fz-Cz"))


@pytest.mark.parametrize("names", [("EEG Fpz-Cz", "EMG submental"), ("BVP", "EDA")])
def test_channels_without_sides_are_refused(names):
    with pytest.raises(EpochalError, match="none of these channels has a left and a right"):
        mirror_channels(names)


def test_one_derivation_twice_is_refused():
    with pytest.raises(EpochalError, match="two channels share a derivation"):
        mirror_channels(("T3", "T7"))
