"""The parent of all parameters."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Parameters that refuse an unknown key and cannot be changed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True)
