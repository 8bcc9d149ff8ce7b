"""A file that is either whole or absent, whatever kills the run that writes it."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import HTMLPreview, ImagePreview, TablePreview

from epochal.checksums import checksum, list_files
from epochal.datasets.keyed import Keyed, lacking, read_key, refuse_damaged
from epochal.places import local_copy, place_of, sweep, writing


class WholeFile(Keyed, AbstractDataset[Any, Any]):
    """Any one-file (or one-folder) dataset, written to a temporary name and then renamed.

    The wrapped `dataset` is configured as in the catalog, without its `filepath`.
    """

    def __init__(
        self,
        *,
        filepath: str,
        dataset: str | dict[str, Any],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = filepath
        self._config = {"type": dataset} if isinstance(dataset, str) else dict(dataset)
        self.metadata = metadata

    @property
    def location(self) -> Any:
        """The file, or the folder: a `Path`, or what stands for one in a bucket."""
        return place_of(self._filepath)

    @property
    def key_path(self) -> Any:
        """The hidden file beside the data."""
        return self.location.with_name(f".{self.location.name}.key")

    def load(self) -> Any:
        """Load the wrapped dataset; `EpochalError` if it is not there, damaged or another run's."""
        if not self.location.exists():
            raise lacking(self.location, "no such file or folder")
        copy = local_copy(self.location)
        refuse_damaged(copy, read_key(self.key_path)[1], self.location)
        data = self._load_at(copy)
        self.refuse_others()
        return data

    def save(self, data: Any) -> None:
        """Save the wrapped dataset under a temporary name, then rename."""
        sweep(self.location.parent)
        with writing(self.location) as part:
            self._save_at(part, data)
            written = [checksum([part]), *_names_in(part)]
            self.key_path.unlink(missing_ok=True)  # what comes now is not what it was made from
        self._write_key(*written)

    def _load_at(self, path: Path) -> Any:
        return self.inner(path).load()

    def _save_at(self, path: Path, data: Any) -> None:
        self.inner(path).save(data)

    def inner(self, path: Path | None = None) -> Any:
        """Return the wrapped dataset at the file, or at another path."""
        config = {**self._config, "filepath": (path or local_copy(self.location)).as_posix()}
        return AbstractDataset.from_config(self.location.stem, config)

    def _exists(self) -> bool:
        return self.location.exists() and self.is_current() and self._has_its_files()

    def _has_its_files(self) -> bool:
        """Say whether a folder has all the files that it was written with."""
        names = read_key(self.key_path)[1][1:]
        return all((self.location / name).exists() for name in names)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "dataset": self._config["type"]}


def _names_in(path: Path) -> list[str]:
    """Return the names of a folder's files, at any depth; none of a file."""
    files = list_files([path]) if path.is_dir() else []
    return [file.relative_to(path).as_posix() for file in files]


class WholeTable(WholeFile):
    """A whole table, with the preview that Kedro-Viz shows."""

    def preview(self, nrows: int = 20) -> TablePreview:
        """Return the first rows."""
        # by way of JSON: a column of lists holds arrays, which Kedro-Viz cannot write
        return json.loads(self.load().head(nrows).to_json(orient="split"))


class WholeImage(WholeFile):
    """A whole picture, with the preview that Kedro-Viz shows."""

    def preview(self) -> ImagePreview:
        """Return the picture, base64-encoded."""
        return self.inner().preview()


class WholePage(WholeFile):
    """A whole HTML page, with the preview that Kedro-Viz shows."""

    def preview(self) -> HTMLPreview:
        """Return the page."""
        return HTMLPreview(self.load())
