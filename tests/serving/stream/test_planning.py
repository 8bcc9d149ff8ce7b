"""Which chains a bundle's features need, and which bundles cannot be streamed by their options."""

import pytest

from builders import make_channel, make_features_options, make_ingestion
from epochal.errors import EpochalError
from epochal.options.features import ContextOptions, FeatureOptions, SignalOptions
from epochal.recording import Recording
from epochal.serving.stream.declaring import declare
from epochal.serving.stream.history import count_past
from epochal.serving.stream.planning import Reach, causal_options, plan_chains

EEG = {"channels": ("EEG",), "features": ("statistics",)}


def plan(signals, *, networks=False, **given):
    channels = (make_channel("EEG", length_s=1), make_channel("EMG", length_s=1))
    options = make_features_options(signals=signals, filters="causal", **given)
    recording = Recording("r1", "s1", channels)
    return plan_chains(recording, options, make_ingestion(), networks=networks)


def test_signals_that_are_filtered_alike_share_a_chain():
    one, other = SignalOptions(**EEG, band_hz=(0.5, 35)), SignalOptions(**EEG, band_hz=(0.5, 30))
    made = plan({"a": one, "b": one, "c": other, "d": SignalOptions(**EEG)})
    assert len(made.chains) == 3
    assert [len(chain.steps) for chain in made.chains.values()] == [1, 1, 0]
    named = {prefix: signal.channels[0] for prefix, signal in made.options.signals.items()}
    assert named["a"] == named["b"] != named["c"]
    assert set(named.values()) == set(made.chains)


def test_what_comes_out_of_a_chain_is_not_filtered_again():
    made = plan({"emg": SignalOptions(**EEG, envelope=True, notch_hz=20, band_hz=(None, 0.2))})
    signal = made.options.signals["emg"]
    assert (signal.envelope, signal.notch_hz, signal.band_hz) == (False, None, None)


def test_a_long_window_reaches_back():
    made = plan({"eeg": SignalOptions(**EEG, window_s=90, trailing=True)})
    assert made.reaches == [Reach("EEG", 60.0, 90.0)]


def test_an_optional_channel_that_is_absent_needs_no_chain():
    made = plan({"temp": SignalOptions(channels=("TEMP",), features=("level",), required=False)})
    assert made.chains == {}


@pytest.mark.parametrize("networks", [False, True])
def test_the_inputs_of_networks_are_made_where_there_are_any(networks):
    signal = {"channels": ("EEG", "EMG", "ECG"), "optional": ("ECG",), "band_hz": (None, 20),
              "sfreq": 50, "normalise": "none"}  # fmt: skip
    made = plan({"eeg": SignalOptions(**EEG)}, networks=networks, network_inputs={"signal": signal})
    assert len(made.chains) == (3 if networks else 1)
    if networks:
        inputs = made.options.network_inputs.signal
        assert inputs.channels[2] == "ECG"
        assert {made.chains[name].sfreq for name in inputs.channels[:2]} == {50}
        assert (inputs.sfreq, inputs.band_hz) == (None, None)


def test_columns_that_look_ahead_are_left_out():
    context = ContextOptions(
        normalise=("session", "running"), centred_epochs=(3,), triangular_epochs=(3,),
        causal_epochs=(4,), lags=(-1, 2),
    )  # fmt: skip
    signals = {
        "eeg": SignalOptions(**EEG),
        "around": SignalOptions(**EEG, window_s=60),
        "middle": SignalOptions(**EEG, window_s=10),
    }
    left = causal_options(FeatureOptions(signals=signals, context=context), 30.0)
    assert list(left.signals) == ["eeg", "middle"]
    assert left.context == ContextOptions(normalise=("running",), causal_epochs=(4,), lags=(2,))


def test_how_far_context_reaches_back():
    assert count_past(ContextOptions(), 30.0) == 0
    assert count_past(ContextOptions(causal_epochs=(5, 15), lags=(3,)), 30.0) == 15
    both = ContextOptions(normalise=("running",), running_s=600, causal_epochs=(5,))
    assert count_past(both, 30.0) == 25


@pytest.mark.parametrize(
    ("given", "ahead"),
    [
        ({"signals": {"a": EEG}}, False),
        ({"signals": {"a": {**EEG, "band_hz": (1, 20)}}}, True),
        ({"signals": {"a": {**EEG, "band_hz": (1, 20)}}, "filters": "causal"}, False),
        ({"signals": {"a": EEG}, "artefacts": {"references": ("EKG",)}, "filters": "causal"}, True),
        (
            {
                "signals": {"a": {"array": "spectrogram", "features": ("spectrogram_regions",)}},
                "filters": "causal",
            },
            True,
        ),
    ],
)
def test_what_looks_ahead(given, ahead):
    assert FeatureOptions(**given).looks_ahead is ahead


class TestDeclarations:
    def test_units_become_canonical(self):
        given = {
            "A": {"sfreq": 1, "unit": "mV"},
            "B": {"sfreq": 1, "unit": "µV"},
            "C": {"sfreq": 1, "unit": "uS"},
        }
        declared = declare({"channels": given})
        assert declared.factors() == {"A": 1000.0, "B": 1.0, "C": 1.0}
        assert [one.unit for one in declared.recording().channels] == ["uV", "uV", "uS"]

    def test_only_what_is_known_is_metadata(self):
        declared = declare({"channels": {"A": {"sfreq": 1}}, "age": 40})
        assert declared.recording().metadata == {"age": 40}

    @pytest.mark.parametrize(
        ("given", "where"),
        [
            ({}, "channels"),
            ({"channels": {}}, "channels"),
            ({"channels": {"A": {"sfreq": 1e6}}}, r"channels\.A\.sfreq"),
            ({"channels": {"A": {"sfreq": float("nan")}}}, r"channels\.A\.sfreq"),
            ({"channels": {"A": {"sfreq": 1, "start_s": -1}}}, r"channels\.A\.start_s"),
            ({"channels": {"A": {"sfreq": 1}}, "sex": "x"}, "sex"),
            ({"channels": {"A": {"sfreq": 1}}, "data_source": "unknown"}, "data_source"),
            ({"channels": {"A": {"sfreq": 1}}, "name": "someone"}, "name"),
        ],
    )
    def test_a_fault_is_named_by_its_place(self, given, where):
        with pytest.raises(EpochalError, match=where):
            declare(given)
