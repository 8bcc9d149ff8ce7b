"""A registered bundle on disk, where a server sees another one take its place in one step.

`OUT` is a link to a folder in `OUT.versions`; to change the bundle the link is replaced, which is
one operation of the file system. Whoever opens `OUT/manifest.json` gets one bundle or the other,
and `read_bundle` takes all files from where the link led when it began.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import Any

from epochal.errors import EpochalError
from epochal.registry.store import Registered, find_version
from epochal.serving.bundle import read_bundle

KEPT = 3  # versions on disk: a server may still be reading the one before


def fetch(client: Any, spec: str, out: str | Path) -> tuple[Registered, bool]:
    """Write a registered bundle where `out` says; return it, and whether it was another before.

    `spec` as in `find_version`. It is verified before it takes the other's place. Something at
    `out` that is no link raises `EpochalError`.
    """
    chosen, link = find_version(client, spec), Path(out)
    if link.exists() and not link.is_symlink():
        raise EpochalError(
            f"{link}: there is something else already; name a new path, which becomes a link"
        )
    place = link.with_name(f"{link.name}.versions")
    folder = place / _name(chosen)
    if not folder.is_dir():
        _download(client, chosen, folder)
    changed = not link.is_symlink() or link.resolve() != folder.resolve()
    if changed:
        swap(link, folder)
    _forget_old(place, folder)
    return chosen, changed


def swap(link: Path, folder: Path) -> None:
    """Let a link lead to a folder beside it, in one step."""
    temporary = link.with_name(f".{link.name}.{uuid.uuid4().hex}")
    temporary.symlink_to(os.path.relpath(folder, link.parent), target_is_directory=True)
    temporary.replace(link)


def _name(chosen: Registered) -> str:
    return f"{chosen.name}-{chosen.version}-{chosen.tags.get('manifest_sha256', '')[:12]}"


def _download(client: Any, chosen: Registered, folder: Path) -> None:
    """Fetch and verify a bundle beside its place, then rename it."""
    from mlflow.artifacts import download_artifacts

    part = folder.with_name(f".part-{uuid.uuid4().hex}")
    part.mkdir(parents=True)
    try:
        found = download_artifacts(
            artifact_uri=chosen.source, dst_path=str(part), tracking_uri=client.tracking_uri
        )
        read_bundle(found)
        Path(found).rename(folder)
    except OSError as error:
        if not folder.is_dir():  # else somebody else was faster
            raise EpochalError(
                f"{chosen.name}:{chosen.version}: its files cannot be fetched ({error})"
            ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _forget_old(place: Path, current: Path) -> None:
    """Remove all but the last few versions, never the current one."""
    folders = [one for one in place.iterdir() if one.is_dir() and not one.name.startswith(".")]
    os.utime(current)
    for old in sorted(folders, key=lambda one: one.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
