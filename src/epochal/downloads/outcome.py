"""What became of a file that was to be fetched."""

from __future__ import annotations

from dataclasses import dataclass

from epochal.downloads.plan import RemoteFile


@dataclass(frozen=True)
class Outcome:
    """What became of a file: its hash, or why it failed and whether another round may help.

    `n_bytes` came in `seconds`, pauses included.
    """

    file: RemoteFile
    sha256: str = ""
    reason: str = ""
    again: bool = False
    n_bytes: int = 0
    seconds: float = 0.0
