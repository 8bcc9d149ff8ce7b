"""Plain JSON of what numpy and pandas left behind."""

from __future__ import annotations

import json
import math
from typing import Any


def as_json(content: Any) -> bytes:
    """Return JSON in which what is not finite is null: NaN and Infinity are no JSON."""
    return json.dumps(clean(content), allow_nan=False).encode()


def clean(value: Any) -> Any:
    """Return plain lists, dictionaries and numbers, null for what is not finite."""
    if isinstance(value, dict):
        return {str(name): clean(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(one) for one in value]
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
