"""A store with some of its channels."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from epochal.epoch_inputs import InputStore, write_inputs
from epochal.errors import EpochalError
from epochal.experiments.channels import choose_channels, choose_from
from epochal.options.network_inputs import QUALITY
from window_cohort import make_inputs

INPUTS = make_inputs(0)


def test_the_channels_named_are_left_in_their_order():
    chosen = choose_channels(INPUTS, ("EMG", "EEG"))
    assert chosen.channels == ("EMG", "EEG")
    signal = INPUTS.arrays["signal"]
    np.testing.assert_array_equal(chosen.arrays["signal"], signal[:, [1, 0]])


@pytest.mark.parametrize(("name", "place"), [("EEG", 0), ("EMG", 1)])
def test_one_channel_is_a_view_and_no_copy(name, place):
    chosen = choose_channels(INPUTS, (name,)).arrays["signal"]
    assert chosen.shape == (24, 1, 100)
    assert np.shares_memory(chosen, INPUTS.arrays["signal"])
    np.testing.assert_array_equal(chosen[:, 0], INPUTS.arrays["signal"][:, place])


def test_no_name_leaves_all():
    assert choose_channels(INPUTS, ()) is INPUTS


def test_flags_of_quality_stay_whatever_is_chosen():
    flagged = replace(
        INPUTS,
        arrays={"signal": np.repeat(INPUTS.arrays["signal"], [1, 2], axis=1)},
        channels=("EEG", "EMG", QUALITY),
    )
    assert choose_channels(flagged, ("EEG",)).channels == ("EEG", QUALITY)
    assert choose_channels(flagged, ("EEG",)).arrays["signal"].shape == (24, 2, 100)


def test_an_unknown_channel_is_named_with_those_there_are():
    with pytest.raises(EpochalError, match=r"no channel 'EKG'.*(EEG|EMG)"):
        choose_channels(INPUTS, ("EKG",))


def test_a_store_with_fewer_channels_has_another_key(tmp_path):
    path = tmp_path / "r0.h5"
    write_inputs(path, INPUTS)
    store = InputStore({"r0": str(path)}, "k")
    chosen = choose_from(store, ("EMG",))
    assert chosen.key != store.key != ""
    assert list(chosen) == ["r0"]
    np.testing.assert_array_equal(
        chosen["r0"].arrays["signal"], store["r0"].arrays["signal"][:, 1:]
    )
    assert chosen["r0"] is chosen["r0"], "opened once"


def test_a_store_with_fewer_channels_has_them_in_another_process_too(tmp_path):
    path = tmp_path / "r0.h5"
    write_inputs(path, INPUTS)
    chosen = choose_from(InputStore({"r0": str(path)}, "k"), ("EMG",))
    assert chosen["r0"].channels == ("EMG",)
    again = pickle.loads(pickle.dumps(chosen))
    assert again == chosen
    assert again["r0"].channels == ("EMG",)
    assert len(pickle.dumps(chosen)) < 1000, "the open files stay behind"
