"""A bundle as a folder."""

from typing import Any

from kedro.io import AbstractDataset

from epochal.serving.bundle import Bundle, read_bundle, write_bundle


class BundleDataset(AbstractDataset[Bundle, Bundle]):
    """Load and save a `Bundle`; wrap it in `WholeFile`, which renames the finished folder."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = filepath
        self.metadata = metadata

    def load(self) -> Bundle:
        """Read and verify the bundle."""
        return read_bundle(self._filepath)

    def save(self, data: Bundle) -> None:
        """Write the bundle into a new folder."""
        write_bundle(self._filepath, data)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
