"""Kaggle's client as far as it is used, on files of the tests."""

import io
import zipfile
from pathlib import Path
from types import SimpleNamespace


def hms() -> dict[str, bytes]:
    files = {"train.csv": b"eeg_id\n", "test.csv": b"id\n", "sample_submission.csv": b"eeg_id\n"}
    for n in range(30):
        files[f"train_eegs/{n}.parquet"] = b"PAR1" + bytes([n]) * 20
        files[f"train_spectrograms/{n}.parquet"] = b"PAR1" + bytes([n]) * 30
    return files


class HTTPError(OSError):
    """What the client's HTTP library raises: an `IOError` with the response."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code} Client Error: no for url: https://example.org/?signature=secret")
        self.response = SimpleNamespace(status_code=code)


class FakeApi:
    """Kaggle's client as far as it is used, on files of the tests."""

    def __init__(self) -> None:
        self.files, self.page, self.calls = hms(), 7, []
        self.errors: list[BaseException] = []
        self.damaged = False

    def _maybe_fail(self, call: str) -> None:
        self.calls.append(call)
        print("chatter of the client")
        if self.errors:
            raise self.errors.pop(0)

    def authenticate(self) -> None:
        self._maybe_fail("authenticate")

    def competition_list_files(self, competition, page_token=None, page_size=20):
        self._maybe_fail(f"list {competition} {page_size}")
        names, start = sorted(self.files), int(page_token or 0)
        shown = names[start : start + self.page]
        return SimpleNamespace(
            files=[SimpleNamespace(name=n, total_bytes=len(self.files[n])) for n in shown],
            next_page_token=str(start + self.page) if start + self.page < len(names) else "",
        )

    def competition_download_files(self, competition, path=None, force=False, quiet=True):
        self._maybe_fail("download all")
        data = zipped(self.files)
        archive = Path(path) / f"{competition}.zip"
        if archive.exists():  # as the client does: what is there is taken for complete
            return
        archive.write_bytes(data[:-40] if self.damaged else data)

    def competition_download_file(
        self, competition, file_name, path=None, force=False, quiet=False
    ):
        self._maybe_fail(f"download {file_name}")
        name, data = Path(file_name).name, self.files[file_name]
        target = Path(path) / name
        if name.endswith(".csv"):  # large files come zipped
            target, data = target.with_name(f"{name}.zip"), zipped({name: data})
        target.write_bytes(data)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()
