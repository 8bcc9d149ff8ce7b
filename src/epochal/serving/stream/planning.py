"""Which chains a bundle's features need, and its options for features of what comes out of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from epochal.features.context import is_causal
from epochal.options.features import ContextOptions, FeatureOptions, SignalOptions
from epochal.options.ingestion import IngestionOptions
from epochal.options.network_inputs import SignalInputOptions
from epochal.recording import Channel, Recording
from epochal.serving.stream.chains import Chain
from epochal.serving.stream.tails import find_period


class Reach(NamedTuple):
    """How far before an epoch's onset a chain is read, and for how long, in seconds."""

    chain: str
    before_s: float
    length_s: float


class Plan(NamedTuple):
    """Chains by the names of the channels that they give, and the options that read them."""

    chains: dict[str, Chain]
    options: FeatureOptions
    reaches: list[Reach]


def causal_options(options: FeatureOptions, length_s: float) -> FeatureOptions:
    """Return the options without the columns that look ahead: no causal model reads them."""
    signals = {
        prefix: one for prefix, one in options.signals.items() if not _is_centred(one, length_s)
    }
    given = {"signals": signals, "context": _causal_context(options.context)}
    return options.model_copy(update=given)


def plan_chains(
    prepared: Recording, options: FeatureOptions, ingestion: IngestionOptions, *, networks: bool
) -> Plan:
    """Return what is to be done with a prepared recording's channels (`prepare_recording`).

    The inputs of networks are planned only where there are `networks`.
    """
    planner = _Planner(prepared, ingestion.epoch_length_s)
    signals = {prefix: planner.signal(one) for prefix, one in options.signals.items()}
    inputs = options.network_inputs
    if networks and inputs.signal is not None:
        inputs = inputs.model_copy(update={"signal": planner.inputs(inputs.signal)})
    given = {"signals": signals, "network_inputs": inputs, "montage": None}
    chains = planner.chains
    period_s = find_period([chain.sfreq for chain in chains.values()])
    for chain in chains.values():
        chain.tail.period = max(1, round(period_s * chain.sfreq))
    return Plan(chains, options.model_copy(update=given), planner.reaches)


class _Planner:
    """Chains by name, each made once."""

    def __init__(self, prepared: Recording, length_s: float) -> None:
        self._prepared, self._length_s = prepared, length_s
        self.chains: dict[str, Chain] = {}
        self.reaches: list[Reach] = []

    def signal(self, signal: SignalOptions) -> SignalOptions:
        """Return a signal's options for what its chains give."""
        if not set(signal.channels) <= set(self._prepared.channel_names):
            return signal  # optional and absent: NaN columns
        steps = {
            "envelope": signal.envelope, "band_hz": signal.band_hz, "notch_hz": signal.notch_hz,
            "sfreq": signal.sfreq,
        }  # fmt: skip
        window_s = signal.window_s or self._length_s
        before_s = window_s - self._length_s if signal.trailing else 0.0
        if not signal.trailing:  # the middle of the epoch
            window_s = self._length_s
        names = [self._chain(name, (before_s, window_s), **steps) for name in signal.channels]
        given = {
            "channels": tuple(names), "envelope": False, "band_hz": None, "notch_hz": None,
            "sfreq": None,
        }  # fmt: skip
        return signal.model_copy(update=given)

    def inputs(self, signal: SignalInputOptions) -> SignalInputOptions:
        """Return a network's options for what its chains give."""
        names = {}
        for name in signal.channels:
            if name in self._prepared.channel_names:
                names[name] = self._chain(
                    name,
                    (0.0, self._length_s),
                    band_hz=signal.bands_hz.get(name, signal.band_hz),
                    notch_hz=signal.notch_hz,
                    sfreq=signal.sfreq,
                )
        given: dict[str, Any] = {
            "channels": tuple(names.get(name, name) for name in signal.channels),
            "optional": tuple(names.get(name, name) for name in signal.optional),
            "band_hz": None, "bands_hz": {}, "notch_hz": None, "sfreq": None,
        }  # fmt: skip
        return signal.model_copy(update=given)

    def _chain(self, channel: str, window: tuple[float, float], **steps: Any) -> str:
        """Return the name of a chain, made where it is not there."""
        asked = {name: value for name, value in steps.items() if value}
        name = f"{channel} {asked}" if asked else channel
        if name not in self.chains:
            self.chains[name] = Chain(self._source(channel), **steps)
        self.reaches.append(Reach(name, *window))
        return name

    def _source(self, name: str) -> Channel:
        return self._prepared.channel(name)


def _is_centred(signal: SignalOptions, length_s: float) -> bool:
    """Say whether a signal's windows reach beyond their epoch's end."""
    return signal.window_s is not None and signal.window_s > length_s and not signal.trailing


def _causal_context(context: ContextOptions) -> ContextOptions:
    """Return the context without what looks ahead."""
    kept = tuple(one for one in context.normalise if is_causal([f"x__{one}"]))
    lags = tuple(lag for lag in context.lags if lag > 0)
    given = {"normalise": kept, "centred_epochs": (), "triangular_epochs": (), "lags": lags}
    return context.model_copy(update=given)
