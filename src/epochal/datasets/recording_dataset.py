"""A recording as one HDF5 file."""

from typing import Any

from kedro.io import AbstractDataset

from epochal.recording import Recording, read_recording, write_recording


class RecordingDataset(AbstractDataset[Recording, Recording]):
    """Load and save a `Recording` as HDF5, readable by h5py or any HDF5 tool."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = filepath
        self.metadata = metadata

    def load(self) -> Recording:
        """Read the recording."""
        return read_recording(self._filepath)

    def save(self, data: Recording) -> None:
        """Write the recording."""
        write_recording(self._filepath, data)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
