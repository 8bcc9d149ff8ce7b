"""What reading windows lazily costs training: its share of a step, its memory, Lightning's share.

    python loading.py                     prints the rows, JSON a line
    python loading.py memory FOLDER N     prints the most anonymous memory, in bytes, of a pass over
                                          the first N recordings in FOLDER, a few steps trained

Windows of noise lie in HDF5 files as a study's do. The same network makes the same steps with
batches from the files, through `Sequences`, `SequenceData` and `DataLoader`, and with batches
indexed out of tensors in memory. Passes take turns; the processor's time is compared, since
a busy machine does not count. Pages of mapped files are not anonymous memory: the system drops
them when it needs the room.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from epochal.epoch_inputs import EpochInputs, InputStore, write_inputs
from epochal.models.networks.roster import NETWORKS
from epochal.models.networks.scaled import ScaledNetwork
from epochal.models.training.batches import Order, SequenceData, load_batches
from epochal.models.training.curves import FitPlace
from epochal.models.training.epoch_rows import EpochRows, Sequences
from epochal.models.training.losses import make_loss
from epochal.models.training.targets import RowTargets
from epochal.models.training.trainer import NetworkTraining, train
from epochal.options.networks import TrainingOptions

N_CHANNELS, SFREQ, EPOCH_S = 3, 100.0, 30
N_TIMES = round(SFREQ * EPOCH_S)
CLASSES = ("W", "N1", "N2", "N3", "REM")
N_RECORDINGS, N_EPOCHS = 40, 120  # 4.3 MB each
N_FEW, N_TIMED = 5, 3  # recordings beside whose memory that of all is set; of a pass that is timed
N_ROUNDS, N_LIGHTNING_ROUNDS, N_PASSES = 9, 5, 3
N_WATCHED = 4  # steps of training while memory is watched; then batches are only read
CASES = (("cnn1d", 1, 64), ("cnn_bilstm", 20, 4))


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = simulate_cohort(Path(folder))
        print(json.dumps(compare_memory(folder)), flush=True)
        for case in CASES:
            for row in compare_loaders(paths[:N_TIMED], *case):
                print(json.dumps(row), flush=True)
        print(json.dumps(compare_with_lightning(paths[:N_TIMED], *CASES[0])), flush=True)


def simulate_cohort(folder):
    random = np.random.default_rng(0)
    paths = [folder / f"sub-{number:02d}.h5" for number in range(N_RECORDINGS)]
    for path in paths:
        signal = random.standard_normal((N_EPOCHS, N_CHANNELS, N_TIMES), dtype=np.float32)
        epoch, run = np.arange(N_EPOCHS), np.zeros(N_EPOCHS, dtype=int)
        known = np.ones(N_EPOCHS, dtype=bool)
        write_inputs(path, EpochInputs({"signal": signal}, epoch, run, known, sfreq=SFREQ))
    return paths


# --- The loader -----------------------------------------------------------------------------------
def compare_loaders(paths, name, length, batch_size):
    """Return the rows of whole steps, and of nothing but the batches."""
    data = open_data(paths, length)
    files = load_batches(data, batch_size, order=make_order(len(data)))
    memory = Memory(data, batch_size)
    step = make_step(name)
    case = f"{name}, {batch_size} sequences of {length} a batch, 1 thread"
    trained = take_turns(lambda: run_pass(files, step), lambda: run_pass(memory, step))
    alone = take_turns(lambda: run_pass(files, look), lambda: run_pass(memory, look))
    n_epochs = len(paths) * N_EPOCHS
    return (
        make_row(f"training from files: {case}", n_epochs, trained, "tensors in memory"),
        make_row(f"batches alone: {case}", n_epochs, alone, "tensors in memory"),
    )


class Memory:
    """The same batches out of tensors in memory, in an order drawn anew for every pass."""

    def __init__(self, data, batch_size):
        everything = data.__getitems__(list(range(len(data))))
        self.tensors = {name: everything[name] for name in ("signal", "targets", "weights")}
        self.batch_size = batch_size

    def __iter__(self):
        drawn = torch.randperm(len(self.tensors["signal"]))
        for places in drawn.split(self.batch_size):
            yield {name: values[places] for name, values in self.tensors.items()}


def open_data(paths, length):
    """Return the sequences of some files, as `WindowNetwork` makes them."""
    ids = [path.stem for path in paths]
    store = InputStore({path.stem: str(path) for path in paths})
    keys = pd.DataFrame(
        {
            "recording_id": np.repeat(ids, N_EPOCHS),
            "epoch": np.tile(np.arange(N_EPOCHS), len(ids)),
        }
    )
    n_rows = len(keys)
    rows = EpochRows(store, keys, np.empty((n_rows, 0), dtype=np.float32))
    sequences = Sequences(
        rows, ("signal",), length=length, step=length, only=np.ones(n_rows, dtype=bool)
    )
    codes = np.random.default_rng(0).integers(0, len(CLASSES), n_rows)
    targets = RowTargets(codes, np.ones(n_rows), keys["recording_id"].to_numpy(), CLASSES)
    return SequenceData(sequences, targets, np.full(len(sequences), -1))


def make_order(n_sequences):
    return Order(lambda number: np.random.default_rng(number).permutation(n_sequences))


def make_network(name):
    torch.manual_seed(0)
    network = NETWORKS[name](
        n_channels=N_CHANNELS, n_times=N_TIMES, sfreq=SFREQ, n_classes=len(CLASSES)
    )
    return ScaledNetwork(network, {"signal": (np.zeros((N_CHANNELS, 1)), np.ones((N_CHANNELS, 1)))})


def make_step(name):
    """Return a step of training as plainly as it can be written."""
    network, loss_of = make_network(name).train(), make_loss("weighted_cross_entropy")
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)

    def step(batch):
        optimiser.zero_grad()
        logits = network(batch["signal"]).flatten(0, 1)
        loss = loss_of(logits, batch["targets"].flatten(), batch["weights"].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()

    return step


def look(batch):
    """Take a batch and do nothing with it."""


def run_pass(batches, step):
    for batch in batches:
        step(batch)


# --- Lightning ------------------------------------------------------------------------------------
def compare_with_lightning(paths, name, length, batch_size):
    """Compare a further pass of `train` with one of the plain loop, from the same files.

    What `train` does once, before and after, is left out: further passes are what is compared.
    """
    data, step = open_data(paths, length), make_step(name)
    files = load_batches(data, batch_size, order=make_order(len(data)))

    def fit(n_passes):
        options = TrainingOptions(max_epochs=n_passes, batch_size=batch_size)
        module = NetworkTraining(
            make_network(name),
            make_loss("weighted_cross_entropy"),
            options,
            n_sequences=len(data),
        )
        batches = load_batches(data, batch_size, order=make_order(len(data)))
        with tempfile.TemporaryDirectory() as folder:
            train(module, batches, None, FitPlace(Path(folder), name, "all"))

    short, long, plain = take_turns(
        lambda: fit(1),
        lambda: fit(1 + N_PASSES),
        lambda: run_pass(files, step),
        n_rounds=N_LIGHTNING_ROUNDS,
    )
    ours = [(many - one) / N_PASSES for one, many in zip(short, long, strict=True)]
    case = f"a pass by Lightning: {name}, {batch_size} sequences of {length} a batch, 1 thread"
    row = make_row(case, len(paths) * N_EPOCHS, (ours, plain), "a plain loop, the same files")
    return row | {"once_s": round(statistics.median(short) - statistics.median(ours), 3)}


# --- Memory ---------------------------------------------------------------------------------------
def compare_memory(folder):
    """Return the row of the anonymous memory of a pass over few and over many recordings."""
    case = f"most anonymous memory of a pass over {N_RECORDINGS} recordings, {{}} MB of windows"
    size_mb = N_RECORDINGS * N_EPOCHS * N_CHANNELS * N_TIMES * 4 / 1e6
    row = {"case": case.format(round(size_mb)), "unit": "MB"}
    if not Path("/proc/self/status").exists():
        return row | {"skipped": "no /proc/self/status to read it from"}
    many, few = (measure_memory(folder, n) for n in (N_RECORDINGS, N_FEW))
    return row | {
        "ours": round(many, 1),
        "peer_name": f"ours, {N_FEW} recordings",
        "peer": round(few, 1),
        "ratio": round(few / many, 3),
    }


def measure_memory(folder, n_recordings):
    command = [sys.executable, __file__, "memory", folder, str(n_recordings)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout) / 1e6


def watch_memory(folder, n_recordings):
    """Print the most anonymous memory of a pass, in bytes."""
    torch.set_num_threads(1)
    data = open_data(sorted(Path(folder).glob("*.h5"))[:n_recordings], 1)
    step, most = make_step("cnn1d"), 0
    for number, batch in enumerate(load_batches(data, 64, order=make_order(len(data)))):
        (step if number < N_WATCHED else look)(batch)
        most = max(most, read_anonymous())
    print(most)


def read_anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


# --- Measuring ------------------------------------------------------------------------------------
def take_turns(*calls, n_rounds=N_ROUNDS):
    """Return for each call its processor seconds in every round, after a first call."""
    seconds = [[] for _ in calls]
    for turn in range(n_rounds + 1):
        for call, times in zip(calls, seconds, strict=True):
            start = time.process_time()
            call()
            if turn:
                times.append(time.process_time() - start)
    return seconds


def make_row(case, n_epochs, seconds, peer_name):
    ours, peer = (n_epochs / statistics.median(times) for times in seconds)
    return {
        "case": case,
        "unit": "epochs/s",
        "ours": round(ours),
        "peer_name": peer_name,
        "peer": round(peer),
        "ratio": round(ours / peer, 3),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        watch_memory(sys.argv[2], int(sys.argv[3]))
    else:
        main()
