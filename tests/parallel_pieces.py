"""Pieces of work that worker processes can import."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from sklearn.linear_model import LogisticRegression

from epochal.mapped_tables import describe_mapping
from epochal.parallel import ParallelOptions, run_pieces
from epochal.places import writing
from waiting import until


class Unreadable:
    """Pickles, but cannot be made again."""

    def __reduce__(self):
        return int, ("no number",)


class UntransportableError(Exception):
    """Pickles, but what it holds cannot be made again."""

    def __init__(self):
        super().__init__("nothing at home")
        self.held = Unreadable()


class UnpicklableError(Exception):
    """Holds what no process can hand on."""

    def __init__(self):
        super().__init__("holds a function")
        self.function = lambda: None


def write(path):
    path.write_text(str(os.getpid()))


def fail(error, *given):
    raise error


def fail_untransportably():
    raise UntransportableError


def fail_unpicklably():
    raise UnpicklableError


def shut_after(n_ended, log):
    """Hold every piece that logs to `log` in its middle once so many have ended; return the gate.

    They go on when that file is removed.
    """
    gate = Path(f"{log}.gate")
    gate.write_text(str(n_ended))
    return gate


def begin_and_end(name, log, rest_s=0.3):
    """Log `<begin or end> <name> <pid>`, and rest in between; `held` where a gate is shut."""
    log, gate = Path(log), Path(f"{log}.gate")
    _log(log, "begin", name)
    time.sleep(rest_s)
    if gate.exists() and log.read_text().count("end ") >= int(gate.read_text()):
        _log(log, "held", name)
        until(lambda: not gate.exists(), within_s=300)
    _log(log, "end", name)
    return name.upper()


def _log(log, word, name):
    with log.open("a") as file:
        file.write(f"{word} {name} {os.getpid()}\n")


def write_hdf5(path, n, go_on):
    """Write so many datasets, and as many again once the file `go_on` is there.

    To handle them holds HDF5's lock most of the time.
    """
    with writing(path) as part, h5py.File(part, "w") as file:
        for index in range(n):
            file[str(index)] = np.arange(1000)
        until(go_on.exists, within_s=300)
        for index in range(n):
            file[f"more{index}"] = np.arange(1000)


def write_many_hdf5(folder, n):
    """Write eight files in four threads, as a terminal's Ctrl-C finds a run."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    go_on = folder / "go on"
    pieces = {str(i): partial(write_hdf5, folder / f"{i}.h5", n, go_on) for i in range(8)}
    run_pieces(pieces, description="files", options=ParallelOptions(n_jobs=4))


def kill_own_process():
    os.kill(os.getpid(), signal.SIGKILL)


def summarise(table, factor):
    return float(table.to_numpy().sum() * factor)


def where(table):
    """Return the sum of a table's numbers, and the file that holds them."""
    mapping = describe_mapping(table)
    return float(table["x"].sum()), mapping and mapping.path


def add(*numbers, log=None):
    """Return the sum, and log that it was made."""
    if log is not None:
        with Path(log).open("a") as file:
            file.write(f"{sum(numbers)}\n")
    return sum(numbers)


class WatchedRegression(LogisticRegression):
    """A logistic regression that logs when a fit of so many rows begins and ends, and where."""

    def __init__(self, log=None, rest_s=0.0, C=1.0):
        super().__init__(C=C)
        self.log, self.rest_s = log, rest_s

    def fit(self, X, y):
        begin_and_end(f"{len(X)}_{X.to_numpy().sum():.6f}", self.log, self.rest_s)
        return super().fit(X, y)


def build_watched(seed, **params):
    return WatchedRegression(**params)


WATCHED = {"watched": build_watched}
