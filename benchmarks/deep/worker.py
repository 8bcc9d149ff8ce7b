"""One network, run and trained as often as it is told to, by one thread.

`python worker.py NAME N_CHANNELS`: prints the number of the network's parameters; then for every
line `WAY N_SEQUENCES LENGTH N_TIMES` that it reads (WAY: forward, train or onnx) prints the
processor seconds and the seconds of one call, means over so many. Run by the environment of the
network's library.
"""

import io
import math
import os
import sys
import time
import warnings
from functools import cache

import networks
import torch

OPSET = 17


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    name, n_channels, answers = sys.argv[1], int(sys.argv[2]), silence()
    make = networks.make_peer if name in networks.PEERS else networks.make_ours
    network = make(name, n_channels)
    print(sum(p.numel() for p in network.parameters()), file=answers, flush=True)

    @cache
    def prepare(way, *layout):
        shape = (*networks.shape_input(name, *layout), n_channels, networks.N_TIMES)
        return PREPARE[way](name, network, shape)

    for line in sys.stdin:
        way, *numbers = line.split()
        n_sequences, length, n_times = map(int, numbers)
        call = prepare(way, n_sequences, length)
        network.train(way == "train")
        print(*measure(call, n_times), file=answers, flush=True)


def silence():
    """Return the standard output, and send what libraries print elsewhere."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def measure(call, n_times):
    processor_s, elapsed_s = time.process_time(), time.perf_counter()
    for _ in range(n_times):
        call()
    return (
        (time.process_time() - processor_s) / n_times,
        (time.perf_counter() - elapsed_s) / n_times,
    )


def prepare_forward(name, network, shape):
    signal = torch.randn(shape)

    @torch.inference_mode()
    def forward():
        return network(signal)

    return forward


def prepare_training(name, network, shape):
    """Return a whole step: forward, cross-entropy, backward and AdamW."""
    signal = torch.randn(shape)
    targets = torch.randint(networks.N_CLASSES, (math.prod(shape[:-2]),))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)

    def step():
        optimiser.zero_grad()
        logits = networks.flatten_logits(name, network(signal))
        torch.nn.functional.cross_entropy(logits, targets).backward()
        optimiser.step()

    return step


def prepare_onnx(name, network, shape):
    import onnxruntime

    signal, file = torch.randn(shape), io.BytesIO()
    network.eval()
    torch.onnx.export(
        network, (signal,), file, dynamo=False, input_names=["signal"], opset_version=OPSET
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        file.getvalue(), options, providers=["CPUExecutionProvider"]
    )
    given = {"signal": signal.numpy()}
    return lambda: session.run(None, given)


PREPARE = {"forward": prepare_forward, "train": prepare_training, "onnx": prepare_onnx}

if __name__ == "__main__":
    main()
