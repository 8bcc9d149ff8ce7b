"""Pieces of work that worker processes can import."""

import os
import signal
import time
from pathlib import Path


class UntransportableError(Exception):
    """Pickles, but cannot be made again: it wants two arguments and hands on one."""

    def __init__(self, what, where):
        super().__init__(f"{what} at {where}")


class UnpicklableError(Exception):
    """Holds what no process can hand on."""

    def __init__(self):
        super().__init__("holds a function")
        self.function = lambda: None


def write(path):
    path.write_text(str(os.getpid()))


def fail(error):
    raise error


def fail_untransportably():
    raise UntransportableError("nothing", "home")


def fail_unpicklably():
    raise UnpicklableError


def begin_and_end(name, log, rest_s=0.3):
    """Log `<begin or end> <name> <pid>`, and rest in between."""
    for word in ("begin", "end"):
        with Path(log).open("a") as file:
            file.write(f"{word} {name} {os.getpid()}\n")
        if word == "begin":
            time.sleep(rest_s)
    return name.upper()


def kill_own_process():
    os.kill(os.getpid(), signal.SIGKILL)


def summarise(table, factor):
    return float(table.to_numpy().sum() * factor)
