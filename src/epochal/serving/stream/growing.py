"""A stream's epochs on disk while they come: a table that grows, and is called whole at the end."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

from epochal.serving.stream.scorer import Epoch
from epochal.serving.writing import EPOCHS_CSV, with_source


class GrowingTable:
    """`<base>.epochs.part.csv`, to which epochs are added; `close` makes it `<base>.epochs.csv`.

    Used as a context: what is left without `close` stays as the part that it is, in `path`.
    """

    def __init__(self, base: Path, about: dict[str, Any]) -> None:
        self.target = base.with_name(base.name + EPOCHS_CSV)
        self.path = base.with_name(base.name + EPOCHS_CSV.replace(".csv", ".part.csv"))
        self.n_epochs = 0
        self._about = about
        self._file = self.path.open("w", encoding="utf-8", newline="")

    def __enter__(self) -> GrowingTable:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file; one without an epoch is taken away."""
        self._file.close()
        if not self.n_epochs:
            self.path.unlink(missing_ok=True)

    def add(self, epochs: list[Epoch]) -> None:
        """Write epochs, so that they stay whatever ends the process."""
        if epochs:
            table = with_source(pd.DataFrame(epochs), self._about)
            table.to_csv(self._file, index=False, header=not self.n_epochs)
            self._file.flush()
            self.n_epochs += len(epochs)

    def close(self) -> None:
        """Give the table its name: nothing more comes."""
        self._file.close()
        if self.n_epochs:
            self.path.replace(self.target)
