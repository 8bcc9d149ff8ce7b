import gc
import inspect
import multiprocessing.util
import os
import shutil
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tiny fits side by side: threads that spin would starve each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell has what it starts in the background ignore Ctrl-C, and so would whatever tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Kedro reads its settings by dynaconf, which asks for the lines of code of the whole stack, each
# time anew: under pytest, whose stack is deep, that is a second. Without the lines it is none.
inspect.stack = partial(inspect.stack, 0)

# jsonschema would compile grammars of IRIs for seconds as it is imported; no schema here has any.
sys.modules.setdefault("rfc3987_syntax", None)

# How long an example takes says something of the machine, not of the code. In CI the examples are
# the same each time: a new one that fails is for who works here, not for who next submits a change.
settings.register_profile(
    "epochal",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="EPOCHAL_CI" in os.environ,
)
settings.load_profile("epochal")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for no garbage while everything is imported, nor later in what was.

    It is millions of objects that stay: to go through them again and again takes a tenth of the
    time of all tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Leave slow tests out of coverage: it takes them twice as long, and shows little that is new.

    What their fixtures do, a whole graph say, is counted.
    """
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker("no_cover")


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder(tmp_path_factory):
    """What anything puts into the system's temporary folder goes when the tests are over."""
    multiprocessing.util.get_temp_dir()  # made now, outside: it is removed later than all of this
    folder = tmp_path_factory.mktemp("temporary")
    root = tmp_path_factory.getbasetemp()
    shared = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHARED_BY_WORKERS", str(shared))
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield
    for left in folder.glob("epochal-*"):  # what else lies there clears up after itself later
        shutil.rmtree(left, ignore_errors=True)


@pytest.fixture(scope="session")
def demo(_temporary_folder):
    """A tiny project that has run all eight pipelines: to be read, or copied and changed."""
    from projects import Project, make_once, make_project

    folder = Path(os.environ["SHARED_BY_WORKERS"]) / "demo"
    return Project(make_once(folder, lambda part: make_project(part).run()))
