"""Datasets that know what they were made from."""

from __future__ import annotations

from typing import Any


class Keyed:
    """A dataset that writes the key of what it was made from, and exists only under that key.

    The key is written after the data are whole, so data beside their key are what the key says,
    whatever killed the run.
    """

    _expected_key = ""

    @property
    def key_path(self) -> Any:
        """The file that holds the key."""
        raise NotImplementedError

    def expect(self, key: str) -> None:
        """Say what the data would be made from now; data made from something else are stale."""
        self._expected_key = key

    def stored_key(self) -> str:
        """Return the key of what is stored, empty where nothing is."""
        return self.key_path.read_text(encoding="utf-8") if self.key_path.exists() else ""

    def is_current(self) -> bool:
        """Say whether the data were made from what is expected, if anything is."""
        return not self._expected_key or self.stored_key() == self._expected_key

    def _write_key(self) -> None:
        self.key_path.write_text(self._expected_key, encoding="utf-8")
