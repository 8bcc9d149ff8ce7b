"""Datasets that know what they were made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epochal.checksums import checksum
from epochal.errors import EpochalError

OTHERS = "another run has written it since: two side by side need a storage each (EPOCHAL_STORAGE)"
_AGAIN = "kedro run --env <study> --only-missing-outputs makes it"


class Keyed:
    """A dataset that writes the key of what it was made from, and exists only under that key.

    The key is written after the data are whole, so data beside their key are what the key says,
    whatever killed the run.
    """

    _expected_key = ""

    @property
    def location(self) -> Any:
        """The file, or the folder: a `Path`, or what stands for one in a bucket."""
        raise NotImplementedError

    @property
    def key_path(self) -> Any:
        """The file that holds the key; what else must be known of the data follows it."""
        raise NotImplementedError

    def expect(self, key: str) -> None:
        """Say what the data would be made from now; data made from something else are stale."""
        self._expected_key = key

    def stored_key(self) -> str:
        """Return the key of what is stored, empty where nothing is."""
        return read_key(self.key_path)[0]

    def is_current(self) -> bool:
        """Say whether the data were made from what is expected, if anything is."""
        return not self._expected_key or self.stored_key() == self._expected_key

    def refuse_others(self) -> None:
        """Raise `EpochalError` where the data are not what this run made, or what it began with.

        Asked once they are loaded: the key goes before the data do.
        """
        if not self.is_current():
            raise lacking(self.location, OTHERS)

    def refuse_unreachable(self) -> None:
        """Raise `EpochalError` where the data's place cannot be reached."""
        try:
            self.key_path.exists()
        except EpochalError:
            raise
        except Exception as error:  # each kind of storage has its own
            raise EpochalError(
                f"{self.key_path.parent}: cannot be reached ({error}) "
                "(storage in globals.yml, EPOCHAL_STORAGE)"
            ) from error

    def refuse_lack_of_workers(self) -> None:
        """Raise `EpochalError` where what would make the data is not there, or cannot see them."""

    def _write_key(self, *further: str) -> None:
        write_key(self.key_path, self._expected_key, *further)


def write_key(place: Any, key: str, *further: str) -> None:
    """Write a key and what else there is to know, a line each."""
    place.write_text("\n".join([key, *further]), encoding="utf-8")


def read_key(place: Any) -> tuple[str, list[str]]:
    """Return the key and the other lines that a key file holds, empty where there is none."""
    key, *further = place.read_text(encoding="utf-8").split("\n") if place.exists() else [""]
    return key, further


def lacking(place: Any, reason: str) -> EpochalError:
    """Return the error of data that cannot be loaded: where, why, and what makes them again."""
    return EpochalError(f"{place}: {reason}; {_AGAIN}")


def refuse_damaged(copy: Path, further: list[str], place: Any) -> None:
    """Raise `EpochalError` where the data are not those of the SHA-256 beside their key."""
    if further and checksum([copy]) != further[0]:
        raise lacking(place, "not as it was written (another SHA-256): remove it")
