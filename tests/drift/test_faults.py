import numpy as np
import pytest

from builders import make_features_options
from epochal.drift.channels import (
    describe_channels,
    list_channel_swaps,
    list_rate_faults,
    name_column,
)
from epochal.drift.faults import Fault, guess_signals, list_gains, list_swaps, responses_by_unit
from epochal.drift.probing import probe_gains
from epochal.drift.reference import restrict_fault
from epochal.options.features import SignalOptions

NAMES = [f"{s}_{w}" for s in ("one", "two") for w in ("sd_uv", "iqr_uv", "pitch", "entropy")]


def test_signals_of_a_table_are_the_prefixes_with_the_same_endings():
    assert guess_signals([*NAMES, "age", "other_sd_uv"]) == ("one", "two")
    assert guess_signals(["a", "b_c"]) == ()


def test_units_in_names_say_what_a_doubling_does():
    found = responses_by_unit([*NAMES, "one_delta_uv2_per_hz"], ("one", "two"))
    assert found["one"].factors == {
        "one_sd_uv": 2.0, "one_iqr_uv": 2.0, "one_delta_uv2_per_hz": 4.0,
    }  # fmt: skip
    assert found["two"].factors == {"two_sd_uv": 2.0, "two_iqr_uv": 2.0}


def test_undoing_a_gain_gives_back_what_was():
    names = ["a", "b", "c"]
    fault = Fault(name="x", factors={"a": 2.0}, shifts={"b": 0.5})
    planted = np.array([[2.0, 1.5, 7.0]])
    assert fault.undo(planted, names).tolist() == [[1.0, 1.0, 7.0]]


def test_a_halving_is_the_doubling_backwards():
    gains = {g.name: g for g in list_gains({"a": Fault(name="a", factors={"x": 4.0},
                                                       shifts={"y": 0.6})})}  # fmt: skip
    assert gains["a times 0.5"].factors == {"x": 0.25}
    assert gains["a times 0.5"].shifts == {"y": pytest.approx(-0.6)}
    assert set(gains) == {"a times 2", "a times 0.5"}  # one signal: no "all signals"


def test_undoing_a_swap_puts_each_in_its_place():
    (swap,) = list_swaps(NAMES, ("one", "two"))
    values = np.arange(8.0)
    assert swap.undo(values, NAMES).tolist() == [4, 5, 6, 7, 0, 1, 2, 3]
    assert list(list_swaps(NAMES[:3], ("one", "two"))) == []


def test_a_fault_is_tried_as_far_as_the_features_are_there():
    fault = Fault(name="x", factors={"a": 2.0, "b": 2.0})
    assert restrict_fault(fault, ["a", "c"]).factors == {"a": 2.0}
    assert restrict_fault(fault, ["c"]) is None
    swap = Fault(name="s", sources={"a": "b", "b": "a"})
    assert restrict_fault(swap, ["a"]) is None


def test_what_a_doubling_does_is_found_out_by_doubling():
    found = probe_gains(make_features_options())["eeg"]
    assert found.factors["eeg_sd"] == pytest.approx(2.0)
    assert found.shifts["eeg_log_delta"] == pytest.approx(2 * np.log10(2), abs=1e-5)
    assert "eeg_kurtosis" not in found.factors | found.shifts
    assert not [name for name in found.factors if "relative" in name]


def test_a_signal_of_arrays_is_not_probed():
    options = make_features_options(
        signals={"given": SignalOptions(array="windows", features=("statistics",))}
    )
    assert probe_gains(options) == {}


# Raw channels


def described(recording, channels=("EEG",)):
    from builders import make_ingestion
    from epochal.signals.epoching import index_epochs

    return describe_channels(recording, index_epochs(recording, make_ingestion()), list(channels))


def night(**given):
    from builders import make_night

    return make_night(["W"] * 4, seed=3, **given)


def test_a_doubling_shifts_the_logarithms_of_a_channel_by_ln_2():
    quiet, loud = described(night()), described(night(amplitude=40.0))
    for what in ("ln spread", "ln step"):
        name = name_column("EEG", what)
        assert (loud[name] - quiet[name]).to_numpy() == pytest.approx(np.log(2), abs=1e-4)


def test_the_mains_stand_out_where_sampling_puts_them():
    from dataclasses import replace

    from builders import make_channel, sine

    clean = night()
    data = clean.channels[0].data + sine(40.0, length_s=120, amplitude=30.0)  # 60 Hz at 100 Hz
    planted = replace(clean, channels=(make_channel(data=data),))
    name = name_column("EEG", "ln 60 Hz share")
    assert (described(planted)[name] - described(clean)[name]).min() > 2
    other = name_column("EEG", "ln 50 Hz share")
    assert (described(planted)[other] - described(clean)[other]).max() < 0.1


def test_a_file_that_says_twice_the_rate_doubles_the_pitch():
    from dataclasses import replace

    clean = night()
    fast = replace(clean, channels=(replace(clean.channels[0], sfreq=200.0),), runs=((0.0, 60.0),))
    name = name_column("EEG", "ln pitch")
    gap = described(fast)[name].median() - described(clean)[name].median()
    assert gap == pytest.approx(np.log(2), abs=0.1)
    (double, half) = list_rate_faults(["EEG"])
    assert double.shifts == {name: pytest.approx(np.log(2))}
    assert half.shifts == {name: pytest.approx(-np.log(2))}


def test_a_channel_that_is_not_there_is_unknown():
    assert described(night(), ("EEG", "EMG")).filter(like="EMG").isna().all(axis=None)


def test_each_two_channels_can_be_swapped():
    pairs = [pair for pair, _ in list_channel_swaps(["a", "b", "c"])]
    assert pairs == [("a", "b"), ("a", "c"), ("b", "c")]
    ((_, fault),) = list_channel_swaps(["a", "b"])
    assert fault.sources[name_column("a", "level")] == name_column("b", "level")
