"""Small inputs for the networks of the roster, in the proportions of the five studies."""

import inspect
import io
import warnings

import numpy as np
import onnxruntime
import torch

from epochal.models.networks.roster import NETWORKS

N_CLASSES, N_FEATURES = 3, 4
SPECTROGRAM = (2, 24, 20)  # channels, frequencies, times
STUDIES = {  # channels, samples, Hz: with the length of an epoch, at a rate that tests can afford
    "sleep": (3, 1500, 50.0),
    "rodent": (2, 500, 50.0),
    "icu": (19, 2000, 40.0),
    "slow": (1, 1250, 125.0),
    "stress": (6, 2100, 35.0),
}
SMALL = (2, 128, 32.0)


def make_network(name, shape=SMALL, *, seed=0, **params):
    """Return a network of the roster whose weights the seed decides, ready to be trained."""
    n_channels, n_times, sfreq = shape
    network = NETWORKS[name]
    if "spectrogram" in network.INPUTS:
        params = {"spectrogram_shape": SPECTROGRAM, **params}
    if not network.INPUTS:  # columns are all it sees
        params = {"n_features": N_FEATURES, **params}
    torch.manual_seed(seed)
    return network(
        n_channels=n_channels, n_times=n_times, sfreq=sfreq, n_classes=N_CLASSES, **params
    )


def without_dropout(name):
    """Return the option that switches dropout off, where the network has it."""
    return {"dropout": 0.0} if "dropout" in inspect.signature(NETWORKS[name]).parameters else {}


def make_inputs(n_sequences, n_epochs, shape=SMALL, *, seed=0):
    """Return noise by name of the input; a network looks at what it knows."""
    generator = torch.Generator().manual_seed(seed)
    sizes = {"signal": shape[:2], "features": (N_FEATURES,), "spectrogram": SPECTROGRAM}
    return {
        name: torch.randn(n_sequences, n_epochs, *size, generator=generator)
        for name, size in sizes.items()
    }


def inputs_of(network, inputs):
    """Return the inputs without the side features where the network has none."""
    return inputs if network.n_features else inputs | {"features": None}


def answer(network, inputs):
    """Return logits in eval mode, without the side features where the network has none."""
    with torch.inference_mode():
        return network.eval()(**inputs_of(network, inputs))


def settle(network, inputs):
    """Let the running statistics of BatchNorm see something, so that they are no mere 0 and 1."""
    with torch.no_grad():
        for _ in range(3):
            network.train()(**inputs_of(network, inputs))
    return network.eval()


def export(network, inputs):
    """Return a session over the network's ONNX form, free in batch size and sequence length."""
    buffer, free = io.BytesIO(), {0: "n_sequences", 1: "n_epochs"}
    names = ["signal", "features", "spectrogram"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's age
        torch.onnx.export(
            network.eval(), tuple(inputs[name] for name in names), buffer, dynamo=False,
            opset_version=17, input_names=names, output_names=["logits"],
            dynamic_axes=dict.fromkeys([*names, "logits"], free),
        )  # fmt: skip
    return onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])


def answer_onnx(session, inputs):
    """Return the logits of an export, given the inputs that it kept."""
    feed = {kept.name: np.asarray(inputs[kept.name]) for kept in session.get_inputs()}
    return torch.as_tensor(session.run(None, feed)[0])
