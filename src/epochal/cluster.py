"""Pieces of work on a Dask cluster: each attempted on some worker, none lost with a worker."""

from __future__ import annotations

import io
import logging
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from epochal import __version__
from epochal.errors import EpochalError, explain
from epochal.mapped_tables import MappedTable, describe_mapping

logger = logging.getLogger(__name__)
Outcome = tuple[str, BaseException | None]
# A table below this travels with its piece; one above is sent once for all pieces that use it.
SHARED_FROM_BYTES = 100_000


def outcomes_on_cluster(
    pieces: Mapping[str, Callable[[], Any]],
    attempt: Callable[[str, Callable[[], Any]], Outcome],
    address: str | None,
) -> Iterator[Outcome]:
    """Yield `(name, error or None)` as the cluster's workers finish the pieces, in any order.

    A piece whose worker dies goes to another one; a piece that takes several workers down fails
    alone. The workers work in this process's folder. No scheduler at the address, or none named,
    raises `EpochalError`.
    """
    try:
        from distributed import as_completed
    except ImportError as error:
        raise EpochalError("parallel.backend dask needs: pip install 'epochal[cluster]'") from error
    with connected(address) as client:
        if not client.nthreads():
            logger.warning("No worker at %s: waiting for one", client.scheduler.address)
        futures = _submit_all(client, pieces, attempt)
        names = {future.key: name for name, future in futures.items()}
        try:
            for future in as_completed(list(futures.values()), loop=client.loop):
                yield _outcome(names[future.key], future)
        finally:
            client.cancel(list(futures.values()))


def _submit_all(client: Any, pieces: Mapping[str, Any], attempt: Any) -> dict[str, Any]:
    import dask

    tables: dict[str, Any] = {}
    pickled = {name: _pickle((attempt, piece), tables) for name, piece in pieces.items()}
    run, here = uuid4().hex[:8], (__version__, str(Path.cwd()))
    # Tables are tasks, not scattered data: those on a worker that dies are made again.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
        sent = {
            key: client.submit(_itself, table, key=f"table-{run}-{key}")
            for key, table in tables.items()
        }
        return {
            name: client.submit(
                _work, here, name, payload, {key: sent[key] for key in used},
                key=f"{name}-{run}", pure=False,
            )
            for name, (payload, used) in pickled.items()
        }  # fmt: skip


def _outcome(name: str, future: Any) -> Outcome:
    """Return what became of a piece; an error of the cluster's own comes back as its text."""
    try:
        return future.result()
    except CancelledError:
        return name, EpochalError(f"{name}: the Dask cluster was stopped, or lost its scheduler")
    except Exception as error:  # KilledWorker, or whatever else a cluster knows
        return name, EpochalError(explain(error))


def _itself(table: Any) -> Any:
    return table


def _work(here: tuple[str, str], name: str, payload: bytes, tables: dict[str, Any]) -> Outcome:
    """Attempt a piece on a worker, in the run's folder and with one thread inside."""
    _settle(*here)
    attempt, piece = _Unpickler(io.BytesIO(payload), tables).load()
    return attempt(name, piece)


def _settle(version: str, folder: str) -> None:
    """Make a worker ready: the run's version, the run's folder, one thread inside."""
    if version != __version__:
        raise EpochalError(f"A Dask worker has Epochal {__version__}, the run {version}")
    if not Path(folder).is_dir():
        raise EpochalError(
            f"A Dask worker sees no folder {folder}; workers need the run's folder under the same "
            "path (a shared disk)"
        )
    os.chdir(folder)  # unasked where it is: the folder of the run before may be gone
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)  # for good: this process works for the run alone


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Connect to the scheduler at an address, or take the client that is there already."""
    if address is None:
        yield _client_at_hand()
        return
    from distributed import Client

    where = "scheduler_file" if address.endswith(".json") else "address"
    if where == "scheduler_file" and not Path(address).is_file():  # Dask would wait for it
        raise EpochalError(f"parallel.address: no such scheduler file: {address}")
    try:
        _refuse_malformed(address)
        client = Client(**{where: address}, set_as_default=False)
    except (OSError, ValueError) as error:  # a time-out is an OSError
        raise EpochalError(f"parallel.address: no Dask scheduler at {address} ({error})") from error
    with client:
        yield client


def _refuse_malformed(address: str) -> None:
    """Raise `ValueError` for an address without a port: Dask's client never ends over one."""
    from distributed.comm.addressing import parse_address, parse_host_port

    scheme, host = parse_address(address)
    if scheme in ("tcp", "tls") and not address.endswith(".json"):
        parse_host_port(host)


def _client_at_hand() -> Any:
    from distributed import default_client

    try:
        return default_client()
    except ValueError as error:
        raise EpochalError(
            "parallel.backend dask needs parallel.address (EPOCHAL_DASK), such as "
            "tcp://127.0.0.1:8786, or the path of a scheduler file that ends in .json"
        ) from error


def _pickle(value: Any, tables: dict[str, Any]) -> tuple[bytes, list[str]]:
    """Return a value without its large tables, and the keys under which `tables` has them.

    Of a table in a mapped file only the file's path travels.
    """
    import cloudpickle

    used: list[str] = []

    class Pickler(cloudpickle.Pickler):
        def persistent_id(self, item: Any) -> str | MappedTable | None:
            if not isinstance(item, pd.DataFrame) or item.memory_usage().sum() < SHARED_FROM_BYTES:
                return None
            mapped = describe_mapping(item)
            if mapped is not None:
                return mapped
            key = str(id(item))  # the pieces keep it alive meanwhile
            tables[key] = item
            used.append(key)
            return key

    buffer = io.BytesIO()
    Pickler(buffer).dump(value)
    return buffer.getvalue(), sorted(set(used))


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, tables: dict[str, Any]) -> None:
        super().__init__(buffer)
        self._tables = tables

    def persistent_load(self, key: str | MappedTable) -> Any:
        return key.open() if isinstance(key, MappedTable) else self._tables[key]
