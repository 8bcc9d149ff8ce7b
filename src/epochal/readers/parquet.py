"""Parquet files, with errors that a user can act on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from epochal.errors import EpochalError, RecordingError


def read_parquet(path: str | Path) -> pd.DataFrame:
    """Read a whole parquet file.

    Raises `RecordingError` for a file that is absent or not parquet, and `EpochalError` naming the
    extra to install when pyarrow is missing.
    """
    if not Path(path).is_file():
        raise RecordingError(path, "no such file")
    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise EpochalError("Parquet files need pyarrow: pip install 'epochal[train]'") from error
    except Exception as error:  # a broken file raises pyarrow's own, KeyError, TypeError…
        raise RecordingError(path, f"not a readable parquet file ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
