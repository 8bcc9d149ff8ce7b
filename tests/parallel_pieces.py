"""Pieces of work that worker processes can import."""

import os


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
