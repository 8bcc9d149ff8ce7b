"""The section `parallel` of conf, as the catalog hands it to datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from epochal.errors import EpochalError
from epochal.options.base import make_options, say_fault
from epochal.parallel import ParallelOptions

_VARIABLES = {
    "backend": "EPOCHAL_BACKEND",
    "address": "EPOCHAL_DASK",
    "table_memory_mb": "EPOCHAL_TABLE_MEMORY_MB",
}


def read_parallel(given: dict[str, Any]) -> ParallelOptions:
    """Return the options; `EpochalError` says what was given, what is allowed, and where."""
    try:
        return make_options(ParallelOptions, given)
    except ValidationError as error:
        raise EpochalError("; ".join(map(_say, error.errors()))) from error


def _say(fault: Mapping[str, Any]) -> str:
    name = fault["loc"][0]
    where = " or ".join(filter(None, ["globals.yml", _VARIABLES.get(name)]))
    return f"{say_fault(fault, 'parallel')} ({where})"
