"""What a network may know before it sees a label: from recordings, or from an earlier fit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from epochal.epoch_inputs import EpochInputs
from epochal.errors import EpochalError
from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.roster import network_values
from epochal.models.networks.scaled import ScaledNetwork
from epochal.models.training.curves import FitPlace, Pass, write_curve
from epochal.models.training.devices import choose_device
from epochal.models.training.epoch_rows import Sequences
from epochal.models.training.plain import train_network
from epochal.models.training.pretext import make_pretext_task
from epochal.models.training.randomness import random_states, restore_random_states
from epochal.options.deep import PROVENANCE, WEIGHTS
from epochal.options.networks import PretrainingOptions

STATE = "pretraining.pt"  # of a network that has been pre-trained, and of the random numbers then
CURVE = "pretraining"  # the folder of its curve


def pretrain(
    scaled: ScaledNetwork,
    sequences: Sequences,
    inputs: EpochInputs,
    options: PretrainingOptions,
    *,
    seed: int,
    place: FitPlace,
) -> None:
    """Train a network on its pretext task over sequences, labelled or not.

    Once done, what it learnt lies in the place: a fit that is interrupted later finds it there.
    """
    done = place.folder / STATE
    if not done.is_file():
        passes = _pass_by_pass(scaled, sequences, inputs, options, seed=seed)
        own = FitPlace(place.folder / CURVE, place.model, f"{place.part}.{CURVE}")
        write_curve(passes, own, tell=True)
        state = {"weights": scaled.cpu().state_dict(), "random": random_states()}
        torch.save(state, done.with_name(f".{STATE}"))
        done.with_name(f".{STATE}").rename(done)
    state = torch.load(done, weights_only=True, map_location="cpu")
    scaled.load_state_dict(state["weights"])
    restore_random_states(state["random"])


def _pass_by_pass(
    scaled: ScaledNetwork,
    sequences: Sequences,
    inputs: EpochInputs,
    options: PretrainingOptions,
    *,
    seed: int,
) -> Iterator[Pass]:
    """Pre-train where networks are trained; yield each pass's loss, which no selection sees."""
    device = choose_device()
    task = make_pretext_task(scaled.network, options, channel_names=inputs.channels)
    assert task is not None  # the caller asked
    task.to(device).train()
    scaled.to(device)  # its scales too
    generator = torch.Generator().manual_seed(seed)

    def loss_of(places: torch.Tensor) -> torch.Tensor:
        batch = sequences.__getitems__(places.tolist())
        signal = scaled.scale("signal", torch.as_tensor(batch["signal"]).to(device))
        return task.loss(signal, generator)

    return train_network(
        task,
        loss_of,
        len(sequences),
        seed=seed,
        n_epochs=options.max_epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
    )


def read_provenance(folder: Path) -> dict[str, Any]:
    """Return what the weights in a folder are of: `kind`, `network_params`, `subjects`.

    A folder without weights, or without their provenance, raises `EpochalError`.
    """
    for name in (WEIGHTS, PROVENANCE):
        if not (folder / name).is_file():
            raise EpochalError(f"{folder}: no {name} here; name a folder that a fit has left")
    try:
        found = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        return {name: found[name] for name in ("kind", "network_params", "subjects")}
    except (ValueError, KeyError, TypeError) as error:
        raise EpochalError(f"{folder / PROVENANCE}: not a provenance ({error!r})") from error


def refuse_other_network(folder: Path, kind: str, params: Mapping[str, Any]) -> None:
    """Raise `EpochalError` for a folder without weights, or with those of another network.

    A parameter may change what a network does without the shape of a weight; only its head and its
    dropout may be others.
    """
    found = read_provenance(folder)
    if found["kind"] != kind:
        raise EpochalError(f"{folder}: weights of a {found['kind']}, not of a {kind}")
    theirs, ours = (network_values(kind, given) for given in (found["network_params"], params))
    for name, value in ours.items():
        may_differ = name == "head" or "dropout" in name
        if not may_differ and json.dumps(theirs[name]) != json.dumps(value):  # (1, 2) became [1, 2]
            raise EpochalError(
                f"{folder}: weights of a {kind} with {name} {theirs[name]!r}, not {value!r}"
            )


def load_pretrained(
    network: EpochNetwork, folder: Path, *, kind: str, params: Mapping[str, Any]
) -> None:
    """Begin from the weights of an earlier fit, heads aside where the classes differ.

    Another network, or layers of other shapes, raise `EpochalError`.
    """
    refuse_other_network(folder, kind, params)
    saved = torch.load(folder / WEIGHTS, weights_only=True, map_location="cpu")
    own = network.state_dict()
    prefix = "network."
    found = {name.removeprefix(prefix): value for name, value in saved.items()}
    body = {name: found[name] for name in own if name in found and not name.startswith("head.")}
    for name in own:
        if not name.startswith("head.") and (
            name not in body or body[name].shape != own[name].shape
        ):
            raise EpochalError(f"{folder}: its layer '{name}' has another shape than here")
    heads = {
        name: found[name]
        for name in own
        if name.startswith("head.") and name in found and found[name].shape == own[name].shape
    }
    network.load_state_dict(own | body | heads)
