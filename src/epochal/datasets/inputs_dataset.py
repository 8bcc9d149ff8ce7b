"""The inputs of networks as one HDF5 file a recording."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from epochal.epoch_inputs import EpochInputs, write_inputs


class InputsDataset(AbstractDataset[EpochInputs, Path]):
    """Save a recording's inputs as HDF5; load where they lie, since networks read them in parts."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = filepath
        self.metadata = metadata

    def load(self) -> Path:
        """Return the file's path, for `InputStore`."""
        return Path(self._filepath)

    def save(self, data: EpochInputs) -> None:
        """Write the inputs."""
        write_inputs(self._filepath, data)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
