import inspect
import os
import shutil
import tempfile
from functools import partial

import pytest
from hypothesis import settings

# Tiny fits side by side: threads that spin would starve each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Kedro reads its settings by dynaconf, which asks for the lines of code of the whole stack, each
# time anew: under pytest, whose stack is deep, that is a second. Without the lines it is none.
inspect.stack = partial(inspect.stack, 0)

# How long an example takes says something of the machine, not of the code.
settings.register_profile("epochal", deadline=None)
settings.load_profile("epochal")


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
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield
    for left in folder.glob("epochal-*"):  # what else lies there clears up after itself later
        shutil.rmtree(left, ignore_errors=True)
