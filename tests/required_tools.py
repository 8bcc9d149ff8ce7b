"""Programs that some tests need: without one they skip with the reason, but never in CI."""

from __future__ import annotations

import os
import shutil

import pytest


def require(name: str) -> str:
    """Return the path of a program; where it is absent, skip, or fail in CI."""
    found = shutil.which(name)
    if found is not None:
        return found
    reason = f"needs the program '{name}', which is not installed here"
    if os.environ.get("CI") or os.environ.get("EPOCHAL_CI") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
