"""Tables written to a temporary name first, so that a file is there whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from epochal.errors import EpochalError
from epochal.places import writing


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a parquet file; without pyarrow, `EpochalError` names the extra to install."""
    try:
        write_whole(path, lambda partial: frame.to_parquet(partial, index=False))
    except ImportError as error:
        raise EpochalError("Parquet files need pyarrow: pip install 'epochal[train]'") from error


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a CSV file without the index."""
    write_whole(path, lambda partial: frame.to_csv(partial, index=False))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary name beside `path`, then give the file its name."""
    with writing(path) as partial:
        write(partial)
