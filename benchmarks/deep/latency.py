"""What an epoch costs each network at its study's shape: ONNX Runtime and PyTorch by turns.

Each network is exported as a bundle holds it, scaling and softmax included, and both forms answer
by one thread. A network over sequences is given one epoch, and 20 at once, which is what a stream
pays that gives it the last 20 again for every new epoch. Where there is a GPU, epochs in batches of
64 there, copying included. Prints the rows, JSON a line.
"""

import json
import statistics
import time

import numpy as np
import torch

from epochal.models.export_network import write_network as write_onnx
from epochal.models.networks.residual_mlp import ResidualMLP
from epochal.models.networks.roster import NETWORKS
from epochal.models.networks.scaled import Probabilities, ScaledNetwork
from epochal.serving.bundle import open_session

N_COLUMNS = 41  # of the sleep table
N_ROUNDS, ROUND_S, LENGTH, GPU_BATCH = 9, 0.04, 20, 64
LIMIT_MS, DEFAULT_LIMIT_MS = 50.0, 10.0
GPU_CASE = f"an epoch in batches of {GPU_BATCH}, PyTorch on a GPU"
SHAPES = {  # channels, samples, Hz, and of a spectrogram channels, frequencies, frames
    "sleep": ((3, 3000, 100.0), None, 5),
    "rodent": ((2, 1000, 100.0), None, 3),
    "slow oscillation": ((1, 1250, 125.0), None, 3),
    "stress": ((6, 2100, 35.0), None, 2),
    "harmful EEG": ((19, 10_000, 200.0), (4, 50, 75), 6),
}
STUDIES = {
    "column_gru": ["sleep"],
    "cnn1d": ["slow oscillation"],
    "lstm": ["slow oscillation"],
    "resnet_se": ["stress"],
    "resnet_gru": ["harmful EEG"],
    "spectrogram_net": ["harmful EEG"],
    "attention_fusion": ["harmful EEG"],
}
SEQUENTIAL_STUDIES = ["sleep", "rodent"]


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(json.dumps(measure_mlp()), flush=True)
    for name in NETWORKS:
        for study in STUDIES.get(name, SEQUENTIAL_STUDIES):
            for row in measure_network(name, study):
                print(json.dumps(row), flush=True)
    if not torch.cuda.is_available():
        print(json.dumps({"case": GPU_CASE, "unit": "ms", "skipped": "no GPU that PyTorch sees"}))


def measure_network(name, study):
    """Return the rows of one network on the CPU, and of the GPU."""
    module, shapes = build(name, study)
    lengths = (1, LENGTH) if NETWORKS[name].SEQUENTIAL else (1,)
    rows = []
    for length in lengths:
        batch = {key: torch.randn(2, length, *shape) for key, shape in shapes.items()}
        session = open_session(write_onnx(module, batch))
        one = {key: values[:1] for key, values in batch.items()}
        rows.append(compare(f"{name}, {study}, {describe(length)}", module, session, one))
    if torch.cuda.is_available():
        rows.append(measure_gpu(f"{name}, {study}", module, shapes))
    return rows


def build(name, study):
    """Return the network as it is exported, and the shapes of an epoch's inputs."""
    (n_channels, n_times, sfreq), spectrogram, n_classes = SHAPES[study]
    kind = NETWORKS[name]
    shapes = {"signal": (n_channels, n_times), "spectrogram": spectrogram}
    shapes = {key: shapes[key] for key in kind.INPUTS} or {"features": (N_COLUMNS,)}
    given = {"spectrogram_shape": spectrogram} if "spectrogram" in shapes else {}
    given |= {"n_features": N_COLUMNS} if "features" in shapes else {}
    network = kind(
        n_channels=n_channels, n_times=n_times, sfreq=sfreq, n_classes=n_classes, **given
    )
    scales = {
        key: (np.zeros((shape[0],) + (1,) * (len(shape) - 1)),) * 2 for key, shape in shapes.items()
    }
    return Probabilities(ScaledNetwork(network, scales)).eval(), shapes


def describe(length):
    return "one epoch" if length == 1 else f"{length} epochs at once"


def measure_mlp(n_features=63):
    """Return the row of the network over features."""
    network, batch = ResidualMLP(n_features, 5).eval(), {"features": torch.randn(1, n_features)}
    session = open_session(write_onnx(network, batch))
    return compare(f"residual_mlp, {n_features} features, one epoch", network, session, batch)


def compare(case, module, session, batch):
    given = {key: values.numpy() for key, values in batch.items()}
    arguments = tuple(batch.values())

    @torch.inference_mode()
    def run_torch():
        return module(*arguments)

    seconds = take_turns(lambda: session.run(None, given), run_torch)
    ours, peer = (1e3 * statistics.median(times) for times in seconds)
    return {
        "case": f"{case}, ONNX Runtime, 1 thread",
        "unit": "ms",
        "ours": round(ours, 3),
        "peer_name": "PyTorch",
        "peer": round(peer, 3),
        "ratio": round(peer / ours, 2),
        "within_50_ms": ours <= LIMIT_MS,
        "within_10_ms": ours <= DEFAULT_LIMIT_MS,
    }


def take_turns(*calls):
    """Return for each call the processor seconds of one, in every round."""
    seconds = [[] for _ in calls]
    n_times = [1 + int(ROUND_S / max(1e-6, clock(call, 1))) for call in calls for _ in (call(),)]
    for _ in range(N_ROUNDS):
        for call, n, times in zip(calls, n_times, seconds, strict=True):
            times.append(clock(call, n))
    return seconds


def clock(call, n_times):
    start = time.process_time()
    for _ in range(n_times):
        call()
    return (time.process_time() - start) / n_times


def measure_gpu(case, module, shapes):
    """Return a row of an epoch's share of a batch on the GPU."""
    batch = [torch.randn(GPU_BATCH, 1, *shape).pin_memory() for shape in shapes.values()]
    module.cuda()

    @torch.inference_mode()
    def run():
        return module(*(values.cuda(non_blocking=True) for values in batch)).cpu()

    for _ in range(3):
        run()
    start, n_times = time.perf_counter(), 20
    for _ in range(n_times):
        run()
    milliseconds = 1e3 * (time.perf_counter() - start) / n_times / GPU_BATCH
    module.cpu()
    return {
        "case": f"{case}, {GPU_CASE}: {torch.cuda.get_device_name()}",
        "unit": "ms",
        "ours": round(milliseconds, 4),
        "peer_name": None,
        "peer": None,
        "ratio": None,
        "within_10_ms": milliseconds <= DEFAULT_LIMIT_MS,
    }


if __name__ == "__main__":
    main()
