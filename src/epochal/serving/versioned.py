"""JSON files that say of which format they are: manifests of bundles and of runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from epochal.errors import EpochalError

Kept = TypeVar("Kept", bound=BaseModel)


def read_versioned(path: Path, kind: type[Kept], *, version: int, what: str) -> Kept:
    """Return what a file holds; another `format_version`, or damage, raises `EpochalError`.

    The version is checked first: another version's file holds other keys.
    """
    try:
        content = json.loads(path.read_bytes())
        found = content.get("format_version") if isinstance(content, dict) else None
        if found != version:
            raise EpochalError(f"{path}: {what} format {found}; this Epochal reads {version}")
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise EpochalError(f"{path}: {where}: {first['msg']}") from error
    except ValueError as error:
        raise EpochalError(f"{path}: not a manifest ({error})") from error
